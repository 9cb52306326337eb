// The account page with every panel, as its person uses it: looked at, by keyboard, and without JavaScript.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';
import { mailedCode, moved, ORIGIN } from '../lib/person.mjs';

const browser = await launch();
const complaints = [];

async function visitor(options) {
  const page = await open(browser, options);
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

const press = (page, selector) => moved(page, page.locator(selector).first());
const status = (page) => page.locator('[role=status]').first().innerText();
const says = async (page, what, text) => check(what, (await page.locator('main').innerText()).includes(text), await page.locator('main').innerText());

// enter answers the sign-in pages.
async function enter(page, address) {
  await page.fill('#identifier', address);
  await press(page, '#sign-in');
  await page.fill('#code', await mailedCode(address));
  await press(page, '#sign-in');
}

// picture is a PNG of one colour, drawn by the browser.
async function picture(page) {
  const data = await page.evaluate(() => {
    const canvas = document.createElement('canvas');
    canvas.width = 900;
    canvas.height = 600;
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#0f6a52';
    pen.fillRect(0, 0, 900, 600);
    return canvas.toDataURL('image/png').split(',')[1];
  });
  return { name: 'me.png', mimeType: 'image/png', buffer: Buffer.from(data, 'base64') };
}

await journey(async () => {
  const page = await visitor();
  await page.goto(`${ORIGIN}/account`);
  check('nobody: the account page asks who is there', page.url().includes('/sign-in?flow='), page.url());
  await enter(page, 'ann@example.com');
  check('the sign-in comes back to the account page', page.url() === `${ORIGIN}/account`, page.url());
  await look(page, 'account-new');

  const phone = await visitor({ userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1' });
  await phone.goto(`${ORIGIN}/account`);
  await enter(phone, 'ann@example.com');

  await page.fill('#profile-name', 'Ann Example');
  await page.selectOption('#profile-locale', 'en');
  await press(page, '#profile-save');
  equal('profile: saved', await status(page), 'Saved.');
  equal('profile: the name stands on top', await page.locator('h1').innerText(), 'Ann Example');
  await page.fill('#profile-zoneinfo', 'Nowhere/At all');
  await press(page, '#profile-save');
  equal('profile: a time zone that is none is named at its field', await page.locator('#profile-zoneinfo').getAttribute('aria-invalid'), 'true');
  await look(page, 'account-bad-time-zone');

  await page.setInputFiles('#picture', await picture(page));
  await press(page, '#send-picture');
  const drawn = await page.locator('img.avatar').first().evaluate((img) => [img.naturalWidth, img.naturalHeight]);
  equal('picture: it is shown, at most 512 pixels', drawn, [512, 341]);
  await page.setInputFiles('#picture', { name: 'me.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') });
  await press(page, '#send-picture');
  await look(page, 'account-bad-picture');
  await page.goto(`${ORIGIN}/account`);
  await press(page, '#remove-picture');
  equal('picture: it can be taken away', await page.locator('img.avatar').count(), 0);

  await page.fill('#new-address', 'two@example.com');
  await press(page, '#add-address');
  await look(page, 'account-address');
  await page.fill('#code', '000000');
  await press(page, '#sign-in');
  await look(page, 'account-address-wrong');
  await page.fill('#code', await mailedCode('two@example.com'));
  await press(page, '#sign-in');
  await says(page, 'address: confirmed', 'The address is confirmed.');
  await page.fill('#new-address', 'three@example.com');
  await press(page, '#add-address');
  await page.goto(`${ORIGIN}/account`);
  await look(page, 'account');
  await press(page, 'form[action="/account/addresses/primary"] button');
  await says(page, 'address: another main one', 'Apps see your new main address');
  await phone.goto(`${ORIGIN}/account`);
  check('address: a new main one signs the phone out', phone.url().includes('/sign-in?flow='), phone.url());
  await enter(phone, 'two@example.com');

  await page.goto(`${ORIGIN}/account`);
  check('devices: the phone is listed', (await page.locator('#devices').innerText()).includes('Safari (iPhone)'), await page.locator('#devices').innerText());
  await press(page, 'form[action="/account/devices/end"] button');
  await says(page, 'devices: one is signed out', 'That device is signed out.');
  await phone.goto(`${ORIGIN}/account`);
  check('devices: it is', phone.url().includes('/sign-in?flow='), phone.url());

  await page.goto(`${ORIGIN}/account/activity`);
  await look(page, 'account-activity');
  await says(page, 'activity: in words', 'became your main address');

  await page.goto(`${ORIGIN}/account`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#download').click()]);
  const file = path.join(os.tmpdir(), `account-${process.pid}.json`);
  await download.saveAs(file);
  const everything = JSON.parse(fs.readFileSync(file, 'utf8'));
  fs.rmSync(file);
  check('data: one file with everything', everything.format === 'gatelatch-account/1' && everything.addresses.length === 3 && everything.events.length > 5, everything);

  const german = await visitor({ locale: 'de-DE' });
  await german.goto(`${ORIGIN}/account`);
  await enter(german, 'ida@example.com');
  equal('German: the page says so', await german.evaluate('document.documentElement.lang'), 'de');
  await look(german, 'account-german');

  // By keyboard alone, and the focus is always seen.
  const unseen = [];
  const stops = [];
  await page.goto(`${ORIGIN}/account`);
  for (let n = 0; n < 80; n++) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return { element: element.outerHTML.slice(0, 80), id: element.id || element.textContent.trim(), seen: (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || boxShadow !== 'none' };
    });
    if (!focus) break;
    stops.push(focus.id);
    if (!focus.seen) unseen.push(focus.element);
  }
  equal('keyboard: wherever the focus is, it is seen', unseen, []);
  check('keyboard: it reaches every panel', ['new-address', 'end-all', 'picture', 'profile-save', 'all-activity', 'download', 'delete-account'].every((id) => stops.includes(id)), stops);
  await page.locator('#profile-name').focus();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('Ann by keyboard');
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
  equal('keyboard: a form is sent', await page.locator('h1').innerText(), 'Ann by keyboard');

  // Without JavaScript.
  const plain = await open(browser, { javaScriptEnabled: false });
  const click = (selector) => plain.locator(selector).first().click();
  await plain.goto(`${ORIGIN}/account`);
  await plain.fill('#identifier', 'joe@example.com');
  await click('#sign-in');
  await plain.fill('#code', await mailedCode('joe@example.com'));
  await click('#sign-in');
  await plain.fill('#profile-name', 'Joe');
  await click('#profile-save');
  equal('without JavaScript: the profile is saved', await plain.locator('h1').innerText(), 'Joe');
  await plain.fill('#new-address', 'joe-two@example.com');
  await click('#add-address');
  await plain.fill('#code', await mailedCode('joe-two@example.com'));
  await click('#sign-in');
  check('without JavaScript: an address is added', (await plain.locator('#addresses').innerText()).includes('joe-two@example.com'));
  await click('#delete-account');
  await plain.fill('#address', 'joe@example.com');
  await click('#delete');
  check('without JavaScript: the account is deleted', plain.url().endsWith('/account/deleted'), plain.url());

  await press(page, '#delete-account');
  await look(page, 'account-delete');
  await page.fill('#address', 'ann');
  await page.locator('#address').evaluate((input) => { input.form.noValidate = true; });
  await page.fill('#address', 'somebody@example.com');
  await press(page, '#delete');
  await look(page, 'account-delete-other');
  await page.fill('#address', 'two@example.com');
  await press(page, '#delete');
  await look(page, 'account-deleted');
  await page.goto(`${ORIGIN}/account`);
  await enter(page, 'two@example.com');
  await look(page, 'account-leaving');
  await press(page, '#keep');
  await says(page, 'leaving: whoever stays is told so', 'Your account stays.');

  equal('no page has an error in its console', complaints, []);
}, () => browser.close());
