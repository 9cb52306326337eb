// Passkeys, from the offer after sign-up to the removal of the last one, in Chromium with an authenticator that only it has.
// PARTY: an app. VAULT: one that takes no sign-in without a key (required_acr phr).
import { authenticator } from '../lib/authenticator.mjs';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';
import { mailedCode, moved, ORIGIN } from '../lib/person.mjs';

const { PARTY, VAULT } = process.env;
const browser = await launch();
const complaints = [];

async function visitor(options) {
  const page = await open(browser, options);
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error}`));
  return page;
}

// code signs in as far as a mailed code leads.
async function code(page, party, address) {
  await page.goto(`${party}/sign-in`);
  await page.fill('#identifier', address);
  await moved(page, page.locator('#sign-in'));
  await page.fill('#code', await mailedCode(address));
  await moved(page, page.locator('#sign-in'));
}

// synced is her passkey as it arrives on another device. Chromium's authenticator counts what synced ones never do, so the count goes on.
let count = 0;
const synced = (key) => ({ ...key, signCount: count += 100 });

const text = (page, selector = 'main') => page.locator(selector).first().innerText();
const hello = (page) => text(page, '#hello').catch(() => `${page.url()}`);

await journey(async () => {
  // Somebody whose device has no lock is not offered what it cannot do.
  const plain = await visitor();
  await code(plain, PARTY, 'plain@example.com');
  equal('offer: none where the device cannot', await hello(plain), 'Hello plain@example.com');

  const ann = await visitor();
  const lock = await authenticator(ann);
  await ann.goto(`${PARTY}/sign-in`);
  check('sign-in: the button shows where there is a script', await ann.locator('#passkey').isVisible());
  await look(ann, 'passkey-sign-in');
  await code(ann, PARTY, 'ann@example.com');
  check('offer: comes after sign-up', (await text(ann)).includes('fingerprint, face or screen lock'), ann.url());
  await look(ann, 'passkey-offer');
  await lock.refuse();
  await ann.locator('#passkey').click();
  await ann.waitForFunction(() => document.querySelector('[role=status]').textContent.startsWith('No passkey was created'));
  check('offer: the lock said no, and the page says so', true);
  await look(ann, 'passkey-offer-cancelled');
  await lock.agree();
  await ann.locator('#passkey').focus();
  await Promise.all([ann.waitForEvent('load'), ann.keyboard.press('Enter')]);
  check('offer: the passkey is saved, by keyboard', (await text(ann, 'h1')) === 'Your passkey is saved', await text(ann));
  await look(ann, 'passkey-made');
  await moved(ann, ann.locator('#go-on'));
  equal('offer: then it goes on to the app', await hello(ann), 'Hello ann@example.com');
  const keys = await lock.keys();
  check('offer: the passkey can be found without a name', keys.length === 1 && keys[0].isResidentCredential && keys[0].rpId === 'localhost', keys);

  // The account page: another one, with a name of its own, and then none.
  await ann.goto(`${ORIGIN}/account`);
  check('account: the passkey stands on top', (await text(ann, '#ways .rows li')).includes('Chrome'), await text(ann, '#ways'));
  await look(ann, 'account-passkeys');
  await moved(ann, ann.locator('#passkey-add'));
  await ann.locator('#passkey').click();
  await ann.waitForFunction(() => document.querySelector('[role=status]').textContent.startsWith('There is a passkey for you'));
  check('account: one device makes one passkey', (await lock.keys()).length === 1);
  await look(ann, 'account-passkey-new');
  await ann.goto(`${ORIGIN}/account`);
  await moved(ann, ann.locator('#ways a[href*="passkey?id="]').first());
  await look(ann, 'account-passkey');
  await ann.fill('#name', 'My laptop');
  await ann.keyboard.press('Enter');
  await ann.waitForURL(/done=ways/);
  check('account: it has another name', (await text(ann, '#ways')).includes('My laptop'), await text(ann, '#ways'));

  // The same passkey on another device of hers.
  const phone = await visitor();
  const second = await authenticator(phone);
  await second.ignore();
  await second.give(synced(keys[0]));
  await phone.goto(`${PARTY}/sign-in`);
  await second.refuse();
  await second.notice();
  await phone.locator('#passkey').click();
  await phone.waitForFunction(() => document.querySelector('form[data-passkey] [role=status]').textContent.startsWith('No passkey was used'));
  equal('cancelled: a quiet note', await text(phone, 'form[data-passkey] [role=status]'), 'No passkey was used. Continue with your e-mail.');
  await look(phone, 'passkey-cancelled');
  await second.agree();
  await moved(phone, phone.locator('#passkey'));
  equal('sign-in: by the button', [await hello(phone), await text(phone, '#acr')], ['Hello ann@example.com', 'phr']);

  // The address field suggests it: with the lock at hand nothing has to be pressed.
  const tablet = await visitor();
  const third = await authenticator(tablet);
  await third.give(synced(keys[0]));
  await tablet.goto(`${ORIGIN}/signed-out`);
  equal('sign-in: Chromium can suggest passkeys', await tablet.evaluate(() => PublicKeyCredential.isConditionalMediationAvailable()), true);
  await tablet.goto(`${PARTY}/sign-in`);
  await tablet.waitForSelector('#hello');
  equal('sign-in: by the suggestion of the address field', [await hello(tablet), await text(tablet, '#acr')], ['Hello ann@example.com', 'phr']);

  // An app that takes nothing less: a code is asked for more, and the passkey is the second step.
  const desk = await visitor();
  await code(desk, VAULT, 'ann@example.com');
  equal('second step: a code is not enough', await text(desk, 'h1'), 'One more step');
  await look(desk, 'second-factor');
  const stick = await authenticator(desk);
  await stick.give(synced(keys[0]));
  await desk.reload();
  await moved(desk, desk.locator('#passkey'));
  equal('second step: the passkey is', [await hello(desk), await text(desk, '#acr')], ['Hello ann@example.com', 'phr']);

  // Somebody without one makes it inside of the sign-in.
  const bob = await visitor();
  const bobs = await authenticator(bob);
  await code(bob, VAULT, 'bob@example.com');
  equal('protect: whoever has nothing sets it up', await text(bob, 'h1'), 'Add a second step');
  await look(bob, 'protect');
  await moved(bob, bob.locator('#passkey'));
  equal('protect: and is in', [await hello(bob), await text(bob, '#acr')], ['Hello bob@example.com', 'phr']);

  // A passkey that nobody knows here: of somebody who is gone.
  const ghost = await visitor();
  const ghosts = await authenticator(ghost, { automaticPresenceSimulation: false });
  const made = (await bobs.keys())[0];
  await ghosts.give({ ...made, credentialId: Buffer.from('a passkey of nobody!').toString('base64') });
  await ghost.goto(`${PARTY}/sign-in`);
  await ghosts.notice();
  await moved(ghost, ghost.locator('#passkey'));
  check('unknown: the page says so', (await text(ghost, '[role=status]')).startsWith('That passkey is not known here any more'), await text(ghost));
  await look(ghost, 'passkey-unknown');
  const signals = await ghost.evaluate(() => 'signalUnknownCredential' in PublicKeyCredential);
  let left = await ghosts.keys();
  for (const until = Date.now() + 5000; signals && left.length && Date.now() < until;) {
    await ghost.waitForTimeout(50);
    left = await ghosts.keys();
  }
  check('unknown: a browser that can be told forgets it', !signals || left.length === 0, { signals, left: left.length });

  await phone.goto(`${ORIGIN}/account`);
  await moved(phone, phone.locator('#ways a[href*="passkey?id="]').first());
  await moved(phone, phone.locator('#remove-passkey'));
  check('account: the passkey is removed', (await text(phone, '#ways')).includes('The passkey is removed') && !(await text(phone, '#ways')).includes('My laptop'), await text(phone, '#ways'));

  const silent = await visitor({ javaScriptEnabled: false });
  await silent.goto(`${PARTY}/sign-in`);
  check('without scripts: nothing that needs one shows', !(await silent.locator('#passkey').isVisible()));
  await code(silent, VAULT, 'bob@example.com');
  check('without scripts: the second step says what it needs', (await text(silent)).includes('Passkeys need a browser that runs scripts'), await text(silent));

  equal('no page complained', complaints, []);
}, () => browser.close());
