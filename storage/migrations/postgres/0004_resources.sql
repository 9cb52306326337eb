-- +goose Up
-- Applications that act for themselves. SQLite cannot alter a CHECK in place, and both tables shall look alike.
ALTER TABLE clients ADD COLUMN kind TEXT NOT NULL DEFAULT 'web' CHECK (kind IN ('web', 'spa', 'native', 'm2m'));
UPDATE clients SET kind = type;
ALTER TABLE clients DROP COLUMN type;
ALTER TABLE clients RENAME COLUMN kind TO type;

-- Tokens that no grant stands behind and that were revoked before their end. Only a digest is kept.
CREATE TABLE revoked_tokens (
  digest BYTEA NOT NULL PRIMARY KEY,
  expires BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_expires ON revoked_tokens (expires);

-- APIs that access tokens are made for: the identifier is the audience (RFC 8707).
CREATE TABLE resources (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('api', 'config')),
  scopes TEXT NOT NULL,
  servers TEXT NOT NULL,
  settings TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);

-- Thumbprint of the key that a grant is bound to (RFC 9449): of its code first, of its refresh token then; '' for none.
ALTER TABLE grants ADD COLUMN jkt TEXT NOT NULL DEFAULT '';
