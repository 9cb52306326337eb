// What else applications do with the library: attributes at sign-up, changed addresses, second factors, passkeys, devices, events.
import { address, check, codeAfter, eq, freshTotp, must, newestCode, open, step, wire, wrongCode } from './rig.mjs';
import { journey } from '../lib/check.mjs';

const email = address('features'), moved = address('moved'), password = 'First-Passw0rd!!', other = 'Second-Passw0rd!';
let app, p;
const call = (name, input) => p.evaluate(([n, i]) => window.call(n, i), [name, input]);
const ok = async (name, input) => { const r = await call(name, input); if (r.err) throw new Error(`${name}: ${r.err.name}: ${r.err.message}`); return r.ok; };
const err = async (want, name, input) => { const r = await call(name, input); must(r.err?.name === want, `${name}: expected ${want}, got ${JSON.stringify(r)}`); return r.err; };
const fill = (name, v) => p.fill(`[data-amplify-authenticator] input[name="${name}"]`, v);
const submit = () => p.click('[data-amplify-authenticator] form button[type="submit"]');
const form = (name) => p.waitForSelector(`[data-amplify-authenticator-${name}]`);
const hello = () => p.waitForSelector('#hello');
const events = () => p.evaluate(() => window.events.splice(0));
const happened = async (name) => { for (let n = 0; n < 50; n++) { if (await p.evaluate((e) => window.events.includes(e), name)) return; await new Promise((next) => setTimeout(next, 100)); } throw new Error(`no event ${name}: ${await events()}`); };
const fresh = async (query = '') => { await p.goto(app.url + query); await p.waitForFunction('window.ready'); };
const by = (preferredChallenge, more = {}) => ({ username: email, ...more, options: { authFlowType: 'USER_AUTH', preferredChallenge } });
const signedIn = async (name, input) => eq((await ok(name, input)).nextStep.signInStep, 'DONE', 'signInStep');
const mailed = async (to, act) => { const before = newestCode(to); await act(); return codeAfter(to, before); };

