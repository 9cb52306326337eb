// Every feature of the provider that openid-client can use, each with a sentence of its own. What discovery does not
// promise fails like what does not work.
// APPS: one with everything, one with client_secret_post, one with a key, a public one, the server of an API; the
// first has the callback of all. SIGNED: more of them, with the alg of their ID tokens. RESOURCE, STOCK: two APIs.
// ADDRESS, NAME: who signs in.
import * as jose from 'jose';
import * as oc from 'openid-client';
import { keep, launch, open } from '../lib/browser.mjs';
import { check, equal, journey } from '../lib/check.mjs';
import { claims, follow, ISSUER, metadata, ORIGIN } from '../lib/person.mjs';
import { Callback, discover, refusal, request, signIn } from './app.mjs';

const [main, post, jwt, open_, api] = JSON.parse(process.env.APPS);
const RESOURCE = process.env.RESOURCE;
const as = process.env.ADDRESS;
const callback = new Callback(main.url);
const browser = await launch();
const page = await open(browser);
const basic = (path, body) => fetch(path, {
  method: 'POST', body: new URLSearchParams(body),
  headers: { authorization: `Basic ${Buffer.from(`${main.client_id}:${main.client_secret}`).toString('base64')}` },
});

// feature runs one probe: it holds if it is promised, ends, and returns what it demands.
async function feature(name, promised, probe) {
  if (!promised) return check(name, false, 'not in discovery');
  try {
    const { seen, held = true } = (await probe()) ?? {};
    return check(name, held, seen);
  } catch (error) {
    return check(name, false, [error.code, error.error, error.error_description, error.stack, error.cause?.message].filter(Boolean).join(' | '));
  }
}

