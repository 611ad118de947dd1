package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Beginner is a pool of, or a connection to PostgreSQL that somebody else opened: with database/sql,
// or with pgx.
type Beginner[Options, T any] interface {
	BeginTx(ctx context.Context, opts Options) (T, error)
}

// ErrForeign says that a pool is of neither kind.
var ErrForeign = errors.New("the database must be opened with database/sql or pgx")

// The transactions of the two kinds, as far as they matter here.
type (
	pgxTx interface {
		Commit(ctx context.Context) error
		Rollback(ctx context.Context) error
	}
	sqlTx interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		Commit() error
		Rollback() error
	}
)

// ForTenant runs fn in a transaction of somebody else's pool, within the scope of a tenant: their
// policies read gatehouse.tenant as ours do. It commits when fn returns nil; an error or a panic rolls
// back. It returns ErrForeign before anything runs.
func ForTenant[Options, T any](ctx context.Context, db Beginner[Options, T], tenant uuid.UUID, fn func(tx T) error) error {
	var opts Options
	of := reflect.TypeFor[T]()
	switch p := any(&opts).(type) {
	case *pgx.TxOptions:
		// An id, so nothing in it ends a quoted text. It goes with BEGIN, without a round trip of its own.
		p.BeginQuery = fmt.Sprintf("BEGIN; SET LOCAL gatehouse.tenant = '%s'", tenant)
		if !of.Implements(reflect.TypeFor[pgxTx]()) {
			return ErrForeign
		}
	case **sql.TxOptions:
		if !of.Implements(reflect.TypeFor[sqlTx]()) {
			return ErrForeign
		}
	default:
		return ErrForeign
	}
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	return endForeign(ctx, any(tx), func() error {
		if s, ok := any(tx).(sqlTx); ok {
			if _, err := s.ExecContext(ctx, "SELECT set_config('gatehouse.tenant', $1, true)", tenant.String()); err != nil {
				return err
			}
		}
		return fn(tx)
	})
}

// endForeign commits or rolls back what fn did in tx.
func endForeign(ctx context.Context, tx any, fn func() error) (err error) {
	done := false
	defer func() {
		if !done {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			err = errors.Join(err, rollBackForeign(undo, tx))
		}
	}()
	if err := fn(); err != nil {
		return err
	}
	done = true
	if s, ok := tx.(sqlTx); ok {
		return s.Commit()
	}
	return tx.(pgxTx).Commit(ctx)
}

// rollBackForeign undoes tx, unless it has ended: fn may end it, and so does database/sql when a context does.
func rollBackForeign(ctx context.Context, tx any) error {
	var err error
	if s, ok := tx.(sqlTx); ok {
		err = s.Rollback()
	} else {
		err = tx.(pgxTx).Rollback(ctx)
	}
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, pgx.ErrTxClosed) {
		return nil
	}
	return err
}
