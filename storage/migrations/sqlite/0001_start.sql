-- +goose Up
CREATE TABLE users (
  id BLOB NOT NULL PRIMARY KEY,
  status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
  role TEXT NOT NULL CHECK (role IN ('none', 'reader', 'admin', 'owner')),
  name TEXT NOT NULL,
  username TEXT,
  picture TEXT NOT NULL,
  locale TEXT NOT NULL,
  attributes TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_username ON users (username);

-- Unique among verified addresses only: an unverified row must not squat.
CREATE TABLE emails (
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  typed TEXT NOT NULL,
  is_primary INTEGER NOT NULL CHECK (is_primary IN (0, 1)),
  verified_at INTEGER NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (user_id, address)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX emails_verified ON emails (address) WHERE verified_at > 0;

CREATE TABLE sessions (
  id BLOB NOT NULL PRIMARY KEY,
  digest BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  auth_time INTEGER NOT NULL,
  amr TEXT NOT NULL,
  acr TEXT NOT NULL,
  remembered INTEGER NOT NULL CHECK (remembered IN (0, 1)),
  ip TEXT NOT NULL,
  agent TEXT NOT NULL,
  seen INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE flows (
  id BLOB NOT NULL PRIMARY KEY,
  browser BLOB NOT NULL,
  client_id TEXT NOT NULL,
  return_to TEXT NOT NULL,
  request TEXT NOT NULL,
  demands TEXT NOT NULL,
  login TEXT NOT NULL,
  otp_id BLOB,
  session_id BLOB,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  answered_at INTEGER NOT NULL
) STRICT;
CREATE INDEX flows_expires ON flows (expires);

CREATE TABLE otps (
  id BLOB NOT NULL PRIMARY KEY,
  flow_id BLOB NOT NULL,
  purpose TEXT NOT NULL,
  address TEXT NOT NULL,
  nonce BLOB NOT NULL,
  sent INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  spent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX otps_address ON otps (address);
CREATE INDEX otps_expires ON otps (expires);

CREATE TABLE clients (
  id TEXT NOT NULL PRIMARY KEY,
  nonce BLOB NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('web', 'spa', 'native')),
  framework TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('api', 'config')),
  disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
  redirect_uris TEXT NOT NULL,
  post_logout_redirect_uris TEXT NOT NULL,
  allowed_origins TEXT NOT NULL,
  settings TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE client_secrets (
  client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
  id BLOB NOT NULL,
  digest BLOB NOT NULL,
  hint TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

-- One row for the whole life of what a person allowed a client: docs/decisions/0003-tokens-are-names.md
CREATE TABLE grants (
  id BLOB NOT NULL PRIMARY KEY,
  client_id TEXT NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  session_id BLOB,
  secret BLOB NOT NULL,
  scope TEXT NOT NULL,
  audience TEXT NOT NULL,
  auth_time INTEGER NOT NULL,
  amr TEXT NOT NULL,
  acr TEXT NOT NULL,
  request TEXT NOT NULL,
  code_expires INTEGER NOT NULL,
  code_spent INTEGER NOT NULL,
  code_tries INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  rotated TEXT NOT NULL,
  expires INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX grants_user ON grants (user_id);
CREATE INDEX grants_session ON grants (session_id) WHERE session_id IS NOT NULL;

CREATE TABLE keys (
  id TEXT NOT NULL PRIMARY KEY,
  alg TEXT NOT NULL,
  public TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created INTEGER NOT NULL,
  active_from INTEGER NOT NULL,
  retired_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  id BLOB NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  user_id BLOB,
  client_id TEXT NOT NULL,
  ip TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

CREATE TABLE settings (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: raised whenever clients, keys or settings change, so that caches (of every replica) notice.
CREATE TABLE versions (
  name TEXT NOT NULL PRIMARY KEY,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO versions (name, number) VALUES ('configuration', 1);

CREATE TABLE outbox (
  id BLOB NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  due INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (due);

CREATE TABLE inbox (
  id BLOB NOT NULL PRIMARY KEY,
  address TEXT NOT NULL,
  otp_id BLOB,
  sealed BLOB NOT NULL,
  expires INTEGER NOT NULL
) STRICT;
CREATE INDEX inbox_address ON inbox (address);

CREATE TABLE pending (
  digest BLOB NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  data TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  spent_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_expires ON pending (expires);

CREATE TABLE budgets (
  name TEXT NOT NULL PRIMARY KEY,
  used INTEGER NOT NULL,
  started INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX budgets_expires ON budgets (expires);
