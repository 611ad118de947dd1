package join_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/flow/join"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

const (
	lifetime = 7 * 24 * time.Hour
	pass     = "warm woollen mittens"
)

// world is the flow behind a real edge, with a tenant that invites.
type world struct {
	*domaintest.World
	*domaintest.Client
	t           *testing.T
	hasher      *password.Hasher
	invitations *invitation.Service
	flow        *join.Service
	acme        *tenant.Tenant
	owner       *account.Account
}

// setup is what a test changes about it.
type setup struct {
	join.Config
	attributes []account.Attribute
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	eachWith(t, func(*setup) {}, fn)
}

func eachWith(t *testing.T, set func(*setup), fn func(t *testing.T, w *world)) {
	t.Helper()
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		in := setup{Config: join.Config{
			PerAddress: ratelimit.Limit{Name: "link.network", Burst: 5, Per: time.Hour},
			PerLink:    ratelimit.Limit{Name: "join.link", Burst: 3, Per: time.Hour},
		}}
		set(&in)
		w := &world{World: d, t: t, owner: d.Account("owner@example.com", "")}
		w.acme = d.Tenant("acme", w.owner.ID)
		w.build(in)
		fn(t, w)
	})
}

func (w *world) build(in setup) {
	w.t.Helper()
	var err error
	must := func() {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.invitations, err = invitation.New(invitation.Config{Lifetime: lifetime, Link: domaintest.Origin + "/account/invitation/?token={token}",
		PerTenant: ratelimit.Limit{Name: "invitation.tenant", Burst: 100, Per: time.Hour}, PerMailbox: ratelimit.Limit{Name: "mail.address", Burst: 100, Per: time.Hour},
	}, invitation.Deps{DB: w.DB.DB, Roles: w.Roles, Keys: w.Keys, Limiter: w.Limiter, Letters: w.Letters})
	must()
	w.hasher, err = password.NewHasher(password.HasherConfig{Queue: 1000, Wait: time.Minute})
	must()
	schema, err := account.NewSchema(in.attributes)
	must()
	w.flow, err = join.New(in.Config, join.Deps{DB: w.DB.DB, Invitations: w.invitations, Hasher: w.hasher, Schema: schema, Attributes: in.attributes,
		Limiter: w.Limiter, UI: w.UI(join.Pages()), Visitor: w.visitor})
	must()
	w.Client = w.Serve(join.Routes(w.flow), join.PageRoutes(w.flow))
}

// visitor is what flow/signin's OwnVisit is, but for the cookie.
func (w *world) visitor(r *http.Request) (*session.Visit, error) {
	id, err := uuid.Parse(r.Header.Get("Test-Visit"))
	if err != nil {
		return nil, session.ErrSignedOut
	}
	v := &session.Visit{SessionID: id, Account: &account.Account{}}
	dest, done := v.Account.Dest()
	if err := w.Row(r.Context(), "SELECT "+account.Columns+" FROM session s JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id WHERE s.id = $1", []any{id}, dest...); err != nil {
		return nil, err
	}
	return v, done()
}

// invites returns the token that is mailed to an address.
func (w *world) invites(email, as string) string {
	w.t.Helper()
	if _, err := w.invitations.Send(w.t.Context(), tenant.By(w.owner.ID), w.acme.ID, email, as, "en"); err != nil {
		w.t.Fatal(err)
	}
	w.Drain()
	mails := w.Mails.Take()
	if len(mails) != 1 || mails[0].To != email {
		w.t.Fatalf("%d mails", len(mails))
	}
	return domaintest.Token(mails[0])
}

// role is that of a member, by address; empty: they are none.
func (w *world) role(email string) (as string) {
	w.t.Helper()
	w.Read(&as, "SELECT COALESCE((SELECT m.role FROM membership m JOIN account a ON a.id = m.account_id WHERE m.tenant_id = $1 AND a.email_key = $2), '')", w.acme.ID, email)
	return as
}

// opens reports whether a password is that of the account.
func (w *world) opens(email, pass string) bool {
	w.t.Helper()
	var hash string
	w.Read(&hash, "SELECT c.hash FROM password_credential c JOIN account a ON a.id = c.account_id WHERE a.email_key = $1", email)
	r, err := w.hasher.Verify(w.t.Context(), hash, pass)
	if err != nil {
		w.t.Fatal(err)
	}
	return r.OK
}

func (w *world) accounts() int { return w.Count("SELECT count(*) FROM account") }

func (w *world) unused() int {
	return w.Count("SELECT count(*) FROM invitation WHERE accepted_at IS NULL AND revoked_at IS NULL")
}

func refused(t *testing.T, a domaintest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("answered %d %s, want %d %s", a.Status, a.Code, status, code)
	}
}
