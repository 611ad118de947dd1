-- +goose Up

-- How a tenant's pages look besides their colour (0 and empty: as the service has it), and how long a
-- session may have been left unused (0: no bound of its own).
ALTER TABLE tenant ADD COLUMN radius BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN font TEXT NOT NULL DEFAULT '';
ALTER TABLE tenant ADD COLUMN max_idle_ms BIGINT NOT NULL DEFAULT 0;

-- The longest that a session was left unused since its last proof, as far as its uses tell: coming back
-- is a use itself, and must not make what a tenant asks forgotten. No index may ever hold it: each
-- refresh writes it.
ALTER TABLE session ADD COLUMN idled_ms BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE session DROP COLUMN idled_ms;
ALTER TABLE tenant DROP COLUMN max_idle_ms;
ALTER TABLE tenant DROP COLUMN font;
ALTER TABLE tenant DROP COLUMN radius;
