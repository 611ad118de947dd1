package signin

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
)

// lanes lets a few attempts per key be under way at once in this process; others wait their
// turn, and past a bound they are told to come back.
//
// Per account, because attempts count as failures until they prove right: a burst of right
// passwords (one person, many tabs) would spend the account's failures on itself. Per network
// address, because the hashing queue is shared: whoever signs in all day with good passwords
// must not fill it for everybody else.
type lanes struct {
	width int
	mu    sync.Mutex
	busy  map[string]*lane
}

type lane struct {
	slots chan struct{}
	users int
}

const (
	accountWidth = 4
	// addressExtra is added to the hashing slots: one address can keep every processor
	// busy while nobody else wants them, and no more than that.
	addressExtra = 8
	maxInLane    = 64              // under way or waiting
	maxLaneWait  = 5 * time.Second // real time, as for the hashing queue
)

func newLanes(width int) *lanes { return &lanes{width: width, busy: map[string]*lane{}} }

// enter waits for a place and returns how to leave it. It returns password.ErrBusy when too many
// wait or it takes too long.
func (l *lanes) enter(ctx context.Context, key string) (leave func(), err error) {
	l.mu.Lock()
	ln := l.busy[key]
	if ln == nil {
		ln = &lane{slots: make(chan struct{}, l.width)}
		l.busy[key] = ln
	}
	if ln.users >= l.width+maxInLane {
		l.mu.Unlock()
		return nil, password.ErrBusy.WithRetry(maxLaneWait)
	}
	ln.users++
	l.mu.Unlock()
	done := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if ln.users--; ln.users == 0 {
			delete(l.busy, key)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, maxLaneWait, password.ErrBusy.WithRetry(maxLaneWait))
	defer cancel()
	select {
	case ln.slots <- struct{}{}:
		return func() { <-ln.slots; done() }, nil
	case <-ctx.Done():
		done()
		return nil, context.Cause(ctx)
	}
}
