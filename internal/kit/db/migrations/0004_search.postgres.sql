-- +goose Up

-- Keys sort by their bytes, as on SQLite, so that everything from 'ann' to just before 'ano' is what
-- begins with 'ann', and an index finds it.
ALTER TABLE account ALTER COLUMN email_key TYPE TEXT COLLATE "C", ALTER COLUMN username_key TYPE TEXT COLLATE "C";
ALTER TABLE profile ALTER COLUMN name_key TYPE TEXT COLLATE "C";

-- +goose Down
ALTER TABLE profile ALTER COLUMN name_key TYPE TEXT;
ALTER TABLE account ALTER COLUMN email_key TYPE TEXT, ALTER COLUMN username_key TYPE TEXT;
