import { cfg, step, check, must, eq, open, codeAfter, newestCode, wrongCode, address, verifyJwt, decode, raw, wire } from './rig.mjs';
import { journey } from '../lib/check.mjs';

const email = address('otp');
let app;
const call = async (name, input) => app.page.evaluate(([n, i]) => window.call(n, i), [name, input]);
const ok = async (name, input) => { const r = await call(name, input); if (r.err) throw new Error(`${name}: ${r.err.name}: ${r.err.message}`); return r.ok; };
const err = async (want, name, input) => { const r = await call(name, input); must(r.err, `${name} succeeded, expected ${want}`); must([want].flat().includes(r.err.name), `${name}: expected ${want}, got ${r.err.name}: ${r.err.message}`); return r.err; };
const lastWire = (op) => wire.filter((w) => w.op === op).at(-1);
const lastAnswer = async (op) => { const w = lastWire(op); await w.done; return JSON.parse(w.body); };

await journey(async () => {
  app = await step('open: the app loads in Chromium', () => open('app-passwordless', 'main.js'));
  await app.page.waitForFunction('window.ready');
  const pw = crypto.randomUUID() + 'Aa1!';

  const before = newestCode(email); let destination;
  await step('signUp: e-mail as username, random password', async () => {
    const r = await ok('signUp', { username: email, password: pw, options: { userAttributes: { email } } });
    eq(r.isSignUpComplete, false, 'isSignUpComplete'); eq(r.nextStep.signUpStep, 'CONFIRM_SIGN_UP', 'signUpStep'); must(r.userId, 'no userId');
    eq(r.nextStep.codeDeliveryDetails.deliveryMedium, 'EMAIL', 'deliveryMedium'); destination = r.nextStep.codeDeliveryDetails.destination;
  });
  await check('masked: the delivery address is masked', () => must(destination && !destination.includes(email), `destination ${destination}`));
  await check('signUp-twice: the same address gives UsernameExistsException', () => err('UsernameExistsException', 'signUp', { username: email, password: pw, options: { userAttributes: { email } } }));
  await check('weak-password: gives InvalidPasswordException', () => err(['InvalidPasswordException', 'InvalidParameterException'], 'signUp', { username: address('weak'), password: 'abc', options: { userAttributes: {} } }));
  await check('unconfirmed: signIn leads to CONFIRM_SIGN_UP', async () => { const r = await ok('signIn', { username: email, options: { authFlowType: 'USER_AUTH' } }); eq(r.nextStep.signInStep, 'CONFIRM_SIGN_UP', 'signInStep'); });
  const code1 = await step('mail-1: the sign-up code arrives', () => codeAfter(email, before));
  await check('confirmSignUp-wrong: CodeMismatchException', () => err('CodeMismatchException', 'confirmSignUp', { username: email, confirmationCode: wrongCode(code1) }));
  await step('confirmSignUp: DONE', async () => { const r = await ok('confirmSignUp', { username: email, confirmationCode: code1 }); eq(r.nextStep.signUpStep, 'DONE', 'signUpStep'); });
  await check('confirmSignUp-again: refused', () => err(['NotAuthorizedException', 'ExpiredCodeException', 'CodeMismatchException'], 'confirmSignUp', { username: email, confirmationCode: code1 }));

  async function otpSignIn(label) {
    await step(`${label}signIn: USER_AUTH offers EMAIL_OTP`, async () => {
      const r = await ok('signIn', { username: email, options: { authFlowType: 'USER_AUTH' } });
      eq(r.nextStep.signInStep, 'CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION', 'signInStep'); must(r.nextStep.availableChallenges?.includes('EMAIL_OTP'), 'EMAIL_OTP not offered');
    });
    const b = newestCode(email);
    await step(`${label}select: confirmSignIn("EMAIL_OTP") sends a code`, async () => {
      const r = await ok('confirmSignIn', { challengeResponse: 'EMAIL_OTP' });
      eq(r.nextStep.signInStep, 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE', 'signInStep'); eq(r.nextStep.codeDeliveryDetails.deliveryMedium, 'EMAIL', 'deliveryMedium');
    });
    return step(`${label}mail: the one-time password arrives`, () => codeAfter(email, b));
  }
  const otp = await otpSignIn('');
  await check('otp-wrong: CodeMismatchException, and the session stays usable', () => err('CodeMismatchException', 'confirmSignIn', { challengeResponse: wrongCode(otp) }));
  await step('otp: confirmSignIn(code) signs in', async () => { const r = await ok('confirmSignIn', { challengeResponse: otp }); eq(r.isSignedIn, true, 'isSignedIn'); eq(r.nextStep.signInStep, 'DONE', 'signInStep'); });
  const usedReq = JSON.parse(lastWire('RespondToAuthChallenge').req);
  const refreshToken = (await lastAnswer('RespondToAuthChallenge')).AuthenticationResult.RefreshToken;
  await check('replay: the same answer a second time gives no tokens', async () => { const r = await raw('RespondToAuthChallenge', usedReq); must(r.status === 400 && !r.json.AuthenticationResult, `status ${r.status}: ${JSON.stringify(r.json).slice(0, 120)}`); });

  const s1 = await step('fetchAuthSession: tokens', async () => { const s = await ok('fetchAuthSession'); must(s.access && s.id && s.sub, 'tokens missing'); return s; });
  await check('jwt-access: signature, claims', async () => { const p = await verifyJwt(s1.access); eq(p.token_use, 'access', 'token_use'); eq(p.client_id, cfg.clientId, 'client_id'); for (const c of ['sub', 'username', 'jti', 'origin_jti', 'auth_time', 'event_id', 'scope']) must(p[c], `no ${c}`); must(!p.aud, 'an access token has no aud'); });
  await check('jwt-id: signature, claims', async () => { const p = await verifyJwt(s1.id); eq(p.token_use, 'id', 'token_use'); eq(p.aud, cfg.clientId, 'aud'); eq(p.email, email, 'email'); eq(p.email_verified, true, 'email_verified'); for (const c of ['sub', 'cognito:username', 'jti', 'origin_jti', 'auth_time']) must(p[c], `no ${c}`); });
  await step('fetchUserAttributes: sub, email, email_verified', async () => { const a = await ok('fetchUserAttributes'); eq(a.email, email, 'email'); eq(a.email_verified, 'true', 'email_verified (a string)'); eq(a.sub, s1.sub, 'sub'); });
  await step('getCurrentUser: userId, username, loginId', async () => { const u = await ok('getCurrentUser'); eq(u.userId, s1.sub, 'userId'); must(u.username, 'no username'); eq(u.signInDetails?.loginId, email, 'loginId'); });
  await check('cors-type: answers carry an AWS JSON content type', () => must(/application\/x-amz-json-1\.1/.test(lastWire('GetUser').type ?? ''), `content-type ${lastWire('GetUser').type}`));
  await step('refresh: forceRefresh gives new tokens of the same session', async () => {
    const s = await ok('fetchAuthSession', { forceRefresh: true }); const [a, b] = [decode(s1.access)[1], decode(s.access)[1]];
    must(a.jti !== b.jti, 'the same access token came back'); eq(b.sub, a.sub, 'sub'); eq(b.origin_jti, a.origin_jti, 'origin_jti'); eq(b.auth_time, a.auth_time, 'auth_time'); await verifyJwt(s.access);
  });
  await step('reload: the session survives a page load', async () => { await app.page.reload(); await app.page.waitForFunction('window.ready'); const u = await ok('getCurrentUser'); eq(u.userId, s1.sub, 'userId'); });
  await check('two-tabs: both tabs refresh at the same moment and stay signed in', async () => {
    const tab = await app.ctx.newPage(); await tab.goto(app.url); await tab.waitForFunction('window.ready');
    const both = () => Promise.all([app.page, tab].map((p) => p.evaluate(() => window.call('fetchAuthSession', { forceRefresh: true }))));
    for (let i = 0; i < 2; i++) for (const r of await both()) must(r.ok?.access, `a tab was signed out: ${JSON.stringify(r)}`);
    await tab.close();
  });
  const s2 = await ok('fetchAuthSession');
  const rt = await app.page.evaluate(() => Object.entries(localStorage).find(([k]) => k.endsWith('.refreshToken'))[1]);
  await step('signOut: revokes on the server', async () => { await ok('signOut'); must(lastWire('RevokeToken')?.status === 200, 'RevokeToken was not called or failed (origin_jti missing in the access token?)'); });
  await check('after-refresh: the revoked refresh token is refused', async () => { for (const t of new Set([rt, refreshToken])) { const r = await raw('GetTokensFromRefreshToken', { ClientId: cfg.clientId, RefreshToken: t }); must(r.status === 400 && r.type === 'NotAuthorizedException', `${r.status} ${r.type}`); } });
  await check('after-access: the revoked access token is refused', async () => { const r = await raw('GetUser', { AccessToken: s2.access }); must(r.status === 400 && r.type === 'NotAuthorizedException', `${r.status} ${r.type}`); });
  await check('after-user: getCurrentUser throws', () => err('UserUnAuthenticatedException', 'getCurrentUser'));

  const otp2 = await otpSignIn('second-');
  await check('second-reuse: the first one-time password no longer works', () => err(['CodeMismatchException', 'NotAuthorizedException'], 'confirmSignIn', { challengeResponse: otp }));
  await step('second-otp: signs in', async () => { const r = await ok('confirmSignIn', { challengeResponse: otp2 }); eq(r.isSignedIn, true, 'isSignedIn'); });
  await step('global: signOut({global:true})', async () => { await ok('signOut', { global: true }); must(lastWire('GlobalSignOut')?.status === 200, 'GlobalSignOut failed'); });

  const b3 = newestCode(email);
  await step('preferred: preferredChallenge EMAIL_OTP skips the selection', async () => { const r = await ok('signIn', { username: email, options: { authFlowType: 'USER_AUTH', preferredChallenge: 'EMAIL_OTP' } }); eq(r.nextStep.signInStep, 'CONFIRM_SIGN_IN_WITH_EMAIL_CODE', 'signInStep'); });
  await step('preferred-otp: signs in', async () => { const c = await codeAfter(email, b3); const r = await ok('confirmSignIn', { challengeResponse: c }); eq(r.isSignedIn, true, 'isSignedIn'); });
  await step('deleteUser: the account is gone', async () => { await ok('deleteUser'); await err('UserUnAuthenticatedException', 'getCurrentUser'); });
  await check('unknown: a deleted (unknown) user does not leak more than NotAuthorized/UserNotFound', async () => { const r = await call('signIn', { username: email, options: { authFlowType: 'USER_AUTH' } }); if (r.err) must(['NotAuthorizedException', 'UserNotFoundException'].includes(r.err.name), r.err.name); });

  // auto sign-in after sign-up without a password (what the UI library does for passwordless sign-up)
  const email2 = address('auto'); const b4 = newestCode(email2);
  await step('auto-signUp: without a password, autoSignIn USER_AUTH', async () => { const r = await ok('signUp', { username: email2, options: { userAttributes: { email: email2 }, autoSignIn: { authFlowType: 'USER_AUTH' } } }); eq(r.nextStep.signUpStep, 'CONFIRM_SIGN_UP', 'signUpStep'); });
  await step('auto-confirm: COMPLETE_AUTO_SIGN_IN', async () => { const r = await ok('confirmSignUp', { username: email2, confirmationCode: await codeAfter(email2, b4) }); eq(r.nextStep.signUpStep, 'COMPLETE_AUTO_SIGN_IN', 'signUpStep'); });
  await step('auto-signIn: the session from ConfirmSignUp signs in without another code', async () => { const r = await ok('autoSignIn'); eq(r.isSignedIn, true, 'isSignedIn'); });
  await step('auto-delete: cleaned up', () => ok('deleteUser'));
}, () => app?.close());
