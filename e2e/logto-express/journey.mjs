// The Express guide's app on @logto/express: sign-in, claims, userinfo, refresh, single sign-on, sign-out.
// APPS: one of {url, client_id, client_secret}. ADDRESS, NAME: who signs in.
import { start } from '../lib/app.mjs';
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { follow, ISSUER } from '../lib/person.mjs';

const [{ url, client_id, client_secret }] = JSON.parse(process.env.APPS);
const address = process.env.ADDRESS;
const browser = await launch();

await journey(async () => {
  const app = await start(['app.mjs'], {
    cwd: import.meta.dirname,
    answers: `${url.replace('localhost', '127.0.0.1')}/`,
    env: { PORT: new URL(url).port, BASE_URL: url, LOGTO_ENDPOINT: ISSUER.replace(/\/oidc$/, ''), CLIENT_ID: client_id, CLIENT_SECRET: client_secret },
  });
  const page = await open(browser);
  const shown = () => page.locator('body').innerText();
  const json = async (path) => {
    await page.goto(url + path);
    return JSON.parse(await shown());
  };
  const home = (here) => here.href === `${url}/`;
  const visit = async (path) => {
    await page.goto(url + path);
    const asked = await follow(page, { address, until: (here) => home(here) || here.href.startsWith(`${url}/logto/sign-in-callback`) });
    if (!home(new URL(page.url()))) throw new Error(`the SDK refused the answer: ${await shown()} ${app.output.slice(-800)}`);
    return asked;
  };

  equal('the first sign-in asks for the address and the code, and nothing else', await visit('/logto/sign-in'), ['address', 'code']);
  check('the page greets the subject', /^Hello \S+, Sign Out$/.test((await shown()).trim()), await shown());
  await keep(page, 'logto-express-signed-in');
  const request = new URL(page.visited.find((visited) => visited.startsWith(`${ISSUER}/`) && visited.includes('client_id=')));
  equal('the SDK asks with prompt=consent, as it always does', request.searchParams.get('prompt'), 'consent');

  const { isAuthenticated, claims, userInfo } = await json('/userinfo');
  equal('req.user is signed in', isAuthenticated, true);
  check('the claims name the subject', /^\S+$/.test(claims?.sub ?? ''), claims?.sub);
  equal('aud is one string', claims?.aud, client_id);
  equal('the claims have the name', claims?.name, process.env.NAME);
  check('the claims have a username', typeof claims?.username === 'string' && claims.username !== '', claims);
  equal('the claims have the address', claims?.email, address);
  equal('the claims say that the address was proven', claims?.email_verified, true);
  equal('userinfo is about the same person', [userInfo?.sub, userInfo?.email], [claims?.sub, address]);

  const before = await json('/token');
  check('there is a refresh token', before.hasRefreshToken, before);
  await json('/expire');
  const after = await json('/token');
  check('an access token that is over is renewed', after.isAuthenticated && after.accessToken && after.accessToken !== before.accessToken, after);
  await json('/expire');
  const again = await json('/token');
  check('and renewed again, with the refresh token that came last', again.isAuthenticated && again.accessToken && again.accessToken !== after.accessToken, again);

  equal('a second sign-in asks nothing, consent or not', await visit('/logto/sign-in'), []);

  const asked = await visit('/logto/sign-out');
  check('sign-out asks at most one question', asked.every((word) => word === 'sign-out') && asked.length <= 1, asked);
  equal('it comes back to the app, signed out', (await shown()).trim(), 'Sign In');
  check('the provider took the revocation', !/error/.test(app.output), app.output.slice(-300));
  const out = new URL(page.visited.find((visited) => visited.startsWith(`${ISSUER}/`) && visited.includes('post_logout_redirect_uri=')));
  equal('all that without an ID token as a hint', out.searchParams.has('id_token_hint'), false);
  equal('the next sign-in asks again', await visit('/logto/sign-in'), ['address', 'code']);

  await visit('/logto/sign-out');
  equal('the sign-up link, which sends first_screen, signs in too', await visit('/logto/sign-up'), ['address', 'code']);
}, () => browser.close());
