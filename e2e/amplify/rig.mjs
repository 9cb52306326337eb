// What the Amplify journeys share: the application, bundled as it is, a browser before it, the mailbox, and what is on the wire.
import http from 'node:http';
import crypto from 'node:crypto';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { check as held } from '../lib/check.mjs';

export const here = path.dirname(fileURLToPath(import.meta.url));
export const cfg = { endpoint: process.env.ENDPOINT, poolId: process.env.POOL, clientId: process.env.CLIENT_ID };

// step is one thing that has to work: where it does not, the journey ends. check goes on.
export const wire = [];
export async function step(name, fn, { soft = false } = {}) {
  const sentence = name.replace(/^[\w-]+: /, (tag) => `${tag}`);
  try {
    const seen = await fn();
    held(sentence, true);
    return seen;
  } catch (error) {
    const last = wire.slice(-3).map((w) => `${w.op} -> ${w.status} ${w.body.slice(0, 200)}`).join(' | ');
    held(sentence, false, `${String(error?.message ?? error).slice(0, 600)} ${last}`);
    if (!soft) throw Object.assign(error, { told: true });
    return undefined;
  }
}
export const check = (name, fn) => step(name, fn, { soft: true });
export function must(cond, msg) { if (!cond) throw new Error(msg); }
export const eq = (a, b, what) => must(JSON.stringify(a) === JSON.stringify(b), `${what}: expected ${JSON.stringify(b)}, got ${JSON.stringify(a)}`);

// ---- mail
export function newestCode(address) {
  try { return execFileSync('sh', ['-c', process.env.MAIL_CODE], { env: { ...process.env, EMAIL: address }, encoding: 'utf8', timeout: 10000, stdio: ['ignore', 'pipe', 'ignore'] }).trim(); } catch { return ''; }
}
export async function codeAfter(address, before) {
  const end = Date.now() + 20000;
  for (;;) {
    const code = newestCode(address);
    if (code && code !== before) return code;
    if (Date.now() > end) throw new Error(`no new code for ${address}`);
    await new Promise((ok) => setTimeout(ok, 200));
  }
}
export const wrongCode = (code) => code.replace(/\d/g, (d) => String((+d + 1) % 10));
export const address = (tag) => `${tag}.${crypto.randomBytes(4).toString('hex')}@example.com`;

// ---- TOTP (RFC 6238, SHA-1, 30 s, 6 digits)
export function totp(secret, counter = Math.floor(Date.now() / 30000)) {
  const bits = [...secret.replace(/[= ]/g, '').toUpperCase()].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const m = Buffer.alloc(8); m.writeBigUInt64BE(BigInt(counter));
  const h = crypto.createHmac('sha1', key).update(m).digest(), o = h[19] & 15;
  return String((h.readUInt32BE(o) & 0x7fffffff) % 1e6).padStart(6, '0');
}
let lastCounter = 0;
export async function freshTotp(secret) { // never sends the same time step twice: a good server refuses replays
  let c = Math.floor(Date.now() / 30000);
  while (c <= lastCounter) { await new Promise((r) => setTimeout(r, 500)); c = Math.floor(Date.now() / 30000); }
  lastCounter = c; return totp(secret, c);
}

// ---- JWT
export const decode = (jwt) => jwt.split('.').slice(0, 2).map((p) => JSON.parse(Buffer.from(p, 'base64url').toString()));
const jwksByIss = new Map();
export async function verifyJwt(jwt) {
  const [h, p] = decode(jwt);
  eq(h.alg, 'RS256', 'alg'); must(h.kid, 'no kid');
  must(p.iss.endsWith('/' + cfg.poolId), `iss ${p.iss} does not end with the pool id`);
  if (!jwksByIss.has(p.iss)) jwksByIss.set(p.iss, await (await fetch(p.iss + '/.well-known/jwks.json')).json());
  const jwk = jwksByIss.get(p.iss).keys.find((k) => k.kid === h.kid);
  must(jwk, `kid ${h.kid} not in JWKS`); eq(jwk.use, 'sig', 'jwk.use'); eq(jwk.kty, 'RSA', 'jwk.kty');
  must(!('d' in jwk), 'the JWKS holds a private key');
  const [a, b, s] = jwt.split('.');
  must(crypto.verify('RSA-SHA256', Buffer.from(`${a}.${b}`), crypto.createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(s, 'base64url')), 'bad signature');
  must(p.exp > Date.now() / 1000 && p.iat <= Date.now() / 1000 + 5, 'exp/iat out of range');
  return p;
}

// ---- raw calls, for what an attacker or a second device would send
export async function raw(op, body) {
  const r = await fetch(cfg.endpoint, { method: 'POST', headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `AWSCognitoIdentityProviderService.${op}` }, body: JSON.stringify(body) });
  const text = await r.text(); let json = {}; try { json = JSON.parse(text); } catch { /* empty body */ }
  return { status: r.status, type: (json.__type ?? '').split('#').pop(), message: json.message ?? json.Message, json };
}

// ---- bundle + serve + browse
export async function open(appDir, entry) {
  const out = await build({
    entryPoints: [path.join(here, appDir, entry)], bundle: true, write: false, format: 'iife', platform: 'browser', outdir: '/out',
    jsx: 'automatic', loader: { '.js': 'jsx' }, logLevel: 'error', minify: true,
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis', __ENDPOINT__: JSON.stringify(cfg.endpoint), __POOL__: JSON.stringify(cfg.poolId), __CLIENT__: JSON.stringify(cfg.clientId), __DOMAIN__: JSON.stringify(cfg.endpoint.replace(/^https?:\/\//, '')) },
  });
  const js = out.outputFiles.find((f) => f.path.endsWith('.js')).contents;
  const css = out.outputFiles.find((f) => f.path.endsWith('.css'))?.contents;
  const html = `<!doctype html><meta charset=utf-8><title>Amplify</title>${css ? '<link rel=stylesheet href=/app.css>' : ''}<div id=root></div><script src=/app.js></script>`;
  const server = http.createServer((q, r) => {
    const p = q.url.split('?')[0];
    if (p === '/app.js') r.writeHead(200, { 'content-type': 'text/javascript' }).end(js);
    else if (p === '/app.css') r.writeHead(200, { 'content-type': 'text/css' }).end(css);
    else if (p === '/favicon.ico') r.writeHead(204).end();
    else r.writeHead(200, { 'content-type': 'text/html' }).end(html);
  });
  await new Promise((ok) => server.listen(Number(process.env.APP_PORT ?? 0), '127.0.0.1', ok));
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--ignore-certificate-errors'] });
  const ctx = await browser.newContext(); const page = await ctx.newPage();
  page.setDefaultTimeout(20000);
  const errors = [];
  page.on('pageerror', (e) => errors.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error') errors.push(m.text()); });
  page.on('response', async (r) => {
    const t = r.request().headers()['x-amz-target']; if (!t) return;
    const w = { op: t.split('.')[1], status: r.status(), req: r.request().postData() ?? '', body: '', type: r.headers()['content-type'] }; wire.push(w);
    w.done = r.text().then((b) => { w.body = b; }, () => { /* gone after navigation */ });
    await w.done;
  });
  const url = `http://localhost:${server.address().port}/`;
  await page.goto(url);
  return { page, ctx, url, errors, async close() { await browser.close(); server.closeAllConnections?.(); server.close(); } };
}
