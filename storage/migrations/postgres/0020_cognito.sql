-- +goose Up
-- Sign-ups at the Cognito door that wait for their code: the person has an id, and no row yet. sealed is what they will be.
CREATE TABLE sign_ups (
  address TEXT NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL,
  sealed BYTEA NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX sign_ups_expires ON sign_ups (expires);

-- Verifiers of passwords for SRP, sealed: only where an application needs them.
CREATE TABLE srp_verifiers (
  user_id BYTEA NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  sealed BYTEA NOT NULL,
  created BIGINT NOT NULL
);
