// The shape of FAPI 2.0 (security profile and message signing): private_key_jwt, pushed and signed requests, signed
// responses, DPoP with nonces; and what such a client is refused without one of them.
// APPS: one {url, client_id, key}. ADDRESS: who signs in.
import * as jose from 'jose';
import * as oc from 'openid-client';
import { launch, open } from '../lib/browser.mjs';
import { equal, journey } from '../lib/check.mjs';
import { claims, ISSUER, metadata } from '../lib/person.mjs';
import { Callback, discover, refusal, request, signIn } from './app.mjs';

const [app] = JSON.parse(process.env.APPS);
const as = process.env.ADDRESS;
const callback = new Callback(app.url);
const browser = await launch();

await journey(async () => {
  const md = await metadata();
  const page = await open(browser);
  const key = { key: await jose.importJWK(app.key, 'ES256'), kid: app.key.kid };
  const algorithms = { id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256' };
  const connect = async (signer) => {
    const config = await discover(app, oc.PrivateKeyJwt(signer), algorithms);
    oc.useJwtResponseMode(config);
    oc.enableNonRepudiationChecks(config);
    return config;
  };
  const config = await connect(key);
  const DPoP = oc.getDPoPHandle(config, await oc.randomDPoPKeyPair('ES256'));
  const sign = async (to, parameters, signer = key) => ({ client_id: app.client_id, request: (await oc.buildAuthorizationUrlWithJAR(to, parameters, signer)).searchParams.get('request') });
  const build = async (to, parameters, options) => oc.buildAuthorizationUrlWithPAR(to, await sign(to, parameters), options);
  const bearer = (token, scheme) => fetch(md.userinfo_endpoint, { headers: { authorization: `${scheme} ${token}` } });

  const { tokens, address, back, asked, verifier } = await signIn({ config, callback, page, as }, { build, options: { DPoP } });
  equal('the person signs in as ever', asked, ['address', 'code']);
  equal('the browser carries nothing but a reference', [...address.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  equal('and brings back nothing but a signed response', [...back.searchParams.keys()], ['response']);
  const response = claims(back.searchParams.get('response'));
  equal('which names issuer and audience', [response.iss, response.aud], [ISSUER, app.client_id]);
  equal('tokens are bound to the key', tokens.token_type, 'dpop');
  const { sub } = tokens.claims();
  equal('userinfo answers to its holder', (await oc.fetchUserInfo(config, tokens.access_token, sub, { DPoP })).sub, sub);
  const stolen = [await bearer(tokens.access_token, 'Bearer'), await bearer(tokens.access_token, 'DPoP')];
  equal('and to nobody else', stolen.map(({ status }) => status), [401, 401]);
  const refreshed = await oc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  equal('a refresh is bound as well', [refreshed.token_type, refreshed.claims().sub], ['dpop', sub]);
  const own = await oc.clientCredentialsGrant(config, {}, { DPoP });
  equal('and so is a token of the client alone', own.token_type, 'dpop');

  const asks = await request(callback);
  const without = oc.getDPoPHandle(config, await oc.randomDPoPKeyPair('ES256'));
  equal('a second use of the code is refused', await refusal(oc.genericGrantRequest(config, 'authorization_code', { code: response.code, redirect_uri: callback.url, code_verifier: verifier }, { DPoP })), 'invalid_grant');
  equal('and ends what the first one gave', (await oc.fetchUserInfo(config, refreshed.access_token, sub, { DPoP }).then(() => 200, ({ status }) => status)), 401);
  equal('no tokens without a proof', await refusal(oc.clientCredentialsGrant(config)), 'invalid_dpop_proof');
  equal('no push of an unsigned request', await refusal(oc.buildAuthorizationUrlWithPAR(config, asks.parameters, { DPoP })), 'invalid_request');
  const stranger = { key: (await jose.generateKeyPair('ES256')).privateKey, kid: key.kid };
  equal('no push of a request that another key signed', await refusal(oc.buildAuthorizationUrlWithPAR(config, await sign(config, asks.parameters, stranger), { DPoP })), 'invalid_request_object');
  equal('no assertion of another key', await refusal(oc.clientCredentialsGrant(await connect(stranger), {}, { DPoP })), 'invalid_client');

  const unpushed = await callback.visit(page, await oc.buildAuthorizationUrlWithJAR(config, asks.parameters, key), { as });
  const told = unpushed.back.searchParams.get('response');
  equal('a signed request that was not pushed is refused', told ? claims(told).error : unpushed.back.searchParams.get('error'), 'invalid_request');
  const again = await signIn({ config, callback, page, as }, { build, options: { DPoP } });
  const reused = await page.goto(again.address.href);
  equal('a pushed request is used once', [reused.status(), page.url().startsWith(ISSUER)], [400, true]);
  equal('another key does not redeem the code of a request that came with the first', await refusal(signIn({ config, callback, page, as }, { build: (to, parameters) => build(to, parameters, { DPoP }), options: { DPoP: without } })), 'invalid_grant');
}, async () => { callback.close(); await browser.close(); });
