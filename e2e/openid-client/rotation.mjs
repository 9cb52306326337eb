// Keys change while applications verify without a pause, each with its library's own cache of the key set.
// APPS: one. ADDRESS: who signs in. ROTATE: the command; what follows it are its flags.
import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import * as jose from 'jose';
import * as oc from 'openid-client';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { ISSUER, metadata } from '../lib/person.mjs';
import { Callback, discover, signIn } from './app.mjs';

const [app] = JSON.parse(process.env.APPS);
const as = process.env.ADDRESS;
const callback = new Callback(app.url);
const browser = await launch();
const rotate = (...flags) => promisify(exec)([process.env.ROTATE, ...flags].join(' '));

await journey(async () => {
  const { jwks_uri } = await metadata();
  const page = await open(browser);
  let going = true;

  // worker is one instance of the application: it refreshes, and lets openid-client and jose verify each ID token.
  const worker = async () => {
    const config = await discover(app, oc.ClientSecretBasic(app.client_secret));
    oc.enableNonRepudiationChecks(config);
    const keys = jose.createRemoteJWKSet(new URL(jwks_uri));
    const { tokens } = await signIn({ config, callback, page, as });
    const seen = { verified: 0, kids: new Set(), error: '' };
    const run = (async () => {
      for (let { refresh_token } = tokens; going && !seen.error;) {
        try {
          const next = await oc.refreshTokenGrant(config, refresh_token);
          const { protectedHeader } = await jose.jwtVerify(next.id_token, keys, { issuer: ISSUER, audience: app.client_id });
          refresh_token = next.refresh_token;
          seen.kids.add(protectedHeader.kid);
          seen.verified++;
        } catch (error) {
          seen.error = `${error.code} ${error.error ?? ''} ${error.message} after ${[...seen.kids]}`;
        }
      }
    })();
    return { seen, run };
  };
  const more = async (workers) => { // each verifies a few more times
    const marks = workers.map(({ seen }) => seen.verified + 5);
    while (workers.some(({ seen }, i) => seen.verified < marks[i] && !seen.error)) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  const early = await worker();
  await more([early]);
  await rotate();
  await more([early]);
  equal('keys rotate: whoever has the old key set verifies on', [early.seen.error, early.seen.kids.size], ['', 1]);
  const [old] = early.seen.kids;
  const published = (await (await fetch(jwks_uri)).json()).keys.filter(({ alg }) => alg === 'RS256');
  check('the successor is published before it signs', published.length === 2 && published.some(({ kid }) => kid === old), published.map(({ kid }) => kid));

  going = false;
  await early.run;
  going = true;
  const workers = [await worker(), await worker(), await worker()];
  await more(workers);
  await rotate('--now');
  await more(workers);
  going = false;
  await Promise.all(workers.map(({ run }) => run));
  equal('keys rotate --now in the middle: nobody who knew the successor meets an error', workers.map(({ seen }) => seen.error), ['', '', '']);
  equal('each of them verified tokens of both keys', workers.map(({ seen }) => [...seen.kids]), workers.map(() => published.map(({ kid }) => kid).sort((a) => (a === old ? -1 : 1))));
  check('the load was a load', workers.every(({ seen }) => seen.verified >= 10), workers.map(({ seen }) => seen.verified));
}, async () => { callback.close(); await browser.close(); });
