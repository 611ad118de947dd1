package isolation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// stage is the database after a scenario, on which statements are run again, each in a transaction that is
// rolled back.
type stage struct {
	t        *testing.T
	conn     *sql.Conn
	postgres bool
	before   map[uuid.UUID]string // what the tables hold, by tenant
}

func newStage(t *testing.T, url string) *stage {
	t.Helper()
	driver, address := "sqlite", "file:"+strings.TrimPrefix(url, "sqlite:")+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)&_txlock=immediate"
	if strings.HasPrefix(url, "postgres:") {
		driver, address = "pgx", url+"&search_path=gatehouse&default_query_exec_mode=cache_statement"
	}
	d, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := d.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); _ = d.Close() })
	return &stage{t: t, conn: conn, postgres: driver == "pgx"}
}

// hollow is a tenant that has next to nothing, so that what is another's shows.
var hollow = uuid.MustParse("0198c0de-0000-7000-8000-000000000001")

// set lays out what lets statements show what they do: invitations wait again, roles and members have other
// permissions than the ones that they would be given, and there is a hollow tenant.
func (s *stage) set() {
	s.t.Helper()
	ctx := s.t.Context()
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.enter(ctx, tx, db.All())
	for _, query := range []string{
		"UPDATE invitation SET accepted_at = NULL, revoked_at = NULL",
		"UPDATE tenant_role SET permissions = 'former.one'",
		"UPDATE membership SET role = 'editor', permissions = 'former.two' WHERE role <> 'owner'",
		"UPDATE tenant SET join_role = 'editor'",
		`INSERT INTO tenant (id, slug, name, name_key, active, second_factor, max_age_ms, no_password, no_passkey, no_mail, email_domains, join_role, color, version, created_at)
			VALUES ('` + hollow.String() + `', 'hollow', 'Hollow', 'hollow', TRUE, FALSE, 0, FALSE, FALSE, FALSE, '', '', '', 0, 1)`,
		"INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ('" + hollow.String() + "', 'editor', '', 1)",
	} {
		s.exec(ctx, tx, query)
	}
	if err := tx.Commit(); err != nil {
		s.t.Fatal(err)
	}
	s.look()
}

// look remembers what the tables hold.
func (s *stage) look() {
	s.t.Helper()
	s.before = s.run(db.All(), "DELETE FROM tenant WHERE id = $1", []any{uuid.Nil}).held
}

// outcome is what a statement did: what it returned, and what the tables of tenants hold afterwards, by
// tenant.
type outcome struct {
	rows    []string
	refused error
	held    map[uuid.UUID]string
}

// same reports whether two outcomes tell the same and left the same, tenants in except aside.
func (o outcome) same(p outcome, except ...uuid.UUID) bool {
	if (o.refused == nil) != (p.refused == nil) || !slices.Equal(o.rows, p.rows) {
		return false
	}
	for _, held := range []map[uuid.UUID]string{o.held, p.held} {
		for id := range held {
			if o.held[id] != p.held[id] && !slices.Contains(except, id) {
				return false
			}
		}
	}
	return true
}

func (o outcome) String() string {
	if o.refused != nil {
		return "refused: " + o.refused.Error()
	}
	return fmt.Sprintf("%d rows %.300s", len(o.rows), strings.Join(o.rows, "; "))
}

// run runs a statement within a scope, after gone were removed from the database.
func (s *stage) run(in db.Scope, query string, args []any, gone ...uuid.UUID) outcome {
	s.t.Helper()
	ctx := s.t.Context()
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer tx.Rollback() // nothing is to be kept
	s.enter(ctx, tx, db.All())
	for _, id := range gone {
		for table, column := range tables {
			s.exec(ctx, tx, "DELETE FROM "+table+" WHERE "+column+" = $1", id)
		}
	}
	s.exec(ctx, tx, "SAVEPOINT before")
	s.enter(ctx, tx, in)
	var o outcome
	if o.rows, o.refused = collect(ctx, tx, query, args); o.refused != nil {
		s.exec(ctx, tx, "ROLLBACK TO before")
	}
	s.enter(ctx, tx, db.All())
	if !strings.HasPrefix(query, "SELECT") && !strings.HasPrefix(query, "WITH") {
		o.held = s.held(ctx, tx)
	}
	return o
}

// enter puts what follows within a scope, as kit/db does.
func (s *stage) enter(ctx context.Context, tx *sql.Tx, in db.Scope) {
	s.t.Helper()
	if !s.postgres {
		return
	}
	all := ""
	if in == db.All() {
		all = "on"
	}
	tenant, account := idIn(in, "tenant"), idIn(in, "account")
	s.exec(ctx, tx, `SELECT set_config('gatehouse.tenant', $1, true), set_config('gatehouse.account', $2, true), set_config('gatehouse.all', $3, true)`, tenant, account, all)
}

// idIn returns an id that a scope is of, which it keeps to itself; empty: none.
func idIn(in db.Scope, field string) string {
	var id uuid.UUID
	bytes := reflect.ValueOf(in).FieldByName(field)
	for i := range id {
		id[i] = byte(bytes.Index(i).Uint())
	}
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func (s *stage) exec(ctx context.Context, tx *sql.Tx, query string, args ...any) {
	s.t.Helper()
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// collect returns what a statement returns, a text for each row.
func collect(ctx context.Context, tx *sql.Tx, query string, args []any) (all []string, err error) {
	r, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	columns, err := r.Columns()
	if err != nil {
		return nil, err
	}
	for r.Next() {
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := r.Scan(dest...); err != nil {
			return nil, err
		}
		all = append(all, fmt.Sprint(values))
	}
	sort.Strings(all)
	return all, r.Err()
}

// held returns all rows of all tables of tenants, by tenant.
func (s *stage) held(ctx context.Context, tx *sql.Tx) map[uuid.UUID]string {
	s.t.Helper()
	watched := maps.Clone(tables)
	watched["session"] = "NULL" // what a refresh writes
	return s.dump(ctx, tx, watched)
}

func (s *stage) dump(ctx context.Context, tx *sql.Tx, watched map[string]string) map[uuid.UUID]string {
	s.t.Helper()
	all := map[uuid.UUID][]string{}
	for table, column := range watched {
		rows, err := collect(ctx, tx, "SELECT "+column+" AS whose, '"+table+"' AS kind, "+table+".* FROM "+table, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, row := range rows {
			first, _, _ := strings.Cut(row[1:], " ")
			id, _ := uuid.Parse(first) // uuid.Nil: in no tenant
			all[id] = append(all[id], row)
		}
	}
	out := map[uuid.UUID]string{}
	for id, rows := range all {
		sort.Strings(rows)
		out[id] = strings.Join(rows, "\n")
	}
	return out
}

// rows returns all rows of tenants as they are now, by tenant, events aside.
func (s *stage) rows() map[uuid.UUID]string {
	s.t.Helper()
	tx, err := s.conn.BeginTx(s.t.Context(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer tx.Rollback() // it only looked
	s.enter(s.t.Context(), tx, db.All())
	quiet := maps.Clone(tables)
	delete(quiet, "audit_event")
	return s.dump(s.t.Context(), tx, quiet)
}
