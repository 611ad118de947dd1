package session

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Failures of pages.
var (
	ErrSignedOut = fault.New(fault.Unauthenticated, "signed_out", "You are not signed in, or no longer. Sign in to go on.")
	ErrStale     = fault.New(fault.Unauthenticated, "proof_stale", "Your last proof was too long ago. Show once more that it is you to go on.")
	ErrLookOnly  = fault.New(fault.Forbidden, "look_only", "You are looking at somebody else's account. You can change nothing there.")
)

// Transports of sessions that pages use.
const (
	Page = "page" // a person's own pages, by cookie
	Look = "look" // a staff member looking at another's pages
)

// PageLimits are the lifetimes of sessions that pages use.
type PageLimits struct {
	Idle               time.Duration // without a page for this long it is over
	Absolute           time.Duration // after this long it is over
	RememberedIdle     time.Duration // the same for a browser that is to be remembered
	RememberedAbsolute time.Duration
	StaffProof         time.Duration // how long after a proof staff may use the console
	Fresh              time.Duration // how long after a proof what cannot be undone may be done
	Look               time.Duration // how long a staff member may look at another's pages
}

// Visit is who is looking at a page.
type Visit struct {
	SessionID  uuid.UUID
	Account    *account.Account
	AuthTime   time.Time // the last proof
	Methods    []string  // what was proven in the session
	Level      authn.AAL
	LastSeen   time.Time
	Unused     time.Duration // the longest that the session was left unused since its last proof
	ExpiresAt  time.Time
	Remembered bool
	// Staff is who really looks, where a member of staff looks at another's pages. Nothing may be
	// changed then.
	Staff *Onlooker
}

// Onlooker is a member of staff who looks at another's pages.
type Onlooker struct {
	ID        account.ID
	SessionID uuid.UUID // their own
	Email     string
	Reason    string
	Until     time.Time
}

// Proven reports whether the last proof is at most d old.
func (v *Visit) Proven(now time.Time, d time.Duration) bool { return now.Sub(v.AuthTime) <= d }

// Bearer is who looks, as services know it.
func (v *Visit) Bearer() Bearer {
	return Bearer{SessionID: v.SessionID, Subject: v.Account.Subject, AccountID: v.Account.ID,
		Staff: v.Account.Staff, Superuser: v.Account.Superuser, StaffRole: v.Account.StaffRole, AuthTime: v.AuthTime, Level: v.Level}
}

type visitKey struct{}

// WithVisit returns a context that carries v.
func WithVisit(ctx context.Context, v *Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// VisitFromContext returns who is looking. It panics on a route that does not ask for a page
// session: its handler must not guess.
func VisitFromContext(ctx context.Context) *Visit { return ctx.Value(visitKey{}).(*Visit) }
