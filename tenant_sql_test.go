package gatehouse_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

const notesMigration = `-- Rows of a tenant are seen and written only in a transaction that names it.
ALTER TABLE "app"."note" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "app"."note" FORCE ROW LEVEL SECURITY;
CREATE POLICY gatehouse_tenant ON "app"."note"
  USING (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid));
`

func TestRLSPrintsTheMigration(t *testing.T) {
	got, err := gatehouse.RLS("app.note")
	if err != nil || got != notesMigration {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestRLSRefusesWhatIsNoTable(t *testing.T) {
	for _, tables := range [][]string{
		{}, {""}, {"."}, {"note."}, {".note"}, {"a.b.note"}, {`"note"`}, {"note;"}, {`note"; DROP TABLE note; --`}, {"note DISABLE"}, {"note\n"}, {"note\x00"}, {"note--"},
		{"note/*"}, {"1note"}, {"note'"}, {"nöte\xff"}, {"note\u200b"}, {strings.Repeat("n", 64)}, {"note", "note"}, {"note", "order;"},
	} {
		if text, err := gatehouse.RLS(tables...); err == nil || text != "" {
			t.Errorf("%q: %s", tables, text)
		}
	}
}

// in is a context as Require makes it for a token of a tenant.
func in(t *testing.T, tenant string) context.Context {
	return verifier.NewContext(t.Context(), &verifier.Identity{Subject: "1", TenantID: tenant})
}

func TestWithTenantRunsNothingWithoutATenant(t *testing.T) {
	pool := stdlib.OpenDB(pgx.ConnConfig{}) // which would fail if it were asked
	defer pool.Close()
	for name, ctx := range map[string]context.Context{
		"nobody": t.Context(), "no tenant": in(t, ""), "no id": in(t, "acme"), "nil id": in(t, uuid.Nil.String()), "quotes": in(t, "'; SET gatehouse.tenant = '"),
	} {
		err := gatehouse.WithTenant(ctx, pool, func(*sql.Tx) error { t.Errorf("%s: run", name); return nil })
		if !errors.Is(err, verifier.ErrTenantRequired) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// tables are what an application may call its own.
var tables = []string{"note", "app.note", "Note", "order", "notiz_größe"}

// notes makes tables, puts them under what RLS prints, and gives each tenant a row.
func notes(t *testing.T, tenants ...string) (app, owner *pgxpool.Pool) {
	t.Helper()
	open := func(url string) *pgxpool.Pool {
		p, err := pgxpool.New(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}
	appURL, ownerURL := dbtest.EmptyURL(t, "postgres")
	app, owner = open(appURL), open(ownerURL)
	migration, err := gatehouse.RLS(tables...)
	if err != nil {
		t.Fatal(err)
	}
	statements := []string{"CREATE SCHEMA app", "GRANT USAGE ON SCHEMA app TO " + dbtest.App}
	for _, name := range tables {
		q := pgx.Identifier(strings.Split(name, ".")).Sanitize()
		statements = append(statements, "CREATE TABLE "+q+" (tenant_id uuid NOT NULL, body text NOT NULL)", "GRANT SELECT, INSERT, UPDATE, DELETE ON "+q+" TO "+dbtest.App)
		for _, tenant := range tenants {
			statements = append(statements, "INSERT INTO "+q+" VALUES ('"+tenant+"', 'of "+tenant+"')")
		}
	}
	for _, s := range append(statements, migration) {
		if _, err := owner.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return app, owner
}

// What tries to reach beyond the tenant finds nothing and changes nothing, whoever runs it.
func TestWithTenantHoldsQueriesThatForgetTheirTenant(t *testing.T) {
	mine, theirs := uuid.NewString(), uuid.NewString()
	app, owner := notes(t, mine, theirs)
	for name, pool := range map[string]*pgxpool.Pool{"serving role": app, "owner of the tables": owner} {
		for _, table := range tables {
			q := pgx.Identifier(strings.Split(table, ".")).Sanitize()
			t.Run(name+" "+table, func(t *testing.T) { holds(t, pool, q, mine, theirs) })
		}
	}
}

func holds(t *testing.T, pool *pgxpool.Pool, table, mine, theirs string) {
	ctx := in(t, mine)
	// affected runs one statement in a tenant's transaction, or in none, and undoes it.
	affected := func(ctx context.Context, tenant bool, statement string) (n int64, err error) {
		run := func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, statement)
			n = tag.RowsAffected()
			return errors.Join(err, errUndo)
		}
		if tenant {
			return n, gatehouse.WithTenant(ctx, pool, run)
		}
		return n, pgx.BeginFunc(ctx, pool, run)
	}
	for statement, want := range map[string]int64{
		"SELECT * FROM " + table: 1, "UPDATE " + table + " SET body = ''": 1, "DELETE FROM " + table: 1,
		"SELECT * FROM " + table + " WHERE tenant_id = '" + theirs + "'": 0, "DELETE FROM " + table + " WHERE tenant_id = '" + theirs + "'": 0,
		"INSERT INTO " + table + " VALUES ('" + mine + "', 'new')": 1,
	} {
		if n, err := affected(ctx, true, statement); n != want || !errors.Is(err, errUndo) || refused(err) {
			t.Errorf("%s: %d rows, %v", statement, n, err)
		}
		none := int64(0)
		if n, err := affected(ctx, false, statement); n != none || !refused(err) && strings.HasPrefix(statement, "INSERT") {
			t.Errorf("without a tenant, %s: %d rows, %v", statement, n, err)
		}
	}
	for _, statement := range []string{
		"INSERT INTO " + table + " VALUES ('" + theirs + "', 'smuggled')", "UPDATE " + table + " SET tenant_id = '" + theirs + "'",
	} {
		if n, err := affected(ctx, true, statement); n != 0 || !refused(err) {
			t.Errorf("%s: %d rows, %v", statement, n, err)
		}
	}
}

var errUndo = errors.New("undo")

// refused reports whether a policy refused a row.
func refused(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "42501"
}

func TestWithTenantTakesBothKindsOfPools(t *testing.T) {
	mine, theirs := uuid.NewString(), uuid.NewString()
	pool, _ := notes(t, mine, theirs)
	std := stdlib.OpenDBFromPool(pool)
	defer std.Close()
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	ctx, seen := in(t, theirs), map[string]string{}
	bodies := "SELECT string_agg(body, ', ') FROM note"
	pgxSees := func(name string) func(tx pgx.Tx) error {
		return func(tx pgx.Tx) error {
			var s string
			err := tx.QueryRow(ctx, bodies).Scan(&s)
			seen[name] = s
			return err
		}
	}
	sqlSees := func(tx *sql.Tx) error {
		var s string
		err := tx.QueryRowContext(ctx, bodies).Scan(&s)
		seen["database/sql"] = s
		return err
	}
	err = errors.Join(gatehouse.WithTenant(ctx, pool, pgxSees("pool")), gatehouse.WithTenant(ctx, conn, pgxSees("connection of a pool")),
		gatehouse.WithTenant(ctx, conn.Conn(), pgxSees("connection")), gatehouse.WithTenant(ctx, std, sqlSees))
	if err != nil {
		t.Fatal(err)
	}
	for name, bodies := range seen {
		if bodies != "of "+theirs {
			t.Errorf("%s: %s", name, bodies)
		}
	}
	if len(seen) != 4 {
		t.Errorf("seen by %d", len(seen))
	}
}

// odd is a pool of neither kind.
type odd struct{}

func (odd) BeginTx(context.Context, string) (int, error) { return 0, nil }

func TestWithTenantSaysWhatItTakes(t *testing.T) {
	err := gatehouse.WithTenant(in(t, uuid.NewString()), odd{}, func(int) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "odd") {
		t.Errorf("%v", err)
	}
}
