package main

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/gatehouse-auth/gatehouse"
)

// The collector runs once garbage is a percentage of the living heap, and the ballast counts as living
// although nothing touches it, so it takes address space and no memory. A server's own heap is some
// 3 MB: by Go's defaults the collector would run after every 4 MB of garbage, which took an eighth of
// the CPU time of refreshes. This way it is 13 MB.
//
// A password hash is 19 MiB of garbage when it is done, so the collector would run for each, and walk through
// the whole heap: a tenth of a sign-in. So among hashes it waits for three times as much, and is called when as
// many have begun as can be under way. docs/performance.md has the figures.
const (
	ballast     = 160 << 20 // bytes
	percent     = 8
	amongHashes = 30 // percent while there are any
)

// collector sets the pace of Go's garbage collector. It is safe for concurrent use.
type collector struct {
	ballast []byte
	slots   int // hashes that can be under way

	mu    sync.Mutex
	under int // hashes under way
	begun int // since they were last collected
}

// paceCollector sets the pace, unless the operator has: a limit of theirs would take the ballast for memory in
// use. What it returns must stay reachable while the pace shall hold.
func paceCollector(environment func(string) string, c *gatehouse.Config) *collector {
	if environment("GOGC") != "" || environment("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetGCPercent(percent)
	p := &collector{ballast: make([]byte, ballast), slots: cmp.Or(c.Password.Slots, runtime.GOMAXPROCS(0))}
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
	if c.under++; c.under == 1 {
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
		debug.SetGCPercent(percent)
	}
}
