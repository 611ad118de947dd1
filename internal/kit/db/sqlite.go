package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteEngine has one connection that writes and a few that read. Writers queue for
// the connection in order of arrival, because SQLite's own busy handler polls and is not
// fair; its time-out only matters when another process holds the file.
type sqliteEngine struct {
	readers *sql.DB
	writers *sql.DB
	conn    *sql.Conn
	slot    chan struct{}
	stmts   map[string]*sql.Stmt // prepared on conn; guarded by slot
}

// sqliteDSN asks for synchronous=FULL because in WAL mode NORMAL may lose the last commits at a
// power cut, and a spent token would come back to life.
func sqliteDSN(path string, immediate bool) string {
	q := url.Values{}
	for _, pragma := range []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"} {
		q.Add("_pragma", pragma)
	}
	q.Set("_dqs", "0")
	q.Set("_defensive", "1")
	if immediate {
		q.Set("_txlock", "immediate")
	} else {
		// Readers are several, and what they do not keep themselves they find in the system's cache.
		q.Add("_pragma", "cache_size(-512)") // KiB
	}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String()
}

func openSQLite(ctx context.Context, path string, readers int) (*sqliteEngine, error) {
	if err := checkSQLitePath(path); err != nil {
		return nil, fmt.Errorf("the database URL %w", err)
	}
	if err := private(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	w, err := sql.Open("sqlite", sqliteDSN(path, true))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	w.SetMaxOpenConns(1)
	conn, err := w.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %w", err), w.Close())
	}
	r, err := sql.Open("sqlite", sqliteDSN(path, false))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %w", err), conn.Close(), w.Close())
	}
	// Reading waits for nothing but the processor, and each reader takes memory of its own.
	readers = min(readers, max(4, runtime.GOMAXPROCS(0)))
	r.SetMaxOpenConns(readers)
	r.SetMaxIdleConns(readers)
	return &sqliteEngine{readers: r, writers: w, conn: conn, slot: make(chan struct{}, 1), stmts: map[string]*sql.Stmt{}}, nil
}

func checkSQLitePath(path string) error {
	if path == "" || path == ":memory:" {
		return errors.New("must name a file: sqlite:PATH")
	}
	return nil
}

// private makes a new database file readable by its owner alone.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (e *sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) close() {
	e.slot <- struct{}{}
	for _, s := range e.stmts {
		_ = s.Close()
	}
	clear(e.stmts) // so that later calls find the connection closed, which is "unavailable"
	_ = e.conn.Close()
	_ = e.writers.Close()
	_ = e.readers.Close()
	<-e.slot
}

func (e *sqliteEngine) query(ctx context.Context, _ Scope, query string, args []any) (rows, error) {
	r, err := e.readers.QueryContext(ctx, query, args...) //nolint:rowserrcheck // scanOne and scanEach check
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (e *sqliteEngine) acquire(ctx context.Context) error {
	select {
	case e.slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *sqliteEngine) release() { <-e.slot }

// prepared returns query prepared on the writing connection. The texts are constants of the
// program, so the map is bounded.
func (e *sqliteEngine) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := e.stmts[query]; ok {
		return s, nil
	}
	s, err := e.conn.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	e.stmts[query] = s
	return s, nil
}

func (e *sqliteEngine) exec(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := e.prepared(ctx, query) //nolint:sqlclosecheck // kept until close
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (e *sqliteEngine) begin(ctx context.Context, _ Scope) (transaction, error) {
	if err := e.acquire(ctx); err != nil {
		return nil, err
	}
	if err := e.beginImmediate(ctx); err != nil {
		e.release()
		return nil, err
	}
	return (*sqliteTx)(e), nil
}

// beginImmediate does not end early with ctx: a BEGIN that took effect and was reported as
// cancelled would leave the one writing connection inside a transaction for good.
func (e *sqliteEngine) beginImmediate(ctx context.Context) error {
	_, err := e.exec(context.WithoutCancel(ctx), "BEGIN IMMEDIATE")
	return err
}

// sqliteTx is the engine while its slot is taken and a transaction is open.
type sqliteTx sqliteEngine

func (t *sqliteTx) engine() *sqliteEngine { return (*sqliteEngine)(t) }

func (t *sqliteTx) query(ctx context.Context, query string, args []any) (rows, error) {
	s, err := t.engine().prepared(ctx, query) //nolint:sqlclosecheck // kept until close
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args...) //nolint:rowserrcheck // scanOne and scanEach check
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (t *sqliteTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	return t.engine().exec(ctx, query, args...)
}

func (t *sqliteTx) later(ctx context.Context, query string, args []any) error {
	_, err := t.exec(ctx, query, args)
	return err
}

func (*sqliteTx) enter(Scope) {}

func (t *sqliteTx) commit(ctx context.Context) error {
	defer t.engine().release()
	_, err := t.engine().exec(ctx, "COMMIT")
	if err != nil {
		_, undo := t.engine().exec(ctx, "ROLLBACK")
		return errors.Join(err, undo)
	}
	return nil
}

func (t *sqliteTx) rollback(ctx context.Context) error {
	defer t.engine().release()
	_, err := t.engine().exec(ctx, "ROLLBACK")
	if err != nil && code(err) == sqlite3.SQLITE_ERROR {
		return nil // a failed statement may have ended the transaction already
	}
	return err
}

// batch runs each statement in a savepoint of one transaction until nobody waits, and
// answers all once it is on the disk.
func (e *sqliteEngine) batch(ctx context.Context, more func(limit int) []*statement) {
	var all []*statement
	err := e.acquire(ctx)
	if err == nil {
		defer e.release()
		// Whoever got here waits for nobody but the disk, and for a context that can end the driver and
		// database/sql start two goroutines a statement.
		ctx = context.WithoutCancel(ctx)
		err = e.beginImmediate(ctx)
	}
	for err == nil && len(all) < maxBatch {
		next := more(maxBatch - len(all))
		if len(next) == 0 {
			break
		}
		all = append(all, next...)
		for _, s := range next {
			s.err = e.savepoint(ctx, s)
		}
	}
	if len(all) == 0 {
		all = more(maxBatch)
	} else if _, err = e.exec(ctx, "COMMIT"); err != nil {
		_, undo := e.exec(ctx, "ROLLBACK")
		err = errors.Join(err, undo)
	}
	if err != nil {
		for _, s := range all {
			s.err = err
		}
	}
}

func (e *sqliteEngine) savepoint(ctx context.Context, s *statement) error {
	if _, err := e.exec(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	err := e.run(ctx, s)
	if err != nil && !errors.Is(err, ErrNoRows) {
		if _, undo := e.exec(ctx, "ROLLBACK TO one"); undo != nil {
			return errors.Join(err, undo)
		}
	}
	if _, undo := e.exec(ctx, "RELEASE one"); undo != nil {
		return errors.Join(err, undo)
	}
	return err
}

func (e *sqliteEngine) run(ctx context.Context, s *statement) error {
	if s.read == nil {
		_, err := e.exec(ctx, s.query, s.args...)
		return err
	}
	r, err := (*sqliteTx)(e).query(ctx, s.query, s.args)
	return s.read(r, err)
}

func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

func (e *sqliteEngine) unique(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}

func (e *sqliteEngine) orphan(err error) bool {
	return code(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

func (e *sqliteEngine) transient(err error) bool {
	c := code(err) & 0xff
	return c == sqlite3.SQLITE_BUSY || c == sqlite3.SQLITE_LOCKED
}

func (e *sqliteEngine) down(err error) bool {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT:
		return true
	}
	return errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) || strings.Contains(err.Error(), "database is closed")
}
