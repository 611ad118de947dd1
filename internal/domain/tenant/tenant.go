// Package tenant is the isolation boundary: an organisation, what it is called, who belongs to it, and
// what it asks of whoever comes in. Everything it stores is reached within a scope of kit/db, and every
// statement names its tenant besides.
//
// Whatever changes a tenant or its members begins with Lock: such changes queue up for the tenant's row,
// so that two admins who remove each other at once leave one, and the last owner stays.
package tenant

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// ErrNotMember is the one refusal of whoever does not belong to a tenant, or may not do this in it, also
// of one that is not there, or is suspended: nobody learns which tenants there are. Its code is that of
// package verifier's condition Tenant.
var ErrNotMember = fault.New(fault.Forbidden, "tenant_required", "This is for members of the organisation that it is about. Programs need an access token for it.")

// Failures a caller can act on.
var (
	ErrNotFound       = fault.New(fault.NotFound, "tenant_not_found", "There is no such tenant.")
	ErrSlugTaken      = fault.New(fault.Conflict, "tenant_slug_taken", "This short name, or one that looks like it, is or was another's.")
	ErrNameTaken      = fault.New(fault.Conflict, "tenant_name_taken", "Another organisation has this name, or one that looks like it.")
	ErrLastOwner      = fault.New(fault.Conflict, "last_owner", "This is the last owner. Make somebody else an owner first.")
	ErrMemberNotFound = fault.New(fault.NotFound, "member_not_found", "There is no such member.")
	ErrMember         = fault.New(fault.Conflict, "member_already", "This account is a member already.")
	// ErrPolicy says that the tenant asks for more than this session has proven; how to go on is said with it.
	ErrPolicy = fault.New(fault.Unauthenticated, "tenant_policy_unmet", "This organisation asks for another, a stronger or a more recent proof than this session has, or the session was left unused for too long. Sign in again.")
)

// ID names a tenant: a UUIDv7 that is never used again.
type ID = uuid.UUID

// Tenant is one organisation.
type Tenant struct {
	ID        ID
	Slug      string // in paths and host names
	Name      string
	Active    bool
	Policy    Policy
	ui.Brand  // of its pages, over the service's
	CreatedAt time.Time
}

// Policy is what a tenant asks of whoever comes in. The zero Policy asks nothing more than the service.
type Policy struct {
	// SecondFactor: a session needs two factors.
	SecondFactor bool
	// MaxAge is how old the last proof of the session may be, at refreshes too; 0: as the service has it.
	MaxAge time.Duration
	// MaxIdle is how long the session may have been left unused since its last proof; 0: as the service
	// has it. It is used by being refreshed, and by pages.
	MaxIdle time.Duration
	// NoPassword, NoPasskey and NoMail are ways to sign in that it does not take as the first proof.
	NoPassword, NoPasskey, NoMail bool
	// EmailDomains are those that members' addresses must be of when they join; none: any.
	EmailDomains []string
	// JoinRole is what whoever has an address of a verified domain joins as, without being invited;
	// empty: nobody does.
	JoinRole string
}

// Settings is what a tenant's admins can change of it.
type Settings struct {
	Name string
	Slug string
	ui.Brand
	Policy Policy
}

// Settings returns what is set now.
func (t *Tenant) Settings() Settings {
	return Settings{Name: t.Name, Slug: t.Slug, Brand: t.Brand, Policy: t.Policy}
}

// Admits is the condition that tenant t lets a session in, at time $2, as [Policy.Admits] says it. The
// first of a session's methods is its first proof. The session's columns have no qualifier, because what
// an UPDATE of it returns can't be named alike on both engines. idled_ms is the longest that it was left
// unused between two uses; what came after the last is looked at besides.
const Admits = `t.active AND (NOT t.second_factor OR aal >= 2) AND (t.max_age_ms = 0 OR auth_time + t.max_age_ms > $2)
	AND (t.max_idle_ms = 0 OR idled_ms < t.max_idle_ms AND (rotated_at + t.max_idle_ms > $2 OR auth_time + t.max_idle_ms > $2))
	AND amr <> '' AND NOT (t.no_password AND amr LIKE 'pwd%') AND NOT (t.no_passkey AND (amr LIKE 'hwk%' OR amr LIKE 'swk%')) AND NOT (t.no_mail AND amr LIKE 'email%')`

// Admits reports whether a session with these methods and this level is let in that was proven age ago, and
// left unused for idle at most since then.
func (p Policy) Admits(methods []string, level authn.AAL, age, idle time.Duration) bool {
	if p.SecondFactor && level < authn.AAL2 || p.MaxAge > 0 && age >= p.MaxAge || p.Forgets(idle) {
		return false
	}
	return !p.Refuses(methods)
}

// Forgets reports whether the tenant takes no session that was left unused for so long.
func (p Policy) Forgets(idle time.Duration) bool { return p.MaxIdle > 0 && idle >= p.MaxIdle }

// Refuses reports whether the tenant does not take the first of these methods.
func (p Policy) Refuses(methods []string) bool {
	if len(methods) == 0 {
		return true
	}
	switch methods[0] {
	case authn.Password:
		return p.NoPassword
	case authn.BoundPasskey, authn.SyncedPasskey:
		return p.NoPasskey
	case authn.Email:
		return p.NoMail
	default:
		return false
	}
}

// AllowsEmail reports whether an address, by its canonical key, may join.
func (p Policy) AllowsEmail(key string) bool {
	if len(p.EmailDomains) == 0 {
		return true
	}
	domain := DomainOf(key)
	for _, d := range p.EmailDomains {
		if d == domain {
			return true
		}
	}
	return false
}

// DomainOf returns the domain of an address's canonical key.
func DomainOf(emailKey string) string {
	return emailKey[strings.LastIndexByte(emailKey, '@')+1:]
}

// Membership is one account in one tenant.
type Membership struct {
	Tenant    Tenant
	AccountID uuid.UUID
	Grant     role.Grant
	JoinedAt  time.Time
}
