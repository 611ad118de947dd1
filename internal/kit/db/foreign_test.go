package db_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// roundTrips counts statements that a pool of pgx sends.
type roundTrips struct{ atomic.Int64 }

func (n *roundTrips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	n.Add(1)
	return ctx
}
func (*roundTrips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func openForeign(t *testing.T, sent *roundTrips) (*pgxpool.Pool, *sql.DB) {
	t.Helper()
	_, owner := dbtest.EmptyURL(t, "postgres")
	cfg, err := pgxpool.ParseConfig(owner)
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = 1 // so that what a transaction leaves behind would be seen by the next
	cfg.ConnConfig.Tracer = sent
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	std := stdlib.OpenDB(*cfg.ConnConfig)
	std.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = std.Close() })
	if _, err := pool.Exec(t.Context(), "CREATE TABLE thing (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	return pool, std
}

const settingIs = "SELECT COALESCE(current_setting('gatehouse.tenant', true), '')"

func TestForTenantNamesTheTenantForTheTransactionAlone(t *testing.T) {
	var sent roundTrips
	pool, std := openForeign(t, &sent)
	tenant := uuid.Must(uuid.NewV7())
	ctx := t.Context()
	var pgxSaw, sqlSaw, connSaw, after string
	sent.Store(0)
	err := db.ForTenant(ctx, pool, tenant, func(tx pgx.Tx) error { return tx.QueryRow(ctx, settingIs).Scan(&pgxSaw) })
	if err != nil || pgxSaw != tenant.String() {
		t.Errorf("pgx saw %q: %v", pgxSaw, err)
	}
	if n := sent.Load(); n != 3 { // BEGIN with the tenant, the query, COMMIT
		t.Errorf("pgx sent %d statements", n)
	}
	if err := pool.QueryRow(ctx, settingIs).Scan(&after); err != nil || after != "" {
		t.Errorf("pgx: after the transaction %q: %v", after, err)
	}
	if err := db.ForTenant(ctx, std, tenant, func(tx *sql.Tx) error { return tx.QueryRowContext(ctx, settingIs).Scan(&sqlSaw) }); err != nil || sqlSaw != tenant.String() {
		t.Errorf("database/sql saw %q: %v", sqlSaw, err)
	}
	if err := std.QueryRowContext(ctx, settingIs).Scan(&after); err != nil || after != "" {
		t.Errorf("database/sql: after the transaction %q: %v", after, err)
	}
	conn, err := std.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := db.ForTenant(ctx, conn, tenant, func(tx *sql.Tx) error { return tx.QueryRowContext(ctx, settingIs).Scan(&connSaw) }); err != nil || connSaw != tenant.String() {
		t.Errorf("a connection saw %q: %v", connSaw, err)
	}
}

func TestForTenantCommitsOnNilAndRollsBackOnErrorAndPanic(t *testing.T) {
	pool, std := openForeign(t, new(roundTrips))
	ctx, tenant, boom := t.Context(), uuid.Must(uuid.NewV7()), errors.New("boom")
	ended := func(fn func() error) (err error) {
		defer func() {
			if recover() != nil {
				err = errors.New("panicked")
			}
		}()
		return fn()
	}
	put := func(name string, outcome func() error) [2]error {
		return [2]error{
			ended(func() error {
				return db.ForTenant(ctx, pool, tenant, func(tx pgx.Tx) error {
					_, err := tx.Exec(ctx, "INSERT INTO thing VALUES ($1)", "pgx "+name)
					return errors.Join(err, outcome())
				})
			}),
			ended(func() error {
				return db.ForTenant(ctx, std, tenant, func(tx *sql.Tx) error {
					_, err := tx.ExecContext(ctx, "INSERT INTO thing VALUES ($1)", "sql "+name)
					return errors.Join(err, outcome())
				})
			}),
		}
	}
	for _, err := range put("kept", func() error { return nil }) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, err := range put("error", func() error { return boom }) {
		if !errors.Is(err, boom) {
			t.Errorf("the function's error is lost: %v", err)
		}
	}
	for _, err := range put("panic", func() error { panic("boom") }) {
		if err == nil || err.Error() != "panicked" {
			t.Errorf("a panic became %v", err)
		}
	}
	var left string
	if err := pool.QueryRow(ctx, "SELECT string_agg(name, ', ' ORDER BY name) FROM thing").Scan(&left); err != nil || left != "pgx kept, sql kept" {
		t.Errorf("left: %s, %v", left, err)
	}
}

// Whoever ends the transaction themselves is told that it did not end as ForTenant does it.
func TestForTenantReportsATransactionThatHasEnded(t *testing.T) {
	pool, std := openForeign(t, new(roundTrips))
	ctx, tenant, boom := t.Context(), uuid.Must(uuid.NewV7()), errors.New("boom")
	if err := db.ForTenant(ctx, pool, tenant, func(tx pgx.Tx) error { return tx.Commit(ctx) }); !errors.Is(err, pgx.ErrTxClosed) {
		t.Errorf("pgx: %v", err)
	}
	if err := db.ForTenant(ctx, std, tenant, func(tx *sql.Tx) error { return tx.Rollback() }); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("database/sql: %v", err)
	}
	if err := db.ForTenant(ctx, pool, tenant, func(tx pgx.Tx) error { return errors.Join(tx.Rollback(ctx), boom) }); !errors.Is(err, boom) || strings.Contains(err.Error(), "closed") {
		t.Errorf("pgx, rolled back: %v", err)
	}
}

func TestForTenantGivesTheConnectionBackWhenTheContextEnds(t *testing.T) {
	pool, std := openForeign(t, new(roundTrips))
	tenant := uuid.Must(uuid.NewV7())
	ctx, cancel := context.WithCancel(t.Context())
	err := db.ForTenant(ctx, pool, tenant, func(pgx.Tx) error { cancel(); return ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("pgx: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	err = db.ForTenant(ctx, std, tenant, func(*sql.Tx) error { cancel(); return ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("database/sql: %v", err)
	}
	for _, err := range []error{pool.Ping(t.Context()), std.PingContext(t.Context())} {
		if err != nil {
			t.Error(err)
		}
	}
}

// strange begins transactions of a kind of its own.
type strange[Options, T any] struct{ t *testing.T }

func (s strange[Options, T]) BeginTx(context.Context, Options) (tx T, err error) {
	s.t.Error("a transaction was begun")
	return tx, nil
}

func TestForTenantTakesTwoKindsOfPools(t *testing.T) {
	tenant := uuid.Must(uuid.NewV7())
	if err := db.ForTenant(t.Context(), strange[string, int]{t}, tenant, func(int) error { return nil }); !errors.Is(err, db.ErrForeign) {
		t.Error(err)
	}
	if err := db.ForTenant(t.Context(), strange[*sql.TxOptions, int]{t}, tenant, func(int) error { return nil }); !errors.Is(err, db.ErrForeign) {
		t.Error(err)
	}
	if err := db.ForTenant(t.Context(), strange[pgx.TxOptions, *sql.Tx]{t}, tenant, func(*sql.Tx) error { return nil }); !errors.Is(err, db.ErrForeign) {
		t.Error(err)
	}
}

// SQLite has no policies, so a transaction that names a tenant would promise what nothing keeps.
func TestForTenantRunsNothingOnSQLite(t *testing.T) {
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	err = db.ForTenant(t.Context(), pool, uuid.Must(uuid.NewV7()), func(*sql.Tx) error { t.Error("run"); return nil })
	if err == nil || !strings.Contains(err.Error(), "set_config") {
		t.Errorf("%v", err)
	}
}
