-- +goose Up
-- What people know. The hash says by itself how it was made (PHC string, or that of a server they came from).
CREATE TABLE passwords (
  user_id BYTEA NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  hash TEXT NOT NULL,
  changed BIGINT NOT NULL
);
