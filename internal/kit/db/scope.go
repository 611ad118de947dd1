package db

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Scope says whose rows of tenants statements may see. On PostgreSQL row-level security holds them to
// it, also where a statement forgets to name its tenant; on SQLite the statements alone do. The zero
// Scope sees no rows of any tenant.
type Scope struct {
	tenant, account uuid.UUID
	all             bool
}

// Tenant is the scope of one tenant.
func Tenant(id uuid.UUID) Scope { return Scope{tenant: id} }

// Member is the scope of one account: its own memberships, and the tenants that they are of, to read.
func Member(account uuid.UUID) Scope { return Scope{account: account} }

// All is the scope of whoever runs the service: staff, sweepers, and finding a tenant by its name. The
// test of the import rules lists who uses it.
func All() Scope { return Scope{all: true} }

// settings are the scope as the policies read it.
func (s Scope) settings() (tenant, account, all string) {
	if s.tenant != uuid.Nil {
		tenant = s.tenant.String()
	}
	if s.account != uuid.Nil {
		account = s.account.String()
	}
	if s.all {
		all = "on"
	}
	return tenant, account, all
}

// Scoped runs statements within a scope. It has the methods of [DB] that do.
type Scoped struct {
	db    *DB
	scope Scope
}

// In returns d within s. It costs no round trip: the scope travels with the statements.
func (d *DB) In(s Scope) Scoped { return Scoped{d, s} }

// Now is [DB.Now].
func (s Scoped) Now() time.Time { return s.db.Now() }

// Row is [DB.Row]. The query must be one that can stand in parentheses: a SELECT.
func (s Scoped) Row(ctx context.Context, query string, args []any, dest ...any) error {
	return s.db.row(ctx, s.scope, query, args, dest)
}

// Each is [DB.Each], of a SELECT as with Row.
func (s Scoped) Each(ctx context.Context, query string, args []any, fn func(scan func(dest ...any) error) error) error {
	return s.db.each(ctx, s.scope, query, args, fn)
}

// Once is [DB.Once].
func (s Scoped) Once(ctx context.Context, query string, args []any, dest ...any) error {
	return s.db.once(ctx, s.scope, query, args, dest)
}

// InTx is [DB.InTx].
func (s Scoped) InTx(ctx context.Context, fn func(tx *Tx) error) error {
	return s.db.inTx(ctx, s.scope, fn)
}

// Enter puts what follows in the transaction within another scope: for a use case that finds out on
// its way which tenant it is about.
func (t *Tx) Enter(s Scope) {
	t.in = s
	t.tx.enter(s)
}
