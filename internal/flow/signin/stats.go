package signin

import (
	"sync/atomic"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
)

// Stats counts what refreshes came to since the start, for metrics.
type Stats struct {
	Rotated  uint64
	Repeated uint64
	Reused   uint64 // stale or another client's: the session was ended
	Refused  uint64 // no token of ours, or its session stands no more
}

// refreshes counts outcomes.
type refreshes struct{ rotated, repeated, reused, refused atomic.Uint64 }

func (r *refreshes) count(o session.Outcome) {
	switch o {
	case session.Rotated:
		r.rotated.Add(1)
	case session.Repeated:
		r.repeated.Add(1)
	case session.Stale, session.Stranger:
		r.reused.Add(1)
	case session.NotMember:
		r.refused.Add(1)
	}
}

// Stats returns the counts.
func (s *Service) Stats() Stats {
	r := &s.refreshes
	return Stats{Rotated: r.rotated.Load(), Repeated: r.repeated.Load(), Reused: r.reused.Load(), Refused: r.refused.Load()}
}