await journey(async () => {
  app = await step('Authenticator: attributes, a provider and the e-mail address are asked for', async () => {
    const a = await open('app-features', 'main.jsx'); p = a.page; await p.waitForFunction('window.ready');
    const cdp = await a.ctx.newCDPSession(p); await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    await form('signin'); await p.waitForSelector('button:has-text("Sign In with Google")');
    await p.click('button[role="tab"]:has-text("Create Account")'); await form('signup');
    for (const name of ['email', 'password', 'confirm_password', 'name', 'birthdate']) await p.waitForSelector(`input[name="${name}"]`);
    return a;
  });
  await step('sign-up: the attributes of the form are kept', async () => {
    const code = await mailed(email, async () => { for (const [name, value] of Object.entries({ email, password, confirm_password: password, name: 'Ann', birthdate: '1990-02-03' })) await fill(name, value); await submit(); await form('confirmsignup'); });
    const again = await mailed(email, () => p.click('button:has-text("Resend Code")'));
    must(again !== code, 'the same code again');
    await fill('confirmation_code', again); await submit(); await hello();
    const a = await ok('fetchUserAttributes');
    eq([a.name, a.birthdate, a.email_verified], ['Ann', '1990-02-03', 'true'], 'attributes');
  });
  await step('Hub: signedIn, tokenRefresh, signedOut', async () => {
    await happened('signedIn');
    await ok('fetchAuthSession', { forceRefresh: true }); await happened('tokenRefresh');
    await ok('signOut'); await happened('signedOut');
  });
  await step('signIn: USER_PASSWORD_AUTH', async () => { await signedIn('signIn', { username: email, password, options: { authFlowType: 'USER_PASSWORD_AUTH' } }); await ok('signOut'); });
  await step('signIn: USER_SRP_AUTH', async () => { await signedIn('signIn', { username: email, password, options: { authFlowType: 'USER_SRP_AUTH' } }); await ok('signOut'); });
  await step('signIn: preferredChallenge PASSWORD', async () => { await signedIn('signIn', by('PASSWORD', { password })); await ok('signOut'); });
  await step('signIn: preferredChallenge PASSWORD_SRP', async () => { await signedIn('signIn', by('PASSWORD_SRP', { password })); });

  await step('updateUserAttribute: a name, at once', async () => { eq((await ok('updateUserAttribute', { userAttribute: { attributeKey: 'name', value: 'Anna' } })).isUpdated, true, 'isUpdated'); eq((await ok('fetchUserAttributes')).name, 'Anna', 'name'); });
  await step('deleteUserAttributes: the birthday is gone', async () => { await ok('deleteUserAttributes', { userAttributeKeys: ['birthdate'] }); eq((await ok('fetchUserAttributes')).birthdate, undefined, 'birthdate'); });
  await step('updateUserAttribute: a new address waits for its code', async () => {
    await mailed(moved, async () => eq((await ok('updateUserAttribute', { userAttribute: { attributeKey: 'email', value: moved } })).nextStep.updateAttributeStep, 'CONFIRM_ATTRIBUTE_WITH_CODE', 'step'));
    eq((await ok('fetchUserAttributes')).email, email, 'email');
    await ok('sendUserAttributeVerificationCode', { userAttributeKey: 'email' });
    const code = newestCode(moved); must(code, 'no code');
    await err('CodeMismatchException', 'confirmUserAttribute', { userAttributeKey: 'email', confirmationCode: wrongCode(code) });
    await ok('confirmUserAttribute', { userAttributeKey: 'email', confirmationCode: code });
    const a = await ok('fetchUserAttributes'); eq([a.email, a.email_verified], [moved, 'true'], 'attributes');
  });
  await step('updatePassword: the old one is asked for', async () => { await err('NotAuthorizedException', 'updatePassword', { oldPassword: other, newPassword: password }); await ok('updatePassword', { oldPassword: password, newPassword: other }); });

  const secret = await step('TOTP: setUpTOTP, verifyTOTPSetup, updateMFAPreference, fetchMFAPreference', async () => {
    const { sharedSecret } = await ok('setUpTOTP'); await ok('verifyTOTPSetup', { code: await freshTotp(sharedSecret) });
    await ok('updateMFAPreference', { totp: 'PREFERRED' }); eq(await ok('fetchMFAPreference'), { preferred: 'TOTP', enabled: ['TOTP'] }, 'preference'); return sharedSecret;
  });
  await step('signIn: CONFIRM_SIGN_IN_WITH_TOTP_CODE, and a wrong code may be tried again', async () => {
    await ok('signOut'); eq((await ok('signIn', { username: email, password: other })).nextStep.signInStep, 'CONFIRM_SIGN_IN_WITH_TOTP_CODE', 'signInStep');
    await err('CodeMismatchException', 'confirmSignIn', { challengeResponse: '000000' });
    await signedIn('confirmSignIn', { challengeResponse: await freshTotp(secret) });
    await ok('updateMFAPreference', { totp: 'DISABLED' }); must(!(await ok('fetchMFAPreference')).enabled?.length, 'still enabled');
  });

  await step('passkeys: associate, list, sign in, delete', async () => {
    await ok('associateWebAuthnCredential');
    const { credentials } = await ok('listWebAuthnCredentials'); eq(credentials.length, 1, 'credentials'); must(credentials[0].friendlyCredentialName, 'no name');
    await ok('signOut'); await signedIn('signIn', by('WEB_AUTHN'));
    await ok('deleteWebAuthnCredential', { credentialId: credentials[0].credentialId });
  });
  await step('signIn: preferredChallenge EMAIL_OTP', async () => {
    await ok('signOut'); const code = await mailed(email, async () => eq((await ok('signIn', by('EMAIL_OTP'))).nextStep.signInStep, 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE', 'signInStep'));
    await signedIn('confirmSignIn', { challengeResponse: code });
  });
  await step('devices: there are none, and remembering one is refused by the library', async () => { eq(await ok('fetchDevices'), [], 'devices'); must((await call('rememberDevice')).err, 'remembered'); await ok('forgetDevice', { device: { id: 'none' } }); });
  await step('fetchAuthSession: the tokens name the new address', async () => { const s = await ok('fetchAuthSession', { forceRefresh: true }); eq(JSON.parse(atob(s.id.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))).email, moved, 'email'); });
  await step('resetPassword: a code, a new password', async () => {
    await ok('signOut'); const code = await mailed(moved, async () => eq((await ok('resetPassword', { username: moved })).nextStep.resetPasswordStep, 'CONFIRM_RESET_PASSWORD_WITH_CODE', 'step'));
    await ok('confirmResetPassword', { username: moved, confirmationCode: code, newPassword: password });
    await err('NotAuthorizedException', 'signIn', { username: moved, password: other });
    await signedIn('signIn', { username: moved, password });
  });
  await step('signOut: everywhere', async () => { await ok('signOut', { global: true }); must(wire.findLast((w) => w.op === 'GlobalSignOut')?.status === 200, 'GlobalSignOut'); await err('UserUnAuthenticatedException', 'getCurrentUser'); });
  await step('deleteUser: the account is gone, and says so to the Hub', async () => { await signedIn('signIn', { username: moved, password }); await ok('deleteUser'); await happened('signedOut'); await err('NotAuthorizedException', 'signIn', { username: moved, password }); });

  const quick = address('quick');
  await step('autoSignIn: after a sign-up with a password, and resendSignUpCode', async () => {
    await mailed(quick, () => ok('signUp', { username: quick, password, options: { userAttributes: { email: quick, name: 'Q' }, autoSignIn: true } }));
    const code = await mailed(quick, () => ok('resendSignUpCode', { username: quick }));
    eq((await ok('confirmSignUp', { username: quick, confirmationCode: code })).nextStep.signUpStep, 'COMPLETE_AUTO_SIGN_IN', 'signUpStep');
    await signedIn('autoSignIn'); await ok('deleteUser');
    await err('InvalidParameterException', 'resendSignUpCode', { username: quick });
  });

  const without = address('without');
  await step('Authenticator: signs up and in without a password', async () => {
    await fresh('?passwordless'); await form('signin'); await p.click('button[role="tab"]:has-text("Create Account")'); await form('signup');
    const code = await mailed(without, async () => { await fill('email', without); await fill('name', 'W'); await fill('birthdate', '1990-02-03'); await submit(); await form('confirmsignup'); });
    await fill('confirmation_code', code); await submit();
    await p.waitForSelector('[data-amplify-authenticator-passkeyprompt]');
  });
  await step('Authenticator: the passkey that it offers is made', async () => {
    await p.click('button:has-text("Create a Passkey")'); await p.click('button:has-text("Continue")'); await hello();
    eq((await ok('listWebAuthnCredentials')).credentials.length, 1, 'credentials');
  });
  await step('Authenticator: the next sign-in is by a mailed code', async () => {
    await p.click('#signout'); await form('signin');
    const code = await mailed(without, async () => { await fill('username', without); await submit(); await p.waitForSelector('input[name="confirmation_code"]'); });
    await fill('confirmation_code', code); await submit(); await hello(); await ok('deleteUser');
  });
  await check('page: no uncaught error', () => { const bad = app.errors.filter((e) => !/status of 400/.test(e)); must(!bad.length, bad.slice(0, 3).join(' | ')); });
}, () => app?.close());
