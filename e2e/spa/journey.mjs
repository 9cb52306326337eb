// A page with oidc-client-ts, a public client: sign-in, refresh, two tabs refreshing at once, sign-out, revocation.
// APPS: one of {url, client_id}. ADDRESS: who signs in.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { follow, ISSUER, metadata } from '../lib/person.mjs';

const here = import.meta.dirname;
const [{ url, client_id }] = JSON.parse(process.env.APPS);
const address = process.env.ADDRESS;
const settings = {
  authority: ISSUER, client_id, redirect_uri: `${url}/callback.html`, post_logout_redirect_uri: `${url}/`,
  response_type: 'code', scope: 'openid profile email offline_access', loadUserInfo: true, automaticSilentRenew: false,
};
const files = {
  '/': ['text/html', fs.readFileSync(path.join(here, 'index.html'))],
  '/callback.html': ['text/html', fs.readFileSync(path.join(here, 'callback.html'))],
  '/oidc-client-ts.min.js': ['text/javascript', fs.readFileSync(path.join(here, 'node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js'))],
  // Tabs share localStorage, and so the refresh token.
  '/settings.js': ['text/javascript', `window.settings = ${JSON.stringify(settings)};
settings.userStore = new oidc.WebStorageStateStore({ store: localStorage });`],
};
const server = http.createServer((request, response) => {
  const [type, body] = files[new URL(request.url, url).pathname] ?? [];
  if (!type) return response.writeHead(404).end();
  return response.writeHead(200, { 'content-type': type }).end(body);
}).listen(new URL(url).port, '127.0.0.1');
const browser = await launch();

await journey(async () => {
  const { token_endpoint } = await metadata();
  const page = await open(browser);
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  const leave = (script) => Promise.all([
    page.waitForEvent('load'),
    page.evaluate(script).catch(() => {}), // the answer is lost with the page
  ]);
  const signIn = async () => {
    await page.goto(`${url}/`);
    await leave('manager.signinRedirect()').catch((error) => { throw new Error(`${error.message} ${said.slice(-3)}`); });
    const asked = await follow(page, { address, until: (there) => there.href.startsWith(`${url}/callback.html`) });
    await page.waitForFunction('window.result');
    return { asked, ...(await page.evaluate('result')) };
  };
  const renew = (tab) => tab.evaluate(`manager.signinSilent().then(
    (user) => ({ access: user.access_token, refresh: user.refresh_token, sub: user.profile.sub }),
    (error) => ({ error: error.error || error.message }))`);

  const first = await signIn();
  equal('the first sign-in asks for the address and the code', first.asked, ['address', 'code']);
  equal('the page redeems its code (CORS on discovery and token)', first.error, undefined);
  equal('the page reads userinfo (CORS there as well)', first.profile?.email, address);
  await keep(page, 'spa-signed-in');
  const user = await page.evaluate('manager.getUser().then((user) => ({ access: user.access_token, refresh: user.refresh_token }))');
  check('a public client gets a refresh token', user.refresh, first.scope);

  const renewed = await renew(page);
  equal('a refresh answers for the same person', [renewed.error, renewed.sub], [undefined, first.profile?.sub]);
  check('it gives another access token', renewed.access && renewed.access !== user.access);
  check('and another refresh token', renewed.refresh && renewed.refresh !== user.refresh);

  // Both tabs read the same refresh token before either has an answer: oidc-client-ts locks nothing between tabs.
  const tab = await page.context().newPage();
  await tab.goto(`${url}/`);
  for (const round of ['first', 'second', 'third']) {
    const tabs = await Promise.all([renew(page), renew(tab)]);
    equal(`two tabs refreshing at once both succeed, the ${round} time`, tabs.map(({ error, sub }) => error ?? sub), [first.profile?.sub, first.profile?.sub]);
  }
  const alone = await renew(page);
  equal('nobody was signed out by that', alone.error ?? alone.sub, first.profile?.sub);
  await tab.close();

  await leave('manager.signoutRedirect({ state: "bye" })');
  const asked = await follow(page, { address, until: (there) => there.href.startsWith(`${url}/`) });
  equal('sign-out with an ID token asks nothing', asked, []);
  check('it comes back with its state', page.url().startsWith(`${url}/?`) && page.url().includes('state='), page.url());
  equal('the next sign-in asks again', (await signIn()).asked, ['address', 'code']);

  equal('the page may revoke (CORS on revocation)', await page.evaluate('manager.revokeTokens(["refresh_token"]).then(() => "revoked", (error) => error.message)'), 'revoked');
  const stranger = await page.context().newPage();
  await stranger.goto(`${url.replace('spa.localhost', 'stranger.localhost')}/`);
  equal('a page of an origin that no app registered reads nothing', await stranger.evaluate((endpoint) => fetch(endpoint, {
    method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'x', refresh_token: 'y' }),
  }).then((response) => `read ${response.status}`, () => 'read nothing'), token_endpoint), 'read nothing');
}, async () => { server.close(); await browser.close(); });
