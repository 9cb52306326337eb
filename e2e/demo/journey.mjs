// The demo as its terminal tells it: the first app, the code from the inbox page, the second app, sign-out.
// FIRST, SECOND, INBOX: the addresses it printed.
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';

const { FIRST, SECOND, INBOX } = process.env;
const browser = await launch();

await journey(async () => {
  const page = await open(browser);
  const claims = () => page.locator('#claims').innerText();
  await page.goto(FIRST);
  await look(page, 'demo-app');
  await page.locator('#sign-in').click();
  await page.fill('#identifier', 'newcomer@example.com');
  await page.locator('#sign-in').click();
  await page.locator('#code').waitFor();

  const inbox = await page.context().newPage();
  await inbox.goto(INBOX);
  const mail = inbox.locator('main a', { hasText: 'newcomer@example.com' }).first();
  await mail.waitFor();
  await keep(inbox, 'demo-inbox');
  const [code] = (await mail.innerText()).match(/\b\d{6}\b/) ?? [];
  check('the inbox page shows the code', code, await mail.innerText());
  await page.fill('#code', code);
  await page.locator('#sign-in').click();
  await page.locator('#claims').waitFor();
  check('the first app is where it was', page.url().startsWith(FIRST), page.url());
  check('it shows the claims', (await claims()).includes('newcomer@example.com') && /\bsub\b/.test(await claims()), await claims());
  await look(page, 'demo-app-signed-in');
  const subject = (await claims()).match(/sub\s+(\S+)/)?.[1];

  const before = page.visited.length;
  await page.goto(SECOND);
  await page.locator('#sign-in').click();
  await page.locator('#claims').waitFor();
  equal('the second app asks nothing', page.visited.slice(before).filter((url) => url.startsWith(`${new URL(INBOX).origin}/sign-in`)), []);
  equal('and sees the same person', (await claims()).match(/sub\s+(\S+)/)?.[1], subject);

  await page.goto(FIRST);
  await page.locator('#sign-out').click();
  await page.locator('#sign-in').waitFor();
  check('sign-out leads back to the first app', page.url().startsWith(FIRST), page.url());
  await page.locator('#sign-in').click();
  await page.locator('#identifier').waitFor();
  check('after it the next sign-in asks again', await page.locator('#identifier').isVisible());
}, () => browser.close());
