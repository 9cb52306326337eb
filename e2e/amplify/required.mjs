// What is required of people, as applications meet it: attributes, terms to accept, a password to replace.
import crypto from 'node:crypto';
import { address, cfg, codeAfter, eq, must, open, step } from './rig.mjs';
import { journey } from '../lib/check.mjs';

const terms = { terms_version: process.env.TERMS }, pw = 'First-Passw0rd!!', temporary = 'Temporary-Passw0rd!';
let app, p;
const call = (name, input) => p.evaluate(([n, i]) => window.call(n, i), [name, input]);
const ok = async (name, input) => { const r = await call(name, input); if (r.err) throw new Error(`${name}: ${r.err.name}: ${r.err.message}`); return r.ok; };
const err = async (want, name, input) => { const r = await call(name, input); must(r.err?.name === want, `${name}: expected ${want}, got ${JSON.stringify(r)}`); return r.err.message; };
const signUp = (email, attributes, clientMetadata) => ({ username: email, password: pw, options: { userAttributes: { email, ...attributes }, autoSignIn: { authFlowType: 'USER_AUTH' }, clientMetadata } });
const done = async (name, input) => eq((await ok(name, input)).nextStep.signInStep, 'DONE', 'signInStep');

// admin makes a signed call (AWS Signature Version 4).
async function admin(operation, input) {
  const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest(), sum = (text) => crypto.createHash('sha256').update(text).digest('hex');
  const at = new Date().toISOString().replace(/[-:]|\.\d+/g, ''), url = new URL(cfg.endpoint), target = `AWSCognitoIdentityProviderService.${operation}`;
  const body = JSON.stringify({ UserPoolId: cfg.poolId, ...input }), scope = `${at.slice(0, 8)}/xx-local-1/cognito-idp/aws4_request`, signed = 'host;x-amz-date;x-amz-target';
  const canonical = ['POST', url.pathname, '', `host:${url.host}`, `x-amz-date:${at}`, `x-amz-target:${target}`, '', signed, sum(body)].join('\n');
  const key = scope.split('/').reduce(hmac, `AWS4${process.env.KEY_SECRET}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', at, scope, sum(canonical)].join('\n')).toString('hex');
  const r = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-date': at, 'x-amz-target': target, authorization: `AWS4-HMAC-SHA256 Credential=${process.env.KEY_ID}/${scope}, SignedHeaders=${signed}, Signature=${signature}` } });
  must(r.ok, `${operation}: ${r.status} ${await r.clone().text()}`);
  return r.json();
}

await journey(async () => {
  app = await step('open: the application', async () => { const a = await open('app-passwordless', 'main.js'); p = a.page; await p.waitForFunction('window.ready'); return a; });
  const ann = address('ann'), ben = address('ben'), carl = address('carl');
  await step('signUp: the attribute that is missing is named', async () => {
    eq(await err('InvalidParameterException', 'signUp', signUp(ann, {}, terms)), 'Attributes did not conform to the schema: name: The attribute is required', 'message');
    eq(await err('InvalidParameterException', 'signUp', signUp(ann, { name: 'Ann' }, terms)), 'Attributes did not conform to the schema: custom:plan: The attribute is required', 'message');
  });
  await step('signUp: who accepts the terms along with it is in', async () => {
    await ok('signUp', signUp(ann, { name: 'Ann', 'custom:plan': 'paid' }, terms));
    await ok('confirmSignUp', { username: ann, confirmationCode: await codeAfter(ann, '') });
    await done('autoSignIn'); eq((await ok('fetchUserAttributes'))['custom:plan'], 'paid', 'plan'); await ok('signOut');
  });
  await step('signIn: who has accepted nothing is told where to', async () => {
    // Amplify drops an autoSignIn less than 300 ms after another one, and its promise never ends: not so on a fresh page.
    await p.reload(); await p.waitForFunction('window.ready');
    await ok('signUp', signUp(ben, { name: 'Ben', 'custom:plan': 'free' }));
    await ok('confirmSignUp', { username: ben, confirmationCode: await codeAfter(ben, '') });
    const says = await err('NotAuthorizedException', 'autoSignIn'); must(says.includes(new URL('/sign-in', cfg.endpoint).href), says);
    for (const authFlowType of ['USER_SRP_AUTH', 'USER_PASSWORD_AUTH']) await err('NotAuthorizedException', 'signIn', { username: ben, password: pw, options: { authFlowType } });
  });
  await step('signIn: the terms are accepted along with it, once', async () => {
    await done('signIn', { username: ben, password: pw, options: { authFlowType: 'USER_SRP_AUTH', clientMetadata: terms } }); await ok('signOut');
    await done('signIn', { username: ben, password: pw }); await ok('deleteUser');
  });
  await step('confirmSignIn: a new password, and what is required besides', async () => {
    await admin('AdminCreateUser', { Username: carl, TemporaryPassword: temporary, MessageAction: 'SUPPRESS' });
    const asked = await ok('signIn', { username: carl, password: temporary, options: { clientMetadata: terms } });
    eq([asked.nextStep.signInStep, asked.nextStep.missingAttributes], ['CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED', ['name', 'custom:plan']], 'nextStep');
    await err('InvalidParameterException', 'confirmSignIn', { challengeResponse: pw, options: { userAttributes: { name: 'Carl' }, clientMetadata: terms } });
    await done('confirmSignIn', { challengeResponse: pw, options: { userAttributes: { name: 'Carl', 'custom:plan': 'free' }, clientMetadata: terms } });
    const a = await ok('fetchUserAttributes'); eq([a.name, a['custom:plan']], ['Carl', 'free'], 'attributes'); await ok('deleteUser');
  });
}, () => app?.close());
