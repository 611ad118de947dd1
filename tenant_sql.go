package gatehouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// WithTenant runs fn in a transaction on your own PostgreSQL database, within the tenant of whoever
// calls: the one that the token names, found in ctx as [verifier.FromContext] finds it. Tables with the
// policy that [RLS] prints show and take rows of that tenant alone, also where a query forgets to ask
// for it. It commits when fn returns nil; an error or a panic rolls back.
//
// pool is what BeginTx is called on: a *sql.DB or *sql.Conn, whose tx is a *sql.Tx, or pgx's pool or
// connection, whose tx is a pgx.Tx. With pgx the tenant travels with BEGIN; with database/sql it is a
// statement more. The setting ends with the transaction, so a connection that goes back to its pool
// remembers no tenant.
//
// A ctx in which nobody calls, or without a tenant, is [verifier.ErrTenantRequired] before anything runs.
func WithTenant[Options, Tx any](ctx context.Context, pool interface {
	BeginTx(ctx context.Context, opts Options) (Tx, error)
}, fn func(tx Tx) error) error {
	id, ok := verifier.FromContext(ctx)
	if !ok {
		return verifier.ErrTenantRequired.Wrap(errors.New("WithTenant: nobody calls, so there is no tenant"))
	}
	tenantID, err := uuid.Parse(id.TenantID)
	if err != nil || tenantID == uuid.Nil {
		return verifier.ErrTenantRequired.Wrap(errors.New("WithTenant: the token is for no tenant"))
	}
	err = db.ForTenant(ctx, pool, tenantID, fn)
	if errors.Is(err, db.ErrForeign) {
		return fmt.Errorf("gatehouse: WithTenant: %w, not %T", err, pool)
	}
	return err
}

// tableName is how a table may be named: letters, digits and underscores, as PostgreSQL has it without
// quotes, at most 63 bytes, with its schema before it or without.
var tableName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_$]*$`) })

// longestName is how many bytes of a name PostgreSQL keeps.
const longestName = 63

// RLS returns the migration that puts your own tables under row-level security on PostgreSQL, for your
// migration tool. Each is named as PostgreSQL shows it, with its schema ("app.note") or without, and has
// a column tenant_id of type uuid, NOT NULL. After it, a transaction sees and writes rows of the tenant
// that [WithTenant] named alone, and one that named none sees nothing; FORCE holds the owner of the
// table to it too. It returns an error for what is no name of a table, or is named twice.
func RLS(tables ...string) (string, error) {
	if len(tables) == 0 {
		return "", errors.New("gatehouse: RLS: name a table")
	}
	const own = "tenant_id = (SELECT nullif(current_setting('gatehouse.tenant', true), '')::uuid)"
	var out strings.Builder
	out.WriteString("-- Rows of a tenant are seen and written only in a transaction that names it.\n")
	for i, table := range tables {
		name, err := quoteTable(table)
		if err != nil {
			return "", err
		}
		if slices.Contains(tables[:i], table) {
			return "", fmt.Errorf("gatehouse: RLS: %s is named twice", table)
		}
		fmt.Fprintf(&out, `ALTER TABLE %[1]s ENABLE ROW LEVEL SECURITY;
ALTER TABLE %[1]s FORCE ROW LEVEL SECURITY;
CREATE POLICY gatehouse_tenant ON %[1]s
  USING (%[2]s)
  WITH CHECK (%[2]s);
`, name, own)
	}
	return out.String(), nil
}

func quoteTable(table string) (string, error) {
	parts := strings.Split(table, ".")
	for i, part := range parts {
		if len(parts) > 2 || len(part) > longestName || !tableName().MatchString(part) {
			return "", fmt.Errorf("gatehouse: RLS: %q is no name of a table: write it as PostgreSQL shows it, without quotes, as note or app.note", table)
		}
		parts[i] = `"` + part + `"`
	}
	return strings.Join(parts, "."), nil
}
