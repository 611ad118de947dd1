package ratelimit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

var (
	perAccount = ratelimit.Limit{Name: "test.account", Burst: 10, Per: 15 * time.Minute}
	perAddress = ratelimit.Limit{Name: "test.address", Burst: 50, Per: 15 * time.Minute}
)

func account(key string) ratelimit.Bucket { return ratelimit.Bucket{Limit: perAccount, Key: key} }
func address(key string) ratelimit.Bucket { return ratelimit.Bucket{Limit: perAddress, Key: key} }

// frozen is a clock that stands still until it is moved.
type frozen struct{ at atomic.Int64 }

func (c *frozen) Now() time.Time             { return time.UnixMilli(c.at.Load()).UTC() }
func (c *frozen) Jumped() <-chan struct{}    { return nil }
func (c *frozen) advance(step time.Duration) { c.at.Add(step.Milliseconds()) }
func newLimiter(d *db.DB) *ratelimit.Limiter { return ratelimit.New(d, slog.New(slog.DiscardHandler)) }
func limited(err error) bool                 { return errors.Is(err, ratelimit.ErrLimited) }
func retryOf(t *testing.T, err error) (s time.Duration) {
	t.Helper()
	f, ok := fault.From(err)
	if !ok || f.Kind != fault.RateLimited || f.Code != "rate_limited" {
		t.Fatalf("want rate_limited, got %v", err)
	}
	return f.Retry
}

func newFrozen() *frozen {
	c := &frozen{}
	c.at.Store(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

// each runs fn on both databases, opened with a clock that stands still.
func each(t *testing.T, fn func(t *testing.T, d *db.DB, c *frozen)) {
	t.Helper()
	dbtest.EachURL(t, func(t *testing.T, url, _ string) {
		c := newFrozen()
		fn(t, open(t, url, c), c)
	})
}

func open(t testing.TB, url string, c *frozen) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url, Clock: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// tryAll makes n tries at once and returns how many passed.
func tryAll(t *testing.T, l *ratelimit.Limiter, n int, buckets func(i int) []ratelimit.Bucket) int {
	t.Helper()
	var passed atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			_, err := l.Take(t.Context(), buckets(i)...)
			switch {
			case err == nil:
				passed.Add(1)
			case !limited(err):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return int(passed.Load())
}

func take(t *testing.T, l *ratelimit.Limiter, n int, buckets ...ratelimit.Bucket) *ratelimit.Taken {
	t.Helper()
	var taken *ratelimit.Taken
	for i := range n {
		var err error
		if taken, err = l.Take(t.Context(), buckets...); err != nil {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	return taken
}

func refused(t *testing.T, l *ratelimit.Limiter, buckets ...ratelimit.Bucket) time.Duration {
	t.Helper()
	_, err := l.Take(t.Context(), buckets...)
	return retryOf(t, err)
}

func TestTakeLetsExactlyTheBurstPassHoweverManyTryAtOnce(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, c *frozen) {
		l := newLimiter(d)
		if n := tryAll(t, l, 200, func(int) []ratelimit.Bucket { return []ratelimit.Bucket{account("a")} }); n != 10 {
			t.Errorf("%d of 200 parallel tries passed, want 10", n)
		}
		take(t, l, 10, account("b"))
		refused(t, l, account("b"))
		c.advance(15 * time.Minute)
		if n := tryAll(t, l, 50, func(int) []ratelimit.Bucket { return []ratelimit.Bucket{account("a")} }); n != 10 {
			t.Errorf("after a jump of the clock %d passed, want 10", n)
		}
	})
}

func TestParallelGuessesOnSeveralInstancesGetNoMoreThanOneAfterAnother(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url, _ string) {
		c := newFrozen()
		instances := []*ratelimit.Limiter{newLimiter(open(t, url, c)), newLimiter(open(t, url, c))}
		var passed atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			// The buckets come in both orders: rows must still be locked in one.
			buckets := []ratelimit.Bucket{account("victim"), address(fmt.Sprint(i % 3))}
			if i%2 == 0 {
				buckets[0], buckets[1] = buckets[1], buckets[0]
			}
			wg.Go(func() {
				_, err := instances[i%2].Take(t.Context(), buckets...)
				if err == nil {
					passed.Add(1)
				} else if !limited(err) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if passed.Load() != 10 {
			t.Errorf("%d parallel guesses passed, want 10", passed.Load())
		}
	})
}

func TestARefusalByOneBucketCostsTheOthersNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *frozen) {
		l := newLimiter(d)
		take(t, l, 10, account("full"))
		before, _ := d.Counts()
		take(t, l, 1, account("other"), address("x"))
		if after, _ := d.Counts(); after-before != 1 {
			t.Errorf("a try against two buckets ran %d statements, want 1", after-before)
		}
		for range 100 {
			refused(t, l, account("full"), address("x"))
		}
		take(t, l, 49, address("x"))
		refused(t, l, address("x"))
		if wait := refused(t, l, address("x"), account("full")); wait != 90*time.Second {
			t.Errorf("two full buckets: retry after %v, want that of the slower, 90s", wait)
		}
	})
}

func TestABucketNamedTwiceCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *frozen) {
		l := newLimiter(d)
		take(t, l, 10, account("a"), account("a"))
		refused(t, l, account("a"))
	})
}

func TestRetryTellsTheTruth(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, c *frozen) {
		l := newLimiter(d)
		take(t, l, 3, account("a"))
		c.advance(7*time.Second + 300*time.Millisecond)
		take(t, l, 7, account("a"))
		wait := refused(t, l, account("a"))
		if wait != 83*time.Second {
			t.Errorf("retry after %v, want 90 s less 7.3 s rounded up", wait)
		}
		c.advance(wait - time.Second)
		if wait := refused(t, l, account("a")); wait != time.Second {
			t.Errorf("a second before: retry after %v", wait)
		}
		c.advance(time.Second)
		take(t, l, 1, account("a"))
		refused(t, l, account("a"))
	})
}

func TestHonestTriesAreNeverRefused(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *frozen) {
		l := newLimiter(d)
		for range 1000 {
			take(t, l, 1, account("a"), address("x")).Refund()
		}
		take(t, l, 10, account("a"))
		refused(t, l, account("a"))
	})
}

func TestRefundIsWrittenForTheOtherInstances(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url, _ string) {
		c := newFrozen()
		d := open(t, url, c)
		here, there := newLimiter(d), newLimiter(open(t, url, c))
		var all []*ratelimit.Taken
		for i := range 100 { // more keys than one statement takes
			take(t, here, 9, account(fmt.Sprint(i)))
			all = append(all, take(t, here, 1, account(fmt.Sprint(i))))
		}
		for _, taken := range all {
			taken.Refund()
		}
		refused(t, there, account("7"))
		before, _ := d.Counts()
		if err := here.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after, _ := d.Counts(); after-before != 2 {
			t.Errorf("100 refunds took %d statements, want 2", after-before)
		}
		for i := range 100 {
			take(t, there, 1, account(fmt.Sprint(i)))
			refused(t, there, account(fmt.Sprint(i)))
			refused(t, here, account(fmt.Sprint(i)))
		}
	})
}

func TestRefundCannotBeDoubledOrEmptyABucketBeyondEmpty(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, c *frozen) {
		l := newLimiter(d)
		taken := take(t, l, 9, account("twice"))
		for range 5 {
			taken.Refund()
		}
		take(t, l, 2, account("twice"))
		refused(t, l, account("twice"))

		// By the time of the refund the try has leaked out; the new ones are not its own.
		taken = take(t, l, 1, account("late"))
		c.advance(2 * time.Minute)
		fresh := take(t, l, 10, account("late"))
		taken.Refund()
		fresh.Refund()
		take(t, l, 1, account("late"))
		refused(t, l, account("late"))

		// A refund that waited must not pay for tries that came long after it.
		elsewhere := newLimiter(d)
		take(t, l, 1, account("waits")).Refund()
		take(t, l, 1, account("flushed")).Refund()
		c.advance(2 * time.Minute)
		take(t, elsewhere, 10, account("waits"))
		refused(t, l, account("waits"))
		take(t, elsewhere, 10, account("flushed"))
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused(t, elsewhere, account("flushed"))

		var honest []*ratelimit.Taken
		for range 10 {
			honest = append(honest, take(t, l, 1, account("empty")))
		}
		for _, taken := range honest {
			taken.Refund()
			if err := l.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		take(t, l, 10, account("empty"))
		refused(t, l, account("empty"))
	})
}

func TestCloseAndTheBackgroundLoopWriteRefunds(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *frozen) {
		unstarted := newLimiter(d)
		take(t, unstarted, 10, account("a")).Refund()
		unstarted.Close()
		take(t, newLimiter(d), 1, account("a"))

		written := make(chan struct{}, 1)
		d.Inspect(func(query string) error {
			if strings.HasPrefix(query, "UPDATE rate_limit") {
				select {
				case written <- struct{}{}:
				default:
				}
			}
			return nil
		})
		l := newLimiter(d)
		l.Start(t.Context())
		defer l.Close()
		take(t, l, 1, account("b")).Refund()
		<-written
	})
}

func TestResetEmptiesABucket(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *frozen) {
		l := newLimiter(d)
		take(t, l, 10, account("a")).Refund()
		if err := d.InTx(t.Context(), func(tx *db.Tx) error { return l.Reset(t.Context(), tx, account("a")) }); err != nil {
			t.Fatal(err)
		}
		take(t, newLimiter(d), 10, account("a"))
		refused(t, l, account("a"))
	})
}

