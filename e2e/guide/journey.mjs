// An app made of nothing but what `gatelatch app create` prints: sign in, sign out, be asked again.
// URL: the app. FOLDER: what was pasted. RUN: what node is given there. ADDRESS: who signs in.
import { start } from '../lib/app.mjs';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { follow, moved } from '../lib/person.mjs';

const { URL: url, FOLDER, ADDRESS: address } = process.env;
const browser = await launch();

await journey(async () => {
  const app = await start(JSON.parse(process.env.RUN), {
    cwd: FOLDER, answers: `${url}/`, env: { AUTH_TRUST_HOST: 'true', NEXT_TELEMETRY_DISABLED: '1' },
  });
  const page = await open(browser);
  const home = (there) => there.href === `${url}/`;
  const shown = () => page.locator('body').innerText();
  const press = async (name) => {
    await page.goto(`${url}/`);
    await moved(page, page.getByRole('button', { name }).or(page.getByRole('link', { name })));
    return follow(page, { address, until: home });
  };
  equal('sign-in asks for the address and the code', await press('Sign in'), ['address', 'code']);
  check('the app knows who came', (await shown()).includes(`Hello ${address}`), `${await shown()} ${app.output.slice(-500)}`);
  const asked = await press('Sign out');
  check('sign-out asks at most one question', asked.every((word) => word === 'sign-out') && asked.length <= 1, asked);
  check('the app has forgotten who came', !(await shown()).includes('Hello'), await shown());
  equal('the next sign-in asks again', await press('Sign in'), ['address', 'code']);
}, () => browser.close());
