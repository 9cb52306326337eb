// The OAuth client of the MCP TypeScript SDK, unmodified, in front of an MCP server behind the provider: it finds the provider, makes
// itself known, has the person sign in and agree, calls a tool, and refreshes.
// MCP: address of the MCP server to be. CALLBACK: where the client waits for its code. DOCUMENT: client_id of a client that
// describes itself; empty for one that registers. ADDRESS: who signs in.
import http from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { claims, follow, ISSUER, ORIGIN } from '../lib/person.mjs';
import { serve } from './notes.mjs';

const { MCP, CALLBACK, DOCUMENT, ADDRESS } = process.env;
const how = DOCUMENT ? 'described' : 'registered';

// desk keeps what the SDK asks an application to keep.
const desk = {
  kept: {},
  clientMetadataUrl: DOCUMENT || undefined,
  get redirectUrl() { return CALLBACK; },
  get clientMetadata() {
    return {
      client_name: 'Paper desk', redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
    };
  },
  state: () => 'a state of the desk',
  clientInformation() { return this.kept.client; },
  saveClientInformation(client) { this.kept.client = client; },
  tokens() { return this.kept.tokens; },
  saveTokens(tokens) { this.kept.tokens = tokens; },
  codeVerifier() { return this.kept.verifier; },
  saveCodeVerifier(verifier) { this.kept.verifier = verifier; },
  redirectToAuthorization(url) { this.kept.authorization = url; },
};

const waiting = http.createServer((_, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('Back at the desk.'))
  .listen(new URL(CALLBACK).port, '127.0.0.1');
const notes = await serve({ url: MCP, issuer: ISSUER });
const browser = await launch();

await journey(async () => {
  const page = await open(browser);
  const client = () => new Client({ name: 'desk', version: '1.0.0' });
  const transport = () => new StreamableHTTPClientTransport(new URL(MCP), { authProvider: desk });

  const first = transport();
  const refused = await client().connect(first).then(() => 'connected', (error) => error);
  check('without a token the SDK finds the provider and asks for a sign-in', refused instanceof UnauthorizedError, String(refused));
  const asked = desk.kept.authorization;
  equal('it asks our authorization endpoint', `${asked?.origin}${asked?.pathname}`, `${ISSUER}/authorize`);
  equal('for a token that is for the MCP server alone', asked?.searchParams.get('resource'), MCP);
  if (DOCUMENT) equal('under the address of its document', desk.kept.client?.client_id, DOCUMENT);
  else check('under the client_id that it was given', /^[a-z0-9]{24}$/.test(desk.kept.client?.client_id), desk.kept.client);

  await page.goto(asked.href);
  await follow(page, { address: ADDRESS, until: (there) => there.href.startsWith(`${ORIGIN}/consent`) });
  const question = await page.locator('main').innerText();
  check('the person is asked, and told that nobody has checked the name', question.includes('Paper desk') && question.includes('not checked'), question);
  if (DOCUMENT) check('and where the application is published', question.includes(new URL(DOCUMENT).host), question);
  check('and what it would be able to do', question.includes('Read your notes'), question);
  await keep(page, `mcp-${how}-consent`);
  const steps = await follow(page, { address: ADDRESS, until: (there) => there.href.startsWith(CALLBACK) });
  equal('one answer is all it takes', steps, ['consent']);
  const answer = new URL(page.url()).searchParams;
  equal('the answer has the state and names the provider', [answer.get('state'), answer.get('iss')], ['a state of the desk', ISSUER]);

  await first.finishAuth(answer.get('code'));
  const granted = desk.kept.tokens;
  check('the SDK redeems the code', granted?.access_token, granted);
  check('and has a refresh token', granted?.refresh_token, granted?.scope);
  equal('the token is for the MCP server, with its scope', [claims(granted.access_token).aud, claims(granted.access_token).scope], [MCP, 'notes:read']);

  const second = client();
  await second.connect(transport());
  const read = async () => (await second.callTool({ name: 'read', arguments: { title: 'Milk' } })).content?.[0]?.text;
  const { sub } = claims(granted.access_token);
  equal('a tool answers for the person', await read(), `Milk, for ${sub}`);

  notes.forgotten.add(claims(granted.access_token).jti);
  equal('with a token that ended the SDK refreshes, and the tool answers again', await read(), `Milk, for ${sub}`);
  check('by another access token and another refresh token',
    desk.kept.tokens.access_token !== granted.access_token && desk.kept.tokens.refresh_token !== granted.refresh_token);
  equal('of the same client', notes.seen.at(-1).client_id, desk.kept.client.client_id);

  const userinfo = await fetch(`${ISSUER}/userinfo`, { headers: { authorization: `Bearer ${desk.kept.tokens.access_token}` } });
  equal('the provider itself refuses the token: it is for the MCP server', userinfo.status, 401);
}, async () => { notes.stop(); waiting.close(); await browser.close(); });
