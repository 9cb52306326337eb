// next-auth 4: sign-in with state, nonce and PKCE, claims in the session, sign-out of the app, single sign-on.
// APPS: two of {url, client_id, client_secret, alg}; the second is told the alg of its ID tokens. ADDRESS, NAME: who signs in.
import { start } from '../lib/app.mjs';
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { claims, follow, ISSUER, moved } from '../lib/person.mjs';

const [one, two] = JSON.parse(process.env.APPS);
const address = process.env.ADDRESS;
const browser = await launch();

const serve = ({ url, client_id, client_secret, alg }) => start(['app.mjs'], {
  cwd: import.meta.dirname,
  answers: `${url.replace(/\/\/[^:]*/, '//127.0.0.1')}/api/auth/providers`,
  env: { PORT: new URL(url).port, NEXTAUTH_URL: url, NEXTAUTH_SECRET: `secret of ${url}, 0123456789`, CLIENT_ID: client_id, CLIENT_SECRET: client_secret, ALG: alg ?? '' },
});

await journey(async () => {
  const running = [await serve(one), await serve(two)];
  const page = await open(browser);
  const session = async ({ url }) => {
    await page.goto(`${url}/`);
    return JSON.parse(await page.locator('#session').innerText()) ?? {};
  };
  const signIn = async ({ url }) => {
    await page.goto(`${url}/api/auth/signin`);
    await moved(page, page.getByRole('button', { name: /Gatelatch/ }));
    const said = () => running.map(({ output }) => output.slice(-800)).join(' | ');
    const asked = await follow(page, { address, until: (here) => here.href.startsWith(`${url}/`) && !here.pathname.includes('/callback/') })
      .catch((error) => { throw new Error(`${error.message} ${said()}`); });
    if (page.url().includes('error=')) throw new Error(`next-auth refused: ${page.url()} ${said()}`);
    return asked;
  };

  equal('the first sign-in asks for the address and the code', await signIn(one), ['address', 'code']);
  const request = new URL(page.visited.find((visited) => visited.startsWith(`${ISSUER}/`) && visited.includes('client_id=')));
  check('next-auth 4 sends state, nonce and PKCE', ['state', 'nonce', 'code_challenge'].every((name) => request.searchParams.has(name)), request.search);
  const first = await session(one);
  await keep(page, 'nextauth4-signed-in');
  check('the session has the subject', first.user?.id, first.user);
  equal('the session has name and address', [first.user?.name, first.user?.email], [process.env.NAME, address]);
  equal('there is a refresh token', first.refresh, true);
  equal('ID tokens are signed with what next-auth 4 expects unless told', claims(first.idToken, 0).alg, 'RS256');
  equal('aud is one string', claims(first.idToken).aud, one.client_id);

  await page.goto(`${one.url}/api/auth/signout`);
  await moved(page, page.locator('button[type=submit]'));
  equal('sign-out ends the session of the app', await session(one), {});
  equal('the session at the provider goes on: the next sign-in is silent', await signIn(one), []);
  equal('and is of the same person', (await session(one)).user, first.user);

  equal('an app that is told the algorithm signs in silently as well', await signIn(two), []);
  const second = await session(two);
  equal('its ID tokens are signed with it', claims(second.idToken, 0).alg, two.alg);
  equal('both apps see the same person', second.user?.id, first.user?.id);

  await page.goto(`${one.url}/api/auth/callback/gatelatch?code=gl_ac_stolen&state=${request.searchParams.get('state')}&iss=${encodeURIComponent(ISSUER)}`);
  check('an answer that nobody asked for signs nobody in', page.url().includes('error='), page.url());
}, async () => browser.close());
