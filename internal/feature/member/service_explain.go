package member

import (
	"context"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// Explain says whether somebody may do something in a tenant, and what that rests on. The answer is that
// of every check: it never differs. Whoever has no account is no member. It returns role.ErrPermission
// for what is no single permission, and tenant.ErrNotFound.
func (s *Service) Explain(ctx context.Context, id tenant.ID, subject, permission string) (role.Decision, error) {
	if err := role.CheckPermission(permission); err != nil {
		return role.Decision{}, err
	}
	if strings.HasSuffix(permission, ".*") {
		return role.Decision{}, role.ErrPermission.WithDetail("Ask about one permission, noun.verb: a wildcard is only given.")
	}
	at, err := stand(ctx, s.DB, s.Deps.Roles, id, subject)
	if err != nil {
		return role.Decision{}, err
	}
	d := at.decide(permission)
	if d.Reason != role.NotGranted {
		return d, nil
	}
	declared, err := s.Permissions(ctx)
	if !slices.Contains(declared, permission) {
		d.Reason = role.NotDeclared
	}
	return d, err
}

// decide asks in the order of every check: the tenant, then who it is, then the role, then the
// permission.
func (at *standing) decide(permission string) role.Decision {
	d := at.grant.Explain(permission)
	why := ""
	switch {
	case !at.tenantActive:
		why = role.TenantSuspended
	case !at.member:
		why = role.NoMember
	case !at.accountActive:
		why = role.AccountInactive
	case permission == role.Enter: // every role has it
		return role.Decision{Allowed: true, Reason: role.ByRole, Permission: permission, Tenant: d.Tenant, Role: d.Role, Rule: role.Enter}
	default:
		return d
	}
	return role.Decision{Reason: why, Permission: permission, Tenant: d.Tenant, Role: d.Role}
}

// ExplainFor is Explain for whoever runs the service, who name a tenant by slug or id.
func (s *Service) ExplainFor(ctx context.Context, tenantName, subject, permission string) (role.Decision, error) {
	if !isText(tenantName) {
		return role.Decision{}, tenant.ErrNotFound
	}
	t, err := tenant.FindByName(ctx, s.DB, tenantName)
	if err != nil {
		return role.Decision{}, err
	}
	return s.Explain(ctx, t.ID, subject, permission)
}
