-- +goose Up
-- What a device asks for beside scopes: APIs (RFC 8707), and how strong the sign-in should be (acr_values).
ALTER TABLE device_codes ADD COLUMN audience TEXT NOT NULL DEFAULT '';
ALTER TABLE device_codes ADD COLUMN acr_values TEXT NOT NULL DEFAULT '';
