package signin

import (
	"sync/atomic"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
)

// Stats counts what refreshes and attempts to sign in came to since the start, for metrics.
type Stats struct {
	Attempts Attempts

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

// Attempts counts attempts to sign in. An attempt of two steps counts once when it succeeds, and each of its
// steps that is refused.
type Attempts struct {
	Succeeded uint64
	Refused   uint64 // as the audit event signin.refused says, but for its reason rate_limited
	Limited   uint64 // each of them, where the audit keeps the first of several
}

// attempts counts outcomes.
type attempts struct{ succeeded, refused, limited atomic.Uint64 }

// refuse counts an attempt by the reason that the audit keeps, or would keep, of it.
func (a *attempts) refuse(why string) {
	if why == rateLimited {
		a.limited.Add(1)
	} else {
		a.refused.Add(1)
	}
}

// rateLimited is the reason of an attempt that was not looked at.
const rateLimited = "rate_limited"

// Stats returns the counts.
func (s *Service) Stats() Stats {
	r, a := &s.refreshes, &s.attempts
	return Stats{Attempts: Attempts{a.succeeded.Load(), a.refused.Load(), a.limited.Load()}, Rotated: r.rotated.Load(), Repeated: r.repeated.Load(), Reused: r.reused.Load(), Refused: r.refused.Load()}
}
