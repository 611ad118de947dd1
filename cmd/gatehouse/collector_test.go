package main

import (
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

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
	defer kept.rest.Stop()
	if len(kept.ballast) != ballast || pace() != percent || c.Password.Around == nil {
		t.Errorf("%d percent, told of hashes: %v", pace(), c.Password.Around != nil)
	}
}

func TestHashesAreCollectedOnceForAsManyAsThereAreSlots(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	c := gatehouse.Config{}
	c.Password.Slots = 2
	p := paceCollector(func(string) string { return "" }, &c)
	defer p.rest.Stop()
	collections := func() int64 {
		var s debug.GCStats
		debug.ReadGCStats(&s)
		return s.NumGC
	}
	p.around() // another is under way all the time
	for i, want := range []int64{0, 1, 0, 1, 0} {
		before := collections()
		after := p.around()
		if n := collections() - before; n < want || want == 0 && n > 0 {
			t.Errorf("hash %d: %d collections, want %d", i+2, n, want)
		}
		after()
	}
}

func TestPaceIsWideAmongHashesAndForAMomentAfter(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	synctest.Test(t, func(t *testing.T) {
		p := paceCollector(func(string) string { return "" }, &gatehouse.Config{})
		at := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if got := pace(); got != want {
				t.Errorf("%s: %d percent, want %d", when, got, want)
			}
		}
		time.Sleep(2 * calm)
		at("before the first hash", percent)
		one, other := p.around(), p.around()
		one()
		time.Sleep(2 * calm)
		at("while one is under way", amongHashes)
		other()
		time.Sleep(calm / 2)
		at("a moment after", amongHashes)
		p.around()()
		time.Sleep(calm * 3 / 4)
		at("after another", amongHashes)
		time.Sleep(calm / 2)
		at("a second after the last", percent)
	})
}
