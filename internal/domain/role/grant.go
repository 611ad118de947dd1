package role

import (
	"slices"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Grant is what a member of a tenant may do, and by what.
type Grant struct {
	TenantID uuid.UUID
	Slug     string // of the tenant
	Role     string
	FromRole verifier.Permissions // what the role gives
	Direct   verifier.Permissions // what the member has besides
}

// Grant puts together what a member may do. own are the permissions of the tenant's own role of that
// name, as [Set.Resolve] takes them.
func (s *Set) Grant(tenantID uuid.UUID, slug, name string, own, direct verifier.Permissions) Grant {
	r, _ := s.Resolve(name, own)
	return Grant{TenantID: tenantID, Slug: slug, Role: name, FromRole: r.Permissions, Direct: direct}
}

// Permissions are all that the member may do, each once.
func (g Grant) Permissions() verifier.Permissions {
	all := slices.Concat(g.FromRole, g.Direct)
	slices.Sort(all)
	return slices.Compact(all)
}

// Has reports whether the member may.
func (g Grant) Has(permission string) bool {
	return g.FromRole.Has(permission) || g.Direct.Has(permission)
}

// Covers reports whether the member may give entry away.
func (g Grant) Covers(entry string) bool { return g.FromRole.Covers(entry) || g.Direct.Covers(entry) }

// Reasons of a decision.
const (
	ByRole          = "granted_by_role"
	Directly        = "granted_directly"
	NotGranted      = "not_granted"
	NoMember        = "not_a_member"
	TenantSuspended = "tenant_suspended"
	AccountInactive = "account_inactive"
	NotDeclared     = "permission_not_declared"
)

// Decision says whether somebody may do something in a tenant, and what that rests on.
type Decision struct {
	Allowed    bool   `json:"allowed"`
	Reason     string `json:"reason" doc:"Stable: granted_by_role, granted_directly, not_granted, not_a_member, tenant_suspended, account_inactive, permission_not_declared"`
	Permission string `json:"permission"`
	Tenant     string `json:"tenant" doc:"The slug"`
	Role       string `json:"role,omitempty" doc:"The member's"`
	Rule       string `json:"rule,omitempty" doc:"The entry that allows it, such as notes.*"`
}

// Explain decides as Has does, and says why. The tenant was matched before it: whoever is no member has
// no Grant.
func (g Grant) Explain(permission string) Decision {
	d := Decision{Permission: permission, Tenant: g.Slug, Role: g.Role, Reason: NotGranted}
	if rule, ok := g.FromRole.Grants(permission); ok {
		d.Allowed, d.Rule, d.Reason = true, rule, ByRole
	} else if rule, ok := g.Direct.Grants(permission); ok {
		d.Allowed, d.Rule, d.Reason = true, rule, Directly
	}
	return d
}
