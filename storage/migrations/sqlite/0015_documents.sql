-- +goose Up
-- Applications that describe themselves at the address which is their client_id. expires is when one goes that nobody has used:
-- a day after it was last asked for, or when what people allowed it has ended.
CREATE TABLE client_documents (
  client_id TEXT NOT NULL PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX client_documents_expires ON client_documents (expires);
