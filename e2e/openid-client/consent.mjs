// An application of somebody else: what the person in front of the browser allows, denies and takes back.
// APPS: one. ADDRESS: who signs in. TAKE_BACK: the command that takes the consent back.
import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import * as oc from 'openid-client';
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { follow, moved, ORIGIN } from '../lib/person.mjs';
import { Callback, discover, refusal, request, signIn } from './app.mjs';

const [app] = JSON.parse(process.env.APPS);
const as = process.env.ADDRESS;
const callback = new Callback(app.url);
const browser = await launch();

await journey(async () => {
  const page = await open(browser);
  const config = await discover(app, oc.ClientSecretBasic(app.client_secret));
  const ask = (parameters, decision) => signIn({ config, callback, page, as, decision }, { parameters });
  const answer = async (parameters, decision) => {
    const asks = await request(callback, parameters);
    const { asked, back } = await callback.visit(page, oc.buildAuthorizationUrl(config, asks.parameters), { as, decision });
    return { asked, error: back.searchParams.get('error'), state: back.searchParams.get('state') === asks.parameters.state };
  };
  const scope = 'openid profile email offline_access';

  equal('the person is asked after signing in; no is access_denied, with the state', await answer({ scope }, 'deny'), { asked: ['address', 'code', 'consent'], error: 'access_denied', state: true });
  equal('a denial is not remembered as a consent', await answer({ scope, prompt: 'none' }), { asked: [], error: 'consent_required', state: true });

  await page.goto(oc.buildAuthorizationUrl(config, (await request(callback, { scope })).parameters).href);
  const words = await page.locator('main').innerText();
  check('the page names the application, the address of the person, and what it would see', ['Third Party', as, 'Fay Example'].every((word) => words.includes(word)), words);
  await keep(page, 'consent-third-party');
  await follow(page, { address: as, until: () => callback.requests.length > 2 });

  const first = await ask({ scope });
  equal('what was allowed is remembered', first.asked, []);
  equal('the token has the scopes', first.tokens.scope.split(' ').sort(), scope.split(' ').sort());
  equal('fewer scopes do not ask', (await ask({ scope: 'openid' })).asked, []);
  equal('a new scope asks again', (await ask({ scope: `${scope} phone` })).asked, ['consent']);
  equal('and is remembered with the others', (await ask({ scope: `${scope} phone` })).asked, []);
  equal('prompt=consent asks each time', (await ask({ scope, prompt: 'consent' })).asked, ['consent']);
  equal('prompt=none is silent now', await answer({ scope, prompt: 'none' }), { asked: [], error: null, state: true });

  const { tokens } = await ask({ scope });
  await promisify(exec)(process.env.TAKE_BACK);
  equal('taking the consent back ends the refresh tokens', await refusal(oc.refreshTokenGrant(config, tokens.refresh_token)), 'invalid_grant');
  equal('and the access tokens with them', await refusal(oc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)), 'invalid_token');
  const again = await ask({ scope });
  equal('and the person is asked the next time', again.asked, ['consent']);

  await page.goto(`${ORIGIN}/account`);
  const remove = page.locator('form[action="/account/apps/remove"]').filter({ has: page.locator(`input[value="${app.client_id}"]`) });
  await moved(page, remove.locator('button'));
  await keep(page, 'consent-taken-back');
  equal('the person takes it back on their own page, too', await remove.count(), 0);
  equal('which ends the refresh tokens', await refusal(oc.refreshTokenGrant(config, again.tokens.refresh_token)), 'invalid_grant');
  equal('and the access tokens', await refusal(oc.fetchUserInfo(config, again.tokens.access_token, again.tokens.claims().sub)), 'invalid_token');
  equal('and has the person asked', (await ask({ scope })).asked, ['consent']);
}, async () => { callback.close(); await browser.close(); });
