// Looks at a page the way its visitors do: in light and dark, on a phone, on a very small phone, with big letters.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { keep } from './browser.mjs';
import { check, equal } from './check.mjs';

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const looks = [
  { name: 'light', colorScheme: 'light', width: 1280, height: 900 },
  { name: 'dark', colorScheme: 'dark', width: 1280, height: 900 },
  { name: 'phone', colorScheme: 'light', width: 390, height: 844 },
  { name: 'phone-dark', colorScheme: 'dark', width: 390, height: 844 },
];

// violations are what axe finds on the page as it stands.
export async function violations(page) {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axe);
  const found = await page.evaluate((values) => axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] }), rules);
  return found.violations.map(({ id, nodes }) => `${id} at ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
}

// wider says by how much a page scrolls sideways; "" if it does not.
export const wider = (page) => page.evaluate(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth > clientWidth ? `${scrollWidth} px of content in ${clientWidth} px` : '';
});

// look runs axe on the page in every look, keeps a screenshot of each, and demands that nothing scrolls sideways.
export async function look(page, name) {
  const found = [];
  for (const { name: as, colorScheme, width, height } of looks) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' }); // no colour half-way
    await page.setViewportSize({ width, height });
    for (const fault of await violations(page)) found.push(`${as}: ${fault}`);
    await keep(page, `${name}-${as}`);
  }
  equal(`${name}: axe finds nothing in light, dark and on a phone`, found, []);

  await page.setViewportSize({ width: 320, height: 640 });
  const narrow = await wider(page);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
  const large = await wider(page);
  await page.evaluate(() => { document.documentElement.style.fontSize = ''; });
  equal(`${name}: nothing scrolls sideways at 320 px or with letters twice as big`, [narrow, large], ['', '']);

  const { title, lang, headings } = await page.evaluate(() => ({
    title: document.title, lang: document.documentElement.lang, headings: document.querySelectorAll('h1').length,
  }));
  check(`${name}: has a title, a language and one heading`, title && lang && headings === 1, { title, lang, headings });
}
