package main

import "runtime/debug"

// The collector runs once garbage is collectPercent of the living heap, and the ballast counts as living
// although nothing touches it, so it takes address space and no memory. A server's own heap is some
// 3 MB: by Go's defaults the collector would run after every 4 MB of garbage, which took an eighth of
// the CPU time of refreshes, and among password hashes only once as much memory of finished ones
// lies about as of those under way, which is the peak of what the server takes. This way it is 16 to 20 MB in
// both. docs/performance.md has the figures.
const (
	ballast        = 160 << 20 // bytes
	collectPercent = 10
)

// paceCollector sets the pace of the garbage collector, unless the operator has: a limit of theirs
// would take the ballast for memory in use. What it returns must stay reachable while the pace shall hold.
func paceCollector(environment func(string) string) []byte {
	if environment("GOGC") != "" || environment("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetGCPercent(collectPercent)
	return make([]byte, ballast)
}
