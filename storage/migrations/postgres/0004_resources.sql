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
