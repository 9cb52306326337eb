import { step, check, must, eq, open, codeAfter, newestCode, wrongCode, address, totp, freshTotp, wire } from './rig.mjs';
import { journey } from '../lib/check.mjs';

const email = address('ui'), pw1 = 'First-Passw0rd!', pw2 = 'Second-Passw0rd!';
let app, p;
const call = async (name, input) => p.evaluate(([n, i]) => window.call(n, i), [name, input]);
const ok = async (name, input) => { const r = await call(name, input); if (r.err) throw new Error(`${name}: ${r.err.name}: ${r.err.message}`); return r.ok; };
const err = async (want, name, input) => { const r = await call(name, input); must(r.err, `${name} succeeded, expected ${want}`); must([want].flat().includes(r.err.name), `${name}: expected ${want}, got ${r.err.name}: ${r.err.message}`); return r.err; };
const fill = (name, v) => p.fill(`[data-amplify-authenticator] input[name="${name}"]`, v);
const submit = () => p.click('[data-amplify-authenticator] form button[type="submit"]');
const form = (sel) => p.waitForSelector(`[data-amplify-authenticator-${sel}]`);
let nagged = 0; // times the Authenticator asked to verify an address that the confirmation code had already verified
const hello = async () => {
  await p.waitForSelector('#hello, [data-amplify-authenticator-verifyuser]');
  if (!(await p.$('#hello'))) { nagged++; await p.click('button:has-text("Skip")'); await p.waitForSelector('#hello'); }
};
const alert = async () => (await (await p.waitForSelector('[data-amplify-authenticator] [role="alert"], [data-amplify-authenticator] .amplify-alert')).textContent()).trim();
const signOut = async () => { await p.click('#signout'); await form('signin'); };
const signInForm = async (user, pw) => { await form('signin'); await fill('username', user); await fill('password', pw); await submit(); };
const reload = async () => { await p.reload(); };
const calls = (op) => wire.filter((w) => w.op === op).length;

async function signUpForm(user, pw) {
  await form('signin'); await p.click('button[role="tab"]:has-text("Create Account")'); await form('signup');
  await fill('email', user); await fill('password', pw); await fill('confirm_password', pw); await submit();
}

