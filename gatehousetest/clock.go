package gatehousetest

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
)

// Clock is a server's time. It runs like the machine's and can be moved forward. Give it to
// another server as Config.Clock, and both share their time.
type Clock struct{ gatehouse.Clock }

// clockOf returns c, or a new clock when c is nil.
func clockOf(c gatehouse.Clock) *Clock {
	switch c := c.(type) {
	case nil:
		return &Clock{clock.NewDriven(0)}
	case *Clock:
		return c
	default:
		return &Clock{c}
	}
}

// Advance moves the time forward by d and wakes whatever waits for it. It fails the test when d
// is negative, and when Config.Clock was one that cannot be moved.
func (c *Clock) Advance(t testing.TB, d time.Duration) {
	t.Helper()
	driven, ok := c.Clock.(interface {
		Advance(step time.Duration) error
	})
	if !ok {
		t.Fatal("gatehousetest: the clock given as Config.Clock cannot be moved")
	}
	if err := driven.Advance(d); err != nil {
		t.Fatalf("gatehousetest: %v", err)
	}
}
