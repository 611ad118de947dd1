// Package clock is the one source of the domain's time.
//
// Expiry, windows, limits, schedules and audit all read a [Clock]; only network
// time-outs, TLS and measured durations use the machine's time directly. A clock
// can jump (a test or `serve --dev` drives it); whoever waits on it is woken.
package clock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
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
	file   string // where the offset is kept; empty: nowhere
}

// NewDriven returns a clock that runs offset ahead of the machine's.
func NewDriven(offset time.Duration) *Driven {
	return &Driven{offset: offset, jumped: make(chan struct{})}
}

// Open returns a clock whose offset is kept in a file, so that a restart and other programs
// that open the same file see it. A missing file is no offset.
func Open(file string) (*Driven, error) {
	d := NewDriven(0)
	d.file = file
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	d.offset, err = time.ParseDuration(strings.TrimSpace(string(b)))
	if err != nil || d.offset < 0 {
		return nil, fmt.Errorf("clock: %s does not hold an offset such as 36h", file)
	}
	return d, nil
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

// Advance moves the clock forward and wakes whoever waits on it. A negative step, or an
// offset that cannot be kept, is an error and moves nothing.
func (d *Driven) Advance(step time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if step < 0 || d.offset+step < 0 {
		return ErrBackwards
	}
	if d.file != "" {
		next := d.file + ".next"
		if err := os.WriteFile(next, []byte((d.offset+step).String()+"\n"), 0o600); err != nil {
			return fmt.Errorf("clock: %w", err)
		}
		if err := os.Rename(next, d.file); err != nil {
			return fmt.Errorf("clock: %w", err)
		}
	}
	d.offset += step
	close(d.jumped)
	d.jumped = make(chan struct{})
	return nil
}

// ErrBackwards is returned for a step back: a clock that goes back breaks every expiry.
var ErrBackwards = errors.New("clock: time goes forward only")

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
