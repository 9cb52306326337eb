-- +goose Up
-- Providers that vouch for people. The secret is sealed; issuer, client ID and the like are in settings (JSON).
CREATE TABLE connections (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('api', 'config')),
  disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
  trusted INTEGER NOT NULL CHECK (trusted IN (0, 1)),
  position INTEGER NOT NULL,
  settings TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Accounts elsewhere, and whose they are. An account is its issuer and subject; of one connection, so that another one with the same
-- issuer vouches for nobody it has not brought itself. A connection that is taken out of the configuration may come back.
CREATE TABLE identities (
  id BLOB NOT NULL PRIMARY KEY,
  connection_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  claims TEXT NOT NULL,
  created INTEGER NOT NULL,
  used INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX identities_account ON identities (connection_id, issuer, subject);
CREATE INDEX identities_user ON identities (user_id);
