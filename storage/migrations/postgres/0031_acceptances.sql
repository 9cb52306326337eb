-- +goose Up
-- Which versions of terms and privacy notice a person has accepted, when and from where.
CREATE TABLE acceptances (
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  document TEXT NOT NULL,
  version TEXT NOT NULL,
  url TEXT NOT NULL,
  ip TEXT NOT NULL,
  device TEXT NOT NULL,
  accepted BIGINT NOT NULL,
  PRIMARY KEY (user_id, document, version)
);
