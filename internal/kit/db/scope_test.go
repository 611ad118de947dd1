package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// organisations are two tenants, a and b, each with one row in every table of tenants, one member of its
// own, and one whom they share.
type organisations struct {
	*dbtest.DB
	a, b           uuid.UUID
	ann, bob, both uuid.UUID
	outside        uuid.UUID // an event that happened in no tenant
}

// tables are those of tenants, with the column that names the tenant.
var tables = map[string]string{
	"tenant": "id", "tenant_slug": "tenant_id", "tenant_domain": "tenant_id", "tenant_role": "tenant_id", "membership": "tenant_id", "invitation": "tenant_id", "audit_event": "tenant_id",
}

func newOrganisations(t *testing.T, d *dbtest.DB) *organisations {
	t.Helper()
	ids := make([]uuid.UUID, 6)
	for i := range ids {
		ids[i] = uuid.Must(uuid.NewV7())
	}
	o := &organisations{DB: d, a: ids[0], b: ids[1], ann: ids[2], bob: ids[3], both: ids[4], outside: ids[5]}
	err := d.In(db.All()).InTx(t.Context(), func(tx *db.Tx) error {
		var failed []error
		exec := func(query string, args ...any) {
			_, err := tx.Exec(t.Context(), query, args...)
			failed = append(failed, err)
		}
		for i, id := range []uuid.UUID{o.ann, o.bob, o.both} {
			email := fmt.Sprintf("member-%d@example.com", i)
			exec(`INSERT INTO account (id, subject, email, email_key, email_verified, active, staff, superuser, epoch, created_at)
				VALUES ($1, $2, $3, $3, TRUE, TRUE, FALSE, FALSE, 1, 1)`, id, id.String(), email)
		}
		for slug, id := range map[string]uuid.UUID{"alpha": o.a, "beta": o.b} {
			exec(`INSERT INTO tenant (id, slug, name, name_key, active, second_factor, max_age_ms, no_password, no_passkey, no_mail, email_domains, join_role, color, version, created_at)
				VALUES ($1, $2, $2, $2, TRUE, FALSE, 0, FALSE, FALSE, FALSE, '', '', '', 0, 1)`, id, slug)
			exec(`INSERT INTO tenant_slug (look, slug, tenant_id) VALUES ($1, $1, $2)`, slug, id)
			exec(`INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at) VALUES ($1, $2, '', 1)`, id, slug+".example.com")
			exec(`INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, 'editor', '', 1)`, id)
			exec(`INSERT INTO invitation (id, tenant_id, email, email_key, role, locale, token_hash, sent, created_at, expires_at)
				VALUES ($1, $2, 'jo@example.com', 'jo@example.com', 'member', 'en', $3, 1, 1, 1)`, uuid.Must(uuid.NewV7()), id, []byte(slug))
			exec(insertEvent, uuid.Must(uuid.NewV7()), o.both, id)
		}
		exec(insertEvent, o.outside, o.both, uuid.NullUUID{})
		for _, m := range [][2]uuid.UUID{{o.a, o.ann}, {o.b, o.bob}, {o.a, o.both}, {o.b, o.both}} {
			exec(insertMember, m[0], m[1])
		}
		return errors.Join(failed...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const (
	insertMember = `INSERT INTO membership (tenant_id, account_id, role, permissions, created_at) VALUES ($1, $2, 'member', '', 1)`
	insertEvent  = `INSERT INTO audit_event (id, at, kind, account_id, actor, address, device, request_id, reason, detail, tenant_id) VALUES ($1, 1, 'x', $2, '', '', '', '', '', '', $3)`
)

// whose names the rows of a table by their tenants.
func (o *organisations) whose(id uuid.NullUUID) string {
	switch id.UUID {
	case o.a:
		return "a"
	case o.b:
		return "b"
	default:
		return "-"
	}
}

// reader is a database, or one within a scope.
type reader interface {
	Row(ctx context.Context, query string, args []any, dest ...any) error
	Each(ctx context.Context, query string, args []any, fn func(scan func(dest ...any) error) error) error
}

// seen returns whose rows of a table d sees, in one word.
func (o *organisations) seen(t *testing.T, d reader, table string) string {
	t.Helper()
	var all []string
	err := d.Each(t.Context(), "SELECT "+tables[table]+" FROM "+table, nil, func(scan func(...any) error) error {
		var id uuid.NullUUID
		err := scan(&id)
		all = append(all, o.whose(id))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// On PostgreSQL the server holds a statement that names no tenant to its scope.
func TestAStatementSeesTheRowsOfItsScopeAlone(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	for _, c := range []struct {
		name                               string
		in                                 db.Scope
		tenant, rest, member, audit, roles string // whose rows; rest: slugs, domains, invitations
	}{
		{"none", db.Scope{}, "", "", "", "-", ""},
		{"a tenant", db.Tenant(o.a), "a", "a", "aa", "-a", "a"},
		{"another", db.Tenant(o.b), "b", "b", "bb", "-b", "b"},
		{"one that is not there", db.Tenant(o.ann), "", "", "", "-", ""},
		{"the nil tenant", db.Tenant(uuid.Nil), "", "", "", "-", ""},
		{"a member", db.Member(o.ann), "a", "", "a", "-", "a"},
		{"a member of two", db.Member(o.both), "ab", "", "ab", "-ab", "ab"},
		{"a member who is a tenant's id", db.Member(o.a), "", "", "", "-", ""},
		{"the nil account", db.Member(uuid.Nil), "", "", "", "-", ""},
		{"all", db.All(), "ab", "ab", "aabb", "-ab", "ab"},
	} {
		want := map[string]string{"tenant": c.tenant, "tenant_slug": c.rest, "tenant_domain": c.rest, "invitation": c.rest, "tenant_role": c.roles, "membership": c.member, "audit_event": c.audit}
		for table := range tables {
			if got := o.seen(t, o.In(c.in), table); got != want[table] {
				t.Errorf("%s: a read of %s gave the rows of %q, want %q", c.name, table, got, want[table])
			}
		}
	}
}

// What a scope does not see it does not change, and nothing is put where it does not see.
func TestAStatementChangesTheRowsOfItsScopeAlone(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	undone := errors.New("undone")
	for name, in := range map[string]db.Scope{"none": {}, "another tenant": db.Tenant(o.b), "a member": db.Member(o.ann)} {
		for table, column := range tables {
			for _, query := range []string{"UPDATE " + table + " SET " + column + " = " + column + " WHERE " + column + " = $1", "DELETE FROM " + table + " WHERE " + column + " = $1"} {
				err := o.In(in).InTx(t.Context(), func(tx *db.Tx) error {
					if n, err := tx.Exec(t.Context(), query, o.a); n != 0 {
						t.Errorf("%s: %q changed %d rows of a tenant, %v", name, query, n, err)
					}
					return undone
				})
				if !errors.Is(err, undone) {
					t.Errorf("%s: %q: %v", name, query, err)
				}
			}
		}
		for query, args := range map[string][]any{
			insertMember: {o.a, o.bob},
			insertEvent:  {uuid.Must(uuid.NewV7()), o.ann, o.a},
			`INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, 'mine', '*', 1)`:           {o.a},
			`INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at) VALUES ($1, 'b.example.com', '', 1)`: {o.a},
			`INSERT INTO tenant_slug (look, slug, tenant_id) VALUES ('mine', 'mine', $1)`:                              {o.a},
			`UPDATE membership SET tenant_id = $1 WHERE account_id = $2`:                                               {o.a, o.bob},
		} {
			if err := o.In(in).Once(t.Context(), query, args); err == nil && !strings.HasPrefix(query, "UPDATE") {
				t.Errorf("%s: %q was allowed", name, query)
			}
		}
	}
	for table, want := range map[string]string{"tenant": "ab", "tenant_slug": "ab", "tenant_domain": "ab", "tenant_role": "ab", "membership": "aabb", "invitation": "ab", "audit_event": "-ab"} {
		if got := o.seen(t, o.In(db.All()), table); got != want {
			t.Errorf("%s holds the rows of %q in the end, want %q", table, got, want)
		}
	}
}

func TestEveryTableOfTenantsIsUnderForcedRowLevelSecurity(t *testing.T) {
	d := dbtest.Open(t, "postgres")
	found := map[string]bool{}
	err := d.Each(t.Context(), `SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'gatehouse' AND c.relkind = 'r' AND (c.relname = 'tenant' OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'))`, nil,
		func(scan func(...any) error) error {
			var table string
			var forced bool
			err := scan(&table, &forced)
			found[table] = true
			// A session is its account's, whatever tenant it is good for.
			if !forced && table != "session" {
				t.Errorf("%s names a tenant, and nothing holds statements to it", table)
			}
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	for table := range tables {
		if !found[table] {
			t.Errorf("%s was not looked at", table)
		}
	}
	var above bool
	if err := d.Row(t.Context(), "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user", nil, &above); err != nil || above {
		t.Errorf("the tests' role is above row-level security, %v", err)
	}
}

// Statements that name their tenant do the same on both engines, within its scope.
func TestAllWaysToRunAStatementWorkWithinAScope(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		o, ctx := newOrganisations(t, d), t.Context()
		in := o.In(db.Tenant(o.a))
		var n int
		if err := in.Row(ctx, "SELECT count(*) FROM membership WHERE tenant_id = $1", []any{o.a}, &n); err != nil || n != 2 {
			t.Errorf("Row: %d, %v", n, err)
		}
		if err := in.Row(ctx, "SELECT 1 FROM membership WHERE tenant_id = $1 AND account_id = $2", []any{o.a, o.bob}, &n); !errors.Is(err, db.ErrNoRows) {
			t.Errorf("Row of what is not there: %v", err)
		}
		n = 0
		if err := in.Each(ctx, "SELECT account_id FROM membership WHERE tenant_id = $1", []any{o.a}, func(scan func(...any) error) error { n++; return skip(scan) }); err != nil || n != 2 {
			t.Errorf("Each: %d, %v", n, err)
		}
		boom := errors.New("boom")
		if err := in.Each(ctx, "SELECT account_id FROM membership WHERE tenant_id = $1", []any{o.a}, func(func(...any) error) error { return boom }); !errors.Is(err, boom) {
			t.Errorf("Each: the function's error is lost: %v", err)
		}
		if err := in.Once(ctx, "UPDATE tenant SET version = version + 1 WHERE id = $1 RETURNING version", []any{o.a}, &n); err != nil || n != 1 {
			t.Errorf("Once: %d, %v", n, err)
		}
		err := in.InTx(ctx, func(tx *db.Tx) error {
			if err := tx.Row(ctx, "SELECT version FROM tenant WHERE id = $1", []any{o.a}, &n); err != nil {
				return err
			}
			tx.Enter(db.Tenant(o.b))
			_, err := tx.Exec(ctx, "UPDATE tenant SET version = $2 WHERE id = $1", o.b, n+6)
			return err
		})
		if err != nil {
			t.Errorf("InTx: %v", err)
		}
		if err := o.In(db.Tenant(o.b)).Row(ctx, "SELECT version FROM tenant WHERE id = $1", []any{o.b}, &n); err != nil || n != 7 {
			t.Errorf("what InTx wrote: %d, %v", n, err)
		}
		if in.Now() != d.Now() {
			t.Error("another time within a scope")
		}
	})
}

// entering changes scope midway and back to none.
func entering(ctx context.Context, to uuid.UUID, query string, args func() []any) func(*db.Tx) error {
	return func(tx *db.Tx) error {
		tx.Enter(db.Tenant(to))
		_, err := tx.Exec(ctx, query, args()...)
		return err
	}
}

func TestEnterReplacesTheScope(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	err := o.In(db.All()).InTx(t.Context(), func(tx *db.Tx) error {
		for _, c := range []struct {
			in   db.Scope
			want string
		}{{db.Tenant(o.a), "a"}, {db.Tenant(o.b), "b"}, {db.Member(o.ann), "a"}, {db.Scope{}, ""}, {db.All(), "ab"}, {db.Scope{}, ""}} {
			tx.Enter(c.in)
			if got := o.seen(t, tx, "tenant"); got != c.want {
				t.Errorf("after Enter a read gave the rows of %q, want %q", got, c.want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Statements of different scopes and of none travel together, and each keeps to its own.
func TestGatheredStatementsKeepTheirScopes(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	d, w := wired(t, o.URL)
	const named, unnamed = "UPDATE tenant SET version = version + 1 WHERE slug = $1 RETURNING id", "UPDATE membership SET role = $1 RETURNING tenant_id"
	scopes := []struct {
		in   db.Scope
		sees string
	}{{db.Tenant(o.a), "alpha"}, {db.Scope{}, ""}, {db.Tenant(o.b), "beta"}, {db.Member(o.both), ""}, {db.All(), "alpha beta"}, {db.Scope{}, ""}}
	var statements []func()
	for range 4 {
		for _, s := range scopes {
			for _, slug := range []string{"alpha", "beta"} {
				statements = append(statements, func() {
					var id uuid.UUID
					err := d.In(s.in).Once(t.Context(), named, []any{slug}, &id)
					if found := err == nil; found != strings.Contains(s.sees, slug) || err != nil && !errors.Is(err, db.ErrNoRows) {
						t.Errorf("in the scope that sees %q, %s: %v", s.sees, slug, err)
					}
				})
			}
		}
		statements = append(statements, func() {
			var id uuid.UUID
			if err := d.Once(t.Context(), unnamed, []any{"owner"}, &id); !errors.Is(err, db.ErrNoRows) {
				t.Errorf("without a scope a member of %s became owner, %v", o.whose(uuid.NullUUID{UUID: id}), err)
			}
		})
	}
	together(t, o, d, statements[:len(statements)/2]) // for these each statement is prepared
	trips := w.taken(func() { together(t, o, d, statements[len(statements)/2:]) })
	// One for whoever waits for the lock and one for all that wait for them, of whom one may go ahead.
	if trips > 3 {
		t.Errorf("%d round trips for %d statements that were to travel together", trips, len(statements)/2)
	}
	var version int
	if err := o.In(db.Tenant(o.a)).Row(t.Context(), "SELECT version FROM tenant WHERE id = $1", []any{o.a}, &version); err != nil || version != 8 {
		t.Errorf("the tenant was written %d times, want 8, %v", version, err)
	}
}

// together has statements wait for one another until all of them can travel as one.
func together(t *testing.T, o *organisations, d *db.DB, statements []func()) {
	t.Helper()
	ctx := t.Context()
	var waiting sync.WaitGroup
	err := o.InTx(ctx, func(tx *db.Tx) error {
		const lock = "INSERT INTO rate_limit (k, tat) VALUES ('first', 1) ON CONFLICT (k) DO UPDATE SET tat = 1"
		if _, err := tx.Exec(ctx, lock); err != nil {
			return err
		}
		waiting.Go(func() {
			if err := d.Once(ctx, lock, nil); err != nil {
				t.Error(err)
			}
		})
		for held := 0; held == 0; {
			if err := o.Row(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted", nil, &held); err != nil {
				return err
			}
		}
		for _, fn := range statements {
			waiting.Go(fn)
		}
		for db.Queued(d) < len(statements)-1 { // one of them waits for the connection
			runtime.Gosched()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	waiting.Wait()
}

// A statement that fails undoes the ones it travelled with; these run again, each within its own scope.
func TestAfterAFailureGatheredStatementsKeepTheirScopes(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	d, _ := wired(t, o.URL)
	ctx := t.Context()
	update := func(in db.Scope, slug string, want error) func() {
		return func() {
			if err := d.In(in).Once(ctx, "UPDATE tenant SET version = version + 1 WHERE slug = $1 RETURNING version", []any{slug}, new(int)); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", slug, err, want)
			}
		}
	}
	together(t, o, d, []func(){
		func() {
			if err := d.In(db.Tenant(o.a)).Once(ctx, insertMember, []any{o.a, o.both}); !d.Unique(err) {
				t.Errorf("a second membership: %v", err)
			}
		},
		func() {
			if err := d.In(db.Tenant(o.b)).Once(ctx, insertMember, []any{o.a, o.bob}); err == nil {
				t.Error("a scope put a member into another tenant")
			}
		},
		func() {
			if err := d.In(db.Tenant(o.b)).Once(ctx, insertMember, []any{o.b, o.ann}); err != nil {
				t.Error(err)
			}
		},
		update(db.Tenant(o.a), "alpha", nil), update(db.Tenant(o.a), "beta", db.ErrNoRows), update(db.Tenant(o.b), "beta", nil),
		update(db.Scope{}, "alpha", db.ErrNoRows), update(db.Scope{}, "beta", db.ErrNoRows),
	})
	if got := o.seen(t, o.In(db.All()), "membership"); got != "aabbb" {
		t.Errorf("the members are of %q, want aabbb", got)
	}
}

// losing makes a function that loses a race the first time it is called.
func losing(t *testing.T, o *organisations) {
	t.Helper()
	owner, err := db.Open(t.Context(), db.Config{URL: o.OwnerURL})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	for _, s := range []string{
		"CREATE SEQUENCE losses", "GRANT USAGE ON SEQUENCE losses TO " + dbtest.App,
		`CREATE FUNCTION wins() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('losses') = 1 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF;
			RETURN true;
		END $$`,
	} {
		if err := owner.Once(t.Context(), s, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALostRaceIsRunAgainWithinItsScope(t *testing.T) {
	const query = "UPDATE tenant SET version = version + 1 WHERE slug = $1 AND wins() RETURNING version"
	t.Run("Once", func(t *testing.T) {
		o := newOrganisations(t, dbtest.Open(t, "postgres"))
		losing(t, o)
		if err := o.In(db.Tenant(o.a)).Once(t.Context(), query, []any{"alpha"}, new(int)); err != nil {
			t.Error(err)
		}
	})
	t.Run("InTx", func(t *testing.T) {
		o := newOrganisations(t, dbtest.Open(t, "postgres"))
		losing(t, o)
		var began []string
		err := o.In(db.Tenant(o.a)).InTx(t.Context(), func(tx *db.Tx) error {
			began = append(began, o.seen(t, tx, "tenant"))
			tx.Enter(db.Tenant(o.b))
			return tx.Row(t.Context(), query, []any{"beta"}, new(int))
		})
		if err != nil || !slices.Equal(began, []string{"a", "a"}) {
			t.Errorf("each try began within %v, want [a a], %v", began, err)
		}
	})
}

// However a use case ends, the connection that the next one gets knows nothing of its scope.
func TestAConnectionForgetsTheScopeOfWhoHadIt(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	d, _ := wired(t, o.URL) // one connection
	boom := errors.New("boom")
	const slow = "SELECT 1 FROM tenant, pg_sleep(30)"
	for name, use := range map[string]func(ctx context.Context, cancel func(), in db.Scoped) error{
		"Row": func(ctx context.Context, _ func(), in db.Scoped) error { return in.Row(ctx, "SELECT 1", nil, new(int)) },
		"Row that finds nothing": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.Row(ctx, "SELECT 1 WHERE FALSE", nil, new(int))
		},
		"Row that fails": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.Row(ctx, "SELECT 1 / 0", nil, new(int))
		},
		"Row that can't be read": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.Row(ctx, "SELECT 'x'", nil, new(int))
		},
		"Row that is no SQL": func(ctx context.Context, _ func(), in db.Scoped) error { return in.Row(ctx, "SELEC", nil, new(int)) },
		"Row that is not waited for": func(ctx context.Context, cancel func(), in db.Scoped) error {
			go cancel()
			return in.Row(ctx, slow, nil, new(int))
		},
		"Each": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.Each(ctx, "SELECT id FROM tenant", nil, skip)
		},
		"Each that stops": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.Each(ctx, "SELECT id FROM tenant", nil, func(func(...any) error) error { return boom })
		},
		"Each that is not waited for": func(ctx context.Context, cancel func(), in db.Scoped) error {
			return in.Each(ctx, "SELECT generate_series(1, 100000)", nil, func(scan func(...any) error) error { cancel(); return skip(scan) })
		},
		"Each that panics": func(ctx context.Context, _ func(), in db.Scoped) error {
			defer func() { _ = recover() }()
			return in.Each(ctx, "SELECT id FROM tenant", nil, func(func(...any) error) error { panic(boom) })
		},
		"Once": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.Once(ctx, "UPDATE tenant SET version = 0", nil)
		},
		"Once that fails": func(ctx context.Context, _ func(), in db.Scoped) error { return in.Once(ctx, "SELECT 1 / 0", nil) },
		"InTx": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error { return tx.Row(ctx, "SELECT 1", nil, new(int)) })
		},
		"InTx that asks for nothing": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(*db.Tx) error { return nil })
		},
		"InTx that fails": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error { return errors.Join(tx.Row(ctx, "SELECT 1", nil, new(int)), boom) })
		},
		"InTx that fails before it asks for anything": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(*db.Tx) error { return boom })
		},
		"InTx that panics": func(ctx context.Context, _ func(), in db.Scoped) error {
			defer func() { _ = recover() }()
			return in.InTx(ctx, func(tx *db.Tx) error { panic(tx.Row(ctx, "SELECT 1", nil, new(int))) })
		},
		"InTx that is not waited for": func(ctx context.Context, cancel func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error {
				go cancel()
				return tx.Row(ctx, slow, nil, new(int))
			})
		},
		"Enter": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error {
				tx.Enter(db.All())
				return tx.Row(ctx, "SELECT 1", nil, new(int))
			})
		},
		"Enter before a statement that fails": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error {
				tx.Enter(db.All())
				return tx.Row(ctx, "SELECT 1 / 0", nil, new(int))
			})
		},
		"Enter as the last": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error {
				defer tx.Enter(db.All())
				return tx.Row(ctx, "SELECT 1", nil, new(int))
			})
		},
		"Later": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error { return tx.Later(ctx, "SELECT 1") })
		},
		"Later that fails": func(ctx context.Context, _ func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error { return tx.Later(ctx, "SELECT 1 / 0") })
		},
		"Later that is not waited for": func(ctx context.Context, cancel func(), in db.Scoped) error {
			return in.InTx(ctx, func(tx *db.Tx) error {
				cancel()
				return tx.Later(ctx, "SELECT 1")
			})
		},
	} {
		for _, in := range []db.Scope{db.Tenant(o.a), db.Member(o.both), db.All()} {
			ctx, cancel := context.WithCancel(t.Context())
			_ = use(ctx, cancel, d.In(in))
			cancel()
			var known string
			if err := d.Row(t.Context(), "SELECT concat(current_setting('gatehouse.tenant', true), current_setting('gatehouse.account', true), current_setting('gatehouse.all', true))", nil, &known); err != nil || known != "" {
				t.Errorf("after %s the connection knows %q, %v", name, known, err)
			}
			if got := o.seen(t, d, "tenant"); got != "" {
				t.Errorf("after %s a read without a scope gave the rows of %q", name, got)
			}
			if err := d.InTx(t.Context(), func(tx *db.Tx) error {
				if got := o.seen(t, tx, "tenant"); got != "" {
					t.Errorf("after %s a transaction without a scope sees the rows of %q", name, got)
				}
				return nil
			}); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
		}
	}
}

