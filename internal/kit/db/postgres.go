package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
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

// maxPrepared is how many statements a connection keeps prepared: more than are in use at a time. Room for each is
// made beforehand, on every connection, and the driver's 512 were an eighth of a server's living heap.
const maxPrepared = 128

type postgresEngine struct{ pool *pgxpool.Pool }

// searchPath names one schema, quoted, so that an operator's name needs no rules.
func searchPath(schema string) string { return pgx.Identifier{schema}.Sanitize() }

// readPostgresURL returns what a URL says. The errors hold nothing of it: pgx's own may hold the password.
func readPostgresURL(address string) (*pgxpool.Config, error) {
	if _, err := url.Parse(address); err != nil {
		return nil, errUnreadable
	}
	cfg, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("cannot be used: its port or one of its parameters is wrong, or a file that one names cannot be read")
	}
	if mode := cfg.ConnConfig.DefaultQueryExecMode; mode == pgx.QueryExecModeExec || mode == pgx.QueryExecModeSimpleProtocol {
		return nil, fmt.Errorf("default_query_exec_mode=%s sends ids as text and is not supported: use cache_describe behind a pooler without prepared statements", mode)
	}
	return cfg, nil
}

var errUnreadable = errors.New("cannot be read: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, and percent-encode special characters in user and password, such as a blank as %20 and a percent sign as %25")

func openPostgres(ctx context.Context, url, schema string, maxConns int) (*postgresEngine, error) {
	cfg, err := readPostgresURL(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL %w", err)
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
	if cfg.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		cfg.ConnConfig.StatementCacheCapacity = min(cfg.ConnConfig.StatementCacheCapacity, maxPrepared)
		cfg.ConnConfig.DescriptionCacheCapacity = 0 // what describes statements that are not prepared: none, on every connection
	}
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

func (e *postgresEngine) query(ctx context.Context, in Scope, query string, args []any) (rows, error) {
	if in != (Scope{}) {
		return e.queryIn(ctx, in, query, args)
	}
	r, err := e.pool.Query(ctx, query, native(args)...)
	return pgRows{r}, err
}

// setScope tells the policies of row-level security whose rows the transaction may see. The settings go
// with the transaction, so a connection that returns to the pool remembers none.
const setScope = `SELECT set_config('gatehouse.tenant', $1, true), set_config('gatehouse.account', $2, true), set_config('gatehouse.all', $3, true)`

func (s Scope) queue(b *pgx.Batch) {
	tenant, account, all := s.settings()
	b.Queue(setScope, tenant, account, all)
}

// setting is all that a lone read must know of its scope: what a transaction does not name is empty.
func (s Scope) setting() (name, value string) {
	switch {
	case s.all:
		return "gatehouse.all", "on"
	case s.account != uuid.Nil:
		return "gatehouse.account", s.account.String()
	default:
		return "gatehouse.tenant", s.tenant.String()
	}
}

// queryIn names the scope within the statement itself. A condition without columns is evaluated once and before
// what it guards is read, and OFFSET 0 keeps the planner from mixing that with conditions of the query's own. Were
// it otherwise, the policies would find no scope and show nothing.
func (e *postgresEngine) queryIn(ctx context.Context, in Scope, query string, args []any) (rows, error) {
	name, value := in.setting()
	n := strconv.Itoa(len(args) + 1)
	query = "SELECT * FROM (SELECT * FROM (" + query + ") AS asked OFFSET 0) AS within WHERE (SELECT set_config('" + name + "', $" + n + ", true)) IS NOT NULL"
	r, err := e.pool.Query(ctx, query, append(slices.Clip(native(args)), value)...)
	return pgRows{r}, err
}

// batchRows are those of a batch's last statement; the batch ends with them.
type batchRows struct {
	pgRows
	batch pgx.BatchResults
}

func (r batchRows) Close() error { return errors.Join(r.pgRows.Close(), r.batch.Close()) }

// begin takes a connection and asks it for nothing yet.
func (e *postgresEngine) begin(ctx context.Context, in Scope) (transaction, error) {
	conn, err := e.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	t := &postgresTx{conn: conn, waiting: &pgx.Batch{}}
	t.waiting.Queue("BEGIN")
	if in != (Scope{}) {
		t.enter(in)
	}
	return t, nil
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

// postgresTx is a transaction without round trips of its own: BEGIN and the scope go with its first statement,
// and what nobody waits for with the next or with COMMIT.
type postgresTx struct {
	conn    *pgxpool.Conn
	waiting *pgx.Batch // goes with what is sent next
	used    bool       // a statement was asked for
	failed  error      // why what waited was not sent, or not done: it waits for ever, and nothing may follow it
}

func (t *postgresTx) query(ctx context.Context, query string, args []any) (rows, error) {
	if t.waiting.Len() == 0 {
		r, err := t.conn.Query(ctx, query, native(args)...)
		return pgRows{r}, err
	}
	results, err := t.send(ctx, query, args)
	if err != nil {
		return nil, err
	}
	r, err := results.Query()
	if err != nil {
		_ = results.Close() // says the same
		return nil, err
	}
	return batchRows{pgRows{r}, results}, nil
}

func (t *postgresTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := t.run(ctx, query, args)
	return tag.RowsAffected(), err
}

func (t *postgresTx) run(ctx context.Context, query string, args []any) (pgconn.CommandTag, error) {
	if t.waiting.Len() == 0 {
		return t.conn.Exec(ctx, query, native(args)...)
	}
	results, err := t.send(ctx, query, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	return tag, cmp.Or(err, results.Close()) // which says the same where both do
}

// send sends what waits and one statement more, whose result comes next.
func (t *postgresTx) send(ctx context.Context, query string, args []any) (pgx.BatchResults, error) {
	if t.failed != nil {
		return nil, t.failed
	}
	before := t.waiting.Len()
	t.waiting.Queue(query, native(args)...)
	t.used = true
	results := t.conn.SendBatch(ctx, t.waiting)
	for range before {
		if _, t.failed = results.Exec(); t.failed != nil {
			_ = results.Close() // says the same
			return nil, t.failed
		}
	}
	t.waiting = &pgx.Batch{}
	return results, nil
}

func (t *postgresTx) later(_ context.Context, query string, args []any) error {
	t.waiting.Queue(query, native(slices.Clone(args))...)
	t.used = true
	return nil
}

func (t *postgresTx) enter(in Scope) { in.queue(t.waiting) }

func (t *postgresTx) commit(ctx context.Context) error {
	if !t.used {
		t.conn.Release()
		return nil
	}
	tag, err := t.run(ctx, "COMMIT", nil)
	if err == nil && tag.String() != "COMMIT" {
		err = pgx.ErrTxCommitRollback // a statement had failed
	}
	if err != nil {
		return errors.Join(err, t.rollback(ctx))
	}
	t.conn.Release()
	return nil
}

func (t *postgresTx) rollback(ctx context.Context) error {
	defer t.conn.Release() // which closes a connection that is still in a transaction
	const idle = 'I'
	if p := t.conn.Conn().PgConn(); p.IsClosed() || p.TxStatus() == idle {
		return nil
	}
	_, err := t.conn.Exec(ctx, "ROLLBACK")
	return err
}

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
			failed := e.pipeline(ctx, conn, []*statement{s})
			if failed == nil {
				break // that it found nothing, if so, is in s.err
			}
			if s.err = failed; !e.transient(failed) || try == maxTries {
				break
			}
		}
	}
}

