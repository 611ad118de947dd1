package tenant

import (
	"crypto/rand"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Failures with domains.
var (
	ErrDomainNotFound = fault.New(fault.NotFound, "domain_not_found", "This organisation has no such domain.")
	ErrDomainTaken    = fault.New(fault.Conflict, "domain_taken", "Another organisation has shown that this domain is its own. Ask whoever runs this service.")
)

// Domain is one that a tenant says is its own. Several tenants may say so of one domain; it is only
// known of the one that has shown it.
type Domain struct {
	TenantID  ID
	Domain    string // as ParseDomain spells it
	Challenge string // what has to be published to show it; no secret
	CreatedAt time.Time
	// VerifiedAt is since when it is shown; zero: it is not.
	VerifiedAt time.Time
	// CheckedAt is when that was looked at last, with an answer; zero: never.
	CheckedAt time.Time
	// TriedAt is when that was looked at last, whatever came of it; zero: never.
	TriedAt time.Time
	// MissingSince is when a domain that is verified was first seen without its challenge, by all that
	// have looked since; zero: it has it. Missed is how often, and MissedBoth how often in a row up to now
	// both places answered.
	MissingSince time.Time
	Missed       int
	MissedBoth   int
}

// newChallenge names the tenant, so that it is of no use to another, and is never the same twice, so that
// what was left behind shows nothing when the domain is added again.
func newChallenge(id ID) string { return "gatehouse-domain=" + id.String() + "." + rand.Text() }

// Verified reports whether the tenant has shown that the domain is its own.
func (d *Domain) Verified() bool { return !d.VerifiedAt.IsZero() }

// Missing reports whether a verified domain was last seen without its challenge.
func (d *Domain) Missing() bool { return !d.MissingSince.IsZero() }

// Record is the name of the DNS record of type TXT that can hold the challenge.
func (d *Domain) Record() string { return "_gatehouse-challenge." + d.Domain }

// File is the URL of the file that can hold it (RFC 8615).
func (d *Domain) File() string {
	return "https://" + d.Domain + "/.well-known/gatehouse-challenge.txt"
}
