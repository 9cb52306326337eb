// A person with a password, in Chromium: by mouse, by keyboard and without JavaScript, on every page on the way.
// PARTY: an app of plain pages. FIRST: code or password, what the server asks for first. HORSE is Ann's password, GOOSE her next one.
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';
import { mailedCode, moved, ORIGIN } from '../lib/person.mjs';

const { PARTY, FIRST, HORSE, GOOSE } = process.env;
const browser = await launch();
const complaints = [];
const ANN = 'ann@example.com';

async function visitor(options) {
  const page = await open(browser, options);
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

const go = (page, selector) => moved(page, page.locator(selector).first());

// toPassword leads to the page that asks for Ann's password.
async function toPassword(page) {
  await page.goto(`${PARTY}/sign-in`);
  await page.fill('#identifier', ANN);
  if (FIRST === 'password') return;
  await go(page, '#sign-in');
  await mailedCode(ANN);
  await go(page, 'a[href^="/sign-in/password"]');
}

async function forgot(page) {
  await go(page, 'a[href^="/sign-in/forgot"]');
}

await journey(async () => {
  const page = await visitor();
  await page.goto(`${PARTY}/sign-in`);
  await look(page, `password-${FIRST}-sign-in`);
  await toPassword(page);
  if (FIRST === 'code') {
    equal('the address is there for the password manager, and cannot be changed', await page.locator('#identifier').evaluate((i) => [i.value, i.readOnly, i.autocomplete]), [ANN, true, 'username']);
    check('the field for the password has the focus', await page.waitForFunction(() => document.activeElement.id === 'password').then(() => true, () => false));
  }
  await look(page, `password-${FIRST}`);
  await page.fill('#password', GOOSE);
  await page.click('[data-reveal=password]');
  equal('Show shows it', await page.getAttribute('#password', 'type'), 'text');
  await page.click('[data-reveal=password]');
  equal('Hide hides it', await page.getAttribute('#password', 'type'), 'password');
  await go(page, '#sign-in');
  const off = await page.locator('#password').evaluate((i) => [i.getAttribute('aria-invalid'), document.getElementById(i.getAttribute('aria-describedby'))?.textContent.trim().length > 0, i.value, document.title.startsWith('Error:')]);
  equal('a wrong password is said at its field and not repeated', off, ['true', true, '', true]);
  await look(page, `password-${FIRST}-wrong`);
  await page.fill('#password', HORSE);
  await go(page, '#sign-in');
  equal('the right one signs in', await page.locator('#hello').innerText(), `Hello ${ANN}`);

  const lost = await visitor();
  await toPassword(lost);
  await forgot(lost);
  await look(lost, 'password-forgot');
  await lost.fill('#identifier', ANN);
  await go(lost, '#sign-in');
  await lost.fill('#code', await mailedCode(ANN));
  await go(lost, '#sign-in');
  await look(lost, 'password-new');
  check('the rule is said before anything is typed', (await lost.locator('#new-password-hint').innerText()).includes('15'));
  await lost.fill('#new-password', 'too short');
  await go(lost, '#sign-in');
  await look(lost, 'password-new-short');
  await lost.fill('#new-password', GOOSE);
  await go(lost, '#sign-in');
  check('nobody is signed in by that', lost.url().startsWith(`${ORIGIN}/sign-in/password`), lost.url());
  await look(lost, 'password-new-saved');
  await lost.fill('#password', GOOSE);
  await go(lost, '#sign-in');
  equal('the new one signs in', await lost.locator('#hello').innerText(), `Hello ${ANN}`);
  await page.goto(`${ORIGIN}/account`);
  check('the browser from before is signed out', page.url().startsWith(`${ORIGIN}/sign-in`), page.url());

  await lost.goto(`${ORIGIN}/account/password`);
  await look(lost, 'password-account');

  const typist = await visitor();
  await toPassword(typist);
  await typist.focus('#password');
  await typist.keyboard.type(GOOSE);
  await typist.keyboard.press('Tab');
  equal('keyboard: Show follows the field', await typist.evaluate(() => document.activeElement.dataset.reveal), 'password');
  await typist.keyboard.press('Enter');
  equal('keyboard: it shows the password', await typist.getAttribute('#password', 'type'), 'text');
  await typist.keyboard.press('Enter');
  await typist.locator('#hello').waitFor();
  check('keyboard: sign-in needs no mouse', true);

  const plain = await open(browser, { javaScriptEnabled: false });
  await toPassword(plain);
  check('without JavaScript: there is no button that does nothing', !(await plain.locator('[data-reveal]').first().isVisible()));
  await plain.fill('#password', GOOSE);
  await go(plain, '#sign-in');
  equal('without JavaScript: the password signs in', await plain.locator('#hello').innerText(), `Hello ${ANN}`);
  const bare = await open(browser, { javaScriptEnabled: false });
  await toPassword(bare);
  await forgot(bare);
  await bare.fill('#identifier', ANN);
  await go(bare, '#sign-in');
  await bare.fill('#code', await mailedCode(ANN));
  await go(bare, '#sign-in');
  await bare.fill('#new-password', HORSE);
  await go(bare, '#sign-in');
  await bare.fill('#password', HORSE);
  await go(bare, '#sign-in');
  equal('without JavaScript: a forgotten password is replaced', await bare.locator('#hello').innerText(), `Hello ${ANN}`);

  equal('no page has an error in its console', complaints, []);
}, () => browser.close());
