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
// the whole heap: a tenth of a sign-in. So while passwords are hashed it waits for 50 MB, and is called when as many
// hashes have begun as can be under way. A second after the last, their memory goes back to the system.
// docs/performance.md has the figures.
const (
	ballast     = 320 << 20 // bytes
	percent     = 4
	amongHashes = 15 // percent
	calm        = time.Second
)

// collector sets the pace of Go's garbage collector. It is safe for concurrent use.
type collector struct {
	ballast []byte
	slots   int // hashes that can be under way
	rest    *time.Timer

	mu    sync.Mutex
	busy  bool // passwords are hashed, or were a moment ago
	under int  // hashes under way
	begun int  // since they were last collected
}

// paceCollector sets the pace, unless the operator has: a limit of theirs would take the ballast for memory in
// use. What it returns must stay reachable while the pace shall hold.
func paceCollector(environment func(string) string, c *gatehouse.Config) *collector {
	if environment("GOGC") != "" || environment("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetGCPercent(percent)
	p := &collector{ballast: make([]byte, ballast), slots: cmp.Or(c.Password.Slots, runtime.GOMAXPROCS(0))}
	p.rest = time.AfterFunc(calm, p.rests)
	c.Password.Around = p.around
	return p
}

func (c *collector) around() (after func()) {
	if c.begins() {
		runtime.GC()
	}
	return c.ends
}

// begins reports whether it is time to collect the hashes that are done.
func (c *collector) begins() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under++; !c.busy {
		c.busy = true
		debug.SetGCPercent(amongHashes)
	}
	if c.begun++; c.begun <= c.slots {
		return false
	}
	c.begun = 1
	return true
}

func (c *collector) ends() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under--; c.under == 0 {
		c.rest.Reset(calm)
	}
}

// rests goes back to the closer pace, unless another hash has begun.
func (c *collector) rests() {
	c.mu.Lock()
	done := c.busy && c.under == 0
	if done {
		c.busy, c.begun = false, 0
		debug.SetGCPercent(percent)
	}
	c.mu.Unlock()
	if done {
		debug.FreeOSMemory()
	}
}
