-- +goose Up
-- The code that was mailed as a second factor. It is never the one that the sign-in began with.
ALTER TABLE flows ADD COLUMN second_otp_id BYTEA;

-- Authenticator apps (RFC 6238). The key is sealed; step is the last one that was used.
CREATE TABLE totps (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  sealed BYTEA NOT NULL,
  step BIGINT NOT NULL,
  created BIGINT NOT NULL,
  used BIGINT NOT NULL
);
CREATE UNIQUE INDEX totps_user ON totps (user_id);

-- Which second factors a person is asked for at every sign-in, and which of them first.
CREATE TABLE second_factors (
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  method TEXT NOT NULL,
  preferred BOOLEAN NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (user_id, method)
);

-- Recovery codes, as keyed digests: one set a person.
CREATE TABLE recovery_codes (
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  digest BYTEA NOT NULL,
  created BIGINT NOT NULL,
  used BIGINT NOT NULL,
  PRIMARY KEY (user_id, digest)
);

-- Browsers in which a person has signed in, by the digest of their device cookie.
CREATE TABLE devices (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  digest BYTEA NOT NULL,
  trusted BIGINT NOT NULL,
  agent TEXT NOT NULL,
  ip TEXT NOT NULL,
  created BIGINT NOT NULL,
  seen BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE UNIQUE INDEX devices_digest ON devices (digest, user_id);
CREATE INDEX devices_user ON devices (user_id);
CREATE INDEX devices_expires ON devices (expires);
