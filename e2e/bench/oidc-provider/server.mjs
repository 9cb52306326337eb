// npm oidc-provider with its defaults: everything in memory, its development pages, two clients.
//   node server.mjs PORT REDIRECT_URI
import Provider from 'oidc-provider';

const [port, redirectURI] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: 'svc', client_secret: 'svc-secret-0123456789abcdef', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
    { client_id: 'web', client_secret: 'web-secret-0123456789abcdef', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [redirectURI] },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  features: { clientCredentials: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true } },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com`, email_verified: true, name: sub }) }),
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: false,
});
provider.listen(Number(port), '127.0.0.1');