func TestEveryErrorIsARefusal(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *frozen) {
		l := newLimiter(d)
		for name, buckets := range map[string][]ratelimit.Bucket{
			"zero limit":       {{Key: "a"}},
			"zero burst":       {{Limit: ratelimit.Limit{Name: "x", Per: time.Minute}, Key: "a"}},
			"one of two":       {account("a"), {Limit: ratelimit.Limit{Name: "x", Burst: 1}, Key: "a"}},
			"no bucket":        {},
			"too many buckets": make([]ratelimit.Bucket, 9),
		} {
			if taken, err := l.Take(t.Context(), buckets...); err == nil || taken != nil {
				t.Errorf("%s: passed", name)
			}
		}
		d.Inspect(func(query string) error {
			if strings.HasPrefix(query, "SELECT") {
				return db.ErrUnavailable
			}
			return nil
		})
		take(t, l, 10, account("a"))
		if _, err := l.Take(t.Context(), account("a")); err == nil {
			t.Error("passed because the time to wait could not be read")
		}
		d.Close()
		if _, err := l.Take(t.Context(), account("b")); !errors.Is(err, db.ErrUnavailable) {
			t.Errorf("with the database down: %v", err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Take(cancelled, account("b")); err == nil {
			t.Error("passed for a caller who has gone")
		}
	})
}

func TestRefundsThatCouldNotBeWrittenAreNotGivenTwice(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *frozen) {
		l := newLimiter(d)
		take(t, l, 10, account("a")).Refund()
		d.Inspect(func(query string) error {
			if strings.HasPrefix(query, "UPDATE rate_limit") {
				return db.ErrUnavailable
			}
			return nil
		})
		if err := l.Flush(t.Context()); err == nil {
			t.Fatal("the failure is not reported")
		}
		d.Inspect(nil)
		refused(t, l, account("a"))
	})
}

func TestSweepDeletesEmptyBucketsAlone(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, c *frozen) {
		l := newLimiter(d)
		for i := range 1100 { // more than two batches
			if err := d.Once(t.Context(), "INSERT INTO rate_limit (k, tat) VALUES ($1, $2)", []any{fmt.Sprint(i), d.Now().UnixNano()}); err != nil {
				t.Fatal(err)
			}
		}
		take(t, l, 10, account("held"))
		if err := l.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused(t, l, account("held"))
		c.advance(15 * time.Minute)
		if err := l.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := d.Row(t.Context(), "SELECT count(*) FROM rate_limit", nil, &left); err != nil || left != 0 {
			t.Errorf("%d buckets are left, %v", left, err)
		}
	})
}

func TestSweepSparesABucketThatFillsMeanwhile(t *testing.T) {
	d := dbtest.Open(t, "postgres") // on SQLite nothing comes between the look and the delete
	l := newLimiter(d.DB)
	ctx := t.Context()
	if err := d.Once(ctx, "INSERT INTO rate_limit (k, tat) VALUES ('raced', 0)", nil); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	err := d.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE rate_limit SET tat = $1 WHERE k = 'raced'", tx.Now.Add(time.Hour).UnixNano()); err != nil {
			return err
		}
		wg.Go(func() {
			if err := l.Sweep(ctx); err != nil {
				t.Error(err)
			}
		})
		for waits := 0; waits == 0; {
			if err := d.Row(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted", nil, &waits); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	var left int
	if err := d.Row(ctx, "SELECT count(*) FROM rate_limit", nil, &left); err != nil || left != 1 {
		t.Errorf("%d buckets are left, %v", left, err)
	}
}

func TestNoKeyStandsInTheTable(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, _ *frozen) {
		take(t, newLimiter(d), 1, account("canary@example.com"))
		err := d.Each(t.Context(), "SELECT k FROM rate_limit", nil, func(scan func(dest ...any) error) error {
			var k []byte
			if err := scan(&k); err != nil {
				return err
			}
			if bytes.Contains(k, []byte("canary")) || !bytes.HasPrefix(k, []byte("test.account:")) {
				t.Errorf("stored as %s", k)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	for _, engine := range dbtest.Engines {
		b.Run(engine, func(b *testing.B) {
			d := dbtest.Open(b, engine)
			l := newLimiter(d.DB)
			never := ratelimit.Limit{Name: "bench", Burst: 1_000_000, Per: time.Second}
			for i := 0; b.Loop(); i++ {
				_, err := l.Take(b.Context(), ratelimit.Bucket{Limit: never, Key: "a"}, ratelimit.Bucket{Limit: never, Key: "b"})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
