// A device without a browser, and a person who types its code into a browser elsewhere.
// APPS: one of the house, one of somebody else. ADDRESS: who signs in.
import * as oc from 'openid-client';
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { follow, moved } from '../lib/person.mjs';
import { discover, refusal } from './app.mjs';

const [own, other] = JSON.parse(process.env.APPS);
const as = process.env.ADDRESS;
const browser = await launch();

await journey(async () => {
  const page = await open(browser);
  const tv = await discover(own, oc.None());
  const speaker = await discover(other, oc.None());
  const scope = 'openid profile email offline_access';
  const begin = async (config) => {
    const codes = await oc.initiateDeviceAuthorization(config, { scope });
    const tokens = oc.pollDeviceAuthorizationGrant(config, codes, undefined, { signal: AbortSignal.timeout(60_000) });
    tokens.catch(() => {}); // looked at below
    return { codes, tokens };
  };
  const done = (there) => there.pathname === '/device/done';

  const one = await begin(tv);
  check('the code is short enough to type', /^[A-Z]{4}-[A-Z]{4}$/.test(one.codes.user_code), one.codes);
  await page.goto(one.codes.verification_uri);
  await page.locator('input[name=user_code]').fill('BBBB-BBBB');
  await moved(page, page.locator('main button').first());
  equal('a code that no device shows is told at the field', await page.locator('input[name=user_code]').getAttribute('aria-invalid'), 'true');
  const typed = one.codes.user_code.toLowerCase().replace('-', ' ');
  equal('the person types the code in their own way, signs in and confirms', await follow(page, { address: as, userCode: typed, until: done }), ['user-code', 'address', 'code', 'consent']);
  await keep(page, 'device-connected');
  const { email, sub } = (await one.tokens).claims();
  equal('the device gets tokens of that person', email, as);
  equal('its refresh token works', (await oc.refreshTokenGrant(tv, (await one.tokens).refresh_token)).claims().sub, sub);

  const [two, three] = [await begin(tv), await begin(speaker)];
  await page.goto(two.codes.verification_uri_complete);
  equal('who was led here finds the code typed', await page.locator('input[name=user_code]').inputValue(), two.codes.user_code);
  equal('and may say no', await follow(page, { address: as, userCode: two.codes.user_code, decision: 'deny', until: done }), ['user-code', 'consent']);
  await page.goto(three.codes.verification_uri_complete);
  await moved(page, page.locator('main button').first());
  const words = await page.locator('main').innerText();
  check('a device of somebody else says what it would see', words.includes('Speaker') && words.includes(as), words);
  await keep(page, 'device-third-party');
  equal('and is confirmed on the same page', await follow(page, { address: as, until: done }), ['consent']);
  equal('the device that was refused learns it', await refusal(two.tokens), 'access_denied');
  equal('the other gets its tokens', (await three.tokens).claims().email, as);
  equal('a code works once', await refusal(oc.genericGrantRequest(tv, 'urn:ietf:params:oauth:grant-type:device_code', { device_code: one.codes.device_code })), 'invalid_grant');
}, async () => browser.close());
