package password

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// hold enters q, which must have room.
func hold(t *testing.T, q *queue) (leave func()) {
	t.Helper()
	leave, err := q.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

func TestQueueServesInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 10, time.Minute)
		first := hold(t, q)
		var order []int
		for i := range 10 {
			go func() {
				leave, err := q.enter(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				leave()
			}()
			synctest.Wait()
		}
		first()
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestQueueRefusesPastItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 2, time.Minute)
		leave := hold(t, q)
		for range 2 {
			go func() { _, _ = q.enter(context.Background()) }()
		}
		synctest.Wait()
		if got := q.stats(); got.InFlight != 1 || got.Waiting != 2 {
			t.Errorf("before: %+v", got)
		}
		if _, err := q.enter(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("the third waiter: %v", err)
		}
		leave()
		synctest.Wait()
		if got := q.stats(); got.InFlight != 1 || got.Waiting != 1 || got.Refused != 1 {
			t.Errorf("after: %+v", got)
		}
		// The second waiter is served by nobody any more: let its patience end.
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestQueueRefusesWhoWaitedTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 1, 5*time.Second)
		leave := hold(t, q)
		started := time.Now()
		_, err := q.enter(t.Context())
		if !errors.Is(err, ErrBusy) || time.Since(started) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(started), err)
		}
		leave()
		hold(t, q)() // nobody is left in the way
	})
}

func TestQueueFreesThePlaceOfWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 1, time.Minute)
		leave := hold(t, q)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := q.enter(ctx)
			gone <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) || errors.Is(err, ErrBusy) {
			t.Errorf("who left: %v", err)
		}
		served := make(chan error, 1)
		go func() {
			next, err := q.enter(context.Background())
			served <- err
			next()
		}()
		synctest.Wait()
		if got := q.stats(); got.Waiting != 1 || got.Refused != 0 {
			t.Errorf("the freed place: %+v", got)
		}
		leave()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func TestQueueReturnsTheCallersOwnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 1, time.Minute)
		defer hold(t, q)()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := q.enter(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrBusy) {
			t.Errorf("%v", err)
		}
	})
}

func TestQueueEstimatesWhenItWillBeThrough(t *testing.T) {
	for _, c := range []struct {
		took    time.Duration
		slots   int
		waiting int
		want    time.Duration
	}{
		{0, 1, 1, time.Second}, // nothing measured yet
		{10 * time.Millisecond, 2, 64, time.Second},
		{500 * time.Millisecond, 2, 64, 17 * time.Second}, // (2 + 64) * 0.5 s / 2 = 16.5 s
		{time.Second, 1, 2, 3 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := newQueue(c.slots, c.waiting, time.Minute)
			if c.took > 0 {
				leave := hold(t, q)
				time.Sleep(c.took)
				leave()
			}
			var leave []func()
			for range c.slots {
				leave = append(leave, hold(t, q))
			}
			for range c.waiting {
				go func() {
					if done, err := q.enter(context.Background()); err == nil {
						done()
					}
				}()
			}
			synctest.Wait()
			_, err := q.enter(t.Context())
			if f, ok := fault.From(err); !ok || f.Retry != c.want {
				t.Errorf("%+v: %v, want retry after %v", c, f, c.want)
			}
			for _, done := range leave {
				done()
			}
		})
	}
}

func TestQueueFollowsTheMeasuredTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 1, time.Minute)
		for _, took := range []time.Duration{80, 160} {
			leave := hold(t, q)
			time.Sleep(took * time.Millisecond)
			leave()
		}
		if got := q.stats().HashTime; got != 90*time.Millisecond { // 80 + (160 - 80) / 8
			t.Errorf("average %v", got)
		}
	})
}

func TestQueueNeverLetsMoreInThanItHasSlots(t *testing.T) {
	q := newQueue(3, 1000, time.Minute)
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%3 == 0 {
				go cancel() // some leave at any moment, also at the one they are served
			}
			leave, err := q.enter(ctx)
			if err != nil {
				return
			}
			defer leave()
			n := inside.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			inside.Add(-1)
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d at once", most.Load())
	}
	if got := q.stats(); got.InFlight != 0 || got.Waiting != 0 {
		t.Errorf("slots or places are lost: %+v", got)
	}
	for range 3 {
		hold(t, q)
	}
}
