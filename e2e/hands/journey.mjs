// Everything a person does here, done twice: by somebody who has a keyboard and no mouse, and by somebody whose browser runs no scripts.
// PARTY: an app. SETUP: the link that makes the first admin. GATELATCH, DATA: the program and its data folder.
// New people are asked for a first name, and to accept the terms.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { reach } from '../lib/keyboard.mjs';
import { look } from '../lib/look.mjs';
import { ISSUER, mailedCode, ORIGIN } from '../lib/person.mjs';
import { app } from '../lib/totp.mjs';

const { PARTY, SETUP, GATELATCH, DATA } = process.env;
const browser = await launch();
const complaints = [];
const horse = 'seventeen horses at dawn';

// gatelatch runs a command of the program.
const gatelatch = async (...args) => (await promisify(execFile)(GATELATCH, [...args, '--data', DATA])).stdout;

// mailedLink waits for a mail to an address whose subject starts so, and returns its link.
async function mailedLink(address, subject) {
  for (const until = Date.now() + 20_000; Date.now() < until;) {
    const mails = (await gatelatch('inbox', '--json')).trim().split('\n').filter(Boolean).map(JSON.parse);
    const found = mails.findLast((mail) => mail.to === address && mail.subject.startsWith(subject) && mail.link);
    if (found) return found.link;
    await new Promise((again) => { setTimeout(again, 200); });
  }
  throw new Error(`no mail "${subject}" to ${address}`);
}

// keyboard has Tab, Enter, Space and letters. On every page it comes to, it looks where the focus is.
async function keyboard() {
  const page = await open(browser);
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`${page.url()}: ${message.text()}`);
  });
  const astray = [];
  let before = ['', ''];
  const arrived = async () => {
    await page.waitForLoadState('load');
    const wanted = await page.evaluate(() => (document.querySelector('[aria-invalid=true]') ?? document.querySelector('[autofocus]'))?.id ?? '');
    if (wanted) await page.waitForFunction((id) => document.activeElement.id === id, wanted, { timeout: 5000 }).catch(() => {});
    const seen = await page.evaluate(([path, title]) => {
      const bad = document.querySelector('[aria-invalid=true]');
      const named = (bad?.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent.trim() ?? '');
      return {
        focus: document.activeElement.id,
        error: bad ? document.title.startsWith('Error:') && named.some(Boolean) : true,
        same: location.pathname !== path && document.title === title,
        now: [location.pathname, document.title],
      };
    }, before);
    if (wanted && seen.focus !== wanted) astray.push(`${page.url()}: the focus is on #${seen.focus}, not on #${wanted}`);
    if (!seen.error) astray.push(`${page.url()}: the error is not named by field and title`);
    if (seen.same) astray.push(`${page.url()}: is called as the page before, ${seen.now[1]}`);
    before = seen.now;
  };
  const press = async (selector, key = 'Enter') => {
    await reach(page, selector);
    await Promise.all([page.waitForEvent('load'), page.keyboard.press(key)]);
    await arrived();
  };
  return {
    page, press, astray,
    name: 'keyboard',
    go: async (url) => { await page.goto(url); await arrived(); },
    type: async (selector, text) => {
      await reach(page, selector);
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type(text);
    },
    tick: async (selector) => { await reach(page, selector); await page.keyboard.press('Space'); },
    unfold: async (selector) => { await reach(page, selector); await page.keyboard.press('Enter'); },
  };
}

// plain has a mouse, and a browser without JavaScript.
async function plain() {
  const page = await open(browser, { javaScriptEnabled: false });
  const first = (selector) => page.locator(selector).first();
  return {
    page, astray: [],
    name: 'without JavaScript',
    go: (url) => page.goto(url),
    type: (selector, text) => first(selector).fill(text),
    tick: (selector) => first(selector).check(),
    unfold: (selector) => first(selector).click(),
    press: async (selector) => { await first(selector).click(); await page.waitForLoadState('load'); },
  };
}

const text = (hand, selector = 'main') => hand.page.locator(selector).first().innerText();
const says = async (hand, sentence, words) => check(`${hand.name}: ${sentence}`, (await text(hand)).includes(words), await text(hand));
const greeted = async (hand, sentence, address) => equal(`${hand.name}: ${sentence}`, await text(hand, '#hello').catch(() => hand.page.url()), `Hello ${address}`);

// begin goes from the app to the page for the code.
async function begin(hand, address) {
  await hand.go(`${PARTY}/sign-in`);
  await hand.type('#identifier', address);
  await hand.press('#sign-in');
}

// code types the mailed code.
async function code(hand, address) {
  await hand.type('#code', await mailedCode(address));
  await hand.press('#sign-in');
}

