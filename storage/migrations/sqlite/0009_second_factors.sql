-- +goose Up
-- The code that was mailed as a second factor. It is never the one that the sign-in began with.
ALTER TABLE flows ADD COLUMN second_otp_id BLOB;

-- Authenticator apps (RFC 6238). The key is sealed; step is the last one that was used.
CREATE TABLE totps (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  sealed BLOB NOT NULL,
  step INTEGER NOT NULL,
  created INTEGER NOT NULL,
  used INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX totps_user ON totps (user_id);

-- Which second factors a person is asked for at every sign-in, and which of them first.
CREATE TABLE second_factors (
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  method TEXT NOT NULL,
  preferred INTEGER NOT NULL CHECK (preferred IN (0, 1)),
  created INTEGER NOT NULL,
  PRIMARY KEY (user_id, method)
) STRICT, WITHOUT ROWID;

-- Recovery codes, as keyed digests: one set a person.
CREATE TABLE recovery_codes (
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  digest BLOB NOT NULL,
  created INTEGER NOT NULL,
  used INTEGER NOT NULL,
  PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

-- Browsers in which a person has signed in, by the digest of their device cookie.
CREATE TABLE devices (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  digest BLOB NOT NULL,
  trusted INTEGER NOT NULL,
  agent TEXT NOT NULL,
  ip TEXT NOT NULL,
  created INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX devices_digest ON devices (digest, user_id);
CREATE INDEX devices_user ON devices (user_id);
CREATE INDEX devices_expires ON devices (expires);
