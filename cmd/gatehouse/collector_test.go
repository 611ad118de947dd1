package main

import (
	"runtime/debug"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
)

// pace returns what the collector's percentage is, and leaves it as it is.
func pace() int {
	now := debug.SetGCPercent(100)
	debug.SetGCPercent(now)
	return now
}

func TestCollectorIsLeftToOperatorsWhoSetIt(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	for _, set := range []string{"GOGC", "GOMEMLIMIT"} {
		var c gatehouse.Config
		kept := paceCollector(func(name string) string { return map[string]string{set: "50"}[name] }, &c)
		if kept != nil || pace() != 100 || c.Password.Around != nil {
			t.Errorf("%s is set: a ballast: %v, %d percent, told of hashes: %v", set, kept != nil, pace(), c.Password.Around != nil)
		}
	}
	var c gatehouse.Config
	kept := paceCollector(func(string) string { return "" }, &c)
	if kept == nil || len(kept.ballast) != ballast || pace() != percent || c.Password.Around == nil {
		t.Errorf("%d percent, told of hashes: %v", pace(), c.Password.Around != nil)
	}
}

func TestHashesAreCollectedOnceForAsManyAsThereAreSlots(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	c := gatehouse.Config{}
	c.Password.Slots = 2
	p := paceCollector(func(string) string { return "" }, &c)
	collections := func() int64 {
		var s debug.GCStats
		debug.ReadGCStats(&s)
		return s.NumGC
	}
	first := p.around() // another is under way all the time
	for i, want := range []int64{0, 1, 0, 1, 0} {
		before := collections()
		after := p.around()
		if n := collections() - before; n < want || want == 0 && n > 0 {
			t.Errorf("hash %d: %d collections, want %d", i+2, n, want)
		}
		if pace() != amongHashes {
			t.Errorf("hash %d: %d percent", i+2, pace())
		}
		after()
	}
	if first(); pace() != percent {
		t.Errorf("after the last: %d percent", pace())
	}
}
