package password

import "time"

// Calibrate returns the most expensive parameters with which one hash takes at most target
// on this machine, never below [DefaultParams]. It raises the time first, because memory is
// paid once for every slot, then doubles the memory. It runs hashes for about ten times
// target and is meant for a command, not for a start-up.
func Calibrate(target time.Duration) Params { return calibrate(target, measure) }

func calibrate(target time.Duration, measure func(Params) time.Duration) Params {
	best := DefaultParams()
	for {
		next := best
		if next.Time < maxParams.Time {
			next.Time++
		} else {
			next.MemoryKiB *= 2
		}
		if next.MemoryKiB > maxParams.MemoryKiB || measure(next) > target {
			return best
		}
		best = next
	}
}

// measure returns the faster of two hashes: the first one also pays for fresh memory.
func measure(p Params) time.Duration {
	a := newHash(p, make([]byte, keySize))
	fastest := time.Duration(1<<63 - 1)
	for range 2 {
		started := time.Now()
		a.derive("calibration")
		fastest = min(fastest, time.Since(started))
	}
	return fastest
}
