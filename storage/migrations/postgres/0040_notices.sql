-- +goose Up
-- The language of the last sign-in, and when that was: 0 for somebody who has never signed in.
ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN signed_in BIGINT NOT NULL DEFAULT 0;
UPDATE users SET signed_in = created WHERE id IN (SELECT user_id FROM events WHERE kind = 'session.signed_in')
  OR id IN (SELECT user_id FROM sessions) OR id IN (SELECT user_id FROM devices);

-- What people were told of by mail, one row for each mail. The link in it is derived from nonce with a key of the key file.
CREATE TABLE notices (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  address TEXT NOT NULL,
  nonce BYTEA NOT NULL,
  device TEXT NOT NULL,
  ip TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  denied_at BIGINT NOT NULL
);
CREATE INDEX notices_user ON notices (user_id);
CREATE INDEX notices_expires ON notices (expires);
