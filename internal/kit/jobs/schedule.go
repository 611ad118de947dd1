package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// retryAfter is how long periodic work waits when its schedule cannot be read.
const retryAfter = 5 * time.Second

type schedule struct {
	name     string
	interval time.Duration
	fn       func(ctx context.Context) error
}

// Every has fn called each interval by a started queue, by one instance at a time over
// all that share the database, the first time at once. fn has 5 minutes of real time; an
// instance that dies at it is replaced after 6. Its errors are logged and the next run comes
// as usual; a run that Close cut short is made up for at once, by whoever is left. However far the
// clock jumps, one run is due.
func (q *Queue) Every(name string, interval time.Duration, fn func(ctx context.Context) error) {
	if interval <= 0 {
		panic("jobs: the interval of " + name + " is not positive")
	}
	q.schedules = append(q.schedules, schedule{name, interval, fn})
}

// keep runs one schedule until claiming ends.
func (q *Queue) keep(claiming, handling context.Context, s schedule) {
	for claiming.Err() == nil {
		next, err := q.nextRun(claiming, s)
		if err == nil && !next.After(q.db.Now()) {
			err = q.runPeriod(claiming, handling, s)
			next = q.db.Now()
		}
		if err != nil {
			if claiming.Err() == nil {
				q.log.WarnContext(claiming, "the schedule of periodic work cannot be read", "name", s.name, "error", err)
			}
			next = q.db.Now().Add(retryAfter)
		}
		_ = clock.Sleep(claiming, q.db.Clock(), next) // its error is the loop's condition
	}
}

// nextRun returns when s is worth a try.
func (q *Queue) nextRun(ctx context.Context, s schedule) (time.Time, error) {
	var last, leased time.Time
	err := q.db.Row(ctx, "SELECT last_at, leased_until FROM job_schedule WHERE name = $1", []any{s.name}, db.Time(&last), db.Time(&leased))
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, nil
	}
	next := last.Add(s.interval)
	if leased.After(next) {
		next = leased
	}
	return next, err
}

// runPeriod runs s if this instance gets the lease.
func (q *Queue) runPeriod(claiming, handling context.Context, s schedule) error {
	now := q.db.Now()
	until := now.Add(periodLease)
	var last time.Time
	err := q.db.Once(claiming, `INSERT INTO job_schedule (name, last_at, leased_until) VALUES ($1, 0, $2)
		ON CONFLICT (name) DO UPDATE SET leased_until = excluded.leased_until
		WHERE job_schedule.leased_until <= $3 AND job_schedule.last_at <= $4
		RETURNING last_at`, []any{s.name, until, now, now.Add(-s.interval)}, db.Time(&last))
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	ctx, cancel := context.WithTimeout(handling, periodLimit)
	defer cancel()
	failure := q.guard(ctx, s.name, func() error { return s.fn(ctx) })
	began := now
	switch {
	case failure != nil && handling.Err() != nil:
		began = last
	case failure != nil:
		q.log.ErrorContext(handling, "periodic work failed", "name", s.name, "error", shown(failure))
	}
	err = q.db.Once(context.WithoutCancel(handling), "UPDATE job_schedule SET last_at = $3, leased_until = 0 WHERE name = $1 AND leased_until = $2",
		[]any{s.name, until, began})
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}