// pipeline returns the failure that undid the batch; a statement that matched no row is none.
func (e *postgresEngine) pipeline(ctx context.Context, conn *pgxpool.Conn, all []*statement) error {
	if len(all) == 1 && all[0].in == (Scope{}) {
		return alone(ctx, conn, all[0])
	}
	var b pgx.Batch
	var within Scope
	enters := make([]bool, len(all)) // before which statements the scope changes
	for i, s := range all {
		if s.in != within {
			s.in.queue(&b)
			within, enters[i] = s.in, true
		}
		b.Queue(s.query, native(s.args)...)
	}
	results := conn.SendBatch(ctx, &b)
	for i, s := range all {
		if enters[i] {
			if _, err := results.Exec(); err != nil {
				s.err = err
				return errors.Join(err, results.Close())
			}
		}
		s.err = one(results, s)
		if s.err != nil && !errors.Is(s.err, ErrNoRows) {
			return errors.Join(s.err, results.Close())
		}
	}
	return results.Close()
}

// alone runs a statement that waits with no other, without what only a batch needs.
func alone(ctx context.Context, conn *pgxpool.Conn, s *statement) error {
	if s.read == nil {
		_, s.err = conn.Exec(ctx, s.query, native(s.args)...)
	} else {
		r, err := conn.Query(ctx, s.query, native(s.args)...)
		s.err = s.read(pgRows{r}, err)
	}
	if errors.Is(s.err, ErrNoRows) {
		return nil
	}
	return s.err
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
