package db

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Limits the serving connections set for themselves, so that nothing hangs for ever.
var postgresLimits = map[string]string{
	"statement_timeout":                   "30000", // ms
	"lock_timeout":                        "10000",
	"idle_in_transaction_session_timeout": "60000",
	"application_name":                    "gatehouse",
}

type postgresEngine struct{ pool *pgxpool.Pool }

// searchPath names one schema, quoted, so that an operator's name needs no rules.
func searchPath(schema string) string { return pgx.Identifier{schema}.Sanitize() }

func openPostgres(ctx context.Context, url, schema string, maxConns int) (*postgresEngine, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("postgres: the database URL cannot be read") // pgx's own text may hold the password
	}
	cfg.MaxConns = int32(maxConns)
	cfg.MaxConnLifetime = time.Hour
	cfg.MaxConnLifetimeJitter = 5 * time.Minute
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	for k, v := range postgresLimits {
		if _, set := cfg.ConnConfig.RuntimeParams[k]; !set {
			cfg.ConnConfig.RuntimeParams[k] = v
		}
	}
	cfg.ConnConfig.RuntimeParams["search_path"] = searchPath(schema)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return &postgresEngine{pool}, nil
}

func (e *postgresEngine) name() string { return "postgres" }
func (e *postgresEngine) close()       { e.pool.Close() }

func (e *postgresEngine) query(ctx context.Context, query string, args []any) (rows, error) {
	r, err := e.pool.Query(ctx, query, native(args)...)
	return pgRows{r}, err
}

func (e *postgresEngine) begin(ctx context.Context) (transaction, error) {
	tx, err := e.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return postgresTx{tx}, nil
}

// native turns ids into what the driver sends as it is; it would take a uuid.UUID by way of its text.
// Where a statement is run again its arguments are native already.
func native(args []any) []any {
	for i, a := range args {
		if id, ok := a.(uuid.UUID); ok {
			args[i] = [16]byte(id)
		}
	}
	return args
}

type pgRows struct{ pgx.Rows }

// Close closes the rows; only after that are pgx's errors complete.
func (r pgRows) Close() error {
	r.Rows.Close()
	return r.Err()
}

type postgresTx struct{ tx pgx.Tx }

func (t postgresTx) query(ctx context.Context, query string, args []any) (rows, error) {
	r, err := t.tx.Query(ctx, query, native(args)...)
	return pgRows{r}, err
}

func (t postgresTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := t.tx.Exec(ctx, query, native(args)...)
	return tag.RowsAffected(), err
}

func (t postgresTx) commit(ctx context.Context) error   { return t.tx.Commit(ctx) }
func (t postgresTx) rollback(ctx context.Context) error { return t.tx.Rollback(ctx) }

// batch sends what waits as one pipeline, which PostgreSQL runs as one transaction. When
// one statement fails the server undoes all of them, so each is then run alone. So is one that lost a race.
func (e *postgresEngine) batch(ctx context.Context, more func(limit int) []*statement) {
	conn, err := e.pool.Acquire(ctx)
	all := more(maxBatch)
	if err != nil {
		for _, s := range all {
			s.err = err
		}
		return
	}
	defer conn.Release()
	inLockOrder(all)
	failed := e.pipeline(ctx, conn, all)
	if failed == nil {
		return
	}
	var refused *pgconn.PgError
	if !errors.As(failed, &refused) || len(all) == 1 && !e.transient(failed) {
		// Without the server's word the outcome is unknown, so nothing may be run twice.
		for _, s := range all {
			s.err = failed
		}
		return
	}
	for _, s := range all {
		for try := 0; ; try++ {
			s.err = e.pipeline(ctx, conn, []*statement{s})
			if s.err == nil || !e.transient(s.err) || try == maxTries {
				break
			}
		}
	}
}

// pipeline returns the failure that undid the batch; a statement that matched no row is none.
func (e *postgresEngine) pipeline(ctx context.Context, conn *pgxpool.Conn, all []*statement) error {
	var b pgx.Batch
	for _, s := range all {
		b.Queue(s.query, native(s.args)...)
	}
	results := conn.SendBatch(ctx, &b)
	for _, s := range all {
		s.err = one(results, s)
		if s.err != nil && !errors.Is(s.err, ErrNoRows) {
			return errors.Join(s.err, results.Close())
		}
	}
	return results.Close()
}

func one(results pgx.BatchResults, s *statement) error {
	if s.read == nil {
		_, err := results.Exec()
		return err
	}
	r, err := results.Query()
	return s.read(pgRows{r}, err)
}

func state(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func (e *postgresEngine) unique(err error) bool { return state(err) == "23505" }
func (e *postgresEngine) orphan(err error) bool { return state(err) == "23503" }

func (e *postgresEngine) transient(err error) bool {
	s := state(err)
	return s == "40001" || s == "40P01"
}

// down reports whether the server is away, full, shutting down, or was too slow.
func (e *postgresEngine) down(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) {
		return true
	}
	s := state(err)
	switch {
	case strings.HasPrefix(s, "08"), strings.HasPrefix(s, "53"), strings.HasPrefix(s, "57"), strings.HasPrefix(s, "58"):
		return true
	case s == "55P03", s == "25006": // lock not available; read-only after a fail-over
		return true
	}
	return s == "" && closed(err)
}