await journey(async () => {
  app = await step('open: withAuthenticator shows the sign-in form', async () => { const a = await open('app-authenticator', 'main.jsx'); p = a.page; await form('signin'); return a; });

  let before = newestCode(email);
  await step('sign-up: e-mail and password', async () => { await signUpForm(email, pw1); await form('confirmsignup'); });
  const c1 = await step('mail-1: the sign-up code arrives', () => codeAfter(email, before));
  await check('confirm-wrong: a wrong code shows the message', async () => { await fill('confirmation_code', wrongCode(c1)); await submit(); const t = await alert(); must(/invalid verification code|code mismatch|incorrect/i.test(t), `alert: ${t}`); });
  await step('confirm: the code confirms and signs in by itself', async () => { await fill('confirmation_code', c1); await submit(); await hello(); });
  await step('attributes: fetchUserAttributes', async () => { const a = await ok('fetchUserAttributes'); eq(a.email, email, 'email'); must(a.sub, 'no sub'); });
  await check('email-verified: the confirmation code verified the address', async () => eq((await ok('fetchUserAttributes')).email_verified, 'true', 'email_verified'));
  await step('sign-out: back to the form', signOut);
  await check('sign-up-twice: the same address shows "User already exists"', async () => { await signUpForm(email, pw1); const t = await alert(); must(/already exists/i.test(t), `alert: ${t}`); await reload(); });
  await check('wrong-password: shows "Incorrect username or password."', async () => { await signInForm(email, 'Wrong-Passw0rd!'); const t = await alert(); must(/incorrect username or password/i.test(t), `alert: ${t}`); await reload(); });
  await check('unknown-user: an unknown address gives the same answer', async () => { await signInForm(address('nobody'), pw1); const t = await alert(); must(/incorrect username or password|user does not exist/i.test(t), `alert: ${t}`); must(/incorrect/i.test(t), `user enumeration possible: "${t}"`); await reload(); });
  await step(`sign-in: e-mail and password (USER_SRP_AUTH)`, async () => { const b = calls('RespondToAuthChallenge'); await signInForm(email, pw1); await hello(); must(calls('RespondToAuthChallenge') > b, 'no PASSWORD_VERIFIER answer was sent'); });

  // TOTP, optional: the page (not the Authenticator) sets it up with the library's API
  const secret = await step('totp-setup: setUpTOTP, verifyTOTPSetup, updateMFAPreference', async () => {
    const { sharedSecret } = await ok('setUpTOTP'); must(/^[A-Z2-7]{16,}=*$/.test(sharedSecret), `secret ${sharedSecret} is not base32`);
    await err(['EnableSoftwareTokenMFAException', 'CodeMismatchException'], 'verifyTOTPSetup', { code: wrongCode(totp(sharedSecret)) });
    await ok('verifyTOTPSetup', { code: await freshTotp(sharedSecret) }); await ok('updateMFAPreference', { totp: 'PREFERRED' });
    const m = await ok('fetchMFAPreference'); eq(m.preferred, 'TOTP', 'preferred'); eq(m.enabled, ['TOTP'], 'enabled'); return sharedSecret;
  });
  await step('totp-ask: the next sign-in asks for the code', async () => { await signOut(); await signInForm(email, pw1); await form('confirmsignin'); });
  await check('totp-wrong: a wrong code shows a message and may be retried', async () => { await fill('confirmation_code', '000000'); await submit(); const t = await alert(); must(/code/i.test(t), `alert: ${t}`); });
  let used;
  await step('totp: the right code signs in', async () => { used = await freshTotp(secret); await fill('confirmation_code', used); await submit(); await hello(); });
  await check('totp-replay: the same code does not work twice', async () => {
    await signOut(); await signInForm(email, pw1); await form('confirmsignin'); await fill('confirmation_code', used); await submit();
    await p.waitForSelector('[data-amplify-authenticator] [role="alert"], [data-amplify-authenticator] .amplify-alert, #hello, [data-amplify-authenticator-verifyuser]');
    if (!(await p.$('[data-amplify-authenticator-confirmsignin]'))) { await hello(); throw new Error('the code was accepted twice'); }
    await fill('confirmation_code', await freshTotp(secret)); await submit(); await hello();
  });
  await step('totp-off: updateMFAPreference DISABLED', async () => { await ok('updateMFAPreference', { totp: 'DISABLED' }); const m = await ok('fetchMFAPreference'); must(!m.enabled?.length, 'still enabled'); });

  await step('sign-out-2: back to the form', signOut);
  before = newestCode(email);
  await step('forgot: "Forgot your password?" sends a code', async () => { await p.click('button:has-text("Forgot your password")'); await form('forgotpassword'); await fill('username', email); await submit(); await form('confirmresetpassword'); });
  const c2 = await step('mail-2: the reset code arrives', () => codeAfter(email, before));
  await check('reset-wrong: a wrong code shows the message', async () => { await fill('confirmation_code', wrongCode(c2)); await fill('password', pw2); await fill('confirm_password', pw2); await submit(); const t = await alert(); must(/invalid verification code|code mismatch|incorrect/i.test(t), `alert: ${t}`); });
  await step('reset: code and new password', async () => { await fill('confirmation_code', c2); await fill('password', pw2); await fill('confirm_password', pw2); await submit(); await form('signin'); });
  await check('old-password: no longer works', async () => { await signInForm(email, pw1); const t = await alert(); must(/incorrect username or password/i.test(t), `alert: ${t}`); await reload(); });
  await step('new-password: signs in', async () => { await signInForm(email, pw2); await hello(); });
  await check('change-wrong: updatePassword needs the old password', () => err('NotAuthorizedException', 'updatePassword', { oldPassword: 'Wrong-Passw0rd!', newPassword: pw1 }));
  await step('change: updatePassword', () => ok('updatePassword', { oldPassword: pw2, newPassword: pw1 }));
  await check('name: updateUserAttributes', async () => { const r = await ok('updateUserAttributes', { userAttributes: { name: 'Zoë Ünïcode' } }); eq(r.name.isUpdated, true, 'isUpdated'); const a = await ok('fetchUserAttributes'); eq(a.name, 'Zoë Ünïcode', 'name'); });
  await step('sign-out-3: back to the form', signOut);
  await step('changed-password: signs in', async () => { await signInForm(email, pw1); await hello(); await signOut(); });

  // a sign-up that was never confirmed: sign-in must resend the code and ask for it
  const late = address('late'); const l0 = newestCode(late);
  await step('late-sign-up: leaves the page before confirming', async () => { await signUpForm(late, pw1); await form('confirmsignup'); await codeAfter(late, l0); await reload(); });
  const l1 = newestCode(late); const resent = calls('ResendConfirmationCode');
  await step('late-sign-in: a code is sent again and asked for', async () => { await signInForm(late, pw1); await form('confirmsignup'); must(calls('ResendConfirmationCode') > resent, 'ResendConfirmationCode was not called'); });
  await step('late-confirm: the new code confirms', async () => { await fill('confirmation_code', await codeAfter(late, l1)); await submit(); await p.waitForSelector('#hello, [data-amplify-authenticator-signin]'); if (!(await p.$('#hello'))) { await signInForm(late, pw1); await hello(); } });
  await step('late-delete: deleteUser', () => ok('deleteUser'));
  await reload();
  await step('delete: the first account', async () => { await signInForm(email, pw1); await hello(); await ok('deleteUser'); });
  await check('gone: sign-in is refused afterwards', async () => { await reload(); await signInForm(email, pw1); const t = await alert(); must(/incorrect username or password|user does not exist/i.test(t), `alert: ${t}`); });
  await check('page-errors: no uncaught error in the page', () => { const bad = app.errors.filter((e) => !/status of 400/.test(e)); must(!bad.length, bad.slice(0, 3).join(' | ')); });
  await check('verified: no "verify contact" screen (GetUser answers email_verified "true")', () => eq(nagged, 0, 'times shown'));
}, () => app?.close());
