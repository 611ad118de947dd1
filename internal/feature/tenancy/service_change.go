package tenancy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Change applies change to a tenant's settings, as they are then, and returns the tenant. change may run
// more than once. Nobody lets others join with rights that they do not have themselves, and nobody sets a
// policy that keeps out the session that they act in. It returns what tenant.Act does, the refusals of
// settings, also that a name is taken, ErrLockOut, ErrJoinRole, role.ErrEscalation, tenant.ErrOwned,
// role.ErrUnknown and ratelimit.ErrLimited.
func (s *Service) Change(ctx context.Context, by tenant.Actor, id tenant.ID, change func(*tenant.Settings)) (t *tenant.Tenant, err error) {
	renaming, err := s.chargeRenaming(ctx, by, id, change)
	if err != nil {
		return nil, err
	}
	err = tenant.Act(ctx, s.DB, s.Roles, id, by, role.ManageTenant, func(tx *db.Tx, found *tenant.Tenant, g role.Grant) error {
		t = found
		return s.change(ctx, tx, by, t, g, change)
	})
	renaming.settle(err)
	if f, _ := fault.From(err); errors.Is(err, role.ErrEscalation) || errors.Is(err, tenant.ErrOwned) {
		refused := audit.Event{Kind: "tenant.change_refused", TenantID: id, Reason: f.Code}
		err = cmp.Or(tenant.Refuse(ctx, s.DB, &s.noted, by, refused), err)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (s *Service) change(ctx context.Context, tx *db.Tx, by tenant.Actor, t *tenant.Tenant, g role.Grant, change func(*tenant.Settings)) error {
	was := t.Settings()
	wanted, err := changed(t, change)
	if err != nil {
		return err
	}
	members := differing(was, wanted)
	if len(members) == 0 {
		return nil
	}
	if err := keepsIn(ctx, tx, by, wanted.Policy); err != nil {
		return err
	}
	if wanted.Policy.JoinRole != was.Policy.JoinRole {
		if err := s.checkJoinRole(ctx, tx, t.ID, wanted.Policy.JoinRole); err != nil {
			return err
		}
	}
	if wanted.Policy.JoinRole != was.Policy.JoinRole || !slices.Equal(wanted.Policy.EmailDomains, was.Policy.EmailDomains) {
		if err := s.mayLetJoin(ctx, tx, by, t, g, wanted.Policy.JoinRole); err != nil {
			return err
		}
	}
	if err := tenant.Change(ctx, tx, t, wanted); err != nil {
		return err
	}
	return tenant.Record(ctx, tx, by, audit.Event{Kind: "tenant.changed", TenantID: t.ID, Detail: map[string]string{"members": strings.Join(members, " "), "slug": t.Slug}})
}

// changed returns the settings of t as change and Settings.Check leave them.
func changed(t *tenant.Tenant, change func(*tenant.Settings)) (tenant.Settings, error) {
	wanted := t.Settings()
	wanted.Policy.EmailDomains = slices.Clone(wanted.Policy.EmailDomains)
	change(&wanted)
	return wanted.Check()
}

// keepsIn returns ErrLockOut where a policy would not let in the session that by acts in.
func keepsIn(ctx context.Context, tx *db.Tx, by tenant.Actor, p tenant.Policy) error {
	if by.SessionID() == uuid.Nil {
		return nil
	}
	s, err := session.Get(ctx, tx, by.SessionID())
	if err != nil || p.Admits(s.Methods, s.Level, tx.Now.Sub(s.AuthTime), s.Unused) {
		return err
	}
	field := "max_age"
	switch {
	case p.SecondFactor && s.Level < authn.AAL2:
		field = "second_factor"
	case p.Refuses(s.Methods):
		field = "methods"
	case p.Forgets(s.Unused):
		field = "max_idle"
	}
	return ErrLockOut.WithField(field, ErrLockOut.Code, ErrLockOut.Detail)
}

// renaming is what a change of a tenant's names was charged; each member is nil where it was not.
type renaming struct{ guess, slug *ratelimit.Taken }

// chargeRenaming charges a change for the names that it would find out and keep. Other changes, and whoever
// runs the service, pay nothing: nobody can use up what others need to change settings.
func (s *Service) chargeRenaming(ctx context.Context, by tenant.Actor, id tenant.ID, change func(*tenant.Settings)) (r renaming, err error) {
	if by.Staff() {
		return r, nil
	}
	t, err := tenant.Find(ctx, s.DB, id)
	if errors.Is(err, tenant.ErrNotFound) {
		return r, nil // Act says so
	}
	if err != nil {
		return r, err
	}
	wanted, err := changed(t, change)
	if err != nil || wanted.Name == t.Name && wanted.Slug == t.Slug {
		return r, nil //nolint:nilerr // what is wrong is said where rights are looked at first
	}
	if r.guess, err = s.Limiter.Take(ctx, ratelimit.Bucket{Limit: guesses, Key: by.AccountID().String()}); err != nil {
		return r, err
	}
	if wanted.Slug != t.Slug {
		if r.slug, err = s.Limiter.Take(ctx, ratelimit.Bucket{Limit: slugs, Key: id.String()}); err != nil {
			r.guess.Refund()
		}
	}
	return r, err
}

// settle gives back what was charged for nothing.
func (r renaming) settle(err error) {
	if r.guess != nil && !guessed(err) {
		r.guess.Refund()
	}
	if r.slug != nil && err != nil {
		r.slug.Refund()
	}
}

// checkJoinRole returns ErrJoinRole or role.ErrUnknown for what nobody can join as.
func (s *Service) checkJoinRole(ctx context.Context, tx *db.Tx, id tenant.ID, name string) error {
	if name == "" {
		return nil
	}
	if name == role.Owner {
		return ErrJoinRole.WithField("join_role", ErrJoinRole.Code, ErrJoinRole.Detail)
	}
	_, err := tenant.FindRole(ctx, tx, s.Roles, id, name)
	if errors.Is(err, role.ErrUnknown) {
		return role.ErrUnknown.WithField("join_role", role.ErrUnknown.Code, role.ErrUnknown.Detail)
	}
	return err
}

// mayLetJoin returns role.ErrEscalation unless by, who has g, may give the role that others join as, and
// what tenant.Entrust does. Whoever says who may join, by a domain or by the policy, gives it to them.
func (s *Service) mayLetJoin(ctx context.Context, tx *db.Tx, by tenant.Actor, t *tenant.Tenant, g role.Grant, joinRole string) error {
	if joinRole == "" {
		return nil
	}
	r, err := tenant.FindRole(ctx, tx, s.Roles, t.ID, joinRole)
	switch {
	case errors.Is(err, role.ErrUnknown):
		return nil // the role is gone, and nobody joins as it
	case err != nil:
		return err
	case !g.Gives(r):
		return role.ErrEscalation
	}
	return tenant.Entrust(ctx, tx, t, by, uuid.Nil, role.Grant{}, r.Permissions)
}

// differing lists the members of settings that are not the same, as the API names them.
func differing(a, b tenant.Settings) []string {
	var members []string
	p, q := a.Policy, b.Policy
	for _, m := range []struct {
		name    string
		differs bool
	}{
		{"name", a.Name != b.Name}, {"slug", a.Slug != b.Slug}, {"color", a.Color != b.Color}, {"radius", a.Radius != b.Radius}, {"font", a.Font != b.Font},
		{"policy.second_factor", p.SecondFactor != q.SecondFactor}, {"policy.max_age", p.MaxAge != q.MaxAge}, {"policy.max_idle", p.MaxIdle != q.MaxIdle},
		{"policy.refuse_methods", p.NoPassword != q.NoPassword || p.NoPasskey != q.NoPasskey || p.NoMail != q.NoMail},
		{"policy.email_domains", !slices.Equal(p.EmailDomains, q.EmailDomains)}, {"policy.join_role", p.JoinRole != q.JoinRole},
	} {
		if m.differs {
			members = append(members, m.name)
		}
	}
	return members
}

// SetActive suspends a tenant, or lets its members in again. It is for whoever runs the service; reason is
// theirs, for the audit. It returns tenant.ErrNotFound.
func (s *Service) SetActive(ctx context.Context, id tenant.ID, active bool, reason string) (t *tenant.Tenant, err error) {
	err = tenant.Act(ctx, s.DB, s.Roles, id, tenant.ByStaff(), "", func(tx *db.Tx, found *tenant.Tenant, _ role.Grant) error {
		if t = found; t.Active == active {
			return nil
		}
		if err := tenant.SetActive(ctx, tx, t, active); err != nil {
			return err
		}
		kind := "tenant.suspended"
		if active {
			kind = "tenant.resumed"
		}
		return audit.Record(ctx, tx, audit.Event{Kind: kind, TenantID: id, Reason: reason})
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Delete removes a tenant with its memberships, roles, domains and invitations for good, and tells all
// its members. typedSlug is its slug, typed by whoever means it; reason is what staff say why, for the
// audit. It returns what tenant.Act does, and ErrTyped.
func (s *Service) Delete(ctx context.Context, by tenant.Actor, id tenant.ID, typedSlug, reason string) error {
	return tenant.Act(ctx, s.DB, s.Roles, id, by, role.DeleteTenant, func(tx *db.Tx, t *tenant.Tenant, _ role.Grant) error {
		if typedSlug != t.Slug {
			return ErrTyped.WithField("slug", ErrTyped.Code, ErrTyped.Detail)
		}
		members, err := memberIDs(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := tenant.Delete(ctx, tx, id); err != nil {
			return err
		}
		for _, m := range members {
			if err := s.Letters.Write(ctx, tx, letter.TenantDeleted, m, letter.Content{Name: t.Name}); err != nil {
				return err
			}
		}
		return tenant.Record(ctx, tx, by, audit.Event{Kind: "tenant.deleted", TenantID: id, Reason: reason, Detail: map[string]string{"slug": t.Slug}})
	})
}
