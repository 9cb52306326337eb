// An authenticator app, from its set-up inside a sign-in to the day its phone is lost, in Chromium: every page looked at, by keyboard
// alone, and without JavaScript. PARTY: an app of plain pages, on a server that asks everybody for a second factor.
import { readFile } from 'node:fs/promises';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';
import { mailedCode, moved, ORIGIN } from '../lib/person.mjs';
import { app } from '../lib/totp.mjs';

const { PARTY } = process.env;
const browser = await launch();
const complaints = [];

async function visitor(options) {
  const page = await open(browser, options);
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}
const press = (page) => moved(page, page.locator('#sign-in'));
const give = async (page, id, value) => { await page.fill(id, value); await press(page); };
const prove = async (page, address) => {
  await page.goto(`${PARTY}/sign-in`);
  await give(page, '#identifier', address);
  await give(page, '#code', await mailedCode(address));
};
const hello = (page) => page.locator('#hello').innerText();
const heading = (page) => page.locator('h1').innerText();

await journey(async () => {
  const page = await visitor();
  await prove(page, 'ann@example.com');
  equal('set-up: nobody is in before it', await heading(page), 'Add a second step');
  await look(page, 'protect');
  await press(page);
  await look(page, 'authenticator');
  await page.locator('summary').click();
  const key = (await page.locator('#the-key').innerText()).trim();
  const shown = app(key);
  check('set-up: the key stands in groups of four', /^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/.test(key), key);
  await look(page, 'authenticator-key');
  const dark = await page.locator('.qr path').evaluateAll((paths) => paths.map((p) => getComputedStyle(p).fill));
  equal('set-up: the QR code is black on white', dark, ['rgb(255, 255, 255)', 'rgb(0, 0, 0)']);
  await give(page, '#code', '000000');
  await look(page, 'authenticator-wrong');
  await give(page, '#code', await shown());
  equal('set-up: the recovery codes come next', await heading(page), 'Keep your recovery codes');
  await look(page, 'recovery-codes');
  const codes = (await page.locator('#the-codes').innerText()).split('\n');
  equal('set-up: there are ten of them', codes.length, 10);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('a[download]').click()]);
  const file = await readFile(await download.path(), 'utf8');
  check('set-up: the file has them all, and says whose they are', codes.every((one) => file.includes(one)) && file.includes('ann@example.com'), file);
  await press(page);
  equal('set-up: it ends at the app', await hello(page), 'Hello ann@example.com');

  const second = await visitor();
  await prove(second, 'ann@example.com');
  await look(second, 'second-factor');
  check('second factor: the field is focused', await second.waitForFunction(() => document.activeElement.id === 'code').then(() => true));
  await give(second, '#code', '12345');
  await look(second, 'second-factor-short');
  await second.locator('[name=trust]').check();
  await give(second, '#code', await shown());
  equal('second factor: it signs in', await hello(second), 'Hello ann@example.com');
  await second.goto(`${ORIGIN}/account`);
  await look(second, 'account-second-factor');
  await second.locator('header button').click();
  await prove(second, 'ann@example.com');
  equal('trusted device: it is not asked again', await hello(second), 'Hello ann@example.com');

  const lost = await visitor();
  await prove(lost, 'ann@example.com');
  await moved(lost, lost.locator('a', { hasText: 'recovery code' }));
  await look(lost, 'second-factor-recovery');
  await give(lost, '#code', codes[0].toUpperCase().replaceAll('-', ' '));
  equal('recovery code: it signs in', await hello(lost), 'Hello ann@example.com');
  const again = await visitor();
  await prove(again, 'ann@example.com');
  await moved(again, again.locator('a', { hasText: 'recovery code' }));
  await give(again, '#code', codes[0]);
  equal('recovery code: it does so once', await heading(again), 'One more step');
  await look(again, 'second-factor-recovery-used');

  const typist = await visitor();
  await prove(typist, 'ann@example.com');
  await typist.waitForFunction(() => document.activeElement.id === 'code');
  await typist.keyboard.type(await shown());
  await typist.keyboard.press('Enter');
  await typist.locator('#hello').waitFor();
  check('keyboard: the second factor needs no mouse', true);

  const plain = await visitor({ javaScriptEnabled: false });
  const next = () => plain.locator('#sign-in').click();
  await plain.goto(`${PARTY}/sign-in`);
  await plain.fill('#identifier', 'joe@example.com');
  await next();
  await plain.fill('#code', await mailedCode('joe@example.com'));
  await next();
  await next();
  await plain.locator('summary').click();
  const joes = app(await plain.locator('#the-key').innerText());
  await plain.fill('#code', await joes());
  await next();
  const [plainly] = await Promise.all([plain.waitForEvent('download'), plain.locator('a[download]').click()]);
  check('without JavaScript: the codes can be downloaded', (await readFile(await plainly.path(), 'utf8')).includes('joe@example.com'));
  await next();
  equal('without JavaScript: the set-up ends at the app', await hello(plain), 'Hello joe@example.com');

  equal('no page has an error in its console', complaints, []);
}, () => browser.close());
