-- +goose Up

-- A generator of time-based codes (RFC 6238). It counts once confirmed_at is set; one more may wait.
-- last_step is the newest time step of which a code was taken: no code of it or before is good again.
CREATE TABLE totp_device (
  id           UUID PRIMARY KEY,
  account_id   UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  secret       BYTEA NOT NULL,
  last_step    BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  confirmed_at BIGINT,
  last_used_at BIGINT
);
CREATE INDEX totp_device_account ON totp_device (account_id);
CREATE UNIQUE INDEX totp_device_waiting ON totp_device (account_id) WHERE confirmed_at IS NULL;

CREATE TABLE backup_code (
  account_id UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  code_hash  BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  used_at    BIGINT,
  PRIMARY KEY (account_id, code_hash)
);

-- A WebAuthn credential. credential is what the library keeps of it, as JSON: the public key, flags
-- and counter; nothing in it is secret.
CREATE TABLE passkey (
  id            UUID PRIMARY KEY,
  account_id    UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  credential_id BYTEA NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  credential    TEXT NOT NULL,
  created_at    BIGINT NOT NULL,
  last_used_at  BIGINT
);
CREATE INDEX passkey_account ON passkey (account_id);

-- Who gets a code by mail as their second step.
CREATE TABLE email_factor (
  account_id UUID PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL
);

-- What is under way between two requests of a ceremony: the second step of a sign-in, a passkey's
-- challenge, a mailed code. It is good once, for a few tries, and only while the account's epoch stays.
CREATE TABLE ticket (
  id         UUID PRIMARY KEY,
  purpose    TEXT NOT NULL,
  token_hash BYTEA NOT NULL UNIQUE,
  account_id UUID REFERENCES account (id) ON DELETE CASCADE,
  epoch      BIGINT NOT NULL,
  session_id UUID REFERENCES session (id) ON DELETE CASCADE,
  email_key  TEXT NOT NULL,
  code_hash  BYTEA,
  data       TEXT NOT NULL,
  tries      BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT
);
CREATE INDEX ticket_expires ON ticket (expires_at);
CREATE INDEX ticket_account ON ticket (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX ticket_session ON ticket (session_id) WHERE session_id IS NOT NULL;

-- A browser that an account has signed in with. trusted_until lets it go without the second step,
-- where policy allows that, as long as the account's epoch is trusted_epoch.
CREATE TABLE device (
  id            UUID PRIMARY KEY,
  account_id    UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  token_hash    BYTEA NOT NULL,
  created_at    BIGINT NOT NULL,
  trusted_until BIGINT,
  trusted_epoch BIGINT,
  UNIQUE (account_id, token_hash)
);

-- Until when an account may go without the second factor that policy asks of it.
CREATE TABLE factor_grace (
  account_id UUID PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
  due_at     BIGINT NOT NULL
);

-- A wish to be rid of second factors that were lost. It waits until ready_at, so that whoever still has
-- them can say no.
CREATE TABLE factor_recovery (
  id           UUID PRIMARY KEY,
  account_id   UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  device       TEXT NOT NULL,
  address      TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  ready_at     BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  told_at      BIGINT,
  cancelled_at BIGINT,
  done_at      BIGINT
);
CREATE UNIQUE INDEX factor_recovery_open ON factor_recovery (account_id) WHERE cancelled_at IS NULL AND done_at IS NULL;
CREATE INDEX factor_recovery_ready ON factor_recovery (ready_at) WHERE told_at IS NULL AND cancelled_at IS NULL AND done_at IS NULL;
CREATE INDEX factor_recovery_expires ON factor_recovery (expires_at);

-- Addresses and user names that were given up and are kept from others for a while.
CREATE TABLE reserved_name (
  kind       TEXT NOT NULL,
  name_key   TEXT NOT NULL,
  account_id UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  until      BIGINT NOT NULL,
  PRIMARY KEY (kind, name_key)
);
CREATE INDEX reserved_name_account ON reserved_name (account_id);
CREATE INDEX reserved_name_until ON reserved_name (until);

-- What a mailed permission is about, where its purpose does not say it all.
ALTER TABLE one_time_token ADD COLUMN data TEXT NOT NULL DEFAULT '';

-- When an account is to be erased, if its owner wants that.
ALTER TABLE account ADD COLUMN erase_at BIGINT;
CREATE INDEX account_erase ON account (erase_at) WHERE erase_at IS NOT NULL;

-- +goose Down
DROP INDEX account_erase;
ALTER TABLE account DROP COLUMN erase_at;
ALTER TABLE one_time_token DROP COLUMN data;
DROP TABLE reserved_name;
DROP TABLE factor_recovery;
DROP TABLE factor_grace;
DROP TABLE device;
DROP TABLE ticket;
DROP TABLE email_factor;
DROP TABLE passkey;
DROP TABLE backup_code;
DROP TABLE totp_device;
