package govern_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// world is staff of several ranks, a tenant with its owner, and a person who belongs to none.
type world struct {
	*domaintest.World
	t       *testing.T
	service *govern.Service
	client  *domaintest.Client

	acme                                             *tenant.Tenant
	owner, person                                    *account.Account
	byPerson, byOwner, byAuditor, byOperator, byRoot session.Bearer
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) { fn(t, newWorld(t, d)) })
}

func newWorld(t *testing.T, d *domaintest.World) *world {
	t.Helper()
	w := &world{World: d, t: t}
	often := func(name string) ratelimit.Limit { return ratelimit.Limit{Name: name, Burst: 100, Per: time.Hour} }
	tenants, err := tenancy.New(tenancy.Config{Create: tenancy.ByStaff, PerAccount: often("tenants"), Origin: domaintest.Origin, DomainsPage: domaintest.Origin + "/account/tenants/{tenant}/domains/"},
		tenancy.Deps{DB: d.DB.DB, Roles: d.Roles, Limiter: d.Limiter, Letters: d.Letters, Prover: found{}})
	w.must(err)
	invitations, err := invitation.New(invitation.Config{Lifetime: time.Hour, Link: domaintest.Origin + "/?token={token}", PerTenant: often("invitations"), PerMailbox: often("mails")},
		invitation.Deps{DB: d.DB.DB, Roles: d.Roles, Keys: d.Keys, Limiter: d.Limiter, Letters: d.Letters})
	w.must(err)
	schema, err := account.NewSchema([]account.Attribute{{Name: "cost_centre", Type: "string", ReadOnly: true}})
	w.must(err)
	w.service = govern.New(govern.Deps{DB: d.DB.DB, Roles: d.Roles, Tenancy: tenants, Invitations: invitations,
		Members: member.New(member.Deps{DB: d.DB.DB, Roles: d.Roles, Schema: schema, Limiter: d.Limiter, Letters: d.Letters})})
	w.client = d.Serve(govern.Routes(w.service), nil)
	w.owner, w.person = d.Account("owner@example.com", ""), d.Account("jo@example.com", "")
	w.acme = d.Tenant("acme", w.owner.ID)
	w.byPerson, w.byOwner = d.Session(w.person.ID), d.Session(w.owner.ID)
	w.byAuditor, w.byOperator, w.byRoot = w.staff("auditor", false), w.staff("operator", false), w.staff("", true)
	return w
}

// found is a prober to whom every domain is proven.
type found struct{}

func (found) Prove(context.Context, *tenant.Domain) tenancy.Proof {
	return tenancy.Proof{Record: tenancy.Found}
}

// invites makes an invitation to acme that waits.
func (w *world) invites(email string) string {
	w.t.Helper()
	i, err := w.service.Deps.Invitations.Send(w.t.Context(), tenant.By(w.owner.ID), w.acme.ID, email, "member", "en")
	w.must(err)
	return i.ID.String()
}

// claims gives acme a domain that it has not shown.
func (w *world) claims(domain string) {
	w.t.Helper()
	_, err := w.service.Tenancy.AddDomain(w.t.Context(), tenant.By(w.owner.ID), w.acme.ID, domain)
	w.must(err)
}

// staff returns the token of a member of staff.
func (w *world) staff(role string, super bool) session.Bearer {
	a := w.Account("staff-"+role+"@example.com", "")
	w.Exec("UPDATE account SET staff = TRUE, staff_role = $2, superuser = $3 WHERE id = $1", a.ID, role, super)
	return w.Session(a.ID)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) call(by session.Bearer, method, path, body string) domaintest.Answer {
	w.t.Helper()
	return w.client.Call(method, path, body, domaintest.Bearer(by))
}

// event is an audit event that a test looks at.
type event struct {
	kind, actor, reason string
	tenant              tenant.ID
}

// events returns what was written down since the last call with a kind that begins so, the oldest first.
func (w *world) events(kind string) (all []event) {
	w.t.Helper()
	err := w.DB.In(db.All()).Each(w.t.Context(), `SELECT kind, actor, reason, COALESCE(tenant_id, $2) FROM audit_event WHERE kind LIKE $1 ORDER BY at, id`, []any{kind + "%", tenant.ID{}}, func(scan func(...any) error) error {
		var e event
		err := scan(&e.kind, &e.actor, &e.reason, &e.tenant)
		all = append(all, e)
		return err
	})
	w.must(err)
	return all
}

// acting is the context of a member of staff, as the edge makes it.
func acting(ctx context.Context, name string) context.Context {
	return audit.NewContext(ctx, audit.Source{Actor: name})
}

// slugs returns the members slug of a list.
func slugs(a domaintest.Answer) (all []string) {
	list, _ := a.JSON["tenants"].([]any)
	for _, one := range list {
		slug, _ := one.(map[string]any)["slug"].(string)
		all = append(all, slug)
	}
	return slices.Clip(all)
}
