// Package invitation asks people into a tenant by mail: who may invite sends a link to an address, and the
// owner of that address can accept, once, until the link expires or is revoked.
//
// An invitation is bound to its tenant, its address and its role. It is worth what its inviter may give:
// that is asked when it is sent and again when it is accepted, so nothing stays open for an inviter who was
// demoted, removed or erased meanwhile. Looking at it uses nothing up. Making the account of somebody who
// has none is left to flow/join.
package invitation

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Failures a caller can act on. A link that is good for nothing is letter.ErrLink, whatever is wrong with it.
var (
	ErrNotFound = fault.New(fault.NotFound, "invitation_not_found", "There is no such invitation, or it was accepted or revoked.")
	ErrForeign  = fault.New(fault.Forbidden, "invitation_foreign", "This invitation is for another address. Accept it with the account that has that address, and has confirmed it.")
)

// Limits.
const (
	// Kept is how long an invitation is remembered after it has expired, to be sent again.
	Kept = 30 * 24 * time.Hour

	maxWaiting = 100 // invitations that one address is shown
)

// Config is how invitations work. Every member is required.
type Config struct {
	// Lifetime is how long a link is good, 1 min to 30 d.
	Lifetime time.Duration
	// Link is where mails lead; its {token} is replaced.
	Link string
	// PerTenant bounds the mails of one tenant, PerMailbox those to one address. Other flows that mail to
	// typed addresses take the latter too.
	PerTenant  ratelimit.Limit
	PerMailbox ratelimit.Limit
}

func (c Config) validate() error {
	var problems []error
	if c.Lifetime < time.Minute || c.Lifetime > 30*24*time.Hour {
		problems = append(problems, errors.New("invitation: a link is good for 1 min to 30 d"))
	}
	if !strings.Contains(c.Link, "{token}") {
		problems = append(problems, errors.New("invitation: a link holds {token}"))
	}
	for _, l := range []ratelimit.Limit{c.PerTenant, c.PerMailbox} {
		if err := l.Validate(); err != nil {
			problems = append(problems, fmt.Errorf("invitation: limit %q: %w", l.Name, err))
		}
	}
	return errors.Join(problems...)
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB      *db.DB
	Roles   *role.Set
	Keys    *keyring.Keyring
	Limiter *ratelimit.Limiter
	Letters *letter.Post
}

// Service invites people. It is safe for concurrent use.
type Service struct {
	Deps
	cfg    Config
	tokens *secret.Hasher
	noted  audit.Noted
}

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Service{Deps: deps, cfg: cfg, tokens: deps.Keys.Hasher("invitation")}, nil
}

// Invitation is one that was neither accepted nor revoked, as the tenant's members see it.
type Invitation struct {
	ID        uuid.UUID
	Email     string // as typed
	Role      string
	Locale    string // of its mails
	By        string // the name of the member who sent it last; empty: none, or who runs the service
	Sent      int    // how many mails
	CreatedAt time.Time
	ExpiresAt time.Time
	// Void is why nobody can accept it, though it has not expired; empty: somebody can.
	Void string
}

// Reasons why an invitation is void, and why an account that is not meant is refused.
const (
	InviterGone   = "inviter_gone"    // is no member any more, or was disabled
	InviterMayNot = "inviter_may_not" // may not invite any more, or not give that role
	RoleGone      = "role_gone"       // the tenant has no such role any more
	DomainRefused = "domain_refused"  // the tenant admits no addresses of that domain any more

	foreignAddress = "foreign_address"
	unconfirmed    = "address_not_confirmed"
)

// Statuses of an invitation.
const (
	Waits   = "open"
	Expired = "expired"
	IsVoid  = "void"
)

// Status says in a word whether an invitation can be accepted.
func (i *Invitation) Status(now time.Time) string {
	switch {
	case !i.ExpiresAt.After(now):
		return Expired
	case i.Void != "":
		return IsVoid
	default:
		return Waits
	}
}

// Open is an invitation as whoever it is for sees it.
type Open struct {
	Invitation
	Tenant tenant.Tenant

	key  string // of the address
	hash []byte // of the token: what is accepted is what was looked at, not what was sent since
}

// For reports whether an invitation is for an address, by its canonical key.
func (o *Open) For(emailKey string) bool { return o.key == emailKey }
