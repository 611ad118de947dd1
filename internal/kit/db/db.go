// Package db opens SQLite or PostgreSQL and runs the one set of SQL that both understand.
//
// SQL is written once with $1 placeholders and lives in the store.go files of the
// packages that own the tables. Four ways run it: [DB.InTx] for a use case of
// several statements, [DB.Once] (or [OnceAll], for several rows) for a use case that is
// one write, [DB.Row] and [DB.Each] for a single read. What differs between the engines (opening, locks, retries,
// error codes, the migration lock) stays inside this package.
//
// Values are always bound, never put into the text. A time.Time is stored as Unix
// milliseconds (the zero time as NULL) and read back with [Time].
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrNoRows is returned when a query that must give one row gives none.
var ErrNoRows = sql.ErrNoRows

// ErrUnavailable is the fault for a database that cannot be reached, is locked for too
// long or is shutting down. Nothing was decided; trying again may help.
var ErrUnavailable = fault.New(fault.Unavailable, "unavailable", "The service is temporarily unavailable. Try again shortly.")

// Config says which database to open.
type Config struct {
	// URL is "postgres://…" or "sqlite:PATH". Required.
	URL string
	// Schema is the PostgreSQL schema everything lives in; empty means "gatehouse".
	// SQLite has none.
	Schema string
	// Clock is the source of Now; nil means the machine's.
	Clock clock.Clock
	// MaxConns bounds the pool on PostgreSQL and the readers on SQLite, where more than processors (4 at least) are not used; 0 means 10.
	MaxConns int
	// Logger receives retries and slow starts; nil means slog.Default().
	Logger *slog.Logger
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine engine
	clock  clock.Clock
	log    *slog.Logger
	config Config
	writes gatherer
	counts counters
}

// engine is what the two databases do differently.
type engine interface {
	// begin starts a read-write transaction within a scope.
	begin(ctx context.Context, in Scope) (transaction, error)
	// query runs one statement outside a transaction.
	query(ctx context.Context, in Scope, query string, args []any) (rows, error)
	// batch runs statements in one transaction and fills in each one's result.
	batch(ctx context.Context, more func(limit int) []*statement)
	// unique, orphan, transient and down sort the engine's errors.
	unique(err error) bool
	orphan(err error) bool
	transient(err error) bool
	down(err error) bool
	name() string
	close()
}

type transaction interface {
	query(ctx context.Context, query string, args []any) (rows, error)
	exec(ctx context.Context, query string, args []any) (int64, error)
	// later is exec whose outcome may come with a later statement's, or with commit's.
	later(ctx context.Context, query string, args []any) error
	enter(in Scope)
	commit(ctx context.Context) error
	rollback(ctx context.Context) error
}

type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// CheckURL says what is wrong with Config.URL, as far as it can be seen without opening anything: what
// [Open] would say. The error goes on after the setting's name and holds nothing of the URL.
func CheckURL(url string) error {
	path, lite := strings.CutPrefix(url, "sqlite:")
	switch {
	case lite:
		return checkSQLitePath(path)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		_, err := readPostgresURL(url)
		return err
	default:
		return errors.New("must start with postgres:// or sqlite:")
	}
}

// Open opens the database that cfg names and checks that it answers. It does not
// migrate. The errors name the setting, never the password in it.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Schema == "" {
		cfg.Schema = "gatehouse"
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 10
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	d := &DB{clock: cfg.Clock, log: cfg.Logger, config: cfg}
	var err error
	switch {
	case strings.HasPrefix(cfg.URL, "sqlite:"):
		d.engine, err = openSQLite(ctx, strings.TrimPrefix(cfg.URL, "sqlite:"), cfg.MaxConns)
		d.writes.leaders = 1
	case strings.HasPrefix(cfg.URL, "postgres://"), strings.HasPrefix(cfg.URL, "postgresql://"):
		d.engine, err = openPostgres(ctx, cfg.URL, cfg.Schema, cfg.MaxConns)
		d.writes.leaders, d.writes.apart = 2, true
	default:
		return nil, errors.New("db: the database URL must start with postgres:// or sqlite:")
	}
	if err != nil {
		return nil, fmt.Errorf("db: open: %w", err)
	}
	return d, nil
}

// Close closes every connection. Calls under way fail.
func (d *DB) Close() { d.engine.close() }

// Engine returns "sqlite" or "postgres", for logs and for tests that speak of one engine.
func (d *DB) Engine() string { return d.engine.name() }

// Now returns the clock's time cut to milliseconds: what a single statement stores
// and compares. Inside a transaction use [Tx.Now].
func (d *DB) Now() time.Time { return d.clock.Now().UTC().Truncate(time.Millisecond) }

