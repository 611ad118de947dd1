package db_test

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// wire lies between a database and its server and counts how often the client stops sending and waits
// for the server's word: at each Sync and each simple Query of PostgreSQL's protocol.
type wire struct{ trips atomic.Int64 }

// taken returns the round trips that fn takes.
func (w *wire) taken(fn func()) int64 {
	before := w.trips.Load()
	fn()
	return w.trips.Load() - before
}

// wired opens the database at serverURL through a wire, by one connection.
func wired(t *testing.T, serverURL string) (*db.DB, *wire) {
	t.Helper()
	u, err := url.Parse(serverURL)
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	server, dir := filepath.Join(u.Query().Get("host"), socket), t.TempDir()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { w.serve(client, server) })
		}
	})
	u.RawQuery = url.Values{"host": {dir}}.Encode()
	d, err := db.Open(t.Context(), db.Config{URL: u.String(), Clock: clock.NewDriven(0), MaxConns: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Close()
		_ = l.Close()
		serving.Wait()
	})
	return d, w
}

func (w *wire) serve(client net.Conn, path string) {
	defer client.Close()
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "unix", path)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	w.forward(server, client)
}

// forward passes on what the client sends, message by message; the first has no kind.
func (w *wire) forward(server io.Writer, client io.Reader) {
	for head := make([]byte, 4); ; head = make([]byte, 5) {
		if _, err := io.ReadFull(client, head); err != nil {
			return
		}
		if len(head) == 5 && (head[0] == 'S' || head[0] == 'Q') {
			w.trips.Add(1)
		}
		body := make([]byte, binary.BigEndian.Uint32(head[len(head)-4:])-4)
		if _, err := io.ReadFull(client, body); err != nil {
			return
		}
		if _, err := server.Write(append(head, body...)); err != nil {
			return
		}
	}
}

// skip reads a row whose one value nobody looks at.
func skip(scan func(dest ...any) error) error { return scan(new(any)) }

func TestWhatEachWayTakesOfRoundTrips(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	d, w := wired(t, o.URL)
	ctx := t.Context()
	const read, write = "SELECT count(*) FROM membership WHERE tenant_id = $1", "UPDATE tenant SET version = version + 1 WHERE id = $1"
	args := func() []any { return []any{o.a} }
	in := d.In(db.Tenant(o.a))
	ways := []struct {
		name  string
		want  int64
		plain func() error
		in    func() error
	}{
		{"Row", 1, func() error { return d.Row(ctx, read, args(), new(int)) }, func() error { return in.Row(ctx, read, args(), new(int)) }},
		{"Each", 1, func() error { return d.Each(ctx, read, args(), skip) }, func() error { return in.Each(ctx, read, args(), skip) }},
		{"Once", 1, func() error { return d.Once(ctx, write, args()) }, func() error { return in.Once(ctx, write, args()) }},
		{"InTx", 2, func() error { return d.InTx(ctx, writes(ctx, write, args)) }, func() error { return in.InTx(ctx, writes(ctx, write, args)) }},
		{"InTx that asks for nothing", 0, func() error { return d.InTx(ctx, nothing) }, func() error { return in.InTx(ctx, nothing) }},
		{"Enter", 2, func() error { return d.InTx(ctx, entering(ctx, o.a, write, args)) }, func() error { return in.InTx(ctx, entering(ctx, o.a, write, args)) }},
		{"Later", 1, func() error { return d.InTx(ctx, later(ctx, write, args)) }, func() error { return in.InTx(ctx, later(ctx, write, args)) }},
	}
	for _, way := range ways {
		for name, fn := range map[string]func() error{"plain": way.plain, "scoped": way.in} {
			run := func() {
				if err := fn(); err != nil {
					t.Fatalf("%s, %s: %v", way.name, name, err)
				}
			}
			run() // the first time each statement is prepared
			if got := w.taken(run); got != way.want {
				t.Errorf("%s, %s: %d round trips, want %d", way.name, name, got, way.want)
			}
		}
	}
}

func writes(ctx context.Context, query string, args func() []any) func(*db.Tx) error {
	return func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, query, args()...)
		return err
	}
}

func later(ctx context.Context, query string, args func() []any) func(*db.Tx) error {
	return func(tx *db.Tx) error { return tx.Later(ctx, query, args()...) }
}

func nothing(*db.Tx) error { return nil }
