// People who sign in by username, in Chromium with JavaScript and without: sign-up, a password, and the ways back in.
// PARTY: an app of plain pages. HORSE is a password.
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';
import { mailedCode, moved, ORIGIN } from '../lib/person.mjs';

const { PARTY, HORSE } = process.env;
const browser = await launch();
const complaints = [];

async function visitor(javaScriptEnabled) {
  const page = await open(browser, { javaScriptEnabled });
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

const go = (page, selector) => moved(page, page.locator(selector).first());

// person walks all the way; with(out) JavaScript.
async function person(javaScriptEnabled, local) {
  const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';
  const address = `${local}@example.com`;
  const seen = async (page, name) => javaScriptEnabled && look(page, name);
  const hello = async (page, what) => equal(`${how}: ${what}`, await page.locator('#hello').innerText(), `Hello ${address}`);

  const page = await visitor(javaScriptEnabled);
  await page.goto(`${PARTY}/sign-in`);
  const field = await page.locator('#identifier').evaluate((i) => [i.type, i.autocomplete, i.getAttribute('autocapitalize'), i.getAttribute('spellcheck')]);
  equal(`${how}: the field takes a username`, field, ['text', 'username webauthn', 'none', 'false']);
  await seen(page, 'username-sign-in');
  await page.fill('#identifier', address);
  await go(page, '#sign-in');
  equal(`${how}: an address is not taken for one`, await page.getAttribute('#identifier', 'aria-invalid'), 'true');
  await seen(page, 'username-sign-in-wrong');
  await go(page, 'a[href*="by=address"]');
  await seen(page, 'username-by-address');
  await page.fill('#identifier', address);
  await go(page, '#sign-in');
  await page.fill('#code', await mailedCode(address));
  await go(page, '#sign-in');
  equal(`${how}: a free name is suggested`, await page.inputValue('#username'), local);
  await seen(page, 'username-details');
  await page.fill('#username', 'root');
  await go(page, '#sign-in');
  equal(`${how}: a name of the server's is refused`, await page.getAttribute('#username', 'aria-invalid'), 'true');
  await seen(page, 'username-details-taken');
  await page.fill('#username', `${local.toUpperCase()}.Example`);
  await go(page, '#sign-in');
  if (new URL(page.url()).pathname === '/sign-in/passkey-offer') await page.goto(`${PARTY}/sign-in`);
  await hello(page, 'sign-up ends at the app');
  await page.goto(`${ORIGIN}/account`);
  await seen(page, 'username-account');
  await page.fill('#username', `${local}.two`);
  await go(page, '#save-username');
  equal(`${how}: it is changed on the account page`, await page.inputValue('#username'), `${local}.two`);
  await page.goto(`${ORIGIN}/account/password`);
  await page.fill('#new-password', HORSE);
  await go(page, 'form[action="/account/password"] button:not([type=button])');
  await page.goto(`${ORIGIN}/account`);
  await go(page, 'form[action="/sign-out"] button');
  await page.goto(`${ORIGIN}/account`);
  check(`${how}: signed out`, page.url().startsWith(`${ORIGIN}/sign-in`), page.url());

  const back = await visitor(javaScriptEnabled);
  await back.goto(`${PARTY}/sign-in`);
  await back.fill('#identifier', `${local}.TWO`);
  await go(back, '#sign-in');
  check(`${how}: the page does not say where the code went`, !(await back.content()).includes(address));
  await seen(back, 'username-code');
  const code = await mailedCode(address);
  await go(back, 'a[href^="/sign-in/password"]');
  await seen(back, 'username-password');
  await back.fill('#password', HORSE);
  await go(back, '#sign-in');
  await hello(back, 'the password signs in');

  const again = await visitor(javaScriptEnabled);
  await again.goto(`${PARTY}/sign-in`);
  await again.fill('#identifier', `${local}.two`);
  await go(again, '#sign-in');
  const fresh = await mailedCode(address);
  check(`${how}: every sign-in has a code of its own`, fresh !== code);
  await again.fill('#code', fresh);
  await go(again, '#sign-in');
  await hello(again, 'the code signs in');
}

await journey(async () => {
  await person(false, 'ann');
  await person(true, 'bob');
  equal('no page has an error in its console', complaints, []);
}, () => browser.close());