// Skew returns how far the machine's clock is ahead of the database server's, as near as the
// round trip allows. On SQLite there is one clock and no skew.
func (d *DB) Skew(ctx context.Context) (time.Duration, error) {
	if d.Engine() != "postgres" {
		return 0, nil
	}
	var server int64
	began := time.Now()
	if err := d.Row(ctx, `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)`, nil, &server); err != nil {
		return 0, err
	}
	middle := began.Add(time.Since(began) / 2)
	return middle.Sub(time.UnixMilli(server)), nil
}

// Clock returns the clock that Now reads, for schedulers that wait on it.
func (d *DB) Clock() clock.Clock { return d.clock }

// Row runs one read that gives at most one row and scans it into dest. It returns
// [ErrNoRows] when there is none.
func (d *DB) Row(ctx context.Context, query string, args []any, dest ...any) error {
	return d.row(ctx, Scope{}, query, args, dest)
}

func (d *DB) row(ctx context.Context, in Scope, query string, args, dest []any) error {
	if err := d.counts.statement(in, query, args); err != nil {
		return d.sorted(err)
	}
	r, err := d.engine.query(ctx, in, query, bind(args))
	return d.sorted(scanOne(r, err, dest))
}

// Each runs one read and calls fn for each row. fn scans with the function it is given.
func (d *DB) Each(ctx context.Context, query string, args []any, fn func(scan func(dest ...any) error) error) error {
	return d.each(ctx, Scope{}, query, args, fn)
}

func (d *DB) each(ctx context.Context, in Scope, query string, args []any, fn func(scan func(dest ...any) error) error) error {
	if err := d.counts.statement(in, query, args); err != nil {
		return d.sorted(err)
	}
	r, err := d.engine.query(ctx, in, query, bind(args))
	return d.sorted(scanEach(r, err, fn))
}

// Once runs one write as a transaction of its own and scans what it returns into
// dest; without dest it expects no rows. [ErrNoRows] means that nothing matched.
//
// Statements that wait at the same moment share a transaction and a round trip; each
// still succeeds or fails alone. They run ordered by text and first argument, so that
// rows are locked in the same order everywhere: make $1 the row's key.
//
// Once does not end early with ctx: whoever hangs up must not undo the others, and the
// outcome is known when it returns. It gives up after 10 s of real time with [ErrUnavailable].
func (d *DB) Once(ctx context.Context, query string, args []any, dest ...any) error {
	return d.once(ctx, Scope{}, query, args, dest)
}

func (d *DB) once(ctx context.Context, in Scope, query string, args, dest []any) error {
	s := &statement{in: in, query: query, args: bind(args)}
	if len(dest) > 0 {
		s.read = func(r rows, err error) error { return scanOne(r, err, dest) }
	}
	return d.write(ctx, s)
}

// OnceAll is [DB.Once] for a write of several rows: it returns what row makes of each
// row that the statement returns. row may be called again, from the first row, when the
// statement lost a race and is run again.
//
// On PostgreSQL the statement has a transaction to itself. Each such statement locks
// rows in its own order, and gathered ones would deadlock.
func OnceAll[T any](ctx context.Context, d *DB, query string, args []any, row func(scan func(dest ...any) error) (T, error)) ([]T, error) {
	var all []T
	s := &statement{query: query, args: bind(args), many: true}
	s.read = func(r rows, err error) error {
		all = nil
		return scanEach(r, err, func(scan func(dest ...any) error) error {
			v, err := row(scan)
			all = append(all, v)
			return err
		})
	}
	if err := d.write(ctx, s); err != nil {
		return nil, err
	}
	return all, nil
}

func (d *DB) write(ctx context.Context, s *statement) error {
	if err := ctx.Err(); err != nil {
		return d.sorted(err)
	}
	if err := d.counts.statement(s.in, s.query, s.args); err != nil {
		return d.sorted(err)
	}
	d.writes.do(s, d.engine.batch)
	return d.sorted(s.err)
}

// Unique reports whether err is a violated unique constraint or primary key.
func (d *DB) Unique(err error) bool { return d.engine.unique(err) }

// sorted turns the errors of an unreachable database into [ErrUnavailable].
func (d *DB) sorted(err error) error {
	if err == nil || errors.Is(err, ErrNoRows) {
		return err
	}
	if _, ok := fault.From(err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || d.engine.down(err) || d.engine.transient(err) {
		return ErrUnavailable.WithRetry(time.Second).Wrap(err)
	}
	return err
}

func scanOne(r rows, err error, dest []any) error {
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // Err below reports what matters
	if !r.Next() {
		if err := r.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	if err := r.Scan(dest...); err != nil {
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	return r.Err()
}

func scanEach(r rows, err error, fn func(scan func(dest ...any) error) error) error {
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // Err below reports what matters
	for r.Next() {
		if err := fn(r.Scan); err != nil {
			return err
		}
	}
	return r.Err()
}
