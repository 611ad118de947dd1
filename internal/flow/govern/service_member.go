package govern

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Members lists who belongs to a tenant. It returns tenant.ErrNotFound and what member.List returns.
func (s *Service) Members(ctx context.Context, name string, q member.Query) (*member.Page, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Deps.Members.List(ctx, t.ID, q)
}

// Member returns a member of a tenant. It returns tenant.ErrMemberNotFound.
func (s *Service) Member(ctx context.Context, id tenant.ID, subject string) (*member.Member, error) {
	return s.Deps.Members.Get(ctx, id, subject)
}

// Assignable returns what staff can give to members of a tenant: roles, owner first, and permissions.
func (s *Service) Assignable(ctx context.Context, t *tenant.Tenant) (roles, permissions []string, err error) {
	return s.Deps.Members.Assignable(ctx, t.ID, s.Roles.Grant(t.ID, t.Slug, role.Owner, nil, nil))
}

// AddMember makes the account with this subject a member, without asking it: for a tenant that lost
// its last owner, say. It returns tenant.ErrNotFound and what member.Add returns.
func (s *Service) AddMember(ctx context.Context, name, subject, as string) (*member.Member, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Deps.Members.Add(ctx, tenant.ByStaff(), t.ID, subject, as)
}

// ChangeMember gives a member another role or other permissions of their own. It returns
// tenant.ErrNotFound and what member.Set returns.
func (s *Service) ChangeMember(ctx context.Context, name, subject string, c member.Change) (*member.Member, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Deps.Members.Set(ctx, tenant.ByStaff(), t.ID, subject, c)
}

// RemoveMember ends a membership. It returns tenant.ErrNotFound and what member.Remove returns.
func (s *Service) RemoveMember(ctx context.Context, name, subject string) error {
	t, err := s.Find(ctx, name)
	if err != nil {
		return err
	}
	return s.Deps.Members.Remove(ctx, tenant.ByStaff(), t.ID, subject)
}

// Invitations returns the first invitations of a tenant that wait for an answer, by address, at most
// web.MaxPage, and whether there are more. It returns tenant.ErrNotFound.
func (s *Service) Invitations(ctx context.Context, name string) (all []invitation.Invitation, more bool, err error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, false, err
	}
	all, next, err := s.Deps.Invitations.List(ctx, t.ID, "", web.MaxPage)
	return all, next != "", err
}

// Explain says whether the account with this subject may do something in a tenant, and why. It returns
// what member.ExplainFor returns.
func (s *Service) Explain(ctx context.Context, name, subject, permission string) (role.Decision, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return role.Decision{}, err
	}
	return s.Deps.Members.ExplainFor(ctx, t.ID.String(), subject, permission)
}
