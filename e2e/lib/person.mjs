// A person with a browser and a mailbox, who does what the pages of the provider ask.
import { exec } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(exec);
export const ISSUER = process.env.ISSUER;
export const ORIGIN = new URL(ISSUER).origin;

// mailedCode waits for the code that was mailed to the address, as CODE_COMMAND prints it.
export async function mailedCode(address) {
  const { stdout } = await run(process.env.CODE_COMMAND, { env: { ...process.env, EMAIL: address } });
  const code = stdout.trim();
  if (!/^\d{6}$/.test(code)) throw new Error(`no code was mailed to ${address}: ${JSON.stringify(stdout)}`);
  return code;
}

// metadata is the provider's discovery document.
export async function metadata() {
  const response = await fetch(`${ISSUER}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error(`discovery answered ${response.status}`);
  return response.json();
}

// claims are what a JWT says, without a look at its signature; part 0 is its header.
export const claims = (jwt, part = 1) => JSON.parse(Buffer.from(jwt.split('.')[part], 'base64url').toString());

// moved presses a button and waits for the page that follows, wherever redirects lead.
export async function moved(page, button) {
  await Promise.all([page.waitForEvent('load'), button.click()]);
}

// follow answers the provider's pages until `until(url)` holds, and returns what was asked, in order:
// 'address', 'code', 'consent', 'user-code', 'sign-out'. An empty list is single sign-on. A consent is answered with
// `decision` (allow or deny); `userCode` is what a device shows, for somebody who has it before them.
export async function follow(page, { address, until, decision = 'allow', userCode = '' }) {
  const asked = [];
  const shown = (selector) => page.locator(selector).filter({ visible: true }).first();
  const steps = [
    ['code', 'input[autocomplete=one-time-code]', async (input) => input.fill(await mailedCode(address))],
    ['address', 'input[type=email]', async (input) => input.fill(address)],
    ['user-code', 'input[name=user_code]', async (input) => input.fill(userCode)],
    ['consent', `#consent-${decision}`, null],
    ['sign-out', '#logout-confirm', null],
  ];
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
    await page.waitForLoadState('load');
    const here = page.url();
    if (until(new URL(here))) return asked;
    let acted = false;
    for (const [word, selector, answer] of here.startsWith(ORIGIN) ? steps : []) {
      const element = shown(selector);
      if (!(await element.isVisible().catch(() => false))) continue;
      let button = element;
      if (answer) {
        await answer(element);
        button = page.locator('form').filter({ has: page.locator(selector) }).locator('button:not([type=button])').first();
      }
      asked.push(word);
      if (asked.length > 6) throw new Error(`goes in circles: ${asked} at ${here}`);
      await moved(page, button);
      acted = true;
      break;
    }
    if (!acted) await page.waitForTimeout(100);
  }
  const text = await page.locator('body').innerText().catch(() => '');
  throw new Error(`stuck at ${page.url()} after [${asked}]: ${text.slice(0, 300)}`);
}
