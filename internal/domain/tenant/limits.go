package tenant

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Limits.
const (
	// MaxDomains is how many domains a tenant can have, and how many it can admit addresses of.
	MaxDomains = 20
	// MaxMissed is how many looks in a row, a day or more apart, find a verified domain without its
	// challenge in both places until it is the tenant's no more: one bad day of its name servers takes it
	// from nobody.
	MaxMissed = 3
	// MaxHalfMissed is how many where a place was silent in any of them: the challenge may be there, and
	// yet whoever has lost a domain shall not keep it because the one who has it now runs no site.
	MaxHalfMissed = 14
	// MaxMemberships is how many tenants one account can belong to.
	MaxMemberships = 1000

	minAge = 5 * time.Minute
	maxAge = 400 * 24 * time.Hour
	// minIdle is twice the longest life of an access token. A token that was made of another, as late as
	// that allows, puts the next refresh off by as much: whoever is at work is never taken for idle.
	minIdle = 30 * time.Minute
	maxIdle = 400 * 24 * time.Hour
)

// Refusals of what is past a limit.
var (
	ErrAge         = fault.New(fault.Invalid, "max_age_invalid", "A proof may be asked for again after 5 minutes to 400 days.")
	ErrIdle        = fault.New(fault.Invalid, "max_idle_invalid", "A session may be left unused for 30 minutes to 400 days.")
	ErrRadius      = fault.New(fault.Invalid, "radius_invalid", "Corners can be rounded by 1 to 24 pixels, or by 0 as the service has it.")
	ErrFont        = fault.New(fault.Invalid, "font_invalid", "There are the typefaces system, humanist, rounded, serif and mono.")
	ErrMethods     = fault.New(fault.Invalid, "methods_invalid", "Leave at least one way to sign in.")
	ErrDomains     = fault.New(fault.Invalid, "domains_too_many", "An organisation can have at most 20 domains.")
	ErrMemberships = fault.New(fault.Conflict, "memberships_too_many", "An account can belong to at most 1,000 organisations.")
)
