package password

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Stats is a snapshot of the hashing slots, for metrics.
type Stats struct {
	Slots    int           // how many hashes may run at once
	InFlight int           // how many run
	Waiting  int           // how many callers wait for a slot
	Refused  uint64        // how many callers were told to come back later, since the start
	HashTime time.Duration // moving average of the time a slot is held; 0 before the first
}

// queue bounds how many callers are inside at once and how many wait, first come first
// served. Beyond that it refuses: a server that is asked for ten times what it can hash
// answers the tenth in time instead of everybody too late (ASVS 15.2.2).
type queue struct {
	slots *semaphore.Weighted // serves its waiters in order
	limit int
	wait  time.Duration

	mu    sync.Mutex
	state Stats
}

func newQueue(slots, limit int, wait time.Duration) *queue {
	return &queue{
		slots: semaphore.NewWeighted(int64(slots)),
		limit: limit,
		wait:  wait,
		state: Stats{Slots: slots},
	}
}

// enter takes a slot and returns how to give it back, which must be called once. It fails
// with ErrBusy when the queue is full or the wait too long, and with ctx's error when that
// ends first; either way the caller's place is free again.
func (q *queue) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !q.slots.TryAcquire(1) { // false as long as anybody waits: nobody overtakes
		if err := q.line(ctx); err != nil {
			return nil, err
		}
	}
	q.mu.Lock()
	q.state.InFlight++
	q.mu.Unlock()
	started := time.Now()
	return func() { q.leave(time.Since(started)) }, nil
}

// line waits for a slot.
func (q *queue) line(ctx context.Context) error {
	q.mu.Lock()
	if q.state.Waiting >= q.limit {
		defer q.mu.Unlock()
		return q.refuse()
	}
	q.state.Waiting++
	q.mu.Unlock()

	patience, cancel := context.WithTimeout(ctx, q.wait)
	defer cancel()
	err := q.slots.Acquire(patience, 1)

	q.mu.Lock()
	defer q.mu.Unlock()
	q.state.Waiting--
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return q.refuse()
	}
	return err
}

// leave gives the slot back. One hash in eight weighs on the average, enough to follow a
// change of load within a queue's length.
func (q *queue) leave(took time.Duration) {
	q.mu.Lock()
	q.state.InFlight--
	if q.state.HashTime == 0 {
		q.state.HashTime = took
	} else {
		q.state.HashTime += (took - q.state.HashTime) / 8
	}
	q.mu.Unlock()
	q.slots.Release(1)
}

// refuse counts a refusal and says when those now ahead will be through, in whole seconds
// because that is what Retry-After can say. The caller holds mu.
func (q *queue) refuse() error {
	q.state.Refused++
	ahead := time.Duration(q.state.InFlight + q.state.Waiting)
	drained := q.state.HashTime * ahead / time.Duration(q.state.Slots)
	return ErrBusy.WithRetry(max(time.Second, (drained + time.Second - 1).Truncate(time.Second)))
}

func (q *queue) stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state
}
