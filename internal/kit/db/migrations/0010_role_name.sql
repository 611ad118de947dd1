-- +goose Up

-- Which tenants made a role of this name for themselves.
CREATE INDEX tenant_role_name ON tenant_role (name, tenant_id);

-- +goose Down
DROP INDEX tenant_role_name;
