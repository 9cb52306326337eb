-- +goose Up
-- Providers that vouch for people. The secret is sealed; issuer, client ID and the like are in settings (JSON).
CREATE TABLE connections (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('api', 'config')),
  disabled BOOLEAN NOT NULL,
  trusted BOOLEAN NOT NULL,
  position BIGINT NOT NULL,
  settings TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);

-- Accounts elsewhere, and whose they are. An account is its issuer and subject; of one connection, so that another one with the same
-- issuer vouches for nobody it has not brought itself. A connection that is taken out of the configuration may come back.
CREATE TABLE identities (
  id BYTEA NOT NULL PRIMARY KEY,
  connection_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  claims TEXT NOT NULL,
  created BIGINT NOT NULL,
  used BIGINT NOT NULL
);
CREATE UNIQUE INDEX identities_account ON identities (connection_id, issuer, subject);
CREATE INDEX identities_user ON identities (user_id);
