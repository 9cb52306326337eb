// amazon-cognito-identity-js, which many React Native applications still use: SRP, refresh, attributes, sign-out.
import { AuthenticationDetails, CognitoUser, CognitoUserAttribute, CognitoUserPool } from 'amazon-cognito-identity-js';
import { address, cfg, codeAfter, eq, must, newestCode, step } from './rig.mjs';
import { journey } from '../lib/check.mjs';

const email = address('identity'), password = 'First-Passw0rd!';
const pool = new CognitoUserPool({ UserPoolId: cfg.poolId, ClientId: cfg.clientId, endpoint: cfg.endpoint });
const done = (start) => new Promise((ok, no) => { start((error, result) => (error ? no(error) : ok(result))); });

await journey(async () => {
  const before = newestCode(email);
  const made = await step('signUp: the person has a sub', async () => {
    const r = await done((end) => pool.signUp(email, password, [new CognitoUserAttribute({ Name: 'email', Value: email })], [], end));
    must(r.userSub && !r.userConfirmed, JSON.stringify(r));
    return r;
  });
  const user = new CognitoUser({ Username: email, Pool: pool });
  await step('confirmRegistration: the code confirms', async () => { eq(await done((end) => user.confirmRegistration('000000', true, end)).catch((e) => e.name), 'CodeMismatchException', 'a wrong code'); await done(async (end) => user.confirmRegistration(await codeAfter(email, before), true, end)); });
  const signIn = (with_) => new Promise((ok, no) => user.authenticateUser(new AuthenticationDetails({ Username: email, Password: with_ }), { onSuccess: ok, onFailure: no }));
  await step('authenticateUser: a wrong password is refused', async () => eq(await signIn('Wrong-Passw0rd!!').catch((e) => e.name), 'NotAuthorizedException', 'name'));
  const session = await step('authenticateUser: SRP signs in', async () => { const s = await signIn(password); must(s.isValid(), 'not valid'); eq(s.getIdToken().payload.sub, made.userSub, 'sub'); return s; });
  await step('refreshSession: fresh tokens of the same session', async () => {
    const next = await done((end) => user.refreshSession(session.getRefreshToken(), end));
    eq(next.getAccessToken().payload.origin_jti, session.getAccessToken().payload.origin_jti, 'origin_jti');
    must(next.getAccessToken().payload.jti !== session.getAccessToken().payload.jti, 'the same token');
  });
  await step('attributes: read and changed', async () => {
    await done((end) => user.updateAttributes([new CognitoUserAttribute({ Name: 'name', Value: 'Ann' })], end));
    const all = await done((end) => user.getUserAttributes(end));
    eq(all.find((a) => a.Name === 'name')?.Value, 'Ann', 'name');
  });
  await step('changePassword: the old one is asked for', async () => {
    eq(await done((end) => user.changePassword('Wrong-Passw0rd!!', 'Second-Passw0rd!', end)).catch((e) => e.name), 'NotAuthorizedException', 'name');
    await done((end) => user.changePassword(password, 'Second-Passw0rd!', end));
  });
  await step('globalSignOut: nothing is left', async () => { await new Promise((ok, no) => user.globalSignOut({ onSuccess: ok, onFailure: no })); });
  await step('deleteUser: after a sign-in with the new password', async () => { await signIn('Second-Passw0rd!'); await done((end) => user.deleteUser(end)); eq(await signIn('Second-Passw0rd!').catch((e) => e.name), 'NotAuthorizedException', 'after'); });
});
