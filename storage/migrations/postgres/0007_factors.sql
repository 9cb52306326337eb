-- +goose Up
-- How far a sign-in has come when one proof is not enough: who has proven something, and what (JSON).
ALTER TABLE flows ADD COLUMN user_id BYTEA;
ALTER TABLE flows ADD COLUMN progress TEXT NOT NULL DEFAULT '';

-- The methods a session was made with, separated by spaces.
ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'code';

CREATE TABLE groups (
  name TEXT NOT NULL PRIMARY KEY,
  description TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);

CREATE TABLE memberships (
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  group_name TEXT NOT NULL REFERENCES groups (name) ON DELETE CASCADE ON UPDATE CASCADE,
  created BIGINT NOT NULL,
  PRIMARY KEY (user_id, group_name)
);
CREATE INDEX memberships_group ON memberships (group_name);
