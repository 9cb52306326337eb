-- +goose Up
-- Unique ids (jti) of messages that count once: client assertions and what else is signed by others. Only a digest is kept.
CREATE TABLE used_jtis (
  digest BLOB NOT NULL PRIMARY KEY,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_jtis_expires ON used_jtis (expires);

-- When a secret was last presented, to the hour.
ALTER TABLE client_secrets ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;

-- What the request asked for beyond its scopes (claims, acr_values), as compact JSON; '' for nothing.
ALTER TABLE grants ADD COLUMN claims TEXT NOT NULL DEFAULT '';
