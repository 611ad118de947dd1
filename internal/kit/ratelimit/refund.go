package ratelimit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	maxCredits   = 10_000          // keys that wait for their refund; more are dropped, on the strict side
	flushEvery   = time.Second     // real time
	flushTimeout = 5 * time.Second // real time one flush may take
)

// credits are refunds that no statement has paid out yet.
type credits struct {
	mu    sync.Mutex
	byKey map[string]credit
}

// credit is what a bucket gets back, in nanoseconds. A bucket that will be empty at until
// holds no more than the time that is left to then, so no more can be given back.
type credit struct{ amount, until int64 }

// add keeps c for key.
func (c *credits) add(key string, add credit) {
	if add.amount <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	have, ok := c.byKey[key]
	if !ok && len(c.byKey) >= maxCredits {
		return
	}
	c.byKey[key] = credit{amount: have.amount + add.amount, until: max(have.until, add.until)}
}

// take removes and returns what key may still get back.
func (c *credits) take(key string, now int64) credit {
	c.mu.Lock()
	defer c.mu.Unlock()
	have, ok := c.byKey[key]
	if !ok {
		return credit{}
	}
	delete(c.byKey, key)
	return have.usable(now)
}

// takeAll removes and returns every credit.
func (c *credits) takeAll() map[string]credit {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byKey) == 0 {
		return nil
	}
	all := c.byKey
	c.byKey = map[string]credit{}
	return all
}

func (c credit) usable(now int64) credit {
	c.amount = max(0, min(c.amount, c.until-now))
	return c
}

// Start writes refunds about each second until [Limiter.Close]. It takes ctx's values,
// not its end. Without it refunds still reach the next try of the same key.
func (l *Limiter) Start(ctx context.Context) {
	l.start.Do(func() {
		ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
		l.work.Go(func() { l.flushUntil(ctx) })
	})
}

func (l *Limiter) flushUntil(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.flush(ctx)
	}
}

// Close ends the background loop and writes what is left to refund.
func (l *Limiter) Close() {
	if l.stop != nil {
		l.stop()
	}
	l.work.Wait()
	l.flush(context.Background())
}

// flush is Flush for the background: the end of the loop does not undo one under way.
func (l *Limiter) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := l.Flush(ctx); err != nil {
		l.log.WarnContext(ctx, "refunds of tries are lost", "error", err)
	}
}

// Flush writes the refunds that wait. Those that could not be written are lost: whether
// a failed statement took effect is unknown, and none may be given twice.
func (l *Limiter) Flush(ctx context.Context) error {
	waiting := l.credits.takeAll()
	now := l.db.Now().UnixNano()
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(waiting)), refundBatch) {
		amounts := make([]int64, len(keys))
		for i, k := range keys {
			amounts[i] = waiting[k].usable(now).amount
		}
		if err := l.refund(ctx, keys, amounts); err != nil {
			return fmt.Errorf("ratelimit: refund: %w", err)
		}
	}
	return nil
}
