// A server at an address that browsers allow no passkeys at. PARTY: an app.
import { launch, open } from '../lib/browser.mjs';
import { check, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';

const browser = await launch();

await journey(async () => {
  const page = await open(browser);
  await page.goto(`${process.env.PARTY}/sign-in`);
  check('sign-in: says why there is no passkey', (await page.locator('main').innerText()).includes('they need https'), await page.locator('main').innerText());
  check('sign-in: offers no button for one', await page.locator('#passkey').count() === 0);
  await look(page, 'passkey-needs-https');
}, () => browser.close());
