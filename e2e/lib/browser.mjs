// The browser of the journeys: the machine's own Chromium, which reaches nothing but this machine.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

// launch starts Chromium. Every person gets a context of their own from it: newContext(options).
export async function launch() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost , EXCLUDE *.localhost',
    ],
  });
  return browser;
}

// open gives a new person's first page. Options are those of newContext: locale, javaScriptEnabled, viewport, …
export async function open(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.visited = [];
  context.on('request', (request) => {
    if (request.isNavigationRequest()) page.visited.push(request.url());
  });
  return page;
}

// keep writes a screenshot into the folder E2E_ARTEFACTS, if one was given.
export async function keep(page, name) {
  const folder = process.env.E2E_ARTEFACTS;
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}
