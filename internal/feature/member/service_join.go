package member

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Belongs returns the membership that an account has of the tenant that name means, by slug or id, whether
// or not it is let in there. It returns tenant.ErrNotMember.
func (s *Service) Belongs(ctx context.Context, accountID account.ID, name string) (*tenant.Membership, error) {
	return tenant.Belong(ctx, s.DB, s.Deps.Roles, accountID, name)
}

// MayLeave returns tenant.ErrLastOwner to the one owner of a tenant, whom Leave would refuse.
func (s *Service) MayLeave(ctx context.Context, m *tenant.Membership) error {
	if m.Grant.Role != role.Owner {
		return nil
	}
	others, err := tenant.OwnedBesides(ctx, s.DB, m.Tenant.ID, m.AccountID)
	if err == nil && !others {
		err = tenant.ErrLastOwner
	}
	return err
}

// Leave ends the membership of an account in a tenant, by its own wish, whatever the tenant asks of whoever
// comes in, and while it is suspended too. It returns tenant.ErrLastOwner, and tenant.ErrNotMember also for
// a tenant that is not there.
func (s *Service) Leave(ctx context.Context, accountID account.ID, id tenant.ID) error {
	by := tenant.By(accountID)
	err := s.DB.In(db.Tenant(id)).InTx(ctx, func(tx *db.Tx) error {
		t, err := tenant.Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		return leave(ctx, tx, t, accountID)
	})
	if errors.Is(err, tenant.ErrNotFound) || errors.Is(err, tenant.ErrMemberNotFound) {
		return tenant.ErrNotMember
	}
	return s.refused(ctx, by, audit.Event{Kind: "member.change_refused", AccountID: accountID, TenantID: id}, err)
}

func leave(ctx context.Context, tx *db.Tx, t *tenant.Tenant, accountID account.ID) error {
	if err := tenant.Remove(ctx, tx, t, accountID); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Event{Kind: "member.left", AccountID: accountID, TenantID: t.ID})
}

// Add makes an account a member without asking it, which is for staff and the command line alone. It
// returns tenant.ErrPermission to others, account.ErrNotFound, tenant.ErrMember, tenant.ErrEmailDomain,
// role.ErrUnknown, ErrInactive where it would be an owner, and what tenant.Entrust does.
func (s *Service) Add(ctx context.Context, by tenant.Actor, id tenant.ID, subject, as string) (*Member, error) {
	if !by.Staff() {
		return nil, tenant.ErrPermission
	}
	if !isText(subject) {
		return nil, account.ErrNotFound
	}
	var added *Member
	refused := audit.Event{Kind: "member.change_refused", TenantID: id}
	err := tenant.Act(ctx, s.DB, s.Deps.Roles, id, by, "", func(tx *db.Tx, t *tenant.Tenant, _ role.Grant) error {
		a, err := account.FindBySubject(ctx, tx, subject)
		if err != nil {
			return err
		}
		r, err := tenant.FindRole(ctx, tx, s.Deps.Roles, t.ID, as)
		if err != nil {
			return err
		}
		if r.Name == role.Owner && !a.Active {
			return ErrInactive
		}
		refused.AccountID = a.ID
		if err := tenant.Entrust(ctx, tx, t, by, a.ID, role.Grant{}, r.Permissions); err != nil {
			return err
		}
		if err := join(ctx, tx, t, a, r.Name, "staff"); err != nil {
			return err
		}
		added, err = find(ctx, tx, s.Deps, t.ID, subject)
		return err
	})
	return added, s.refused(ctx, by, refused, err)
}

