// Package session holds sign-ins: one row for one sign-in on one client.
//
// A row's counter orders the refresh tokens of the session: only the newest is good, its
// immediate predecessor is answered again for a short while (the answer may have been lost), and
// anything older ends the session (RFC 9700 section 4.14). Sessions are made from evidence by
// flow/signin alone; what a token may do is decided by verifiers.
package session

import (
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Failures a caller can act on.
var (
	ErrRefused  = fault.New(fault.Unauthenticated, "refresh_rejected", "The refresh token is not or no longer good. Sign in again.")
	ErrEnded    = fault.New(fault.Unauthenticated, "token_invalid", "The access token is not or no longer good. Refresh it or sign in again.")
	ErrNotFound = fault.New(fault.NotFound, "session_not_found", "There is no such session.")
)

// Transports: how a session's refresh token travels.
const (
	Body   = "body"
	Cookie = "cookie"
)

// FirstParty is the client_id where no registered client signs in.
const FirstParty = "first-party"

// Client is what a session was opened with. A refresh from any other client is a stranger's.
type Client struct {
	ID        string // client_id
	Transport string
	JKT       string // thumbprint of the DPoP key; empty: not sender-constrained
}

// Limits are a session's lifetimes.
type Limits struct {
	Idle     time.Duration // without a refresh for this long it is over
	Absolute time.Duration // after this long it is over
	Window   time.Duration // how long a spent token's answer is repeated
}

// Session is one row.
type Session struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Client    Client
	Audience  string
	Methods   []string
	Level     authn.AAL
	AuthTime  time.Time
	CreatedAt time.Time
	// LastSeen is the last refresh.
	LastSeen time.Time
	// Unused is the longest that it was left unused since its last proof.
	Unused    time.Duration
	Idle      time.Duration
	ExpiresAt time.Time
	EndedAt   time.Time
	Device    string
	Address   string
}

// RefreshBefore is when the session's refresh token stops being good unless it is used.
func (s *Session) RefreshBefore(now time.Time) time.Time {
	if idle := now.Add(s.Idle); idle.Before(s.ExpiresAt) {
		return idle
	}
	return s.ExpiresAt
}

// Outcome is what presenting a refresh token came to.
type Outcome string

// The outcomes of a refresh; see the package comment.
const (
	Rotated  Outcome = "rotated"
	Repeated Outcome = "repeated"
	Stale    Outcome = "stale"
	Stranger Outcome = "stranger"
	// NotMember: the token is pinned to a tenant that its account no longer belongs to, or that asks for
	// more than the session has proven. Nothing was rotated.
	NotMember Outcome = "not_a_member"
)

// Reasons a session ended.
const (
	SignedOut    = "signed_out"
	Reused       = "refresh_reused"
	EndedByOwner = "ended_by_owner"
	EndedByStaff = "ended_by_staff"
)

// Bearer is who holds the access token of a request.
type Bearer struct {
	SessionID uuid.UUID
	Subject   string
	// AccountID is uuid.Nil where the route's own statement asks whether the session stands.
	AccountID uuid.UUID
	// Staff and Superuser are the account's rank now.
	Staff     bool
	Superuser bool
	StaffRole string
	// TenantID is the tenant that the token is for; empty: for none.
	TenantID string
	// AuthTime is the last proof in the session, and Level how strong what was proven in it is. The
	// token may be older and know less.
	AuthTime time.Time
	Level    authn.AAL
}

// Proven reports whether the last proof is at most d old.
func (b Bearer) Proven(now time.Time, d time.Duration) bool { return now.Sub(b.AuthTime) <= d }
