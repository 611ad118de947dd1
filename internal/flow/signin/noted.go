package signin

import (
	"sync"
	"time"
)

// noted remembers which refusals by the limiter were audited lately. The first of a flood is
// worth a row; a row for each would let anybody fill the disk.
type noted struct {
	mu sync.Mutex
	at map[string]time.Time
}

const (
	noteEvery = 15 * time.Minute
	maxNoted  = 10_000 // keys; past that all are forgotten, and each is worth a row again
)

// first reports whether key was not noted within the last noteEvery, and notes it.
func (n *noted) first(key string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at, ok := n.at[key]; ok && now.Sub(at) < noteEvery {
		return false
	}
	if n.at == nil || len(n.at) >= maxNoted {
		n.at = map[string]time.Time{}
	}
	n.at[key] = now
	return true
}
