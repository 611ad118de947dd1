package invitation

import (
	"cmp"
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Waiting returns the invitations that an account could accept, by the name of the tenant, at most 100:
// those to its address, if it has shown to read that, and to tenants that it does not belong to.
func (s *Service) Waiting(ctx context.Context, a *account.Account) ([]Open, error) {
	if !a.EmailVerified {
		return nil, nil
	}
	email, err := account.ParseEmail(a.Email)
	if err != nil {
		return nil, err
	}
	return s.waiting(ctx, a.ID, email.Key, s.DB.Now())
}

// Find returns the invitation of a mailed token, without using it up, or letter.ErrLink: the token is none
// of ours, it was accepted, revoked or sent anew, it has expired or is void, or the tenant is suspended.
func (s *Service) Find(ctx context.Context, token string) (*Open, error) {
	id, ok := tenantOf(token)
	if !ok {
		return nil, letter.ErrLink
	}
	for _, hash := range s.tokens.Candidates(token) {
		o, err := s.findByHash(ctx, s.DB.In(db.Tenant(id)), id, hash, s.DB.Now())
		if err == nil && o.Void != "" {
			err = letter.ErrLink
		}
		if !errors.Is(err, letter.ErrLink) {
			return o, err
		}
	}
	return nil, letter.ErrLink
}

// Accept makes an account a member of the tenant that invites it, in a transaction in which the account
// was read or made; it ends within the tenant's scope. It returns letter.ErrLink, ErrForeign,
// tenant.ErrMember and tenant.ErrMemberships, and then the transaction must be rolled back and Refuse
// called.
func (s *Service) Accept(ctx context.Context, tx *db.Tx, o *Open, a *account.Account) error {
	tx.Enter(db.Tenant(o.Tenant.ID))
	t, err := tenant.Lock(ctx, tx, o.Tenant.ID)
	if errors.Is(err, tenant.ErrNotFound) {
		return letter.ErrLink
	}
	if err != nil {
		return err
	}
	now, err := s.findByHash(ctx, tx, t.ID, o.hash, tx.Now)
	if err != nil {
		return err
	}
	if err := now.admits(a); err != nil {
		return err
	}
	if err := use(ctx, tx, now); err != nil {
		return err
	}
	if err := tenant.Join(ctx, tx, t, a.ID, now.Role); err != nil {
		return err
	}
	detail := map[string]string{"invitation": now.ID.String(), "role": now.Role}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "invitation.accepted", AccountID: a.ID, TenantID: t.ID, Detail: detail}); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Event{Kind: "member.joined", AccountID: a.ID, TenantID: t.ID, Detail: map[string]string{"role": now.Role}})
}

// admits returns why an account may not accept: the invitation is void, or for somebody else.
func (o *Open) admits(a *account.Account) error {
	if o.Void != "" {
		return &refusal{letter.ErrLink, o.Void}
	}
	email, err := account.ParseEmail(a.Email)
	if err != nil {
		return err
	}
	switch {
	case !o.For(email.Key):
		return &refusal{ErrForeign, foreignAddress}
	case !a.EmailVerified || !a.Active:
		return &refusal{ErrForeign, unconfirmed}
	}
	return nil
}

// refusal is a failure whose true reason is for the audit.
type refusal struct {
	error
	reason string
}

// Unwrap returns what the caller is told.
func (r *refusal) Unwrap() error { return r.error }

// Refuse leaves the trace of an Accept that failed, where it matters and is the first of several, and returns why it did.
func (s *Service) Refuse(ctx context.Context, o *Open, accountID account.ID, why error) error {
	var r *refusal
	if !errors.As(why, &r) {
		return why
	}
	e := audit.Event{Kind: "invitation.refused", AccountID: accountID, TenantID: o.Tenant.ID, Reason: r.reason, Detail: map[string]string{"invitation": o.ID.String(), "role": o.Role}}
	return cmp.Or(s.noted.RecordAlone(ctx, s.DB, e), r.error)
}