// A lone read names its scope within the statement, whatever that looks like: the policies see it before any row.
func TestAScopeIsKnownToReadsOfEveryForm(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	for _, query := range []string{
		"SELECT slug FROM tenant",
		"SELECT slug, slug FROM tenant", // two columns of one name
		"SELECT min(slug) FROM tenant",
		"SELECT DISTINCT slug FROM tenant ORDER BY slug DESC LIMIT 5",
		"SELECT t.slug FROM membership m JOIN tenant t ON t.id = m.tenant_id GROUP BY t.slug",
		"SELECT t.slug FROM tenant t LEFT JOIN tenant_role r ON r.tenant_id = t.id AND r.name = 'nobody' WHERE r.name IS NULL",
		"SELECT x.slug FROM (SELECT slug FROM tenant) AS x WHERE EXISTS (SELECT 1 FROM membership)",
		"SELECT slug FROM tenant WHERE (SELECT count(*) FROM membership) = 2 LIMIT 1 OFFSET 0",
		"SELECT (SELECT max(slug) FROM tenant)",
		"WITH t AS MATERIALIZED (SELECT slug FROM tenant) SELECT slug FROM t",
		"WITH RECURSIVE t(slug) AS (SELECT slug FROM tenant UNION SELECT slug FROM t) SELECT slug FROM t",
		"SELECT slug FROM tenant WHERE FALSE UNION ALL SELECT slug FROM tenant",
		"SELECT slug FROM tenant, generate_series(1, 2) AS g GROUP BY slug HAVING count(*) = 2",
		"VALUES ((SELECT slug FROM tenant))",
	} {
		for slug, in := range map[string]db.Scope{"alpha": db.Tenant(o.a), "beta": db.Tenant(o.b)} {
			for range 7 { // from the sixth on PostgreSQL may keep the plan
				var seen []string
				err := o.In(in).Each(t.Context(), query, nil, func(scan func(...any) error) error {
					dest := []any{new(string), new(string)}[:1+strings.Count(query, "slug, slug")]
					err := scan(dest...)
					seen = append(seen, *dest[0].(*string))
					return err
				})
				if err != nil || !slices.Equal(seen, []string{slug}) {
					t.Fatalf("%s: %v, want %s alone, %v", query, seen, slug, err)
				}
			}
		}
	}
}
