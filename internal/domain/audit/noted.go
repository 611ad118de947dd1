package audit

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Noted remembers which refusals were written down lately. The first of a flood is worth a row; a row for
// each would let anybody fill the disk. It remembers in this process alone. The zero Noted is ready, and
// safe for concurrent use.
type Noted struct {
	mu sync.Mutex
	at map[string]time.Time
}

const (
	noteEvery = 15 * time.Minute
	maxNoted  = 10_000 // keys; past that all are forgotten, and each is worth a row again
)

// First reports whether key was not noted within the last 15 minutes, and notes it.
func (n *Noted) First(key string, now time.Time) bool {
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

// RecordAlone is [RecordAlone] for the first of the refusals that one actor meets in one tenant, of one
// kind and for one reason.
func (n *Noted) RecordAlone(ctx context.Context, d *db.DB, e Event) error {
	who := FromContext(ctx).Actor
	if _, err := uuid.Parse(who); err != nil {
		who += e.AccountID.String() // "self" is whom it concerns
	}
	if !n.First(who+" "+e.TenantID.String()+" "+e.Kind+" "+e.Reason, d.Now()) {
		return nil
	}
	return RecordAlone(ctx, d, e)
}
