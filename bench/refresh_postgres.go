package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// populatePostgres makes and fills a PostgreSQL database.
func (l *lab) populatePostgres(ctx context.Context, name string, s size) (*world, error) {
	if err := l.createDatabase(ctx, name); err != nil {
		return nil, err
	}
	w, err := l.populate(ctx, l.cluster.URL(dbtest.App, name), s)
	if err != nil {
		return nil, err
	}
	// What loading leaves behind would otherwise be cleared away during some block.
	return w, l.cluster.Exec(ctx, name, "VACUUM ANALYZE", "CHECKPOINT")
}

// startBuilt builds the server once and starts it on a database.
func (l *lab) startBuilt(ctx context.Context, url string) (*server, error) {
	binary, err := l.build()
	if err != nil {
		return nil, err
	}
	return l.startServer(ctx, binary, url)
}

// benchRefreshPostgres compares refreshing over HTTP with its one statement alone.
func benchRefreshPostgres(ctx context.Context, l *lab) ([]row, error) {
	w, err := l.populatePostgres(ctx, "refresh", l.size)
	if err != nil {
		return nil, err
	}
	defer w.close()
	s, err := l.startBuilt(ctx, w.url)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	var rows []row
	for _, c := range []struct {
		clients int
		gate    float64
	}{{16, 0.60}, {1, 0.50}} {
		ours, done, err := s.refreshes(c.clients, w)
		if err != nil {
			return nil, err
		}
		bare, closePool, err := w.bareRefreshes(ctx, c.clients)
		if err != nil {
			return nil, err
		}
		ours.prepare, bare.prepare = l.checkpoint, l.checkpoint
		d, err := l.fight(ctx, ours, bare)
		done()
		closePool()
		if err != nil {
			return nil, err
		}
		rows = append(rows, d.row("refresh on PostgreSQL, "+plural(c.clients, "client"), "the same statement, prepared, without HTTP", atLeast(c.gate)))
	}
	hot, err := l.hotShare(ctx, w)
	return append(rows, hot), err
}

// refreshes has each client refresh random sessions of its share.
func (s *server) refreshes(clients int, w *world) (load side, done func(), err error) {
	conns, err := s.dialAll(clients)
	if err != nil {
		return side{}, nil, err
	}
	do := func(c int) error {
		token, err := w.refreshToken(w.pick(c, clients))
		if err != nil {
			return err
		}
		_, err = conns[c].do("POST", mount+"/token/refresh/", "", `{"refresh":"`+token+`"}`)
		return err
	}
	return side{clients: clients, do: do}, func() { closeAll(conns) }, nil
}

// pool opens connections as the server does: as many, with the same settings.
func (w *world) pool(ctx context.Context) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(w.url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = poolSize
	cfg.ConnConfig.RuntimeParams["search_path"] = "gatehouse"
	return pgxpool.NewWithConfig(ctx, cfg)
}

// bareRefreshes runs the statement and reads its answer. The driver prepares it once a connection.
func (w *world) bareRefreshes(ctx context.Context, clients int) (s side, done func(), err error) {
	text, err := w.refreshText(ctx)
	if err != nil {
		return side{}, nil, err
	}
	pool, err := w.pool(ctx)
	if err != nil {
		return side{}, nil, err
	}
	do := func(c int) error {
		n := w.pick(c, clients)
		var r refreshed
		err := pool.QueryRow(ctx, text, refreshArgs(n, w.spend(n), time.Now().UnixMilli())...).Scan(r.dest()...)
		return r.check(err)
	}
	return side{clients: clients, do: do}, pool.Close, nil
}

// refreshArgs binds the id as what the driver takes fastest.
func refreshArgs(n int, counter uint64, now int64) []any {
	return []any{[16]byte(idOf(sessionPrefix, n)), now, int64(counter), window.Milliseconds(), firstParty.ID, firstParty.Transport, firstParty.JKT}
}

// refreshed is what the statement answers.
type refreshed struct {
	outcome, subject, client, transport, audience, amr string
	account                                            uuid.UUID
	aal, authTime, expires, idle                       int64
}

func (r *refreshed) dest() []any {
	return []any{&r.outcome, &r.account, &r.subject, &r.client, &r.transport, &r.audience, &r.amr, &r.aal, &r.authTime, &r.expires, &r.idle}
}

func (r *refreshed) check(err error) error {
	if err == nil && r.outcome != string(session.Rotated) {
		err = fmt.Errorf("a refresh came to %q", r.outcome)
	}
	return err
}

// hotShare is how many of the refreshes touched no index.
func (l *lab) hotShare(ctx context.Context, w *world) (row, error) {
	// The server's figures are of the last second or so; that is near enough to a share.
	time.Sleep(time.Second)
	var updates, hot int64
	err := w.db.Row(ctx, "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'session'", nil, &updates, &hot)
	if err != nil {
		return row{}, err
	}
	share := 100 * float64(hot) / float64(max(updates, 1))
	r := row{path: "refresh on PostgreSQL, heap-only updates", ours: grouped(hot), limit: grouped(updates), beside: "all updates", result: fmt.Sprintf("%.3f %%", share)}
	r.gate, r.missed = "100 %, less one in a thousand", share < 99.9
	return r, nil
}
