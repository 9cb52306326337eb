-- +goose Up
-- Keys of people (WebAuthn). Only the public half is here; credential_id is what the authenticator calls it.
CREATE TABLE passkeys (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  credential_id BYTEA NOT NULL,
  public_key BYTEA NOT NULL,
  sign_count BIGINT NOT NULL,
  name TEXT NOT NULL,
  aaguid BYTEA NOT NULL,
  transports TEXT NOT NULL,
  attachment TEXT NOT NULL CHECK (attachment IN ('', 'platform', 'cross-platform')),
  backup_eligible BOOLEAN NOT NULL,
  backed_up BOOLEAN NOT NULL,
  user_verified BOOLEAN NOT NULL,
  created BIGINT NOT NULL,
  created_on TEXT NOT NULL,
  used BIGINT NOT NULL,
  used_on TEXT NOT NULL
);
CREATE UNIQUE INDEX passkeys_credential_id ON passkeys (credential_id);
CREATE INDEX passkeys_user ON passkeys (user_id);
