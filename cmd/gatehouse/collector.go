package main

import (
	"runtime"
	"runtime/debug"

	"github.com/gatehouse-auth/gatehouse"
)

// The collector runs once garbage is collectPercent of the living heap, and the ballast counts as living
// although nothing touches it, so it takes address space and no memory. A server's own heap is some
// 3 MB: by Go's defaults the collector would run after every 4 MB of garbage, which took an eighth of
// the CPU time of refreshes. This way it is 80 MB. Finished password hashes, of 19 MiB each, do not wait for
// that: the hasher has them collected. docs/performance.md has the figures.
const (
	ballast        = 320 << 20 // bytes
	collectPercent = 25
)

// paceCollector sets the pace of the garbage collector, unless the operator has: a limit of theirs
// would take the ballast for memory in use. What it returns must stay reachable while the pace shall hold.
func paceCollector(environment func(string) string, c *gatehouse.Config) []byte {
	if environment("GOGC") != "" || environment("GOMEMLIMIT") != "" {
		return nil
	}
	c.Password.Collect = runtime.GC
	debug.SetGCPercent(collectPercent)
	return make([]byte, ballast)
}
