package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// benchRefreshSQLite compares the gathered refresh with one transaction for each, first the
// statement alone, then the whole server.
func benchRefreshSQLite(ctx context.Context, l *lab) ([]row, error) {
	const clients = 16
	w, err := l.populateSQLite(ctx, "refresh.db", l.size)
	if err != nil {
		return nil, err
	}
	defer w.close()
	gathered := side{clients: clients, do: func(c int) error {
		n := w.pick(c, clients)
		r, err := session.Refresh(ctx, w.db, idOf(sessionPrefix, n), w.spend(n), firstParty, w.db.Now(), window)
		if err == nil && r.Outcome != session.Rotated {
			err = fmt.Errorf("a refresh came to %q", r.Outcome)
		}
		return err
	}}
	single, done, err := w.singleRefreshes(ctx, clients)
	if err != nil {
		return nil, err
	}
	d, err := l.fight(ctx, gathered, single)
	done()
	if err != nil {
		return nil, err
	}
	alone := d.row("refresh on SQLite, 16 clients, the statement", "the same, one transaction each", atLeast(3.5))
	server, err := l.serversOnSQLite(ctx, w, clients)
	return []row{alone, server}, err
}

// populateSQLite makes and fills an SQLite file.
func (l *lab) populateSQLite(ctx context.Context, name string, s size) (*world, error) {
	url := "sqlite:" + filepath.Join(l.dir, name)
	if err := dbtest.Migrate(ctx, url, ""); err != nil {
		return nil, err
	}
	w, err := l.populate(ctx, url, s)
	if err != nil {
		return nil, err
	}
	return w, w.flush(ctx)
}

func (w *world) path() string { return strings.TrimPrefix(w.url, "sqlite:") }

// openSQL opens the file as the server does, but with one plain connection.
func (w *world) openSQL() (*sql.DB, error) {
	d, err := sql.Open("sqlite", "file:"+w.path()+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)")
	if err == nil {
		d.SetMaxOpenConns(1)
	}
	return d, err
}

// flush moves what is in the log into the database file.
func (w *world) flush(ctx context.Context) error {
	d, err := w.openSQL()
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // it is flushed
	_, err = d.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// singleRefreshes runs the statement prepared, in a transaction of its own: what is not in an
// explicit one has one all the same. Clients take turns, because SQLite's own waiting is slower.
func (w *world) singleRefreshes(ctx context.Context, clients int) (s side, done func(), err error) {
	text, err := w.refreshText(ctx)
	if err != nil {
		return side{}, nil, err
	}
	d, err := w.openSQL()
	if err != nil {
		return side{}, nil, err
	}
	stmt, err := d.PrepareContext(ctx, text)
	if err != nil {
		return side{}, nil, errors.Join(err, d.Close())
	}
	var turn sync.Mutex
	do := func(c int) error {
		n := w.pick(c, clients)
		args := refreshArgs(n, w.spend(n), time.Now().UnixMilli())
		args[0] = idOf(sessionPrefix, n).String()
		turn.Lock()
		defer turn.Unlock()
		var r refreshed
		err := stmt.QueryRowContext(ctx, args...).Scan(r.dest()...)
		return r.check(err)
	}
	return side{clients: clients, do: do}, func() { _, _ = stmt.Close(), d.Close() }, nil
}

// serversOnSQLite compares the server with itself without gathering.
func (l *lab) serversOnSQLite(ctx context.Context, w *world, clients int) (row, error) {
	plain, err := l.compileWithoutGathering()
	if err != nil {
		return row{}, err
	}
	// Each has a file of its own, so that neither waits for the other's locks.
	if err := w.flush(ctx); err != nil {
		return row{}, err
	}
	twin := &world{url: w.url + ".twin", tokens: w.tokens, counters: append([]uint32(nil), w.counters...)}
	if err := copyFile(twin.path(), w.path()); err != nil {
		return row{}, err
	}
	binary, err := l.build()
	if err != nil {
		return row{}, err
	}
	var sides [2]side
	for i, one := range []struct {
		binary string
		world  *world
	}{{binary, w}, {plain, twin}} {
		s, err := l.startServer(ctx, one.binary, one.world.url)
		if err != nil {
			return row{}, err
		}
		defer s.stop()
		var done func()
		if sides[i], done, err = s.refreshes(clients, one.world); err != nil {
			return row{}, err
		}
		defer done()
	}
	d, err := l.fight(ctx, sides[0], sides[1])
	if err != nil {
		return row{}, err
	}
	return d.row("refresh on SQLite, 16 clients, the server", "the same server, one transaction each", atLeast(2)), nil
}

// gatherLimit is the line of internal/kit/db/gather.go that says how many statements share a
// transaction at most.
const gatherLimit = "maxBatch     = 64 "

// compileWithoutGathering builds the same server from the same source but for one constant: a
// transaction holds one statement.
func (l *lab) compileWithoutGathering() (string, error) {
	file, err := sourceFile("internal/kit/db/gather.go")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if strings.Count(string(text), gatherLimit) != 1 {
		return "", fmt.Errorf("%s: no single line %q", file, gatherLimit)
	}
	changed := filepath.Join(l.dir, "gather.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), gatherLimit, "maxBatch = 1 ", 1)), 0o600); err != nil {
		return "", err
	}
	overlay := filepath.Join(l.dir, "overlay.json")
	if err := os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace": {%q: %q}}`, file, changed), 0o600); err != nil {
		return "", err
	}
	return l.compile("gatehouse-alone", "-overlay", overlay)
}
