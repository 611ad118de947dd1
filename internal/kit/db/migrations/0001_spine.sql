-- +goose Up

-- The person. id is ours alone; subject is what the world sees and never changes.
CREATE TABLE account (
  id             UUID PRIMARY KEY,
  subject        TEXT NOT NULL UNIQUE,
  email          TEXT NOT NULL,
  email_key      TEXT NOT NULL UNIQUE,
  email_verified BOOLEAN NOT NULL,
  username       TEXT,
  username_key   TEXT UNIQUE,
  active         BOOLEAN NOT NULL,
  staff          BOOLEAN NOT NULL,
  superuser      BOOLEAN NOT NULL,
  epoch          BIGINT NOT NULL,
  created_at     BIGINT NOT NULL,
  last_login_at  BIGINT
);
CREATE INDEX account_created ON account (created_at, id);

CREATE TABLE profile (
  account_id UUID PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  full_name  TEXT NOT NULL,
  phone      TEXT NOT NULL,
  locale     TEXT NOT NULL,
  attributes TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE TABLE password_credential (
  account_id UUID PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  hash       TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);

-- A sign-up that waits for its mail to be answered. Several may wait for one address.
CREATE TABLE registration (
  id            UUID PRIMARY KEY,
  email         TEXT NOT NULL,
  email_key     TEXT NOT NULL,
  username      TEXT,
  password_hash TEXT NOT NULL,
  full_name     TEXT NOT NULL,
  phone         TEXT NOT NULL,
  locale        TEXT NOT NULL,
  attributes    TEXT NOT NULL,
  token_hash    BYTEA NOT NULL UNIQUE,
  browser_hash  BYTEA,
  device        TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  expires_at    BIGINT NOT NULL
);
CREATE INDEX registration_email ON registration (email_key, created_at);
CREATE INDEX registration_expires ON registration (expires_at);

-- A mailed permission to change one thing. epoch is the account's when it was made.
CREATE TABLE one_time_token (
  id         UUID PRIMARY KEY,
  purpose    TEXT NOT NULL,
  account_id UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  email_key  TEXT NOT NULL,
  epoch      BIGINT NOT NULL,
  token_hash BYTEA NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT
);
CREATE INDEX one_time_token_account ON one_time_token (account_id);
CREATE INDEX one_time_token_expires ON one_time_token (expires_at);

-- A sign-in on one client. No column that a refresh writes may be in an index: that
-- is what keeps its update within the page on PostgreSQL.
CREATE TABLE session (
  id           UUID PRIMARY KEY,
  account_id   UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  epoch        BIGINT NOT NULL,
  client_id    TEXT NOT NULL,
  transport    TEXT NOT NULL,
  jkt          TEXT NOT NULL,
  tenant_id    UUID,
  audience     TEXT NOT NULL,
  amr          TEXT NOT NULL,
  aal          BIGINT NOT NULL,
  auth_time    BIGINT NOT NULL,
  counter      BIGINT NOT NULL,
  rotated_at   BIGINT NOT NULL,
  repeats      BIGINT NOT NULL,
  idle_ms      BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  ended_at     BIGINT,
  ended_reason TEXT,
  created_at   BIGINT NOT NULL,
  device       TEXT NOT NULL,
  address      TEXT NOT NULL
);
CREATE INDEX session_account ON session (account_id, created_at);
CREATE INDEX session_expires ON session (expires_at);

-- Keys of every purpose, sealed by the key-encryption key that kek names. A generation ends
-- when a later one of its purpose begins. Nothing but sealed and kek ever changes: the
-- seal covers the rest of the row.
CREATE TABLE key_material (
  id         TEXT PRIMARY KEY,
  purpose    TEXT NOT NULL,
  generation BIGINT NOT NULL,
  algorithm  TEXT NOT NULL,
  imported   BOOLEAN NOT NULL,
  sealed     BYTEA NOT NULL,
  kek        TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  active_at  BIGINT NOT NULL,
  UNIQUE (purpose, generation)
);

CREATE TABLE job (
  id           UUID PRIMARY KEY,
  kind         TEXT NOT NULL,
  recipient    TEXT NOT NULL,
  payload      BYTEA,
  attempt      BIGINT NOT NULL,
  run_at       BIGINT NOT NULL,
  leased_until BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  done_at      BIGINT,
  dead_at      BIGINT,
  last_error   TEXT NOT NULL
);
CREATE INDEX job_due ON job (run_at, id) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX job_done ON job (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX job_dead ON job (dead_at) WHERE dead_at IS NOT NULL;

-- Periodic work: when its last run began, and until when somebody is at it.
CREATE TABLE job_schedule (
  name         TEXT PRIMARY KEY,
  last_at      BIGINT NOT NULL,
  leased_until BIGINT NOT NULL
);

-- Buckets of the limiter: tat is when a bucket is empty again, in Unix nanoseconds.
CREATE TABLE rate_limit (
  k   TEXT PRIMARY KEY,
  tat BIGINT NOT NULL
);

-- What happened to whom. Rows outlive the account they speak of.
CREATE TABLE audit_event (
  id         UUID PRIMARY KEY,
  at         BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  account_id UUID,
  session_id UUID,
  actor      TEXT NOT NULL,
  address    TEXT NOT NULL,
  device     TEXT NOT NULL,
  request_id TEXT NOT NULL,
  reason     TEXT NOT NULL,
  detail     TEXT NOT NULL
);
CREATE INDEX audit_event_account ON audit_event (account_id, at);
CREATE INDEX audit_event_at ON audit_event (at);

-- Mails caught in development mode. Empty everywhere else.
CREATE TABLE dev_mail (
  id            UUID PRIMARY KEY,
  message_id    TEXT NOT NULL UNIQUE,
  sender        TEXT NOT NULL,
  recipient     TEXT NOT NULL,
  recipient_key TEXT NOT NULL,
  subject       TEXT NOT NULL,
  text_part     TEXT NOT NULL,
  html_part     TEXT NOT NULL,
  sent_at       BIGINT NOT NULL
);
CREATE INDEX dev_mail_sent ON dev_mail (sent_at, id);

-- +goose Down
DROP TABLE dev_mail;
DROP TABLE audit_event;
DROP TABLE rate_limit;
DROP TABLE job_schedule;
DROP TABLE job;
DROP TABLE key_material;
DROP TABLE session;
DROP TABLE one_time_token;
DROP TABLE registration;
DROP TABLE password_credential;
DROP TABLE profile;
DROP TABLE account;
