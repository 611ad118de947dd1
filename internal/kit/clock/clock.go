// Package clock is the one source of the domain's time.
//
// Expiry, windows, limits, schedules and audit all read a [Clock]; only network
// time-outs, TLS and measured durations use the machine's time directly. A clock
// can jump (a test or `serve --dev` drives it); whoever waits on it is woken.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time. Implementations are safe for concurrent use.
type Clock interface {
	// Now returns the current time in UTC.
	Now() time.Time
	// Jumped returns a channel that is closed at the next jump. Ask again after each.
	Jumped() <-chan struct{}
}

// System returns the machine's clock. It never jumps.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time          { return time.Now().UTC() }
func (system) Jumped() <-chan struct{} { return nil }

// Driven is a clock that runs like the machine's, shifted by an offset that can
// only grow: time goes forward.
type Driven struct {
	mu     sync.Mutex
	offset time.Duration
	jumped chan struct{}
}

// NewDriven returns a clock that runs offset ahead of the machine's.
func NewDriven(offset time.Duration) *Driven {
	return &Driven{offset: offset, jumped: make(chan struct{})}
}

// Now returns the machine's time plus the offset.
func (d *Driven) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().UTC().Add(d.offset)
}

// Jumped returns a channel that is closed when the clock is next advanced.
func (d *Driven) Jumped() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.jumped
}

// Offset returns how far the clock runs ahead of the machine's.
func (d *Driven) Offset() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.offset
}

// Advance moves the clock forward and wakes whoever waits on it. It panics on a
// negative step: a clock that goes back breaks every expiry.
func (d *Driven) Advance(step time.Duration) {
	if step < 0 {
		panic("clock: Advance called with a negative step")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offset += step
	close(d.jumped)
	d.jumped = make(chan struct{})
}

// Sleep waits until c reaches the given time, following jumps. It returns ctx's
// error when ctx ends first.
func Sleep(ctx context.Context, c Clock, until time.Time) error {
	for {
		jumped := c.Jumped()
		left := until.Sub(c.Now())
		if left <= 0 {
			return ctx.Err()
		}
		t := time.NewTimer(left)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-jumped:
			t.Stop()
		case <-t.C:
		}
	}
}
