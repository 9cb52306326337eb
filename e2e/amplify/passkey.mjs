// Passkeys through the library, with Chromium's virtual authenticator. RP id: localhost.
import { step, check, must, eq, open, codeAfter, newestCode, address, wire } from './rig.mjs';
import { journey } from '../lib/check.mjs';
const email = address('key'), password = 'First-Passw0rd!';
let app, p;
const call = async (name, input) => p.evaluate(([n, i]) => window.call(n, i), [name, input]);
const ok = async (name, input) => { const r = await call(name, input); if (r.err) throw new Error(`${name}: ${r.err.name}: ${r.err.message}`); return r.ok; };
await journey(async () => {
  app = await step('open: app and virtual authenticator', async () => {
    const a = await open('app-passwordless', 'main.js'); p = a.page; await p.waitForFunction('window.ready');
    const cdp = await a.ctx.newCDPSession(p); await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    return a;
  });
  const b = newestCode(email);
  await step('account: sign up, confirm, sign in with the password (USER_AUTH, PASSWORD_SRP)', async () => {
    await ok('signUp', { username: email, password, options: { userAttributes: { email } } });
    await ok('confirmSignUp', { username: email, confirmationCode: await codeAfter(email, b) });
    const r = await ok('signIn', { username: email, password, options: { authFlowType: 'USER_AUTH', preferredChallenge: 'PASSWORD_SRP' } }); eq(r.isSignedIn, true, 'isSignedIn');
  });
  await step('register: associateWebAuthnCredential', () => ok('associateWebAuthnCredential'));
  const list = await step('list: listWebAuthnCredentials', async () => { const l = await ok('listWebAuthnCredentials'); eq(l.credentials.length, 1, 'credentials'); eq(l.credentials[0].relyingPartyId, 'localhost', 'relyingPartyId'); must(l.credentials[0].createdAt, 'no createdAt'); return l; });
  await step('sign-in: preferredChallenge WEB_AUTHN', async () => { await ok('signOut'); const r = await ok('signIn', { username: email, options: { authFlowType: 'USER_AUTH', preferredChallenge: 'WEB_AUTHN' } }); eq(r.isSignedIn, true, 'isSignedIn'); });
  await step('select: chosen from the list of first factors', async () => { await ok('signOut'); const r = await ok('signIn', { username: email, options: { authFlowType: 'USER_AUTH' } }); must(r.nextStep.availableChallenges.includes('WEB_AUTHN'), 'not offered'); const s = await ok('confirmSignIn', { challengeResponse: 'WEB_AUTHN' }); eq(s.isSignedIn, true, 'isSignedIn'); });
  await step('remove: deleteWebAuthnCredential', async () => { await ok('deleteWebAuthnCredential', { credentialId: list.credentials[0].credentialId }); eq((await ok('listWebAuthnCredentials')).credentials.length, 0, 'credentials'); });
  await check('password-choice: SELECT_CHALLENGE answered with PASSWORD', async () => { await ok('signOut'); await ok('signIn', { username: email, options: { authFlowType: 'USER_AUTH' } }); await ok('confirmSignIn', { challengeResponse: 'PASSWORD' }); const r = await ok('confirmSignIn', { challengeResponse: password }); eq(r.isSignedIn, true, 'isSignedIn'); });
  await step('deleteUser: cleaned up', () => ok('deleteUser'));
}, () => app?.close());
