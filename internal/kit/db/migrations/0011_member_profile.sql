-- +goose Up

-- What a member is in their tenant, in the attributes that the configuration declares, as JSON by name.
-- Only their membership has it: the same account is another thing in another tenant.
ALTER TABLE membership ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE membership DROP COLUMN attributes;
