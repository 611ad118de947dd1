package main

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
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
	defer kept.timer.Stop()
	if len(kept.ballast) != ballast || pace() != percent || c.Password.Around == nil {
		t.Errorf("%d percent, told of hashes: %v", pace(), c.Password.Around != nil)
	}
}

func collections() int64 {
	var s debug.GCStats
	debug.ReadGCStats(&s)
	return s.NumGC
}

func TestMemoryOfEndedHashesIsCollectedBeforeTheNext(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	for slots, spare := range map[int]int{1: 0, 2: 1, 8: 4} {
		c := gatehouse.Config{}
		c.Password.Slots = slots
		p := paceCollector(func(string) string { return "" }, &c)
		runtime.GC()      // what came before
		end := p.begins() // another is under way all the time
		for round := range 2 {
			for ended := range spare + 1 {
				before := collections()
				p.begins()()
				if n := collections() - before; n > 0 && (round == 0 || ended > 0) {
					t.Errorf("%d slots: collected after %d", slots, ended)
				} else if n != 1 && round > 0 && ended == 0 {
					t.Errorf("%d slots: %d collections after %d", slots, n, spare+1)
				}
			}
		}
		end()
		p.timer.Stop()
	}
}

func TestAHashWaitsForTheCollectionUnderWay(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	synctest.Test(t, func(t *testing.T) {
		p := paceCollector(func(string) string { return "" }, &gatehouse.Config{})
		p.mu.Lock()
		p.collecting = true
		p.mu.Unlock()
		var begun atomic.Int32
		for range 3 {
			go func() {
				defer p.begins()()
				begun.Add(1)
			}()
		}
		synctest.Wait()
		if n := begun.Load(); n != 0 {
			t.Errorf("%d began while the collector ran", n)
		}
		before := collections()
		p.mu.Lock()
		p.collect()
		p.mu.Unlock()
		synctest.Wait()
		if n := begun.Load(); n != 3 {
			t.Errorf("%d of 3 began after it", n)
		}
		if n := collections() - before; n < 1 {
			t.Error("nothing was collected")
		}
		p.timer.Stop()
	})
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
		time.Sleep(2 * settled)
		at("before the first hash", percent)
		one, other := p.begins(), p.begins()
		one()
		time.Sleep(2 * calm)
		at("while one is under way", amongHashes)
		other()
		time.Sleep(calm / 2)
		at("a moment after", amongHashes)
		p.begins()()
		time.Sleep(calm * 3 / 4)
		at("after another", amongHashes)
		time.Sleep(calm / 2)
		at("when all is calm", percent)
		p.timer.Stop()
	})
}

// released is how much memory the runtime has given back.
func released() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapReleased
}

// garbage makes as much of it as a hash does.
func garbage() {
	b := make([]byte, 19<<20)
	for i := range b {
		b[i] = 1
	}
	runtime.KeepAlive(b)
}

func TestMemoryGoesBackAfterTheStartAndAMinuteAfterTheLastHash(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	synctest.Test(t, func(t *testing.T) {
		p := paceCollector(func(string) string { return "" }, &gatehouse.Config{})
		defer p.timer.Stop()
		const some = 10 << 20
		passes := func(d time.Duration) (given int64) {
			before := released()
			time.Sleep(d)
			synctest.Wait()
			return int64(released()) - int64(before)
		}
		garbage()
		if given := passes(2 * settled); given < some {
			t.Errorf("after the start %d bytes were given back", given)
		}
		end := p.begins()
		garbage()
		end()
		if given := passes(rest / 2); given > some {
			t.Errorf("after half a minute %d bytes were given back", given)
		}
		if given := passes(rest); given < some {
			t.Errorf("after a minute %d bytes were given back", given)
		}
		if p.ended != 0 {
			t.Errorf("%d hashes' memory is held to lie about", p.ended)
		}
	})
}
