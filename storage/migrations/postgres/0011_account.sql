-- +goose Up
-- When the person has asked to be deleted: from then on. 0: they have not.
ALTER TABLE users ADD COLUMN delete_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX users_delete ON users (delete_at) WHERE delete_at > 0;

-- A person has at most one primary address; addresses that nobody proves are taken out by their age.
CREATE UNIQUE INDEX emails_primary ON emails (user_id) WHERE is_primary;
CREATE INDEX emails_unproven ON emails (created) WHERE verified_at = 0;

CREATE TABLE pictures (
  user_id BYTEA NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  data BYTEA NOT NULL,
  created BIGINT NOT NULL
);
CREATE UNIQUE INDEX pictures_name ON pictures (name);

-- What a person did, and with which device, as long as the log knows who it was.
ALTER TABLE events ADD COLUMN device TEXT NOT NULL DEFAULT '';
CREATE INDEX events_user ON events (user_id, id) WHERE user_id IS NOT NULL;

-- How far, in microseconds, the log has forgotten who it was.
INSERT INTO versions (name, number) VALUES ('events_forgotten', 0);
