-- +goose Up
-- Sign-ups at the Cognito door that wait for their code: the person has an id, and no row yet. sealed is what they will be.
CREATE TABLE sign_ups (
  address TEXT NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL,
  sealed BLOB NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ups_expires ON sign_ups (expires);

-- Verifiers of passwords for SRP, sealed: only where an application needs them.
CREATE TABLE srp_verifiers (
  user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  sealed BLOB NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
