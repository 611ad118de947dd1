-- The one table of this service. It knows people by their subject, organisations by their id.
CREATE TABLE note (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant_id  uuid NOT NULL,
  author     text NOT NULL,
  body       text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX note_of_tenant ON note (tenant_id, created_at DESC, id);

-- What follows is printed by: gatehouse rls note
-- Rows of a tenant are seen and written only in a transaction that names it.
ALTER TABLE "note" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "note" FORCE ROW LEVEL SECURITY;
CREATE POLICY gatehouse_tenant ON "note"
  USING (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
