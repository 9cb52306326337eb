// Two Next.js apps on Auth.js, one provider, one person: sign-in, single sign-on, both kinds of sign-out.
// APPS: two of {url, client_id, client_secret}. ADDRESS, NAME: who signs in.
import path from 'node:path';
import { start } from '../lib/app.mjs';
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { follow, ISSUER, moved } from '../lib/person.mjs';

const here = import.meta.dirname;
const [one, two] = JSON.parse(process.env.APPS);
const address = process.env.ADDRESS;
const browser = await launch();

async function serve({ url, client_id, client_secret }) {
  const { port } = new URL(url);
  const next = path.join(here, 'node_modules/next/dist/bin/next');
  return start([next, 'start', '-p', port, '-H', '127.0.0.1'], {
    cwd: here,
    answers: `http://127.0.0.1:${port}/api/auth/providers`,
    env: {
      ISSUER, CLIENT_ID: client_id, CLIENT_SECRET: client_secret,
      AUTH_URL: url, AUTH_TRUST_HOST: 'true', AUTH_SECRET: `secret of ${url}, 0123456789abcdef`,
      NEXT_TELEMETRY_DISABLED: '1',
    },
  });
}

await journey(async () => {
  const logs = [await serve(one), await serve(two)];
  const page = await open(browser);
  const inApp = (app) => (url) => url.href.startsWith(`${app.url}/`) && !url.pathname.startsWith('/api/auth/callback');
  const session = async (app) => {
    const tab = await page.context().newPage();
    await tab.goto(`${app.url}/api/auth/session`);
    const shown = await tab.locator('body').innerText();
    await tab.close();
    return JSON.parse(shown);
  };
  const button = (name) => page.getByRole('button', { name, exact: true });
  const signIn = async (app) => {
    await page.goto(`${app.url}/`);
    await moved(page, button('Sign In'));
    const asked = await follow(page, { address, until: inApp(app) });
    await page.locator('#session').waitFor().catch(() => { throw new Error(`Auth.js refused: ${page.url()} ${logs.map((l) => l.output.slice(-600))}`); });
    return asked;
  };
  const signedOut = () => button('Sign In').waitFor();

  equal('the first sign-in asks for the address and the code, and nothing else', await signIn(one), ['address', 'code']);
  equal('the browser is back in the app', page.url(), `${one.url}/`);
  await keep(page, 'nextauth-signed-in');
  const request = new URL(page.visited.find((url) => url.startsWith(`${ISSUER}/`) && url.includes('client_id=')));
  equal('Auth.js sends neither state nor nonce, as its tutorial has it', [...request.searchParams.keys()].filter((key) => /state|nonce/.test(key)), []);
  const first = await session(one);
  equal('the session has the e-mail address', first.user?.email, address);
  equal('the session has the name', first.user?.name, process.env.NAME);
  check('the session has the subject', /^\S+$/.test(first.user?.id ?? ''), first.user?.id);
  equal('the claims name the subject', first.claims?.sub, first.user?.id);
  equal('the claims name the person', first.claims?.name, process.env.NAME);
  check('the claims have a username', typeof first.claims?.username === 'string' && first.claims.username !== '', first.claims);
  equal('the claims have the address', first.claims?.email, address);
  equal('the claims say that the address was proven', first.claims?.email_verified, true);
  equal('aud is one string: this app', first.claims?.aud, one.client_id);
  check('a refresh token came without prompt=consent', first.tokens?.refresh, first.tokens);
  await page.reload();
  equal('the session outlives a reload', (await session(one))?.user?.id, first.user?.id);

  equal('the second app signs in without a prompt', await signIn(two), []);
  equal('it is the same person in both apps', (await session(two))?.user?.id, first.user?.id);
  equal('the second app is its own audience', (await session(two))?.claims?.aud, two.client_id);

  await page.goto(`${one.url}/`);
  await button('Sign Out').click();
  await signedOut();
  equal('"Sign Out" of the tutorial ends the session of the app', await session(one), null);
  equal('and of the app alone: the next sign-in asks nothing', await signIn(one), []);

  await moved(page, button('Sign Out Everywhere'));
  equal('"Sign Out Everywhere" asks nothing, because it shows the ID token', await follow(page, { address, until: inApp(one) }), []);
  await signedOut();
  equal('it comes back to the app, which is signed out', [page.url(), await session(one)], [`${one.url}/`, null]);
  equal('the second app keeps its own session', (await session(two))?.user?.id, first.user?.id);
  equal('the next sign-in asks again', await signIn(one), ['address', 'code']);
  equal('and it is the same person', (await session(one))?.user?.id, first.user?.id);

  const stranger = await open(browser);
  await stranger.goto(`${one.url}/api/auth/callback/logto?code=made-up&state=made-up`);
  await stranger.goto(`${one.url}/`);
  equal('a made-up callback makes no session', await stranger.locator('#session').innerText(), 'null');
}, () => browser.close());
