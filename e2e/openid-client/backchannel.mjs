// A relying party that is told of sign-outs behind the browser's back, and believes only what jose verifies.
// APPS: the relying party, and another app where the person signs out. ADDRESS: who signs in. SIGN_OUT: the command that
// signs them out everywhere.
import { exec } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import * as jose from 'jose';
import * as oc from 'openid-client';
import { launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { follow, ISSUER, metadata, moved, ORIGIN } from '../lib/person.mjs';
import { Callback, discover, refusal, signIn } from './app.mjs';

const [party, other] = JSON.parse(process.env.APPS);
const as = process.env.ADDRESS;
const callbacks = [new Callback(party.url), new Callback(other.url)];
const browser = await launch();
const { jwks_uri, backchannel_logout_supported, backchannel_logout_session_supported } = await metadata();
const keys = jose.createRemoteJWKSet(new URL(jwks_uri));

// The relying party: its sessions by the provider's sid, and what OpenID Connect Back-Channel Logout 1.0 §2.6 has it do.
const sessions = new Map();
const known = new Set();
const refused = [];
const listen = () => http.createServer(async (request, response) => {
  try {
    const token = new URLSearchParams(await text(request)).get('logout_token');
    const { payload } = await jose.jwtVerify(token, keys, { issuer: ISSUER, audience: party.client_id, typ: 'logout+jwt', maxTokenAge: '2 min', requiredClaims: ['jti', 'iat', 'exp'] });
    const event = payload.events?.['http://schemas.openid.net/event/backchannel-logout'];
    if (!event || Object.keys(event).length || 'nonce' in payload || !(payload.sid || payload.sub) || known.has(payload.jti)) throw new Error(`not a logout token: ${JSON.stringify(payload)}`);
    known.add(payload.jti);
    if (sessions.get(payload.sid) === payload.sub) sessions.delete(payload.sid);
    response.writeHead(200, { 'cache-control': 'no-store' }).end();
  } catch (error) {
    refused.push(error.message);
    response.writeHead(400).end();
  }
}).listen(new URL(party.logout).port, '127.0.0.1');
const ends = async (sid) => { // waits until the provider has told it
  for (const until = Date.now() + 60_000; sessions.has(sid) && !refused.length && Date.now() < until;) await new Promise((resolve) => setTimeout(resolve, 20));
  return !sessions.has(sid);
};

let listening = listen();
const closed = () => new Promise((resolve) => { listening.close(resolve); listening.closeAllConnections(); });
await journey(async () => {
  const config = await discover(party, oc.ClientSecretBasic(party.client_secret));
  const elsewhere = await discover(other, oc.ClientSecretBasic(other.client_secret));
  check('discovery says that sessions are told', backchannel_logout_supported && backchannel_logout_session_supported);
  const enter = async (page) => {
    const { tokens } = await signIn({ config, callback: callbacks[0], page, as });
    const { sid, sub } = tokens.claims();
    sessions.set(sid, sub);
    return { sid, tokens };
  };
  const leave = async (page) => { // at the other app, which knows nothing of this one
    const { tokens } = await signIn({ config: elsewhere, callback: callbacks[1], page, as });
    await page.goto(oc.buildEndSessionUrl(elsewhere, { id_token_hint: tokens.id_token, post_logout_redirect_uri: `${other.url}/bye` }).href);
    await follow(page, { address: as, until: (there) => there.href.startsWith(`${other.url}/bye`) });
  };
  const [desk, phone] = [await open(browser), await open(browser)];

  const [atDesk, atPhone] = [await enter(desk), await enter(phone)];
  check('two browsers are two sessions', atDesk.sid && atPhone.sid && atDesk.sid !== atPhone.sid, [atDesk.sid, atPhone.sid]);
  await leave(desk);
  equal('a sign-out in another app ends the session here', await ends(atDesk.sid), true);
  equal('of that browser alone', sessions.has(atPhone.sid), true);

  await closed();
  const down = net.createServer((socket) => { socket.destroy(); down.emit('knock'); }).listen(new URL(party.logout).port, '127.0.0.1');
  const knock = once(down, 'knock');
  await leave(phone);
  await knock;
  equal('while the application is down, its session goes on', sessions.has(atPhone.sid), true);
  await new Promise((resolve) => down.close(resolve));
  listening = listen();
  equal('and ends once it is there again', await ends(atPhone.sid), true);

  const everywhere = async (who, signOut) => {
    const both = [await enter(desk), await enter(phone)];
    await signOut();
    equal(`signed out everywhere by ${who}, both sessions end`, [await ends(both[0].sid), await ends(both[1].sid)], [true, true]);
    const about = both.map(({ tokens }) => refusal(oc.fetchUserInfo(config, tokens.access_token, oc.skipSubjectCheck)));
    equal(`signed out everywhere by ${who}, the access tokens end`, await Promise.all(about), ['invalid_token', 'invalid_token']);
  };
  await everywhere('a command', () => promisify(exec)(process.env.SIGN_OUT));
  await everywhere('the person', async () => {
    await desk.goto(`${ORIGIN}/account`);
    await moved(desk, desk.locator('#end-all'));
  });
  equal('every logout token was one that jose verifies', refused, []);
  check('each was a token of its own', known.size === 6, [...known]);
}, async () => { await closed(); callbacks.forEach((callback) => callback.close()); await browser.close(); });
