-- +goose Up

-- PostgreSQL refuses statements that forget their tenant in this step. SQLite has no such wall: there
-- every statement names its tenant, and that is all.
SELECT 1;

-- +goose Down
SELECT 1;
