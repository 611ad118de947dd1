package main

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

// The collector runs once garbage is a percentage of the living heap, and the ballast counts as living
// although nothing touches it, so it takes address space and no memory. A server's own heap is some
// 3 MB: by Go's defaults the collector would run after every 4 MB of garbage, which took an eighth of
// the CPU time of refreshes. This way it is 13 MB.
//
// A password hash is 19 MiB of garbage when it is done, so the collector would run for each, and walk through
// the whole heap: a tenth of a sign-in. So while passwords are hashed it waits for 96 MB, and is called before
// a hash begins when the memory of a few lies about: the next then gets memory that the processor's caches still
// know. After a minute without any, it goes back to the system.
// docs/performance.md has the figures.
const (
	ballast     = 320 << 20 // bytes
	percent     = 4
	amongHashes = 30                     // percent
	calm        = 100 * time.Millisecond // after the last hash, until the pace is close again
	rest        = time.Minute            // and until its memory is given back
	settled     = time.Second            // after the start, until what that left is given back
)

// collector sets the pace of Go's garbage collector. It is safe for concurrent use.
type collector struct {
	ballast []byte
	spare   int // how many ended hashes' memory may lie about
	timer   *time.Timer

	mu         sync.Mutex
	collected  *sync.Cond
	collecting bool
	busy       bool // passwords are hashed, or were a moment ago
	under      int  // hashes under way
	ended      int  // since the last collection began
}

// paceCollector sets the pace, unless the operator has: a limit of theirs would take the ballast for memory in
// use. What it returns must stay reachable while the pace shall hold.
func paceCollector(environment func(string) string, c *gatehouse.Config) *collector {
	if environment("GOGC") != "" || environment("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetGCPercent(percent)
	p := &collector{ballast: make([]byte, ballast), spare: cmp.Or(c.Password.Slots, runtime.GOMAXPROCS(0)) / 2}
	p.collected = sync.NewCond(&p.mu)
	p.timer = time.AfterFunc(settled, p.rests)
	c.Password.Around = p.begins
	return p
}

// begins is called before a hash, and what it returns after it. Whoever comes while the collector runs waits
// for it: to take new memory meanwhile costs more.
func (c *collector) begins() (ends func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under++; !c.busy {
		c.busy = true
		debug.SetGCPercent(amongHashes)
	}
	for c.collecting {
		c.collected.Wait()
	}
	if c.ended > c.spare {
		c.collect()
	}
	return c.ends
}

// collect gives up the lock, which the caller holds, while the collector runs.
func (c *collector) collect() {
	c.collecting, c.ended = true, 0
	c.mu.Unlock()
	runtime.GC()
	c.mu.Lock()
	c.collecting = false
	c.collected.Broadcast()
}

func (c *collector) ends() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended++
	if c.under--; c.under == 0 {
		c.timer.Reset(calm)
	}
}

// rests goes back to the closer pace, and later gives memory back, unless another hash has begun.
func (c *collector) rests() {
	c.mu.Lock()
	free := c.under == 0 && !c.busy
	switch {
	case free:
		c.ended = 0
	case c.under == 0:
		c.busy = false
		debug.SetGCPercent(percent)
		c.timer.Reset(rest)
	}
	c.mu.Unlock()
	if free {
		debug.FreeOSMemory() // collects first
	}
}
