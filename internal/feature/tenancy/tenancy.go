// Package tenancy makes tenants and looks after them: name and settings, domains, suspension, deletion,
// and what happened there.
//
// What a member does passes domain/tenant's Act: their rights are read again in the transaction of the
// change. Each change is one transaction with its audit event. Who belongs to a tenant is feature/member's.
package tenancy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Failures a caller can act on, besides those of package tenant.
var (
	ErrClosed         = fault.New(fault.Forbidden, "tenant_creation_closed", "Organisations are made by those who run this service. Ask them.")
	ErrUnverified     = fault.New(fault.Forbidden, "tenant_creation_unverified", "Confirm the mail address of your account first.")
	ErrTyped          = fault.New(fault.Invalid, "tenant_slug_mismatch", "This is not the short name of the organisation.")
	ErrJoinRole       = fault.New(fault.Invalid, "join_role_invalid", "Whoever joins uninvited cannot become an owner.")
	ErrLockOut        = fault.New(fault.Invalid, "would_lock_out", "This would keep you out yourself: sign in that way first, then ask it of the others.")
	ErrDomainUnproven = fault.New(fault.Conflict, "domain_unproven", "The challenge was found neither in the DNS nor on the site; see errors.")
)

// Who may make tenants.
const (
	ByStaff  = "staff"  // nobody by themselves: the admin API, the console, the command line
	ByAnyone = "anyone" // everybody with a confirmed address
)

var (
	// guesses bounds how many names and short names of others somebody can find out.
	guesses = ratelimit.Limit{Name: "tenant.guess", Burst: 20, Per: 24 * time.Hour}
	// looks bounds how often a tenant has challenges looked for: each look is a request to a server of its
	// choice. It is not of the domain, or one tenant could keep another from showing what is its own.
	looks = ratelimit.Limit{Name: "domain.look", Burst: 20, Per: time.Hour}
	// letters bounds how often a look of their own at a domain that is not there any more has a tenant's owners
	// mailed: whoever publishes and withdraws by turns writes to them no oftener. Looks by nobody's order are
	// a day apart.
	letters = ratelimit.Limit{Name: "domain.letter", Burst: 2, Per: 24 * time.Hour}
	// adds bounds the domains that a tenant adds: what is added, removed and added again leaves events.
	adds = ratelimit.Limit{Name: "domain.add", Burst: 50, Per: 24 * time.Hour}
	// slugs bounds how many a tenant keeps from all others: each that it had stays its own.
	slugs = ratelimit.Limit{Name: "tenant.slug", Burst: 5, Per: 30 * 24 * time.Hour}
)

// Domains that are verified are looked at again.
const (
	checkEvery = 24 * time.Hour  // from one look at a domain to the next, at least
	checks     = 20              // looks of one run
	checkWidth = 5               // of them at once: most of a look is waiting, up to two lookTime
	checkTime  = 2 * time.Minute // real time, of one run
	// checkBlind is how many domains a run has to have looked at, none of them found, until it takes that
	// it cannot see rather than that all of them are gone; and how many others it looks at to tell.
	checkBlind = 5
)

// Config is who makes tenants. Every member is required.
type Config struct {
	Create     string // ByStaff or ByAnyone
	PerAccount ratelimit.Limit
	// Origin is where the service is, such as https://id.example.com: sites whose domains are looked at
	// are told who asks.
	Origin string
	// DomainsPage is where members look after a tenant's domains; {tenant} in it is replaced by its id.
	DomainsPage string
}

func (c Config) validate() error {
	var problems []error
	if c.Create != ByStaff && c.Create != ByAnyone {
		problems = append(problems, fmt.Errorf("tenancy: tenants are made by %q or %q", ByStaff, ByAnyone))
	}
	if err := c.PerAccount.Validate(); err != nil {
		problems = append(problems, fmt.Errorf("tenancy: limit %q: %w", c.PerAccount.Name, err))
	}
	if u, err := url.Parse(c.Origin); err != nil || u.Host == "" {
		problems = append(problems, errors.New("tenancy: Origin is no origin, write one such as https://id.example.com"))
	}
	if !strings.Contains(c.DomainsPage, tenantMark) {
		problems = append(problems, errors.New("tenancy: DomainsPage lacks "+tenantMark))
	}
	return errors.Join(problems...)
}

// tenantMark stands for a tenant in Config.DomainsPage.
const tenantMark = "{tenant}"

// Deps is what a Service works with. Every member but Prover and Logger is required.
type Deps struct {
	DB      *db.DB
	Roles   *role.Set
	Limiter *ratelimit.Limiter
	Letters *letter.Post
	// Prover looks for challenges; nil: in the DNS and on the sites themselves.
	Prover Prover
	// Logger takes the warnings. Nil: [slog.Default].
	Logger *slog.Logger
}

// Service makes tenants and looks after them. It is safe for concurrent use.
type Service struct {
	Deps
	cfg   Config
	noted audit.Noted
}

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if deps.Prover == nil {
		deps.Prover = newProber(cfg.Origin, internet())
	}
	deps.Logger = cmp.Or(deps.Logger, slog.Default())
	return &Service{Deps: deps, cfg: cfg}, nil
}

// Prover looks for the challenge of a domain where only its owner can put it. It is safe for concurrent
// use.
type Prover interface {
	Prove(ctx context.Context, d *tenant.Domain) Proof
}

// Finding is what came of looking in one place. The zero Finding is Unreachable.
type Finding uint8

// The findings.
const (
	Unreachable Finding = iota // the place could not be asked
	Absent                     // it answered, and without the challenge
	Found
)

// Proof is what came of looking for a challenge; one place is enough.
type Proof struct {
	Record Finding // in the DNS
	File   Finding // on the site
}

// Holds reports whether the challenge was found.
func (p Proof) Holds() bool { return p.Record == Found || p.File == Found }

// Absent reports whether both places were asked, and neither has the challenge.
func (p Proof) Absent() bool { return p.Record == Absent && p.File == Absent }

// Missing reports whether it was found nowhere, and at least one place was asked.
func (p Proof) Missing() bool { return !p.Holds() && (p.Record == Absent || p.File == Absent) }

// refusal says what was looked for and is not there.
func (p Proof) refusal() error {
	f := ErrDomainUnproven
	switch p.Record {
	case Absent:
		f = f.WithField("record", "challenge_absent", "The DNS has no such record, or it holds something else.")
	default:
		f = f.WithField("record", "dns_unreachable", "The name servers of the domain gave no answer. Try again later.")
	}
	switch p.File {
	case Absent:
		f = f.WithField("file", "challenge_absent", "The site has no such file, or it holds something else.")
	default:
		f = f.WithField("file", "site_unreachable", "The site gave no answer by https. Redirects are not followed.")
	}
	return f
}
