-- +goose Up

-- Room in each page for the next version of a row, so that refreshing a session or moving a
-- counter touches no index (heap-only tuples).
ALTER TABLE session SET (fillfactor = 80);
ALTER TABLE rate_limit SET (fillfactor = 80);
-- Counters may be forgotten after a crash; nothing else may.
ALTER TABLE rate_limit SET UNLOGGED;

CREATE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
-- +goose StatementBegin
$$ BEGIN RAISE EXCEPTION 'audit events are append-only'; END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
  FOR EACH ROW EXECUTE FUNCTION audit_event_is_append_only();

-- +goose Down
DROP TRIGGER audit_event_no_update ON audit_event;
DROP FUNCTION audit_event_is_append_only();
