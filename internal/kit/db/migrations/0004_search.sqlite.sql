-- +goose Up

-- SQLite sorts keys by their bytes as it is. PostgreSQL is told to in this step.
SELECT 1;

-- +goose Down
SELECT 1;
