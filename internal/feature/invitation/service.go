package invitation

import (
	"cmp"
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/cursor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// wish is an invitation that shall be mailed.
type wish struct {
	email  account.Email
	role   string
	locale string
	renews uuid.UUID // the one that it must be; uuid.Nil: the open one of that address, or a new one
}

// Send invites an address to a tenant in a role; mails are written in the language of locale. Whoever is
// invited already gets another link, and the former one is worth nothing any more. It returns
// account.ErrEmail, role.ErrUnknown, role.ErrEscalation, tenant.ErrEmailDomain, tenant.ErrMember,
// ratelimit.ErrLimited,
// and what tenant.Act returns.
func (s *Service) Send(ctx context.Context, by tenant.Actor, id tenant.ID, email, as, locale string) (*Invitation, error) {
	to, err := account.ParseEmail(email)
	if err != nil {
		return nil, err
	}
	return s.send(ctx, by, id, wish{email: to, role: as, locale: locale})
}

// Resend mails another link for an invitation, also for one that has expired. Besides what Send returns:
// ErrNotFound.
func (s *Service) Resend(ctx context.Context, by tenant.Actor, id tenant.ID, invitation uuid.UUID) (*Invitation, error) {
	found, err := find(ctx, s.DB.In(db.Tenant(id)), id, invitation)
	if err != nil {
		return nil, err
	}
	return s.send(ctx, by, id, wish{email: account.Email{Typed: found.email, Key: found.key}, role: found.role, locale: found.locale, renews: invitation})
}

func (s *Service) send(ctx context.Context, by tenant.Actor, id tenant.ID, w wish) (out *Invitation, err error) {
	taken, err := s.Limiter.Take(ctx,
		ratelimit.Bucket{Limit: s.cfg.PerTenant, Key: id.String()},
		ratelimit.Bucket{Limit: s.cfg.PerMailbox, Key: w.email.Key})
	if err != nil {
		return nil, err
	}
	err = tenant.Act(ctx, s.DB, s.Roles, id, by, role.Invite, func(tx *db.Tx, t *tenant.Tenant, g role.Grant) (err error) {
		out, err = s.write(ctx, tx, by, t, g, w)
		return err
	})
	if err != nil {
		taken.Refund() // nothing will be mailed
		return nil, s.escalated(ctx, by, id, w.role, err)
	}
	return out, nil
}

// write makes an invitation of a wish, or renews the open one, and queues its mail. From then on it is
// the one of whoever asks: their rights count.
func (s *Service) write(ctx context.Context, tx *db.Tx, by tenant.Actor, t *tenant.Tenant, g role.Grant, w wish) (*Invitation, error) {
	if err := s.mayGive(ctx, tx, t, g, w.role); err != nil {
		return nil, err
	}
	if !t.Policy.AllowsEmail(w.email.Key) {
		return nil, tenant.ErrEmailDomain
	}
	if err := notMember(ctx, tx, t.ID, w.email.Key); err != nil {
		return nil, err
	}
	former, err := findByAddress(ctx, tx, t.ID, w.email.Key)
	if err != nil {
		return nil, err
	}
	if w.renews != uuid.Nil && (former == nil || former.id != w.renews) {
		return nil, ErrNotFound // revoked or accepted meanwhile
	}
	if former != nil && former.expires.After(tx.Now) {
		if err := s.mayTouch(ctx, tx, t, g, former.role); err != nil {
			return nil, err
		}
	}
	kind := "invitation.sent"
	if former != nil {
		kind = "invitation.resent"
	}
	token := newToken(t.ID)
	out, err := store(ctx, tx, t.ID, former, by.AccountID(), w, s.tokens.Sum(token), tx.Now.Add(s.cfg.Lifetime))
	if err != nil {
		return nil, err
	}
	event := audit.Event{Kind: kind, TenantID: t.ID, Detail: map[string]string{"invitation": out.ID.String(), "role": out.Role}}
	if err := tenant.Record(ctx, tx, by, event); err != nil {
		return nil, err
	}
	return out, s.Letters.WriteTo(ctx, tx, letter.Invitation, out.ID, out.Email, out.Locale,
		letter.Content{Link: letter.With(s.cfg.Link, token), Name: t.Name, Expires: out.ExpiresAt})
}

// mayGive returns role.ErrEscalation unless whoever has g may give a role away, and role.ErrUnknown.
func (s *Service) mayGive(ctx context.Context, tx *db.Tx, t *tenant.Tenant, g role.Grant, name string) error {
	r, err := tenant.FindRole(ctx, tx, s.Roles, t.ID, name)
	if err == nil && !g.Gives(r) {
		err = role.ErrEscalation
	}
	return err
}

// mayTouch is mayGive for an invitation that is there: one to a role that is gone anybody may replace.
func (s *Service) mayTouch(ctx context.Context, tx *db.Tx, t *tenant.Tenant, g role.Grant, name string) error {
	if err := s.mayGive(ctx, tx, t, g, name); !errors.Is(err, role.ErrUnknown) {
		return err
	}
	return nil
}

// escalated leaves the trace of a refusal that matters, and returns why.
func (s *Service) escalated(ctx context.Context, by tenant.Actor, id tenant.ID, name string, why error) error {
	if !errors.Is(why, role.ErrEscalation) {
		return why
	}
	e := audit.Event{Kind: "invitation.refused", TenantID: id, Reason: role.ErrEscalation.Code, Detail: map[string]string{"role": name}}
	return cmp.Or(tenant.Refuse(ctx, s.DB, &s.noted, by, e), why)
}

// Revoke makes an invitation's links worthless. It returns ErrNotFound, role.ErrEscalation for one to a
// role that by could not give, and what tenant.Act returns.
func (s *Service) Revoke(ctx context.Context, by tenant.Actor, id tenant.ID, invitation uuid.UUID) error {
	var name string
	err := tenant.Act(ctx, s.DB, s.Roles, id, by, role.Invite, func(tx *db.Tx, t *tenant.Tenant, g role.Grant) error {
		found, err := find(ctx, tx, t.ID, invitation)
		if err != nil {
			return err
		}
		name = found.role
		if err := s.mayTouch(ctx, tx, t, g, name); err != nil {
			return err
		}
		if err := revoke(ctx, tx, t.ID, invitation); err != nil {
			return err
		}
		return tenant.Record(ctx, tx, by, audit.Event{Kind: "invitation.revoked", TenantID: t.ID, Detail: map[string]string{"invitation": invitation.String(), "role": name}})
	})
	return s.escalated(ctx, by, id, name, err)
}

// List returns at most limit invitations of a tenant that were neither accepted nor revoked, by address,
// and what asks for those that follow, as after; empty at the end. It returns web.ErrQuery for an
// after that it did not give.
func (s *Service) List(ctx context.Context, id tenant.ID, after string, limit int) (page []Invitation, next string, err error) {
	question := cursor.Of("invitations", id.String())
	from, err := question.Read(after)
	if err != nil {
		return nil, "", err
	}
	key := ""
	if from != nil {
		key = from.Key
	}
	limit = min(max(limit, 1), web.MaxPage)
	found, err := s.list(ctx, id, key, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		next = question.Write(cursor.Place{ID: last.ID, At: last.CreatedAt, Key: last.key})
	}
	for _, o := range found {
		page = append(page, o.Invitation)
	}
	return page, next, nil
}

// Sweep removes at most limit invitations that expired a while ago, see Kept, and returns how many it
// removed.
func Sweep(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.In(db.All()).InTx(ctx, func(tx *db.Tx) error {
		n, err = sweep(ctx, tx, tx.Now.Add(-Kept), limit)
		return err
	})
	return n, err
}
