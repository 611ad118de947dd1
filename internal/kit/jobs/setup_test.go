package jobs

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// sealer is AES-GCM with a fixed key.
type sealer struct{ cipher.AEAD }

func newSealer(t *testing.T) sealer {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return sealer{gcm}
}

func (s sealer) Seal(plain, aad []byte) ([]byte, error) {
	return s.AEAD.Seal(nil, nil, plain, aad), nil
}

func (s sealer) Open(sealed, aad []byte) ([]byte, error) {
	return s.AEAD.Open(nil, nil, sealed, aad)
}

// driven is a clock that stands still until it is moved.
type driven struct {
	mu     sync.Mutex
	at     time.Time
	jumped chan struct{}
}

func newDriven() *driven {
	return &driven{at: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), jumped: make(chan struct{})}
}

func (c *driven) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *driven) Jumped() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jumped
}

func (c *driven) advance(step time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(step)
	close(c.jumped)
	c.jumped = make(chan struct{})
}

// instances are queues that share a database, each with a handle of its own, and a clock.
type instances struct {
	clock  *driven
	queues []*Queue
	log    *bytes.Buffer // of all of them; read it when they are closed or drained
}

// each runs fn on both databases with n instances whose queues are closed after it.
func each(t *testing.T, n int, fn func(t *testing.T, in instances)) {
	t.Helper()
	dbtest.EachURL(t, func(t *testing.T, url, _ string) {
		in := instances{clock: newDriven(), log: new(bytes.Buffer)}
		t.Cleanup(func() { // the last of all, when nobody writes any more
			if t.Failed() {
				t.Logf("logged:\n%s", in.log)
			}
		})
		log := slog.New(slog.NewTextHandler(in.log, nil))
		for range n {
			q := New(Config{DB: openDB(t, url, in.clock), Sealer: newSealer(t), Logger: log, Workers: 8})
			t.Cleanup(q.Close)
			in.queues = append(in.queues, q)
		}
		fn(t, in)
	})
}

// alone is each with one instance.
func alone(t *testing.T, fn func(t *testing.T, q *Queue, in instances)) {
	t.Helper()
	each(t, 1, func(t *testing.T, in instances) { fn(t, in.queues[0], in) })
}

func openDB(t *testing.T, url string, c clock.Clock) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url, Clock: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func enqueue(t *testing.T, q *Queue, all ...Job) {
	t.Helper()
	err := q.db.InTx(t.Context(), func(tx *db.Tx) error {
		for _, j := range all {
			if err := q.Enqueue(t.Context(), tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func drain(t *testing.T, q *Queue) {
	t.Helper()
	if err := q.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func stats(t *testing.T, q *Queue) Stats {
	t.Helper()
	s, err := q.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// onlyDead returns the one dead letter there is.
func onlyDead(t *testing.T, q *Queue) DeadLetter {
	t.Helper()
	all, err := q.Dead(t.Context(), 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("dead letters: %v, %v, want one", all, err)
	}
	return all[0]
}

func count(t *testing.T, q *Queue, query string) (n int) {
	t.Helper()
	if err := q.db.Row(t.Context(), query, nil, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// note returns a handler that counts the runs of each job.
func note(runs *sync.Map) Handler {
	return func(_ context.Context, info Info, _ []byte) error {
		n, _ := runs.LoadOrStore(info.ID, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		return nil
	}
}

func retry(t *testing.T, q *Queue, id uuid.UUID) error {
	t.Helper()
	return q.db.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := q.Retry(t.Context(), tx, id)
		return err
	})
}

func discard(t *testing.T, q *Queue, id uuid.UUID) error {
	t.Helper()
	return q.db.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := q.Discard(t.Context(), tx, id)
		return err
	})
}
