-- +goose Up

-- The cookie of a session that pages use. Only its keyed hash is here; it changes at every proof,
-- so a cookie from before a sign-in is worth nothing after it. A row with a staff member is
-- that member looking at another's pages, for the reason given.
CREATE TABLE page_cookie (
  session_id       UUID PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
  token_hash       BYTEA NOT NULL UNIQUE,
  remembered       BOOLEAN NOT NULL,
  staff_id         UUID REFERENCES account (id) ON DELETE CASCADE,
  staff_session_id UUID REFERENCES session (id) ON DELETE CASCADE,
  reason           TEXT NOT NULL
);
CREATE INDEX page_cookie_staff ON page_cookie (staff_id) WHERE staff_id IS NOT NULL;
CREATE INDEX page_cookie_staff_session ON page_cookie (staff_session_id) WHERE staff_session_id IS NOT NULL;

-- What charts show: counts of one hour, kept so that no page counts rows.
CREATE TABLE stat_hour (
  name TEXT NOT NULL,
  hour BIGINT NOT NULL,
  n    BIGINT NOT NULL,
  PRIMARY KEY (name, hour)
);
CREATE INDEX stat_hour_hour ON stat_hour (hour);

-- Looking people up: by the start of their name, and those whom a list picks out.
ALTER TABLE profile ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE profile SET name_key = lower(full_name);
CREATE INDEX profile_name ON profile (name_key, account_id);
CREATE INDEX account_inactive ON account (created_at, id) WHERE NOT active;
CREATE INDEX account_unverified ON account (created_at, id) WHERE NOT email_verified;
CREATE INDEX account_staff ON account (created_at, id) WHERE staff OR superuser;
CREATE INDEX account_inactive_email ON account (email_key, id) WHERE NOT active;
CREATE INDEX account_unverified_email ON account (email_key, id) WHERE NOT email_verified;
CREATE INDEX account_staff_email ON account (email_key, id) WHERE staff OR superuser;
CREATE INDEX audit_event_kind ON audit_event (kind, at);
CREATE INDEX job_recipient ON job (recipient, created_at);

-- +goose Down
DROP INDEX job_recipient;
DROP INDEX audit_event_kind;
DROP INDEX account_staff_email;
DROP INDEX account_unverified_email;
DROP INDEX account_inactive_email;
DROP INDEX account_staff;
DROP INDEX account_unverified;
DROP INDEX account_inactive;
DROP INDEX profile_name;
ALTER TABLE profile DROP COLUMN name_key;
DROP TABLE stat_hour;
DROP TABLE page_cookie;
