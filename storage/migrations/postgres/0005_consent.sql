-- +goose Up
-- What a person has allowed an application, until they take it back; expires is 0 where that has no end.
CREATE TABLE consents (
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_client ON consents (client_id);

-- A device that asked to be connected (RFC 8628), until its code has ended.
CREATE TABLE device_codes (
  digest BYTEA NOT NULL PRIMARY KEY,
  user_digest BYTEA NOT NULL,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  agent TEXT NOT NULL,
  ip TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  pause BIGINT NOT NULL,
  polled BIGINT NOT NULL,
  decision TEXT NOT NULL CHECK (decision IN ('', 'allowed', 'denied')),
  grant_id BYTEA,
  spent_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX device_codes_user ON device_codes (user_digest);
CREATE INDEX device_codes_expires ON device_codes (expires);

-- The session's name as the application was told it, where its grants have moved on to another session of the same browser.
ALTER TABLE grants ADD COLUMN sid BYTEA;
