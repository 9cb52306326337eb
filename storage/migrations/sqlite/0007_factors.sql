-- +goose Up
-- How far a sign-in has come when one proof is not enough: who has proven something, and what (JSON).
ALTER TABLE flows ADD COLUMN user_id BLOB;
ALTER TABLE flows ADD COLUMN progress TEXT NOT NULL DEFAULT '';

-- The methods a session was made with, separated by spaces.
ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'code';

CREATE TABLE groups (
  name TEXT NOT NULL PRIMARY KEY,
  description TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE memberships (
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  group_name TEXT NOT NULL REFERENCES groups (name) ON DELETE CASCADE ON UPDATE CASCADE,
  created INTEGER NOT NULL,
  PRIMARY KEY (user_id, group_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_group ON memberships (group_name);
