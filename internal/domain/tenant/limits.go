package tenant

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Limits.
const (
	// MaxDomains is how many domains a tenant can have, and how many it can admit addresses of.
	MaxDomains = 20
	// MaxMemberships is how many tenants one account can belong to.
	MaxMemberships = 1000

	minAge = 5 * time.Minute
	maxAge = 400 * 24 * time.Hour
)

// Refusals of what is past a limit.
var (
	ErrAge         = fault.New(fault.Invalid, "max_age_invalid", "A proof may be asked for again after 5 minutes to 400 days.")
	ErrMethods     = fault.New(fault.Invalid, "methods_invalid", "Leave at least one way to sign in.")
	ErrDomains     = fault.New(fault.Invalid, "domains_too_many", "An organisation can have at most 20 domains.")
	ErrMemberships = fault.New(fault.Conflict, "memberships_too_many", "An account can belong to at most 1,000 organisations.")
)
