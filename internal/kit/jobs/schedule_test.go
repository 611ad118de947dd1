package jobs

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// recorded waits until the run of a schedule that has begun is recorded, so that a jump of the
// clock does not take its lease away.
func recorded(t *testing.T, q *Queue, name string) {
	t.Helper()
	for n := 0; n == 0; time.Sleep(time.Millisecond) {
		err := q.db.Row(t.Context(), "SELECT count(*) FROM job_schedule WHERE name = $1 AND leased_until = 0", []any{name}, &n)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPeriodicWorkRunsOncePerIntervalOverAllInstances(t *testing.T) {
	each(t, 3, func(t *testing.T, in instances) {
		ran := make(chan time.Time, 100)
		var running atomic.Int64
		for _, q := range in.queues {
			q.Every("period", 10*time.Minute, func(ctx context.Context) error {
				if running.Add(1) != 1 {
					t.Error("two instances at once")
				}
				defer running.Add(-1)
				_, err := q.Stats(ctx)
				ran <- in.clock.Now()
				return err
			})
			q.Start(t.Context())
		}
		for _, step := range []time.Duration{10*time.Minute - time.Millisecond, 10 * time.Minute, 10 * time.Minute, 36 * time.Hour} {
			<-ran
			recorded(t, in.queues[0], "period")
			in.clock.advance(step)
			in.clock.advance(time.Millisecond)
		}
		<-ran
		for _, q := range in.queues {
			q.Close()
		}
		if len(ran) != 0 {
			t.Errorf("%d runs too many", len(ran))
		}
	})
}

func TestPeriodicWorkOfADeadInstanceIsTakenOver(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		ran := make(chan struct{})
		q.Every("period", time.Minute, func(context.Context) error { ran <- struct{}{}; return nil })
		err := q.db.Once(t.Context(), "INSERT INTO job_schedule (name, last_at, leased_until) VALUES ('period', 0, $1)", []any{in.clock.Now().Add(periodLease)})
		if err != nil {
			t.Fatal(err)
		}
		looked := make(chan struct{}, 10)
		q.db.Inspect(func(query string) error {
			if strings.HasPrefix(query, "SELECT last_at") {
				looked <- struct{}{}
			}
			return nil
		})
		q.Start(t.Context())
		for range 2 { // this schedule and the queue's own sweeper
			<-looked
		}
		q.db.Inspect(nil)
		in.clock.advance(periodLease - time.Millisecond)
		select {
		case <-ran:
			t.Fatal("taken over before the lease ran out")
		default:
		}
		in.clock.advance(time.Millisecond)
		<-ran
	})
}

func TestPeriodicWorkGoesOnAfterErrorsPanicsAndADatabaseThatIsAway(t *testing.T) {
	alone(t, func(t *testing.T, q *Queue, in instances) {
		ran := make(chan struct{})
		n := 0
		q.Every("period", time.Minute, func(context.Context) error {
			ran <- struct{}{}
			switch n++; n {
			case 1:
				return errors.New("boom one")
			case 2:
				panic("boom two")
			}
			return nil
		})
		var failedReads atomic.Int64
		q.db.Inspect(func(query string) error {
			if strings.HasPrefix(query, "SELECT last_at") && failedReads.Add(1) <= 2 {
				return errors.New("away")
			}
			return nil
		})
		q.Start(t.Context())
		for first := true; first; { // when exactly it begins to wait again cannot be seen
			in.clock.advance(retryAfter)
			select {
			case <-ran:
				first = false
			case <-time.After(10 * time.Millisecond):
			}
		}
		for range 2 {
			recorded(t, q, "period")
			in.clock.advance(time.Minute)
			<-ran
		}
		q.Close()
		if log := in.log.String(); !strings.Contains(log, "boom one") || !strings.Contains(log, "panicked") {
			t.Errorf("logged: %s", log)
		}
	})
}

func TestPeriodicWorkThatCloseCutsShortIsMadeUpFor(t *testing.T) {
	each(t, 2, func(t *testing.T, in instances) {
		q, other := in.queues[0], in.queues[1]
		q.grace = time.Millisecond
		began := make(chan struct{})
		q.Every("period", time.Hour, func(ctx context.Context) error { close(began); <-ctx.Done(); return ctx.Err() })
		q.Start(t.Context())
		<-began
		q.Close()
		ran := make(chan struct{})
		other.Every("period", time.Hour, func(context.Context) error { close(ran); return nil })
		other.Start(t.Context())
		<-ran
	})
}

func TestAnIntervalMustBePositive(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("accepted")
		}
	}()
	new(Queue).Every("period", 0, nil)
}
