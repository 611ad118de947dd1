package ratelimit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Limiter counts tries in the database. It is safe for concurrent use.
type Limiter struct {
	db      *db.DB
	log     *slog.Logger
	credits credits

	start sync.Once
	stop  context.CancelFunc // nil until Start
	work  sync.WaitGroup
}

// New returns a limiter that counts in d. Refunds are written once [Limiter.Start] was
// called, else by [Limiter.Close].
func New(d *db.DB, log *slog.Logger) *Limiter {
	return &Limiter{db: d, log: log, credits: credits{byKey: map[string]credit{}}}
}

// Taken is a try that was counted.
type Taken struct {
	limiter  *Limiter
	items    []item
	refunded atomic.Bool
}

// item is one bucket of a call, in nanoseconds.
type item struct {
	key      string
	interval int64
	size     int64
	credit   int64 // refunds that this call pays with; lost when it is refused
	tat      int64 // when the bucket will be empty; set when the try was counted
}

// Take counts one try against every bucket, or refuses with [ErrLimited] when one of
// them is full, and then none has counted it. Buckets are at most 8; one named twice counts
// once. Every other error is a refusal too: a database that is down, a limit that is not valid.
func (l *Limiter) Take(ctx context.Context, buckets ...Bucket) (*Taken, error) {
	items, err := itemsOf(buckets)
	if err != nil {
		return nil, err
	}
	now := l.db.Now()
	for i := range items {
		items[i].credit = l.credits.take(items[i].key, now.UnixNano()).amount
	}
	counted, refused, err := l.count(ctx, items, now.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	taken := &Taken{limiter: l, items: counted}
	if len(refused) == 0 {
		return taken, nil
	}
	taken.Refund()
	wait, err := l.wait(ctx, refused, now.UnixNano())
	if err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	return nil, ErrLimited.WithRetry(wait)
}

// Refund gives the try back, because it was an honest one. It costs no statement: the
// next try of the same key pays with it, or the background loop writes it within about a
// second; a crash before that loses it, which errs on the strict side. What has leaked
// out of the bucket meanwhile is not given twice, and a second call does nothing.
func (t *Taken) Refund() {
	if t.refunded.Swap(true) {
		return
	}
	now := t.limiter.db.Now().UnixNano()
	for _, it := range t.items {
		if left := min(it.interval, it.tat-now); left > 0 {
			t.limiter.credits.add(it.key, credit{amount: left, until: it.tat})
		}
	}
}

// Reset empties a bucket in the caller's transaction: for an owner who has come back, or an
// administrator who unlocks somebody.
func (l *Limiter) Reset(ctx context.Context, tx *db.Tx, b Bucket) error {
	l.credits.take(b.stored(), tx.Now.UnixNano())
	if _, err := tx.Exec(ctx, "DELETE FROM rate_limit WHERE k = $1", b.stored()); err != nil {
		return fmt.Errorf("ratelimit: reset: %w", err)
	}
	return nil
}

// itemsOf returns the buckets in the order of their keys, each once, so that two calls
// lock rows in the same order.
func itemsOf(buckets []Bucket) ([]item, error) {
	if len(buckets) == 0 || len(buckets) > maxBuckets {
		return nil, fmt.Errorf("ratelimit: a try counts against 1 to %d buckets, not %d", maxBuckets, len(buckets))
	}
	var problems []error
	items := make([]item, 0, len(buckets))
	for _, b := range buckets {
		if err := b.Limit.Validate(); err != nil {
			problems = append(problems, fmt.Errorf("ratelimit: limit %q: %w", b.Limit.Name, err))
			continue
		}
		items = append(items, item{key: b.stored(), interval: b.Limit.interval(), size: b.Limit.size()})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.key, b.key) })
	items = slices.CompactFunc(items, func(a, b item) bool { return a.key == b.key })
	return items, errors.Join(problems...)
}

// wait returns how long it takes until every refused bucket has room, in whole seconds.
func (l *Limiter) wait(ctx context.Context, refused []item, now int64) (time.Duration, error) {
	tats, err := l.read(ctx, refused)
	if err != nil {
		return 0, err
	}
	longest := time.Duration(1)
	for _, it := range refused {
		longest = max(longest, time.Duration(tats[it.key]-it.most(now)))
	}
	return (longest + time.Second - 1).Truncate(time.Second), nil
}
