// An app on openid-client: its configurations, its callback, and one sign-in from request to tokens.
import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import * as oc from 'openid-client';
import { follow, ISSUER } from '../lib/person.mjs';

const insecure = { execute: [oc.allowInsecureRequests] };

// discover is openid-client's configuration for a client of ours; more is its metadata besides the secret.
export const discover = ({ client_id, client_secret }, authentication, more = {}) =>
  oc.discovery(new URL(ISSUER), client_id, { ...(client_secret && { client_secret }), ...more }, authentication, insecure);

// Callback is the app's own server: it hands out each request that browsers bring to /callback.
export class Callback {
  constructor(url) {
    this.url = `${url}/callback`;
    this.requests = [];
    this.server = http.createServer(async (request, response) => {
      const body = await buffer(request);
      const { pathname } = new URL(request.url, url);
      if (pathname === '/callback') {
        this.requests.push(request.method === 'POST'
          ? new Request(url + request.url, { method: 'POST', body, headers: { 'content-type': request.headers['content-type'] } })
          : new URL(url + request.url));
      }
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>App</title><p>Back in the app');
    }).listen(new URL(url).port, '127.0.0.1');
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }

  // visit sends the browser to an address of the provider, where the person does what is asked, until it is back here.
  async visit(page, address, { as, decision }) {
    const before = this.requests.length;
    await page.goto(address.href);
    const asked = await follow(page, { address: as, decision, until: () => this.requests.length > before });
    return { asked, back: this.requests.at(-1) };
  }
}

// request is what an authorization request of openid-client needs, and what its answer is checked against.
export async function request(callback, parameters = {}) {
  const pkceCodeVerifier = oc.randomPKCECodeVerifier();
  const expectedState = oc.randomState();
  const expectedNonce = oc.randomNonce();
  return {
    parameters: {
      redirect_uri: callback.url, scope: 'openid profile email offline_access', state: expectedState, nonce: expectedNonce,
      code_challenge: await oc.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...parameters,
    },
    checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true },
  };
}

// signIn goes all the way: request, browser, answer, tokens. build makes the address (pushed, signed, …), options go to
// the exchange (DPoP), checks are those of openid-client on top of state, nonce and PKCE.
export async function signIn({ config, callback, page, as, decision }, { parameters, build = oc.buildAuthorizationUrl, checks, exchange, options } = {}) {
  const asks = await request(callback, parameters);
  const address = await build(config, asks.parameters, options);
  const { asked, back } = await callback.visit(page, address, { as, decision });
  const tokens = await oc.authorizationCodeGrant(config, back, { ...asks.checks, ...checks }, exchange, options);
  return { tokens, asked, address, back, verifier: asks.checks.pkceCodeVerifier };
}

// refusal is the OAuth error with which a promise ends, or what it gave.
export const refusal = (promise) => promise.then(
  (given) => `not refused: ${JSON.stringify(given)}`,
  async (error) => error.error ?? (await error.response?.json().catch(() => null))?.error ?? `${error.code}: ${error.message}`,
);
