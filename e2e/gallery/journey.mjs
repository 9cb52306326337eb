// Every page in every state it has, as views/states_test.go draws them: looked at by axe in light and dark, measured, and gone through
// by Tab. FOLDER: where the pages are. LONG: the language with the longest words. PAGES: names that have to be among them.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { violations, wider } from '../lib/look.mjs';
import { tour } from '../lib/keyboard.mjs';

const { FOLDER, LONG } = process.env;
const kinds = { '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'";

const server = http.createServer((request, response) => {
  const file = path.join(FOLDER, path.normalize(new URL(request.url, 'http://x').pathname));
  const leaves = request.headers.referer?.includes('/form-post.') && file.includes('gate.'); // it would send itself
  if (leaves || !fs.existsSync(file)) return response.writeHead(204).end(); // pictures, a mail
  response.writeHead(200, { 'Content-Type': kinds[path.extname(file)], 'Content-Security-Policy': policy });
  return fs.createReadStream(file).pipe(response);
});
await new Promise((ready) => { server.listen(0, 'localhost', ready); });
const browser = await launch();
const complaints = [];

// reader is somebody whose console we read.
async function reader() {
  const page = await open(browser, { reducedMotion: 'reduce' });
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`); });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  return page;
}
const show = (page, name, lang) => page.goto(`http://localhost:${server.address().port}/${name}.${lang}.html`);

// english looks at one state in all the ways that do not depend on its language.
async function english(page, name) {
  const found = [];
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 900 });
  await show(page, name, 'en');
  for (const fault of await violations(page)) found.push(`light: ${fault}`);
  const { order, unseen, missed } = await tour(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 390, height: 844 });
  for (const fault of await violations(page)) found.push(`dark, on a phone: ${fault}`);
  equal(`${name}: axe finds nothing in light and in dark`, found, []);
  equal(`${name}: Tab reaches all there is to do, in the order seen, and shows where it is`, { order, unseen, missed }, { order: [], unseen: [], missed: [] });
}

// narrow looks whether long words push a state out of a very small phone.
async function narrow(page, name) {
  await page.setViewportSize({ width: 320, height: 640 });
  await show(page, name, LONG);
  const small = await wider(page);
  await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
  await page.setViewportSize({ width: 640, height: 900 });
  return [small, await wider(page)].filter(Boolean);
}

await journey(async () => {
  const files = fs.readdirSync(FOLDER).filter((file) => file.endsWith('.html')).map((file) => file.slice(0, -5));
  const names = files.filter((file) => file.endsWith('.en')).map((file) => file.slice(0, -3)).sort();
  const missing = process.env.PAGES.split(' ').filter((name) => !names.includes(name));
  equal('every page that a route shows has its states here', missing, []);
  const queue = [...names];
  await Promise.all([1, 2].map(async () => {
    const page = await reader();
    for (let name = queue.shift(); name; name = queue.shift()) {
      await english(page, name);
      equal(`${name}: nothing scrolls sideways at 320 px or with letters twice as big, however long the words are`, await narrow(page, name), []);
    }
  }));
  check('there are states to look at', names.length > 100, names.length);
  equal('no page has an error in its console', complaints, []);
}, async () => { await browser.close(); server.close(); });