await journey(async () => {
  const md = await metadata();
  const offers = (list, value) => md[list]?.includes(value);
  const keys = jose.createRemoteJWKSet(new URL(md.jwks_uri));
  const config = await discover(main, oc.ClientSecretBasic(main.client_secret));
  const ask = (more, to = config) => signIn({ config: to, callback, page, as }, more);
  const bearer = (token, scheme = 'Bearer') => fetch(md.userinfo_endpoint, { headers: { authorization: `${scheme} ${token}` } });

  await feature('discovery names what openid-client needs', true, () => {
    const missing = ['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri', 'response_types_supported', 'subject_types_supported', 'id_token_signing_alg_values_supported'].filter((key) => !config.serverMetadata()[key]);
    return { held: !missing.length, seen: missing };
  });
  await feature('the metadata of RFC 8414 names the same issuer', true, async () => {
    const oauth = await oc.discovery(new URL(ISSUER), main.client_id, main.client_secret, undefined, { algorithm: 'oauth2', execute: [oc.allowInsecureRequests] });
    return { held: oauth.serverMetadata().issuer === md.issuer, seen: oauth.serverMetadata().issuer };
  });

  const first = await ask();
  const { sub } = first.tokens.claims();
  equal('code with PKCE: the person is asked for the address and the code', first.asked, ['address', 'code']);
  await feature('ID token: verified by the published keys, with kid, nonce and auth_time', true, async () => {
    const { payload, protectedHeader } = await jose.jwtVerify(first.tokens.id_token, keys, { issuer: md.issuer, audience: main.client_id });
    return { held: protectedHeader.kid && payload.nonce && payload.auth_time && payload.aud === main.client_id, seen: { ...protectedHeader, claims: Object.keys(payload) } };
  });
  await feature('iss in the authorization response (RFC 9207)', md.authorization_response_iss_parameter_supported, () => ({ held: first.back.searchParams.get('iss') === md.issuer, seen: first.back.href }));
  await feature('userinfo', md.userinfo_endpoint, async () => {
    const about = await oc.fetchUserInfo(config, first.tokens.access_token, sub);
    return { held: about.email === as, seen: about };
  });
  await feature('userinfo refuses another token with WWW-Authenticate', true, async () => {
    const answer = await bearer('nonsense');
    const challenge = answer.headers.get('www-authenticate') ?? '';
    return { held: answer.status === 401 && /^Bearer .*error="invalid_token"/.test(challenge), seen: `${answer.status} ${challenge}` };
  });
  await feature('a code is refused the second time, and its tokens with it', true, async () => {
    const again = await basic(md.token_endpoint, { grant_type: 'authorization_code', code: first.back.searchParams.get('code'), redirect_uri: callback.url, code_verifier: first.verifier });
    const { error } = await again.json();
    const dead = await bearer(first.tokens.access_token);
    return { held: again.status === 400 && error === 'invalid_grant' && dead.status === 401, seen: [again.status, error, dead.status] };
  });

  const second = await ask();
  const renewed = await oc.refreshTokenGrant(config, second.tokens.refresh_token);
  await feature('refresh with rotation', offers('grant_types_supported', 'refresh_token'), async () => {
    await oc.fetchUserInfo(config, renewed.access_token, sub);
    return { held: renewed.refresh_token && renewed.refresh_token !== second.tokens.refresh_token && renewed.claims().sub === sub, seen: Object.keys(renewed) };
  });
  await feature('a refresh token used again ends its family', true, async () => {
    const seen = [await refusal(oc.refreshTokenGrant(config, second.tokens.refresh_token)), await refusal(oc.refreshTokenGrant(config, renewed.refresh_token)), (await bearer(renewed.access_token)).status];
    return { held: String(seen) === 'invalid_grant,invalid_grant,401', seen };
  });
  await feature('a refresh may narrow the scope, for one access token', true, async () => {
    const { tokens } = await ask();
    const narrow = await oc.refreshTokenGrant(config, tokens.refresh_token, { scope: 'openid email' });
    const wide = await oc.refreshTokenGrant(config, narrow.refresh_token);
    const seen = [narrow.scope, wide.scope, await refusal(oc.refreshTokenGrant(config, wide.refresh_token, { scope: 'openid phone' }))];
    return { held: narrow.scope === 'openid email' && wide.scope.includes('profile') && seen[2] === 'invalid_scope', seen };
  });
  await feature('introspection', md.introspection_endpoint, async () => {
    const { tokens } = await ask();
    const alive = await oc.tokenIntrospection(config, tokens.access_token);
    const nonsense = await oc.tokenIntrospection(config, 'nonsense');
    return { held: alive.active && alive.client_id === main.client_id && alive.sub === sub && nonsense.active === false, seen: alive };
  });
  await feature('introspection as a signed answer (RFC 9701)', offers('introspection_signing_alg_values_supported', 'RS256'), async () => {
    const signed = await discover(main, oc.ClientSecretBasic(main.client_secret), { introspection_signed_response_alg: 'RS256' });
    oc.enableNonRepudiationChecks(signed);
    const { tokens } = await ask();
    const alive = await oc.tokenIntrospection(signed, tokens.access_token);
    return { held: alive.active && alive.sub === sub, seen: alive };
  });
  await feature('revocation ends refresh and access token, and knows no unknown token', md.revocation_endpoint, async () => {
    const { tokens } = await ask();
    await oc.tokenRevocation(config, tokens.refresh_token);
    await oc.tokenRevocation(config, 'nonsense');
    const seen = [await refusal(oc.refreshTokenGrant(config, tokens.refresh_token)), (await bearer(tokens.access_token)).status];
    return { held: String(seen) === 'invalid_grant,401', seen };
  });

  await feature('prompt=none is silent for somebody who is signed in', offers('prompt_values_supported', 'none'), async () => {
    const { asked } = await ask({ parameters: { prompt: 'none' } });
    return { held: !asked.length, seen: asked };
  });
  await feature('prompt=none of a stranger is login_required, with the state', true, async () => {
    const stranger = await open(browser);
    const asks = await request(callback, { prompt: 'none' });
    const { back } = await callback.visit(stranger, oc.buildAuthorizationUrl(config, asks.parameters), { as });
    await stranger.context().close();
    return { held: back.searchParams.get('error') === 'login_required' && back.searchParams.get('state') === asks.parameters.state, seen: back.href };
  });
  await feature('prompt=login asks somebody who is signed in', offers('prompt_values_supported', 'login'), async () => {
    const { asked } = await ask({ parameters: { prompt: 'login' } });
    return { held: asked.includes('code'), seen: asked };
  });
  await feature('prompt=create is announced and ends in tokens', offers('prompt_values_supported', 'create'), async () => {
    const { tokens } = await ask({ parameters: { prompt: 'create' } });
    return { held: tokens.access_token };
  });
  await feature('max_age asks again, and auth_time says so', true, async () => {
    const { auth_time } = (await ask()).tokens.claims();
    while (Date.now() / 1000 < auth_time + 2) await new Promise((resolve) => setTimeout(resolve, 50)); // older than a second
    const { asked, tokens } = await ask({ parameters: { max_age: '1' }, checks: { maxAge: 1 } });
    return { held: asked.includes('code') && tokens.claims().auth_time > auth_time, seen: asked };
  });
  await feature('login_hint, ui_locales, acr_values, display and unknown parameters do no harm', true, async () => {
    const { tokens } = await ask({ parameters: { login_hint: as, ui_locales: 'fr en', acr_values: 'x', display: 'page', unknown_param: '1' } });
    return { held: tokens.claims().sub === sub };
  });
  await feature('acr_values: the token names the one that was fulfilled', offers('acr_values_supported', 'urn:gatelatch:1'), async () => {
    const { tokens } = await ask({ parameters: { acr_values: 'urn:example:9 urn:gatelatch:1' } });
    return { held: tokens.claims().acr === 'urn:gatelatch:1', seen: tokens.claims() };
  });
  await feature('id_token_hint of the same person is silent', true, async () => {
    const { tokens } = await ask();
    const { asked } = await ask({ parameters: { prompt: 'none', id_token_hint: tokens.id_token } });
    return { held: !asked.length };
  });
  await feature('response_mode=form_post', offers('response_modes_supported', 'form_post'), async () => {
    const { back } = await ask({ parameters: { response_mode: 'form_post' } });
    return { held: back instanceof Request && back.method === 'POST' };
  });
  await feature('PKCE: S256 is announced, plain is not', true, () => ({ held: String(md.code_challenge_methods_supported) === 'S256', seen: md.code_challenge_methods_supported }));
  await feature('PKCE: a wrong verifier is refused', true, async () => {
    const seen = await refusal(ask({ checks: { pkceCodeVerifier: oc.randomPKCECodeVerifier() } }));
    return { held: seen === 'invalid_grant', seen };
  });
  await feature('a request without state and nonce gets an answer without state', true, async () => {
    const { back, tokens } = await ask({ parameters: { state: '', nonce: '' }, checks: { expectedState: undefined, expectedNonce: undefined },
      build: (to, { state, nonce, ...parameters }) => oc.buildAuthorizationUrl(to, parameters) });
    return { held: !back.searchParams.has('state') && tokens.claims().sub === sub, seen: back.href };
  });

  await feature('client_secret_post', offers('token_endpoint_auth_methods_supported', 'client_secret_post'), async () => {
    const { tokens } = await ask({}, await discover(post, oc.ClientSecretPost(post.client_secret)));
    return { held: tokens.claims().sub === sub };
  });
  const isPublic = await discover(open_, oc.None());
  await feature('public client: code, PKCE, rotating refresh tokens', offers('token_endpoint_auth_methods_supported', 'none'), async () => {
    const { tokens } = await ask({}, isPublic);
    const next = await oc.refreshTokenGrant(isPublic, tokens.refresh_token);
    return { held: next.refresh_token && next.refresh_token !== tokens.refresh_token, seen: Object.keys(next) };
  });
  await feature('public client without PKCE is refused', true, async () => {
    const { back } = await callback.visit(page, oc.buildAuthorizationUrl(isPublic, { redirect_uri: callback.url, scope: 'openid', state: 'without-pkce' }), { as });
    return { held: back.searchParams.get('error') === 'invalid_request' && back.searchParams.get('state') === 'without-pkce', seen: back.href };
  });
  const key = { key: await jose.importJWK(jwt.key, 'ES256'), kid: jwt.key.kid };
  const signed = await discover(jwt, oc.PrivateKeyJwt(key));
  await feature('private_key_jwt', offers('token_endpoint_auth_methods_supported', 'private_key_jwt'), async () => {
    const { tokens } = await ask({}, signed);
    const next = await oc.refreshTokenGrant(signed, tokens.refresh_token);
    return { held: next.claims().sub === sub };
  });
  await feature('a wrong secret is invalid_client with 401 and WWW-Authenticate', true, async () => {
    const wrong = await discover(main, oc.ClientSecretBasic('wrong'));
    const seen = await oc.clientCredentialsGrant(wrong).then(() => 'not refused', async ({ status, cause, response }) => `${status} ${cause?.[0]?.scheme} ${(await response.json()).error}`);
    return { held: seen === '401 basic invalid_client', seen };
  });
  await feature('client_credentials', offers('grant_types_supported', 'client_credentials'), async () => {
    const own = await oc.clientCredentialsGrant(config);
    return { held: own.access_token && !own.refresh_token && !own.id_token && own.token_type === 'bearer', seen: Object.keys(own) };
  });

  await feature('PAR', md.pushed_authorization_request_endpoint, async () => {
    const { address } = await ask({ build: oc.buildAuthorizationUrlWithPAR });
    return { held: address.searchParams.has('request_uri') && !address.searchParams.has('scope'), seen: address.href };
  });
  await feature('JAR: a signed request by value', md.request_parameter_supported && offers('request_object_signing_alg_values_supported', 'ES256'), async () => {
    const { address, tokens } = await ask({ build: (to, parameters) => oc.buildAuthorizationUrlWithJAR(to, parameters, key) }, signed);
    return { held: address.searchParams.has('request') && !address.searchParams.has('scope') && tokens.claims().sub === sub, seen: [...address.searchParams.keys()] };
  });
  for (const mode of ['jwt', 'query.jwt', 'form_post.jwt']) {
    await feature(`JARM: response_mode=${mode}`, offers('response_modes_supported', mode) && offers('authorization_signing_alg_values_supported', 'RS256'), async () => {
      const jarm = await discover(main, oc.ClientSecretBasic(main.client_secret));
      oc.useJwtResponseMode(jarm);
      const { back, tokens } = await ask({ parameters: { response_mode: mode }, build: (to, { response_mode, ...parameters }) => {
        const address = oc.buildAuthorizationUrl(to, parameters);
        address.searchParams.set('response_mode', response_mode);
        return address;
      } }, jarm);
      return { held: tokens.claims().sub === sub && (back instanceof Request) === (mode === 'form_post.jwt') };
    });
  }
  await feature('DPoP: tokens are bound, and no use as Bearer', offers('dpop_signing_alg_values_supported', 'ES256'), async () => {
    const DPoP = oc.getDPoPHandle(config, await oc.randomDPoPKeyPair('ES256'));
    const { tokens } = await ask({ options: { DPoP } });
    await oc.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
    const next = await oc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    const stolen = await bearer(next.access_token);
    const challenge = stolen.headers.get('www-authenticate') ?? '';
    return { held: tokens.token_type === 'dpop' && next.token_type === 'dpop' && stolen.status === 401 && challenge.includes('DPoP'), seen: `${tokens.token_type} ${stolen.status} ${challenge}` };
  });
  await feature('claims parameter', md.claims_parameter_supported, async () => {
    const { tokens } = await ask({ parameters: { scope: 'openid', claims: JSON.stringify({ id_token: { email: { essential: true } }, userinfo: { name: null } }) } });
    const about = await oc.fetchUserInfo(config, tokens.access_token, sub);
    return { held: tokens.claims().email === as && !tokens.claims().name && about.name === process.env.NAME, seen: [tokens.claims(), about] };
  });
  await feature('resource: a JWT access token for one API (RFC 8707, RFC 9068)', true, async () => {
    const { tokens } = await ask({ parameters: { resource: RESOURCE, scope: 'openid offline_access orders:read' } });
    const ours = await oc.refreshTokenGrant(config, tokens.refresh_token, { resource: RESOURCE });
    const { payload } = await jose.jwtVerify(ours.access_token, keys, { issuer: md.issuer, audience: RESOURCE, typ: 'at+jwt' });
    return { held: payload.scope === 'orders:read' && payload.client_id === main.client_id && payload.sub === sub, seen: payload };
  });
  await feature('token exchange: the server of the API acts for the person (RFC 8693)', offers('grant_types_supported', 'urn:ietf:params:oauth:grant-type:token-exchange'), async () => {
    const server = await discover(api, oc.ClientSecretBasic(api.client_secret));
    const { tokens } = await ask({ parameters: { resource: [RESOURCE, process.env.STOCK], scope: 'openid orders:read stock:read' }, exchange: { resource: RESOURCE },
      build: (to, { resource, ...parameters }) => {
        const address = oc.buildAuthorizationUrl(to, parameters);
        resource.forEach((value) => address.searchParams.append('resource', value));
        return address;
      } });
    const given = await oc.genericGrantRequest(server, 'urn:ietf:params:oauth:grant-type:token-exchange', {
      subject_token: tokens.access_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', resource: process.env.STOCK,
    });
    const { payload } = await jose.jwtVerify(given.access_token, keys, { issuer: md.issuer, audience: process.env.STOCK });
    return { held: payload.sub === sub && payload.act?.sub === api.client_id, seen: payload };
  });
  await feature('userinfo as a signed answer', offers('userinfo_signing_alg_values_supported', 'ES256'), async () => {
    const reader = await discover(post, oc.ClientSecretPost(post.client_secret), { userinfo_signed_response_alg: 'ES256' });
    oc.enableNonRepudiationChecks(reader);
    const { tokens } = await ask({}, reader);
    const about = await oc.fetchUserInfo(reader, tokens.access_token, tokens.claims().sub);
    return { held: about.email === as, seen: about };
  });
  for (const alg of ['PS256', 'ES256', 'EdDSA']) {
    await feature(`ID tokens signed with ${alg}`, offers('id_token_signing_alg_values_supported', alg), async () => {
      const app = JSON.parse(process.env.SIGNED).find(({ alg: its }) => its === alg);
      const { tokens } = await ask({}, await discover(app, oc.ClientSecretBasic(app.client_secret), { id_token_signed_response_alg: alg }));
      return { held: claims(tokens.id_token, 0).alg === alg, seen: claims(tokens.id_token, 0) };
    });
  }
  await feature('dynamic registration (RFC 7591), consent, tokens', md.registration_endpoint, async () => {
    const fresh = await oc.dynamicClientRegistration(new URL(ISSUER), { client_name: 'Newcomer', redirect_uris: [callback.url] }, undefined, { execute: [oc.allowInsecureRequests] });
    const { asked, tokens } = await ask({}, fresh);
    return { held: String(asked) === 'consent' && tokens.claims().sub === sub, seen: asked };
  });

  await feature('another redirect_uri is a page, not a redirect', true, async () => {
    const { parameters } = await request(callback, { redirect_uri: `${callback.url}/other` });
    const answer = await page.goto(oc.buildAuthorizationUrl(config, parameters).href);
    await keep(page, 'openid-client-another-redirect');
    return { held: answer.status() === 400 && page.url().startsWith(ORIGIN), seen: `${answer.status()} ${page.url()}` };
  });
  await feature('end_session comes back with its state, and the next sign-in asks', md.end_session_endpoint, async () => {
    const { tokens } = await ask();
    const before = page.visited.length;
    await page.goto(oc.buildEndSessionUrl(config, { post_logout_redirect_uri: `${main.url}/bye`, id_token_hint: tokens.id_token, state: 'bye for now' }).href);
    const questions = await follow(page, { address: as, until: (there) => there.href.startsWith(`${main.url}/bye`) });
    const back = new URL(page.url());
    const { asked } = await ask();
    return { held: !questions.length && back.searchParams.get('state') === 'bye for now' && asked.includes('code'), seen: [back.href, asked, page.visited.length - before] };
  });
  await feature('CORS: preflights of a registered origin', true, async () => {
    const origin = new URL(callback.url).origin;
    const asks = { discovery: [`${ISSUER}/.well-known/openid-configuration`, 'GET'], jwks: [md.jwks_uri, 'GET'], token: [md.token_endpoint, 'POST'], userinfo: [md.userinfo_endpoint, 'GET'],
      revocation: [md.revocation_endpoint, 'POST'], par: [md.pushed_authorization_request_endpoint, 'POST'] };
    const seen = {};
    for (const [name, [address, method]] of Object.entries(asks)) {
      const { headers } = await fetch(address, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization,content-type,dpop' } });
      seen[name] = [headers.get('access-control-allow-origin'), headers.get('access-control-allow-credentials')];
    }
    return { held: Object.values(seen).every(([allowed, credentials]) => ['*', origin].includes(allowed) && credentials === null), seen };
  });
}, async () => { callback.close(); await browser.close(); });
