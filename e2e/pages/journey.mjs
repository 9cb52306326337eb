// Every page a visitor can meet, in every state it has, looked at in Chromium.
// PARTY, CLIENT_ID: an app of plain pages and its registration. SETUP: the link that makes the first admin.
// MAILS_COMMAND prints the mails as JSON. Codes live for a minute here, and eight wrong guesses close an address.
import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';
import { mailedCode, moved, ORIGIN } from '../lib/person.mjs';

const { PARTY, CLIENT_ID, SETUP, MAILS_COMMAND } = process.env;
const browser = await launch();
const complaints = [];

// visitor is somebody with a browser of their own, whose console we read.
async function visitor(options) {
  const page = await open(browser, options);
  page.on('console', (message) => {
    // A page that says "not found" has the status 404, and Chromium remarks on that.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

// submit presses the button of the form around an element; press, that of the form with this action.
const submit = (page, inside) => moved(page, page.locator('form').filter({ has: page.locator(inside) }).locator('button:not([type=button])').first());
const press = (page, action) => moved(page, page.locator(`form[action$="${action}"] button`).first());
const give = async (page, id, value) => {
  await page.locator(id).evaluate((input) => { input.form.noValidate = true; });
  await page.fill(id, value);
  await submit(page, id);
};
// focused waits for autofocus, which comes a moment after the page.
const focused = (page, id) => page.waitForFunction((want) => document.activeElement.id === want, id, { timeout: 5000 }).then(() => true, () => false);
const wrong = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');
const invalid = async (page, id) => ({ focused: await focused(page, id), ...(await page.evaluate((name) => {
  const input = document.getElementById(name);
  const described = (input.getAttribute('aria-describedby') ?? '').split(' ').map((by) => document.getElementById(by)?.textContent.trim()).filter(Boolean);
  return { invalid: input.getAttribute('aria-invalid'), described: described.length > 0, title: document.title };
}, id)) });

// mailedLink is the sign-in link in the newest mail to an address.
async function mailedLink(address) {
  const { stdout } = await promisify(exec)(MAILS_COMMAND);
  const mails = stdout.split('\n').filter((line) => line.includes(address)).join('\n') || stdout;
  const links = mails.replaceAll('\\u0026', '&').replaceAll('&amp;', '&').match(/https?:\/\/[^\s"'<>\\]*\/sign-in\/link\?[^\s"'<>\\)\]]+/g) ?? [];
  return links.at(-1);
}


await journey(async () => {
  let page = await visitor();
  await page.goto(`${ORIGIN}/inbox`);
  await look(page, 'inbox-empty');

  // Somebody who asks for a code now finds it expired at the end.
  const late = await visitor();
  await late.goto(`${PARTY}/sign-in`);
  await give(late, '#identifier', 'late@example.com');
  const lateCode = await mailedCode('late@example.com');
  const asked = Date.now();

  await page.goto(SETUP);
  await look(page, 'set-up');
  await page.goto(`${ORIGIN}/set-up?t=made-up`);
  await look(page, 'set-up-old-link');

  await page.goto(`${PARTY}/sign-in`);
  check('sign-in: the address is focused', await focused(page, 'identifier'));
  const weight = await page.evaluate(() => {
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    return { requests: all.length, bytes: all.reduce((sum, { transferSize }) => sum + transferSize, 0) };
  });
  check('sign-in: at most 4 requests and 20 KB', weight.requests <= 4 && weight.bytes <= 20 * 1024, weight);
  await look(page, 'sign-in');
  await give(page, '#identifier', 'no address');
  await look(page, 'sign-in-bad-address');
  const bad = await invalid(page, 'identifier');
  check('sign-in: a bad address is named at its field, which is focused', bad.invalid === 'true' && bad.described && bad.focused && bad.title.startsWith('Error:'), bad);
  equal('sign-in: a bad address stays in the field', await page.inputValue('#identifier'), 'no address');
  await give(page, '#identifier', 'ann@example.com');
  check('code: the field is focused', await focused(page, 'code'));
  check('code: the address is shown', (await page.locator('main').innerText()).includes('ann@example.com'));
  await look(page, 'code');
  const code = await mailedCode('ann@example.com');
  await give(page, '#code', wrong(code));
  const off = await invalid(page, 'code');
  check('code: a wrong code is named at its field, which is focused', off.invalid === 'true' && off.described && off.focused && off.title.startsWith('Error:'), off);
  equal('code: a wrong code stays in the field', await page.inputValue('#code'), wrong(code));
  await look(page, 'code-wrong');
  await give(page, '#code', '12');
  await look(page, 'code-too-short');
  // The button counts down for a minute, but only in the browser: the server decides.
  await Promise.all([page.waitForEvent('load'), page.locator('form[action="/sign-in/resend"]').evaluate((form) => form.submit())]);
  await look(page, 'code-sent-again');
  const link = await mailedLink('ann@example.com');
  check('link: the mail has one', link, link);
  const elsewhere = await visitor();
  await elsewhere.goto(link);
  await look(elsewhere, 'link-in-another-browser');
  check('link: another browser is shown the code to type', /\d{3}\s?\d{3}/.test(await elsewhere.locator('main').innerText()), await elsewhere.locator('main').innerText());
  await page.goto(link);
  await look(page, 'link');
  await submit(page, '[name=t]');
  equal('link: its own browser signs in', await page.locator('#hello').innerText(), 'Hello ann@example.com');
  await elsewhere.goto(link);
  await look(elsewhere, 'link-used-elsewhere');
  await page.goto(link);
  await look(page, 'link-used');

  await page.goto(`${PARTY}/sign-in?prompt=select_account`);
  await look(page, 'continue-as');
  await press(page, '/sign-in/continue');
  equal('continue: it goes on to the app', await page.locator('#hello').innerText(), 'Hello ann@example.com');
  await page.goto(`${ORIGIN}/sign-in`);
  await look(page, 'signed-in');

  await page.goto(`${PARTY}/sign-out?ask`);
  await look(page, 'sign-out-question');
  await submit(page, '#logout-confirm');
  check('sign-out: the question leads back to the app', page.url().startsWith(PARTY), page.url());
  await page.goto(`${ORIGIN}/signed-out`);
  await look(page, 'signed-out');

  const guesser = await visitor();
  await guesser.goto(`${PARTY}/sign-in`);
  await give(guesser, '#identifier', 'dan@example.com');
  const dans = await mailedCode('dan@example.com');
  for (let tries = 0; tries < 5; tries++) await give(guesser, '#code', wrong(dans));
  await look(guesser, 'code-used-up');
  await press(guesser, '/sign-in/resend');
  const fresh = await mailedCode('dan@example.com');
  for (let tries = 0; tries < 4 && await guesser.locator('#code').isVisible(); tries++) await give(guesser, '#code', wrong(fresh));
  check('throttled: after eight wrong codes no field asks for another', !(await guesser.locator('#code').isVisible()));
  await look(guesser, 'code-throttled');

  page = await visitor();
  for (const [name, path] of Object.entries({
    'error-redirect': `/oidc/authorize?client_id=${CLIENT_ID}&response_type=code&scope=openid&redirect_uri=${encodeURIComponent('https://elsewhere.example.com/cb')}`,
    'error-unknown-app': `/oidc/authorize?client_id=nobody&response_type=code&scope=openid&redirect_uri=${encodeURIComponent(`${PARTY}/callback`)}`,
    'error-old-page': '/sign-in?flow=made-up',
    'error-not-found': '/no-such-page',
  })) {
    const answer = await page.goto(ORIGIN + path);
    check(`${name}: the status says so`, answer.status() >= 400 && answer.status() < 500, answer.status());
    await look(page, name);
    check(`${name}: nothing of the address sent stands on the page`, !(await page.content()).includes('elsewhere.example.com'));
  }

  await page.goto(`${ORIGIN}/inbox`);
  await look(page, 'inbox');
  await page.locator('main a[href*="/inbox/"]').first().click();
  await page.waitForLoadState('load');
  await look(page, 'inbox-mail');

  for (const [locale, lang, dir] of [['de-DE', 'de', 'ltr'], ['fr-CA', 'fr', 'ltr'], ['ja-JP', 'ja', 'ltr'], ['ar-EG', 'ar', 'rtl']]) {
    const reader = await visitor({ locale });
    await reader.goto(`${PARTY}/sign-in`);
    equal(`${locale}: the page says its language`, await reader.evaluate('[document.documentElement.lang, document.documentElement.dir]'), [lang, dir]);
    await look(reader, `sign-in-${lang}`);
    await give(reader, '#identifier', `${lang}@example.com`);
    await look(reader, `code-${lang}`);
  }

  const chooser = await visitor({ locale: 'fr-FR' });
  await chooser.setViewportSize({ width: 390, height: 640 });
  await chooser.goto(`${PARTY}/sign-in`);
  await chooser.click('[popovertarget=languages]');
  const [menu, opener] = [await chooser.locator('#languages').boundingBox(), await chooser.locator('[popovertarget=languages]').boundingBox()];
  check('the language menu stands above its button, whole', menu.y >= 0 && menu.y + menu.height <= opener.y, { menu, opener });
  equal('it offers twelve languages', await chooser.locator('#languages a').count(), 12);
  await moved(chooser, chooser.locator('#languages a[lang=ja]'));
  equal('one of them is taken at a click', await chooser.evaluate('document.documentElement.lang'), 'ja');

  const typist = await visitor();
  await typist.goto(`${PARTY}/`);
  await typist.keyboard.press('Tab');
  await typist.keyboard.press('Enter');
  await typist.locator('#identifier').waitFor();
  const unseen = [];
  for (let stops = 0; stops < 20; stops++) {
    await typist.keyboard.press('Tab');
    const focus = await typist.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return { element: element.outerHTML.slice(0, 80), seen: (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || boxShadow !== 'none' };
    });
    if (!focus) break;
    if (!focus.seen) unseen.push(focus.element);
  }
  equal('keyboard: wherever the focus is, it is seen', unseen, []);
  await typist.focus('#identifier');
  await typist.keyboard.type('kim@example.com');
  await typist.keyboard.press('Enter');
  await typist.locator('#code').waitFor();
  await focused(typist, 'code');
  await typist.keyboard.type(await mailedCode('kim@example.com'));
  await typist.keyboard.press('Enter');
  await typist.locator('#hello').waitFor();
  await typist.goto(`${PARTY}/sign-out?ask`);
  for (let stops = 0; stops < 20 && await typist.evaluate('document.activeElement.id') !== 'logout-confirm'; stops++) await typist.keyboard.press('Tab');
  await typist.keyboard.press('Enter');
  await typist.locator('#in').waitFor();
  check('keyboard: sign-in and sign-out need no mouse', true);

  const plain = await open(browser, { javaScriptEnabled: false });
  const button = (inside) => plain.locator('form').filter({ has: plain.locator(inside) }).locator('button:not([type=button])').first();
  await plain.goto(`${PARTY}/sign-in`);
  await plain.fill('#identifier', 'joe@example.com');
  await button('#identifier').click();
  await plain.fill('#code', await mailedCode('joe@example.com'));
  await button('#code').click();
  equal('without JavaScript: sign-in works', await plain.locator('#hello').innerText(), 'Hello joe@example.com');
  await plain.goto(`${PARTY}/sign-out?ask`);
  await plain.locator('#logout-confirm').click();
  await plain.locator('#in').waitFor();
  await plain.goto(`${PARTY}/sign-in`);
  check('without JavaScript: sign-out works', await plain.locator('#identifier').isVisible());

  await late.waitForTimeout(Math.max(0, asked + 61_000 - Date.now()));
  await give(late, '#code', lateCode);
  check('expired: the code of a minute ago signs nobody in', late.url().startsWith(ORIGIN), late.url());
  await look(late, 'code-expired');
  await give(late, '#code', await mailedCode('late@example.com'));
  equal('expired: the fresh code that was sent signs in', await late.locator('#hello').innerText(), 'Hello late@example.com');

  equal('no page has an error in its console', complaints, []);
}, () => browser.close());
