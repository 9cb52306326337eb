// The Authenticator against a pool that requires MFA: the "Setup TOTP" screen after the first sign-in.
import { step, check, must, eq, open, codeAfter, newestCode, wrongCode, address, totp, freshTotp } from './rig.mjs';
import { journey } from '../lib/check.mjs';
const email = address('mfa'), pw = 'First-Passw0rd!';
let app, p;
const fill = (name, v) => p.fill(`[data-amplify-authenticator] input[name="${name}"]`, v);
const submit = () => p.click('[data-amplify-authenticator] form button[type="submit"]');
const form = (sel) => p.waitForSelector(`[data-amplify-authenticator-${sel}]`);
let nagged = 0; // times the Authenticator asked to verify an address that the confirmation code had already verified
const hello = async () => {
  await p.waitForSelector('#hello, [data-amplify-authenticator-verifyuser]');
  if (!(await p.$('#hello'))) { nagged++; await p.click('button:has-text("Skip")'); await p.waitForSelector('#hello'); }
};
const alert = async () => (await (await p.waitForSelector('[data-amplify-authenticator] [role="alert"], [data-amplify-authenticator] .amplify-alert')).textContent()).trim();
await journey(async () => {
  app = await step('open: sign-in form', async () => { const a = await open('app-authenticator', 'main.jsx'); p = a.page; await form('signin'); return a; });
  const b = newestCode(email);
  await step('sign-up: and confirm', async () => {
    await p.click('button[role="tab"]:has-text("Create Account")'); await form('signup'); await fill('email', email); await fill('password', pw); await fill('confirm_password', pw); await submit();
    await form('confirmsignup'); await fill('confirmation_code', await codeAfter(email, b)); await submit();
  });
  const secret = await step('setup: the "Setup TOTP" screen with a QR code and a secret', async () => {
    await form('setup-totp'); await p.waitForSelector('img[data-amplify-qrcode]'); const s = (await p.textContent('[data-amplify-copy] > div')).trim(); must(/^[A-Z2-7]{16,}=*$/.test(s), `secret ${s}`); return s;
  });
  await check('setup-wrong: a wrong code shows a message and may be retried', async () => { await fill('confirmation_code', wrongCode(totp(secret))); await submit(); const t = await alert(); must(/code/i.test(t), `alert: ${t}`); });
  await step('setup-code: signs in', async () => { const s = (await p.textContent('[data-amplify-copy] > div')).trim(); await fill('confirmation_code', await freshTotp(s)); await submit(); await hello(); });
  await step('again: the next sign-in asks for a code', async () => { await p.click('#signout'); await form('signin'); await fill('username', email); await fill('password', pw); await submit(); await form('confirmsignin'); await fill('confirmation_code', await freshTotp(secret)); await submit(); await hello(); });
  await step('delete: cleaned up', async () => { const r = await p.evaluate(() => window.call('deleteUser')); must(!r.err, r.err?.message); });
  await check('verified: no "verify contact" screen (GetUser answers email_verified "true")', () => eq(nagged, 0, 'times shown'));
}, () => app?.close());
