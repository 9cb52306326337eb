-- +goose Up
CREATE TABLE users (
  id BYTEA NOT NULL PRIMARY KEY,
  status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
  role TEXT NOT NULL CHECK (role IN ('none', 'reader', 'admin', 'owner')),
  name TEXT NOT NULL,
  username TEXT,
  picture TEXT NOT NULL,
  locale TEXT NOT NULL,
  attributes TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_username ON users (username);

-- Unique among verified addresses only: an unverified row must not squat.
CREATE TABLE emails (
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  typed TEXT NOT NULL,
  is_primary BOOLEAN NOT NULL,
  verified_at BIGINT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (user_id, address)
);
CREATE UNIQUE INDEX emails_verified ON emails (address) WHERE verified_at > 0;

CREATE TABLE sessions (
  id BYTEA NOT NULL PRIMARY KEY,
  digest BYTEA NOT NULL,
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  auth_time BIGINT NOT NULL,
  amr TEXT NOT NULL,
  acr TEXT NOT NULL,
  remembered BOOLEAN NOT NULL,
  ip TEXT NOT NULL,
  agent TEXT NOT NULL,
  seen BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE flows (
  id BYTEA NOT NULL PRIMARY KEY,
  browser BYTEA NOT NULL,
  client_id TEXT NOT NULL,
  return_to TEXT NOT NULL,
  request TEXT NOT NULL,
  demands TEXT NOT NULL,
  login TEXT NOT NULL,
  otp_id BYTEA,
  session_id BYTEA,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  answered_at BIGINT NOT NULL
);
CREATE INDEX flows_expires ON flows (expires);

CREATE TABLE otps (
  id BYTEA NOT NULL PRIMARY KEY,
  flow_id BYTEA NOT NULL,
  purpose TEXT NOT NULL,
  address TEXT NOT NULL,
  nonce BYTEA NOT NULL,
  sent BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  tries BIGINT NOT NULL,
  spent_at BIGINT NOT NULL
);
CREATE INDEX otps_address ON otps (address);
CREATE INDEX otps_expires ON otps (expires);

CREATE TABLE clients (
  id TEXT NOT NULL PRIMARY KEY,
  nonce BYTEA NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('web', 'spa', 'native')),
  framework TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('api', 'config')),
  disabled BOOLEAN NOT NULL,
  redirect_uris TEXT NOT NULL,
  post_logout_redirect_uris TEXT NOT NULL,
  allowed_origins TEXT NOT NULL,
  settings TEXT NOT NULL,
  created BIGINT NOT NULL,
  updated BIGINT NOT NULL
);

CREATE TABLE client_secrets (
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  id BYTEA NOT NULL,
  digest BYTEA NOT NULL,
  hint TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  PRIMARY KEY (client_id, id)
);

-- One row for the whole life of what a person allowed a client: docs/decisions/0003-tokens-are-names.md
CREATE TABLE grants (
  id BYTEA NOT NULL PRIMARY KEY,
  client_id TEXT NOT NULL,
  user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  session_id BYTEA,
  secret BYTEA NOT NULL,
  scope TEXT NOT NULL,
  audience TEXT NOT NULL,
  auth_time BIGINT NOT NULL,
  amr TEXT NOT NULL,
  acr TEXT NOT NULL,
  request TEXT NOT NULL,
  code_expires BIGINT NOT NULL,
  code_spent BIGINT NOT NULL,
  code_tries BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  rotated TEXT NOT NULL,
  expires BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX grants_user ON grants (user_id);
CREATE INDEX grants_session ON grants (session_id) WHERE session_id IS NOT NULL;

CREATE TABLE keys (
  id TEXT NOT NULL PRIMARY KEY,
  alg TEXT NOT NULL,
  public TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  created BIGINT NOT NULL,
  active_from BIGINT NOT NULL,
  retired_at BIGINT NOT NULL
);

CREATE TABLE events (
  id BYTEA NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  user_id BYTEA,
  client_id TEXT NOT NULL,
  ip TEXT NOT NULL,
  detail TEXT NOT NULL
);

CREATE TABLE settings (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL,
  updated BIGINT NOT NULL
);

-- One row: raised whenever clients, keys or settings change, so that caches (of every replica) notice.
CREATE TABLE versions (
  name TEXT NOT NULL PRIMARY KEY,
  number BIGINT NOT NULL
);
INSERT INTO versions (name, number) VALUES ('configuration', 1);

CREATE TABLE outbox (
  id BYTEA NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  due BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (due);

CREATE TABLE inbox (
  id BYTEA NOT NULL PRIMARY KEY,
  address TEXT NOT NULL,
  otp_id BYTEA,
  sealed BYTEA NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX inbox_address ON inbox (address);

CREATE TABLE pending (
  digest BYTEA NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  data TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  spent_at BIGINT NOT NULL
);
CREATE INDEX pending_expires ON pending (expires);

CREATE TABLE budgets (
  name TEXT NOT NULL PRIMARY KEY,
  used BIGINT NOT NULL,
  started BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX budgets_expires ON budgets (expires);
