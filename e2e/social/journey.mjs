// People sign in with accounts they have at another Gatelatch and at npm oidc-provider.
import Provider from 'oidc-provider';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { look } from '../lib/look.mjs';
import { follow, moved } from '../lib/person.mjs';

const { MAIN, NPM_PORT, NPM_CALLBACK, NPM_SECRET } = process.env;
let browser;

// somebodyElses is oidc-provider with its development pages, PKCE demanded.
function somebodyElses() {
  const provider = new Provider(`http://localhost:${NPM_PORT}`, {
    clients: [{ client_id: 'gatelatch', client_secret: NPM_SECRET, redirect_uris: [NPM_CALLBACK] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name'] },
    pkce: { required: () => true },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com`, email_verified: true, name: `${sub} Example`, given_name: sub }) }),
  });
  return new Promise((ready) => { const server = provider.listen(Number(NPM_PORT), 'localhost', () => ready(server)); });
}

const home = (url) => url.origin === MAIN && url.pathname === '/sign-in' && !url.searchParams.has('flow');
const button = (page, name) => page.getByRole('button', { name: `Continue with ${name}` });

// passes answers the development pages of oidc-provider.
async function passes(page, login) {
  await page.locator('input[name=login]').fill(login);
  await page.locator('input[name=password]').fill('any');
  await moved(page, page.locator('button[type=submit]').first());
  for (let i = 0; i < 3 && !page.url().startsWith(MAIN); i++) await moved(page, page.locator('button[type=submit]').first());
}

await journey(async () => {
  await somebodyElses();
  browser = await launch();

  const ann = await open(browser);
  await ann.goto(`${MAIN}/sign-in`);
  await look(ann, 'social-buttons');
  await ann.locator('#identifier').focus();
  const order = [];
  for (let i = 0; i < 4; i++) {
    await ann.keyboard.press('Tab');
    order.push(await ann.evaluate(() => document.activeElement.innerText.trim()));
  }
  equal('Tab goes from the field to its button and to the providers in their order', order, ['Continue', 'Sign in with a passkey', 'Continue with Upstairs', 'Continue with Npm']);
  await ann.keyboard.press('Shift+Tab');
  await Promise.all([ann.waitForEvent('load'), ann.keyboard.press('Enter')]);
  equal('another Gatelatch asks for address and code', await follow(ann, { address: 'ann@example.com', until: home }), ['address', 'code']);
  check('its account signs in here', (await ann.locator('main').innerText()).includes('ann@example.com'), await ann.locator('main').innerText());

  for (const javaScriptEnabled of [true, false]) {
    const bob = await open(browser, { javaScriptEnabled });
    await bob.goto(`${MAIN}/sign-in`);
    await moved(bob, button(bob, 'Npm'));
    await passes(bob, 'bob');
    const words = javaScriptEnabled ? 'with' : 'without';
    check(`an account at oidc-provider signs in here, ${words} JavaScript`, home(new URL(bob.url())) && (await bob.locator('main').innerText()).includes('bob@example.com'), bob.url());
  }

  const eve = await open(browser);
  await eve.goto(`${MAIN}/sign-in`);
  await moved(eve, button(eve, 'Npm'));
  await moved(eve, eve.getByRole('link', { name: /cancel/i }));
  check('whoever cancels there is told so here and finds the other ways', (await eve.locator('.note[role=status]').innerText()).includes('Npm did not let you through') && (await eve.locator('#identifier').isVisible()), eve.url());

  await ann.goto(`${MAIN}/account`);
  await look(ann, 'account-linked');
  await moved(ann, ann.locator('#linked a', { hasText: 'Npm' }));
  await look(ann, 'account-link');
  await moved(ann, ann.locator('#link'));
  await passes(ann, 'ann-there');
  check('an account is linked on the account page', (await ann.locator('#linked [role=status]').innerText()).includes('linked'), ann.url());
}, async () => { await browser?.close(); });
