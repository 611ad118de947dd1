-- +goose Up

-- Names sort by their bytes, as on SQLite, so that an index finds what begins with something.
ALTER TABLE tenant ALTER COLUMN slug TYPE TEXT COLLATE "C", ALTER COLUMN name_key TYPE TEXT COLLATE "C";

-- The second wall between tenants: a statement sees rows of the one tenant that its transaction names
-- (gatehouse.tenant), of the one account that it acts for (gatehouse.account), or, where the program
-- says so, all (gatehouse.all). One that names nothing sees and changes nothing. FORCE holds the owner
-- of the tables to it as well.
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant FORCE ROW LEVEL SECURITY;
CREATE POLICY within ON tenant USING (id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
CREATE POLICY everywhere ON tenant USING ((SELECT current_setting('gatehouse.all', true) = 'on'));

ALTER TABLE tenant_slug ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_slug FORCE ROW LEVEL SECURITY;
CREATE POLICY within ON tenant_slug USING (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
CREATE POLICY everywhere ON tenant_slug USING ((SELECT current_setting('gatehouse.all', true) = 'on'));

ALTER TABLE tenant_domain ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_domain FORCE ROW LEVEL SECURITY;
CREATE POLICY within ON tenant_domain USING (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
CREATE POLICY everywhere ON tenant_domain USING ((SELECT current_setting('gatehouse.all', true) = 'on'));

ALTER TABLE tenant_role ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_role FORCE ROW LEVEL SECURITY;
CREATE POLICY within ON tenant_role USING (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
CREATE POLICY everywhere ON tenant_role USING ((SELECT current_setting('gatehouse.all', true) = 'on'));

ALTER TABLE membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE membership FORCE ROW LEVEL SECURITY;
CREATE POLICY within ON membership USING (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
CREATE POLICY own ON membership FOR SELECT USING (account_id = (SELECT nullif(current_setting('gatehouse.account', true), '')::uuid));
CREATE POLICY everywhere ON membership USING ((SELECT current_setting('gatehouse.all', true) = 'on'));

-- People see the tenants that they belong to, and what their roles there are.
CREATE POLICY own ON tenant_role FOR SELECT USING (EXISTS (SELECT 1 FROM membership m WHERE m.tenant_id = tenant_role.tenant_id
  AND m.account_id = (SELECT nullif(current_setting('gatehouse.account', true), '')::uuid)));
CREATE POLICY own ON tenant FOR SELECT USING (EXISTS (SELECT 1 FROM membership m WHERE m.tenant_id = tenant.id
  AND m.account_id = (SELECT nullif(current_setting('gatehouse.account', true), '')::uuid)));

ALTER TABLE invitation ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitation FORCE ROW LEVEL SECURITY;
CREATE POLICY within ON invitation USING (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
CREATE POLICY everywhere ON invitation USING ((SELECT current_setting('gatehouse.all', true) = 'on'));

-- What happened outside of tenants is for whoever may read the audit at all.
ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_event FORCE ROW LEVEL SECURITY;
CREATE POLICY outside ON audit_event USING (tenant_id IS NULL);
CREATE POLICY within ON audit_event USING (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
CREATE POLICY own ON audit_event FOR SELECT USING (account_id = (SELECT nullif(current_setting('gatehouse.account', true), '')::uuid));
CREATE POLICY everywhere ON audit_event USING ((SELECT current_setting('gatehouse.all', true) = 'on'));

-- +goose Down
DROP POLICY everywhere ON audit_event;
DROP POLICY own ON audit_event;
DROP POLICY within ON audit_event;
DROP POLICY outside ON audit_event;
ALTER TABLE audit_event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_event DISABLE ROW LEVEL SECURITY;
DROP POLICY everywhere ON invitation;
DROP POLICY within ON invitation;
ALTER TABLE invitation NO FORCE ROW LEVEL SECURITY;
ALTER TABLE invitation DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON tenant;
DROP POLICY own ON tenant_role;
DROP POLICY everywhere ON membership;
DROP POLICY own ON membership;
DROP POLICY within ON membership;
ALTER TABLE membership NO FORCE ROW LEVEL SECURITY;
ALTER TABLE membership DISABLE ROW LEVEL SECURITY;
DROP POLICY everywhere ON tenant_role;
DROP POLICY within ON tenant_role;
ALTER TABLE tenant_role NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant_role DISABLE ROW LEVEL SECURITY;
DROP POLICY everywhere ON tenant_domain;
DROP POLICY within ON tenant_domain;
ALTER TABLE tenant_domain NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant_domain DISABLE ROW LEVEL SECURITY;
DROP POLICY everywhere ON tenant_slug;
DROP POLICY within ON tenant_slug;
ALTER TABLE tenant_slug NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant_slug DISABLE ROW LEVEL SECURITY;
DROP POLICY everywhere ON tenant;
DROP POLICY within ON tenant;
ALTER TABLE tenant NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant DISABLE ROW LEVEL SECURITY;
ALTER TABLE tenant ALTER COLUMN slug TYPE TEXT, ALTER COLUMN name_key TYPE TEXT;
