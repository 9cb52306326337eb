// next-auth 4 behind a plain Node server: its handler for API routes, with what Next.js would put into request and
// response. Next.js itself is left to the folder nextauth, since it takes half a minute to build.
// next-auth 4 knows no type oidc: the provider is of type oauth, with wellKnown and idToken.
import http from 'node:http';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';

const require = createRequire(import.meta.url);
const { default: NextAuth, getServerSession } = require('next-auth/next');
const { parse } = require('cookie');

const options = {
  providers: [{
    id: 'gatelatch', name: 'Gatelatch', type: 'oauth', wellKnown: `${process.env.ISSUER}/.well-known/openid-configuration`,
    clientId: process.env.CLIENT_ID, clientSecret: process.env.CLIENT_SECRET,
    authorization: { params: { scope: 'openid offline_access profile email' } },
    idToken: true, checks: ['pkce', 'state', 'nonce'],
    ...(process.env.ALG && { client: { id_token_signed_response_alg: process.env.ALG } }),
    profile: ({ sub, name, email, picture }) => ({ id: sub, name, email, image: picture }),
  }],
  callbacks: {
    jwt({ token, account }) {
      if (account) Object.assign(token, { refresh: Boolean(account.refresh_token), idToken: account.id_token });
      return token;
    },
    session: ({ session, token }) => ({ ...session, user: { ...session.user, id: token.sub }, refresh: token.refresh, idToken: token.idToken }),
  },
};

http.createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, process.env.NEXTAUTH_URL);
  request.cookies = parse(request.headers.cookie ?? '');
  if (pathname === '/') {
    const session = await getServerSession(request, response, options); // writes cookies
    return response.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html><title>App</title><pre id="session">${JSON.stringify(session)}</pre>`);
  }
  request.query = { ...Object.fromEntries(searchParams), nextauth: pathname.split('/').slice(3) };
  request.body = Object.fromEntries(new URLSearchParams(await text(request)));
  response.status = (status) => Object.assign(response, { statusCode: status });
  response.json = (body) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  response.send = (body) => (typeof body === 'object' ? response.json(body) : response.end(body));
  return NextAuth(request, response, options);
}).listen(Number(process.env.PORT), '127.0.0.1');
