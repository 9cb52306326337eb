-- +goose Up
-- Invitations to make an account. The token in the link is derived from id and nonce.
CREATE TABLE invitations (
  id BYTEA NOT NULL PRIMARY KEY,
  nonce BYTEA NOT NULL,
  address TEXT NOT NULL,
  mailed BOOLEAN NOT NULL,
  groups TEXT NOT NULL,
  role TEXT NOT NULL,
  uses BIGINT NOT NULL,
  used BIGINT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX invitations_expires ON invitations (expires);

-- The invitation that a sign-in was begun with.
ALTER TABLE flows ADD COLUMN invitation_id BYTEA;
