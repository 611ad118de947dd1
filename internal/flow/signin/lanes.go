package signin

import (
	"context"
	"sync"
)

// width is how many attempts on one account may be under way at once in this process.
// Attempts count as failures until they prove right, so without a bound a burst of right
// passwords (one person, many tabs) would spend the account's failures on itself.
const width = 4

// lanes lets a few through per key; others wait their turn.
type lanes struct {
	mu   sync.Mutex
	busy map[string]*lane
}

type lane struct {
	slots chan struct{}
	users int
}

// enter waits for a place and returns how to leave it.
func (l *lanes) enter(ctx context.Context, key string) (leave func(), err error) {
	l.mu.Lock()
	ln := l.busy[key]
	if ln == nil {
		ln = &lane{slots: make(chan struct{}, width)}
		l.busy[key] = ln
	}
	ln.users++
	l.mu.Unlock()
	done := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if ln.users--; ln.users == 0 {
			delete(l.busy, key)
		}
	}
	select {
	case ln.slots <- struct{}{}:
		return func() { <-ln.slots; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}