// Joinable returns the tenants that an account may join without being invited: the one that has shown
// that the domain of its verified address is its own, where that tenant's policy lets such people in and
// they are no members yet.
func (s *Service) Joinable(ctx context.Context, a *account.Account) ([]tenant.Tenant, error) {
	t, err := s.openTo(ctx, a)
	if errors.Is(err, tenant.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	switch _, err := find(ctx, s.DB.In(db.Tenant(t.ID)), s.Deps, t.ID, a.Subject); {
	case err == nil:
		return nil, nil
	case !errors.Is(err, tenant.ErrMemberNotFound):
		return nil, err
	}
	return []tenant.Tenant{*t}, nil
}

// openTo returns the tenant that an account's verified address lets it join, or lets it belong to already,
// or tenant.ErrNotFound. It locks nothing.
func (s *Service) openTo(ctx context.Context, a *account.Account) (*tenant.Tenant, error) {
	email, err := account.ParseEmail(a.Email)
	if err != nil || !a.EmailVerified {
		return nil, tenant.ErrNotFound // nobody's domain
	}
	t, err := tenant.ByDomain(ctx, s.DB, tenant.DomainOf(email.Key))
	if err == nil && !t.Policy.Joins(email.Key) {
		err = tenant.ErrNotFound
	}
	return t, err
}

// Join makes an account a member of the tenant that name means, by slug or id, as its policy says of
// people with an address of one of its verified domains. What is asked first is what the account's own
// domain opens: it locks no tenant, and takes as long whether or not there is one that name means. All of it
// is read again with the tenant locked. It returns tenant.ErrNotMember wherever they may not, also where there
// is no such tenant, tenant.ErrMember, and ratelimit.ErrLimited.
func (s *Service) Join(ctx context.Context, accountID account.ID, name string) (*tenant.Tenant, error) {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: joins, Key: accountID.String()})
	if err != nil {
		return nil, err
	}
	joined, err := s.joinNamed(ctx, accountID, name)
	if errors.Is(err, tenant.ErrNotFound) || errors.Is(err, account.ErrNotFound) {
		err = tenant.ErrNotMember
	}
	if err != nil {
		return nil, err
	}
	taken.Refund()
	return joined, nil
}

func (s *Service) joinNamed(ctx context.Context, accountID account.ID, name string) (joined *tenant.Tenant, err error) {
	var a *account.Account
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		a, err = account.Find(ctx, tx, accountID)
		return err
	})
	if err != nil {
		return nil, err
	}
	found, err := s.openTo(ctx, a)
	if err != nil {
		return nil, err
	}
	if name != found.Slug && name != found.ID.String() {
		return nil, tenant.ErrNotMember
	}
	err = s.DB.In(db.Tenant(found.ID)).InTx(ctx, func(tx *db.Tx) error {
		t, err := tenant.Lock(ctx, tx, found.ID)
		if err != nil {
			return err
		}
		joined = t
		a, err := account.Find(ctx, tx, accountID)
		if err != nil {
			return err
		}
		return s.joinByDomain(ctx, tx, t, a)
	})
	return joined, err
}

func (s *Service) joinByDomain(ctx context.Context, tx *db.Tx, t *tenant.Tenant, a *account.Account) error {
	email, err := account.ParseEmail(a.Email)
	if err != nil || !t.Active || !a.Active || !a.EmailVerified || !t.Policy.Joins(email.Key) {
		return tenant.ErrNotMember
	}
	d, err := tenant.FindDomain(ctx, tx, t.ID, tenant.DomainOf(email.Key))
	if errors.Is(err, tenant.ErrDomainNotFound) || err == nil && !d.Verified() {
		return tenant.ErrNotMember
	}
	if err != nil {
		return err
	}
	r, err := tenant.FindRole(ctx, tx, s.Deps.Roles, t.ID, t.Policy.JoinRole)
	if errors.Is(err, role.ErrUnknown) || r.Name == role.Owner {
		return tenant.ErrNotMember
	}
	if err != nil {
		return err
	}
	return join(ctx, tx, t, a, r.Name, "domain")
}

// join makes an account a member of a locked tenant and writes down by which way. It returns
// tenant.ErrEmailDomain, tenant.ErrMember, tenant.ErrMemberships, and account.ErrNotFound where the account
// was erased meanwhile.
func join(ctx context.Context, tx *db.Tx, t *tenant.Tenant, a *account.Account, as, through string) error {
	if !admits(t.Policy, a) {
		return tenant.ErrEmailDomain
	}
	err := tenant.Join(ctx, tx, t, a.ID, as)
	if tx.Orphan(err) {
		return account.ErrNotFound
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Event{Kind: "member.joined", AccountID: a.ID, TenantID: t.ID, Detail: map[string]string{"role": as, "through": through}})
}

// admits reports whether the policy takes an account's address: one that is not verified is no address.
func admits(p tenant.Policy, a *account.Account) bool {
	email, err := account.ParseEmail(a.Email)
	return len(p.EmailDomains) == 0 || err == nil && a.EmailVerified && p.AllowsEmail(email.Key)
}
