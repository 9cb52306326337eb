-- +goose Up
-- Applications that have registered themselves (RFC 7591), each with the digest of the token that manages it. expires is when one
-- goes that nobody has used; 0 once somebody has, and for those that came with an initial token.
CREATE TABLE registrations (
  client_id TEXT NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
  digest BYTEA NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX registrations_expires ON registrations (expires) WHERE expires > 0;

-- Initial access tokens: each lets so many applications register. Only a digest is kept.
CREATE TABLE registration_tokens (
  id BYTEA NOT NULL PRIMARY KEY,
  digest BYTEA NOT NULL,
  hint TEXT NOT NULL,
  uses BIGINT NOT NULL,
  used BIGINT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE UNIQUE INDEX registration_tokens_digest ON registration_tokens (digest);
CREATE INDEX registration_tokens_expires ON registration_tokens (expires);
