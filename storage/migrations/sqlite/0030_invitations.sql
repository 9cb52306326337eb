-- +goose Up
-- Invitations to make an account. The token in the link is derived from id and nonce.
CREATE TABLE invitations (
  id BLOB NOT NULL PRIMARY KEY,
  nonce BLOB NOT NULL,
  address TEXT NOT NULL,
  mailed INTEGER NOT NULL CHECK (mailed IN (0, 1)),
  groups TEXT NOT NULL,
  role TEXT NOT NULL,
  uses INTEGER NOT NULL,
  used INTEGER NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
CREATE INDEX invitations_expires ON invitations (expires);

-- The invitation that a sign-in was begun with.
ALTER TABLE flows ADD COLUMN invitation_id BLOB;
