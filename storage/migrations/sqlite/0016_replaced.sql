-- +goose Up
-- Finds the session that has taken the place of the one an application was told.
CREATE INDEX grants_sid ON grants (sid) WHERE sid IS NOT NULL;
