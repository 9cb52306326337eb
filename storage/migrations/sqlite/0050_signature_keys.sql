-- +goose Up
-- Keys with which programs sign their calls of the Cognito API. sealed is the secret: the server computes with it.
CREATE TABLE signature_keys (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created INTEGER NOT NULL,
  last_used INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Until when a password is good that somebody else has chosen: it signs nobody in before its person has chosen another. 0: it is their own.
ALTER TABLE passwords ADD COLUMN temporary INTEGER NOT NULL DEFAULT 0;
