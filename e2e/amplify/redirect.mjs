// signInWithRedirect: the hosted pages over https, tokens in the application, the JSON API with them, and the way out.
import { address, check, codeAfter, decode, eq, must, newestCode, open, step, verifyJwt } from './rig.mjs';
import { journey } from '../lib/check.mjs';

const email = address('hosted');
let app, p;
const call = (name, input) => p.evaluate(([n, i]) => window.call(n, i), [name, input]);
const ok = async (name, input) => { const r = await call(name, input); if (r.err) throw new Error(`${name}: ${r.err.name}: ${r.err.message}`); return r.ok; };
const back = async () => { await p.waitForURL((u) => u.origin === new URL(app.url).origin && !u.search); await p.waitForFunction('window.ready'); };
const leave = (name, input) => Promise.all([p.waitForEvent('load'), p.evaluate(([n, i]) => { window.call(n, i); }, [name, input])]);
const signedIn = async () => { for (let n = 0; n < 50; n++) { const r = await call('getCurrentUser'); if (r.ok) return r.ok; await new Promise((next) => setTimeout(next, 200)); } throw new Error('nobody is signed in'); };

await journey(async () => {
  app = await step('open: the application loads', async () => { const a = await open('app-redirect', 'main.js'); p = a.page; await p.waitForFunction('window.ready'); return a; });
  const before = newestCode(email);
  await step('signInWithRedirect: the sign-in page is shown', async () => { await leave('signInWithRedirect'); must(new URL(p.url()).pathname === '/sign-in', p.url()); });
  await step('sign-in: a mailed code leads back to the application', async () => {
    await p.fill('#identifier', email); await p.click('#sign-in'); await p.waitForSelector('#code');
    await p.fill('#code', await codeAfter(email, before)); await p.click('#sign-in'); await back();
  });
  const me = await step('getCurrentUser: the person is known', signedIn);
  const s = await step('fetchAuthSession: tokens of the pool', async () => {
    const tokens = await ok('fetchAuthSession');
    const id = await verifyJwt(tokens.id), access = await verifyJwt(tokens.access);
    eq([id.token_use, id.aud, id.email, id['cognito:username']], ['id', process.env.CLIENT_ID, email, me.userId], 'ID token');
    eq([access.token_use, access.client_id, access.username, access.aud], ['access', process.env.CLIENT_ID, me.userId, undefined], 'access token');
    return tokens;
  });
  await step('fetchUserAttributes: the JSON API takes the token', async () => eq((await ok('fetchUserAttributes')).email, email, 'email'));
  await step('forceRefresh: the refresh token is known to the JSON API', async () => { const next = await ok('fetchAuthSession', { forceRefresh: true }); must(decode(next.access)[1].jti !== decode(s.access)[1].jti, 'the same token'); eq(decode(next.access)[1].origin_jti, decode(s.access)[1].origin_jti, 'origin_jti'); });
  await step('signOut: by way of the hosted pages, and nobody is signed in', async () => { await leave('signOut'); await back(); must((await call('getCurrentUser')).err, 'still signed in'); });
  await check('signInWithRedirect again: the session here has ended, too', async () => { await leave('signInWithRedirect'); await p.waitForSelector('#identifier'); });
}, () => app?.close());
