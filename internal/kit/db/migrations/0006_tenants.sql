-- +goose Up

-- An organisation whose members' rights end at its border. max_age_ms is how old the last proof of
-- whoever comes in may be (0: no bound of its own); no_password, no_passkey and no_mail are first proofs
-- that it does not take. version is moved by every change in the tenant: it is what they queue for.
CREATE TABLE tenant (
  id            UUID PRIMARY KEY,
  slug          TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  name_key      TEXT NOT NULL UNIQUE,
  active        BOOLEAN NOT NULL,
  second_factor BOOLEAN NOT NULL,
  max_age_ms    BIGINT NOT NULL,
  no_password   BOOLEAN NOT NULL,
  no_passkey    BOOLEAN NOT NULL,
  no_mail       BOOLEAN NOT NULL,
  email_domains TEXT NOT NULL,
  join_role     TEXT NOT NULL,
  color         TEXT NOT NULL,
  version       BIGINT NOT NULL,
  created_at    BIGINT NOT NULL
);
CREATE INDEX tenant_created ON tenant (created_at, id);
CREATE INDEX tenant_suspended ON tenant (created_at, id) WHERE NOT active;
CREATE INDEX tenant_suspended_slug ON tenant (slug) WHERE NOT active;
CREATE INDEX tenant_suspended_name ON tenant (name_key) WHERE NOT active;

-- Every slug that ever was, by what it looks like: none is given to another tenant, not even when its
-- own is gone.
CREATE TABLE tenant_slug (
  look      TEXT PRIMARY KEY,
  slug      TEXT NOT NULL,
  tenant_id UUID NOT NULL
);
CREATE INDEX tenant_slug_tenant ON tenant_slug (tenant_id);

-- Domains that a tenant says are its own. challenge is what it has to publish to show that; it is no
-- secret. Only one tenant can have shown it.
CREATE TABLE tenant_domain (
  tenant_id   UUID NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  domain      TEXT NOT NULL,
  challenge   TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  verified_at BIGINT,
  checked_at  BIGINT,
  PRIMARY KEY (tenant_id, domain)
);
CREATE UNIQUE INDEX tenant_domain_verified ON tenant_domain (domain) WHERE verified_at IS NOT NULL;

-- Roles that a tenant made for itself, besides those that all have. permissions are separated by blanks.
CREATE TABLE tenant_role (
  tenant_id   UUID NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  permissions TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, name)
);

-- Who belongs to which tenant, in which role, and what they may do besides.
CREATE TABLE membership (
  tenant_id   UUID NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  account_id  UUID NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  role        TEXT NOT NULL,
  permissions TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, account_id)
);
CREATE INDEX membership_account ON membership (account_id, created_at);
CREATE INDEX membership_joined ON membership (tenant_id, created_at, account_id);
CREATE INDEX membership_role ON membership (tenant_id, role);

-- A mailed invitation. It is good for its address alone, once, until it expires or is revoked. Without
-- invited_by it is of whoever runs the service; a member's goes with them.
CREATE TABLE invitation (
  id          UUID PRIMARY KEY,
  tenant_id   UUID NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  email       TEXT NOT NULL,
  email_key   TEXT NOT NULL,
  role        TEXT NOT NULL,
  locale      TEXT NOT NULL,
  token_hash  BYTEA NOT NULL,
  invited_by  UUID REFERENCES account (id) ON DELETE CASCADE,
  sent        BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  accepted_at BIGINT,
  revoked_at  BIGINT
);
CREATE UNIQUE INDEX invitation_open ON invitation (tenant_id, email_key) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE UNIQUE INDEX invitation_token ON invitation (tenant_id, token_hash);
CREATE INDEX invitation_email ON invitation (email_key) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitation_by ON invitation (invited_by) WHERE invited_by IS NOT NULL;
CREATE INDEX invitation_expires ON invitation (expires_at);

-- Permissions that the application declared while running, besides those of its configuration.
CREATE TABLE declared_permission (
  name        TEXT PRIMARY KEY,
  description TEXT NOT NULL,
  created_at  BIGINT NOT NULL
);

-- In which tenant something happened, if in one.
ALTER TABLE audit_event ADD COLUMN tenant_id UUID;
CREATE INDEX audit_event_tenant ON audit_event (tenant_id, at) WHERE tenant_id IS NOT NULL;

-- What a member of staff may do. Until now all of them could do all that is not for superusers.
ALTER TABLE account ADD COLUMN staff_role TEXT NOT NULL DEFAULT '';
UPDATE account SET staff_role = 'operator' WHERE staff;

-- +goose Down
ALTER TABLE account DROP COLUMN staff_role;
DROP INDEX audit_event_tenant;
ALTER TABLE audit_event DROP COLUMN tenant_id;
DROP TABLE declared_permission;
DROP TABLE invitation;
DROP TABLE membership;
DROP TABLE tenant_role;
DROP TABLE tenant_domain;
DROP TABLE tenant_slug;
DROP TABLE tenant;
