-- +goose Up
-- What a person has allowed an application, until they take it back; expires is 0 where that has no end.
CREATE TABLE consents (
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_client ON consents (client_id);

-- A device that asked to be connected (RFC 8628), until its code has ended.
CREATE TABLE device_codes (
  digest BLOB NOT NULL PRIMARY KEY,
  user_digest BLOB NOT NULL,
  client_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  agent TEXT NOT NULL,
  ip TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  pause INTEGER NOT NULL,
  polled INTEGER NOT NULL,
  decision TEXT NOT NULL CHECK (decision IN ('', 'allowed', 'denied')),
  grant_id BLOB,
  spent_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX device_codes_user ON device_codes (user_digest);
CREATE INDEX device_codes_expires ON device_codes (expires);

-- The session's name as the application was told it, where its grants have moved on to another session of the same browser.
ALTER TABLE grants ADD COLUMN sid BLOB;