// details answers what is asked of somebody who is new, once wrongly.
async function details(hand, shots) {
  if (shots) await look(hand.page, 'details');
  await hand.type('#details-given_name', ' ');
  await hand.press('#sign-in');
  await says(hand, 'details: what is missing is said', 'Fill this in to go on.');
  if (shots) await look(hand.page, 'details-wrong');
  await hand.type('#details-given_name', 'Ann');
  await hand.tick('#accept');
  await hand.press('#sign-in');
}

// everything is a person's way through all of it.
async function everything(hand, address, shots) {
  await begin(hand, address);
  await hand.type('#code', '12');
  await hand.press('#sign-in');
  await says(hand, 'code: one that is too short is said to be', 'The code has 6');
  await code(hand, address);
  await details(hand, shots);
  await greeted(hand, 'sign-up: it ends at the app', address);

  await hand.go(`${ORIGIN}/account`);
  if (hand.name === 'keyboard') { // the browser would say it first
    await hand.type('#new-address', 'nobody');
    await hand.page.locator('#new-address').evaluate((input) => { input.form.noValidate = true; });
    await hand.press('#add-address');
    await says(hand, 'address: one that is none is said to be', 'Enter an e-mail address like');
  }
  await hand.type('#new-address', `two-${address}`);
  await hand.press('#add-address');
  await hand.type('#code', '000000');
  await hand.press('#sign-in');
  await says(hand, 'address: a wrong code is said to be', 'That code is not right.');
  await hand.type('#code', await mailedCode(`two-${address}`));
  await hand.press('#sign-in');
  await says(hand, 'address: it is added', 'The address is confirmed.');

  await hand.press('#account-password');
  await hand.type('#new-password', 'short');
  await hand.press('#save-password');
  await says(hand, 'password: one that is too short is said to be', 'That is too short.');
  await hand.type('#new-password', horse);
  await hand.press('#save-password');
  await says(hand, 'password: it is set', 'Your password is saved.');

  await hand.press('#totp-begin');
  await hand.unfold('summary');
  const shown = app(await text(hand, '#the-key'));
  await hand.type('#code', '000000');
  await hand.press('#sign-in');
  await says(hand, 'authenticator: a wrong code is said to be', 'That code is not right.');
  await hand.type('#code', await shown());
  await hand.press('#sign-in');
  await says(hand, 'authenticator: the recovery codes come next', 'Keep your recovery codes');
  await hand.press('#sign-in');
  await says(hand, 'authenticator: it is on', '10\u00a0codes left');
  await hand.press('#recovery-new');
  await says(hand, 'recovery codes: the second step comes first', 'One more step');
  await hand.type('#code', await shown());
  await hand.press('#sign-in');
  await says(hand, 'recovery codes: it leads back to where they were asked for', 'You have signed in again.');
  await hand.press('#recovery-new');
  await says(hand, 'recovery codes: there are new ones', 'Keep your recovery codes');
  const recovery = (await text(hand, '#the-codes')).split('\n');
  await hand.press('#sign-in');
  check(`${hand.name}: recovery codes: they are kept`, hand.page.url().startsWith(`${ORIGIN}/account`), hand.page.url());
  await hand.press('header button');

  await begin(hand, address);
  await hand.press('a[href^="/sign-in/password"]');
  await hand.type('#password', 'not this one, surely');
  await hand.press('#sign-in');
  await says(hand, 'password: a wrong one is said to be', 'That is not right.');
  await hand.type('#password', horse);
  await hand.press('#sign-in');
  await says(hand, 'second step: it is asked for', 'One more step');
  await hand.type('#code', '12');
  await hand.press('#sign-in');
  await says(hand, 'second step: a code that is too short is said to be', 'The code has 6');
  await hand.type('#code', await shown());
  await hand.press('#sign-in');
  await greeted(hand, 'second step: it signs in', address);

  await hand.go(`${PARTY}/sign-out?ask`);
  await hand.press('#logout-confirm');
  await begin(hand, address);
  await hand.press('a[href^="/sign-in/password"]');
  await hand.type('#password', horse);
  await hand.press('#sign-in');
  await hand.press('a[href*="recovery"]');
  await hand.type('#code', recovery[0]);
  await hand.press('#sign-in');
  await greeted(hand, 'recovery code: it signs in', address);

  const denied = await mailedLink(address, 'Your account has a password now');
  await hand.go(denied);
  if (shots) await look(hand.page, 'not-me');
  await says(hand, 'not me: it asks first, and says what it takes back', 'Was this not you?');
  await hand.press('#sign-in');
  if (shots) await look(hand.page, 'not-me-done');
  await says(hand, 'not me: everything is stopped', 'It is stopped');
  await hand.press('.btn.primary');
  await code(hand, address);
  check(`${hand.name}: not me: the code of its mail leads in again`, !(await text(hand)).includes('Enter'), await text(hand));

  await hand.go(`${ORIGIN}/account`);
  await hand.press('#delete-account');
  await hand.type('#address', 'somebody@example.com');
  await hand.press('#delete');
  await says(hand, 'leaving: another address is said to be another', 'That is not your address.');
  await hand.type('#address', address);
  await hand.press('#delete');
  check(`${hand.name}: leaving: the account is deleted`, hand.page.url().endsWith('/account/deleted'), hand.page.url());
  await begin(hand, address);
  await code(hand, address);
  await says(hand, 'leaving: whoever comes back is asked', 'about to be deleted');
  await hand.press('#keep');
  await greeted(hand, 'leaving: whoever stays goes on to the app', address);
}

