package invitation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

const lifetime = 7 * 24 * time.Hour

// world is the feature behind a real edge, with a tenant that has an owner and an admin.
type world struct {
	*domaintest.World
	*domaintest.Client
	*invitation.Service
	t            *testing.T
	acme         *tenant.Tenant
	owner, admin *account.Account
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		w := &world{World: d, t: t, owner: d.Account("owner@example.com", ""), admin: d.Account("admin@example.com", "")}
		w.acme = d.Tenant("acme", w.owner.ID)
		d.Join(w.acme, w.admin.ID, role.Admin)
		var err error
		w.Service, err = invitation.New(invitation.Config{
			Lifetime: lifetime, Link: domaintest.Origin + "/account/invitation/?token={token}",
			PerTenant:  ratelimit.Limit{Name: "invitation.tenant", Burst: 20, Per: time.Hour},
			PerMailbox: ratelimit.Limit{Name: "mail.address", Burst: 5, Per: time.Hour},
		}, invitation.Deps{DB: d.DB.DB, Roles: d.Roles, Keys: d.Keys, Limiter: d.Limiter, Letters: d.Letters})
		if err != nil {
			t.Fatal(err)
		}
		w.Client = d.Serve(invitation.Routes(w.Service), nil)
		fn(t, w)
	})
}

// invites sends an invitation to the tenant as the owner, and returns it with its token.
func (w *world) invites(email, as string) (*invitation.Invitation, string) {
	w.t.Helper()
	return w.invitesAs(tenant.By(w.owner.ID), email, as)
}

func (w *world) invitesAs(by tenant.Actor, email, as string) (*invitation.Invitation, string) {
	w.t.Helper()
	i, err := w.Send(w.t.Context(), by, w.acme.ID, email, as, "en")
	if err != nil {
		w.t.Fatal(err)
	}
	return i, domaintest.Token(w.mail())
}

// mail does what is due and returns the one mail that it sent.
func (w *world) mail() mail.Message {
	w.t.Helper()
	w.Drain()
	mails := w.Mails.Take()
	if len(mails) != 1 {
		w.t.Fatalf("%d mails", len(mails))
	}
	return mails[0]
}

// accepts redeems a token as an account, as flow/join does.
func (w *world) accepts(token string, a *account.Account) error {
	o, err := w.Find(context.Background(), token)
	if err != nil {
		return err
	}
	return w.takes(o, a)
}

func (w *world) takes(o *invitation.Open, a *account.Account) error {
	err := w.InTx(context.Background(), func(tx *db.Tx) error {
		now, err := account.Find(context.Background(), tx, a.ID)
		if err != nil {
			return err
		}
		return w.Accept(context.Background(), tx, o, now)
	})
	return w.Refuse(context.Background(), o, a.ID, err)
}

// role is that of a member; empty: they are none.
func (w *world) role(t *tenant.Tenant, a *account.Account) (as string) {
	w.t.Helper()
	w.Within(t.ID, func(tx *db.Tx) error {
		g, err := tenant.GrantOf(context.Background(), tx, w.Roles, t, a.ID)
		if errors.Is(err, tenant.ErrMemberNotFound) {
			return nil
		}
		as = g.Role
		return err
	})
	return as
}

// dead fails unless a token is good for nothing, not even to its owner.
func (w *world) dead(token string, a *account.Account) {
	w.t.Helper()
	if _, err := w.Find(w.t.Context(), token); !errors.Is(err, letter.ErrLink) {
		w.t.Errorf("found: %v", err)
	}
	if err := w.accepts(token, a); !errors.Is(err, letter.ErrLink) || w.role(w.acme, a) != "" {
		w.t.Errorf("accepted: %v, as %q", err, w.role(w.acme, a))
	}
}

func (w *world) change(t *tenant.Tenant, fn func(*tenant.Settings)) {
	w.t.Helper()
	w.Within(t.ID, func(tx *db.Tx) error {
		now, err := tenant.Lock(context.Background(), tx, t.ID)
		if err != nil {
			return err
		}
		s := now.Settings()
		fn(&s)
		return tenant.Change(context.Background(), tx, now, s)
	})
}

func (w *world) setActive(active bool) {
	w.t.Helper()
	w.Exec("UPDATE tenant SET active = $2 WHERE id = $1", w.acme.ID, active)
}

// ownRole makes a role of the tenant's own, or says what it holds from now on.
func (w *world) ownRole(name, permissions string) {
	w.t.Helper()
	w.Exec(`INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, $2, $3, 0)
		ON CONFLICT (tenant_id, name) DO UPDATE SET permissions = excluded.permissions`, w.acme.ID, name, permissions)
}

func (w *world) open() int {
	return w.Count("SELECT count(*) FROM invitation WHERE accepted_at IS NULL AND revoked_at IS NULL")
}

// about reports whether two times are the same but for what the test itself takes.
func about(a, b time.Time) bool { return a.Sub(b).Abs() < time.Minute }
