package govern

import (
	"context"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
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

// FindMember is Member for a tenant by its name. It returns tenant.ErrNotFound as well.
func (s *Service) FindMember(ctx context.Context, name, subject string) (*member.Member, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Member(ctx, t.ID, subject)
}

// Assignable returns what staff can give to members of a tenant: roles, owner first, and permissions.
func (s *Service) Assignable(ctx context.Context, t *tenant.Tenant) (roles, permissions []string, err error) {
	return s.Deps.Members.Assignable(ctx, t.ID, s.Roles.Grant(t.ID, t.Slug, role.Owner, nil, nil))
}

// Of returns the tenants that an account belongs to, by name, and what it may do there.
func (s *Service) Of(ctx context.Context, id account.ID) ([]tenant.Membership, error) {
	return tenant.Of(ctx, s.DB, s.Roles, id)
}

// AddMember makes the account with this subject a member, without asking it: for a tenant that lost
// its last owner, say. by is one of the staff, or the operator of the machine. It returns tenant.ErrNotFound
// and what member.Add returns.
func (s *Service) AddMember(ctx context.Context, by tenant.Actor, name, subject, as string) (*member.Member, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Deps.Members.Add(ctx, by, t.ID, subject, as)
}

// ChangeMember gives a member another role, other permissions of their own or other attributes. by is as at AddMember. It
// returns tenant.ErrNotFound and what member.Set returns.
func (s *Service) ChangeMember(ctx context.Context, by tenant.Actor, name, subject string, c member.Change) (*member.Member, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Deps.Members.Set(ctx, by, t.ID, subject, c)
}

// RemoveMember ends a membership. It returns tenant.ErrNotFound and what member.Remove returns.
func (s *Service) RemoveMember(ctx context.Context, name, subject string) error {
	t, err := s.Find(ctx, name)
	if err != nil {
		return err
	}
	return s.Deps.Members.Remove(ctx, tenant.ByStaff(), t.ID, subject)
}

// Invitations returns a page of the invitations of a tenant that were neither accepted nor revoked, by address,
// and what asks for those that follow, as after; empty at the end. limit is as web.PageSize takes it. It
// returns tenant.ErrNotFound and what invitation.List returns.
func (s *Service) Invitations(ctx context.Context, name, after string, limit int) (page []invitation.Invitation, next string, err error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, "", err
	}
	return s.Deps.Invitations.List(ctx, t.ID, after, web.PageSize(limit))
}

// RevokeInvitation makes the link of the invitation with this id worthless. It returns tenant.ErrNotFound and
// what invitation.Revoke returns.
func (s *Service) RevokeInvitation(ctx context.Context, name, id string) error {
	which, err := uuid.Parse(id)
	if err != nil {
		return invitation.ErrNotFound
	}
	t, err := s.Find(ctx, name)
	if err != nil {
		return err
	}
	return s.Deps.Invitations.Revoke(ctx, tenant.ByStaff(), t.ID, which)
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