// invited accepts an invitation that was mailed, and one that somebody passed on.
async function invited(hand, address, shots) {
  await gatelatch('invite', 'create', address);
  const link = await mailedLink(address, 'You are invited');
  await hand.go(link);
  if (shots) await look(hand.page, 'invitation');
  await hand.press('#sign-in');
  await details(hand);
  check(`${hand.name}: invitation: the mailed one needs no code`, (await text(hand)).includes(address), await text(hand));
  await hand.go(link);
  if (shots) await look(hand.page, 'invitation-used');
  await says(hand, 'invitation: a used one is said to be', 'used already');
}

// lettered uses a link of an administrator.
async function lettered(hand, address, shots) {
  await gatelatch('user', 'create', address);
  const link = (await gatelatch('user', 'link', address)).split('\n')[0];
  await hand.go(link);
  if (shots) await look(hand.page, 'letter');
  await hand.press('#sign-in');
  await details(hand);
  check(`${hand.name}: letter: it signs in`, (await text(hand)).includes(address), await text(hand));
  await hand.go(link);
  await says(hand, 'letter: it does so once', 'too old');
}

// asked lets an application of somebody else, and a device, use the account.
async function asked(hand, address, shots) {
  const reader = JSON.parse(await gatelatch('app', 'create', 'Reader', '--json', '--first-party=false', '--redirect-uri', `${PARTY}/elsewhere`));
  const request = new URLSearchParams({ client_id: reader.client_id, redirect_uri: reader.redirect_uris[0], response_type: 'code', scope: 'openid email', state: 'kept', nonce: 'once' });
  await hand.go(`${ISSUER}/authorize?${request}`);
  await hand.type('#identifier', address);
  await hand.press('#sign-in');
  await code(hand, address);
  await details(hand);
  if (shots) await look(hand.page, 'consent');
  await says(hand, 'consent: it is asked for', 'Allow Reader to use your account?');
  await hand.press('#consent-allow');
  const answer = new URL(hand.page.url());
  check(`${hand.name}: consent: it leads back to the application`, answer.pathname === '/elsewhere' && answer.searchParams.has('code') && answer.searchParams.get('state') === 'kept', answer.href);

  const tv = JSON.parse(await gatelatch('app', 'create', 'Television', '--type', 'native', '--json', '--grant-type', 'device_code'));
  const response = await fetch(`${ISSUER}/device_authorization`, { method: 'POST', body: new URLSearchParams({ client_id: tv.client_id, scope: 'openid' }) });
  const shown = await response.json();
  await hand.go(shown.verification_uri);
  if (shots) await look(hand.page, 'device');
  await hand.type('#user-code', 'BBBB-BBBB');
  await hand.press('main form button');
  await says(hand, 'device: a code that no device shows is said to be one', 'No device shows this code now.');
  await hand.type('#user-code', shown.user_code);
  await hand.press('main form button');
  if (shots) await look(hand.page, 'device-confirm');
  await says(hand, 'device: it asks once more', 'Connect Television to your account?');
  await hand.press('#consent-allow');
  await says(hand, 'device: it is connected', 'Connected');
}

await journey(async () => {
  const admin = await keyboard();
  await admin.go(SETUP);
  await admin.type('#name', 'Ada Example');
  await admin.type('#identifier', 'ada@example.com');
  await admin.press('#sign-in');
  await says(admin, 'set-up: the first admin is in', 'Ada Example');

  for (const [hands, who] of [[keyboard, 'kim'], [plain, 'joe']]) {
    const shots = hands === keyboard;
    const [one, two, three, four] = [await hands(), await hands(), await hands(), await hands()];
    await everything(one, `${who}@example.com`, shots);
    await invited(two, `${who}-invited@example.com`, shots);
    await lettered(three, `${who}-letter@example.com`, shots);
    await asked(four, `${who}-asked@example.com`, shots);
    equal(`${one.name}: the focus was always where it has to be, and titles tell pages apart`, [one, two, three, four, admin].flatMap((hand) => hand.astray), []);
  }
  equal('no page has an error in its console', complaints, []);
}, () => browser.close());
