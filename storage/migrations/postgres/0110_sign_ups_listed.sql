-- +goose Up
-- Administrators look for sign-ups that wait by the id that their person will have, and list them in that order.
CREATE INDEX sign_ups_user ON sign_ups (user_id);
