// An MCP server with one tool, as docs/mcp.md describes it: it says where to sign in (RFC 9728) and takes access tokens of the
// provider that are for it alone.
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { z } from 'zod';

// serve starts the server at `url` (with its path) for tokens of `issuer`. `forgotten` are ids of tokens that it takes no more.
export async function serve({ url, issuer }) {
  const at = new URL(url);
  const described = new URL(`/.well-known/oauth-protected-resource${at.pathname}`, at);
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const forgotten = new Set();
  const seen = [];
  const verifier = {
    async verifyAccessToken(token) {
      const { payload } = await jwtVerify(token, keys, { issuer, audience: url, typ: 'at+jwt' }).catch((error) => {
        throw new InvalidTokenError(error.message);
      });
      if (forgotten.has(payload.jti)) throw new InvalidTokenError('forgotten');
      seen.push(payload);
      return { token, clientId: payload.client_id, scopes: payload.scope.split(' '), expiresAt: payload.exp, extra: { subject: payload.sub } };
    },
  };

  const app = createMcpExpressApp();
  app.get(described.pathname, (_, response) => response.json({
    resource: url, authorization_servers: [issuer], scopes_supported: ['notes:read', 'offline_access'], resource_name: 'Notes',
  }));
  app.use(at.pathname, requireBearerAuth({ verifier, resourceMetadataUrl: described.href }));
  app.post(at.pathname, async (request, response) => {
    const notes = new McpServer({ name: 'notes', version: '1.0.0' });
    notes.registerTool('read', { description: 'Reads a note', inputSchema: { title: z.string() } }, ({ title }, { authInfo }) => (
      authInfo.scopes.includes('notes:read')
        ? { content: [{ type: 'text', text: `${title}, for ${authInfo.extra.subject}` }] }
        : { isError: true, content: [{ type: 'text', text: 'needs notes:read' }] }));
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    response.on('close', () => { transport.close(); notes.close(); });
    await notes.connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  app.all(at.pathname, (_, response) => response.sendStatus(405));
  const server = app.listen(at.port, '127.0.0.1');
  await new Promise((resolve) => server.on('listening', resolve));
  return { forgotten, seen, stop: () => server.close() };
}
