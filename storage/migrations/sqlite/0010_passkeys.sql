-- +goose Up
-- Keys of people (WebAuthn). Only the public half is here; credential_id is what the authenticator calls it.
CREATE TABLE passkeys (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  credential_id BLOB NOT NULL,
  public_key BLOB NOT NULL,
  sign_count INTEGER NOT NULL,
  name TEXT NOT NULL,
  aaguid BLOB NOT NULL,
  transports TEXT NOT NULL,
  attachment TEXT NOT NULL CHECK (attachment IN ('', 'platform', 'cross-platform')),
  backup_eligible INTEGER NOT NULL CHECK (backup_eligible IN (0, 1)),
  backed_up INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
  user_verified INTEGER NOT NULL CHECK (user_verified IN (0, 1)),
  created INTEGER NOT NULL,
  created_on TEXT NOT NULL,
  used INTEGER NOT NULL,
  used_on TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX passkeys_credential_id ON passkeys (credential_id);
CREATE INDEX passkeys_user ON passkeys (user_id);
