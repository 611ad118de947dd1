package member_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// person is an account that is signed in.
type person struct {
	*account.Account
	session session.Bearer
}

// world is the feature behind a real edge, with two tenants: acme, and globex, which has people of the
// same roles.
type world struct {
	*domaintest.World
	*domaintest.Client
	t            *testing.T
	members      *member.Service
	acme, globex *tenant.Tenant
	people       map[string]person // of acme: owner, admin, editor, member; of globex: the same with g-; outsider
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) { fn(t, newWorld(t, d)) })
}

func newWorld(t *testing.T, d *domaintest.World) *world {
	t.Helper()
	w := &world{World: d, t: t, people: map[string]person{}}
	w.members = member.New(member.Deps{DB: d.DB.DB, Roles: d.Roles, Schema: schema(t, declared...), Limiter: d.Limiter, Letters: d.Letters})
	w.Client = d.Serve(member.Routes(w.members), nil)
	w.person("outsider")
	for prefix, at := range map[string]**tenant.Tenant{"": &w.acme, "g-": &w.globex} {
		slug := map[string]string{"": "acme", "g-": "globex"}[prefix]
		*at = d.Tenant(slug, w.person(prefix+"owner").ID)
		for _, role := range []string{"admin", "editor", "member"} {
			d.Join(*at, w.person(prefix+role).ID, role)
		}
	}
	return w
}

// person makes an account that is called name@example.com and signs it in.
func (w *world) person(name string) person {
	w.t.Helper()
	p := person{Account: w.Account(name+"@example.com", "")}
	p.session = w.Session(p.ID)
	w.people[name] = p
	return p
}

// by is one of the people as they act; "" is nobody.
func (w *world) by(name string) tenant.Actor {
	if name == "" {
		return tenant.Actor{}
	}
	return tenant.By(w.people[name].ID)
}

// subject is one of the people as paths name them.
func (w *world) subject(name string) string { return w.people[name].Subject }

// as sends the token that one of the people has for a tenant.
func (w *world) as(name string, t *tenant.Tenant) domaintest.Option {
	return domaintest.BearerIn(w.people[name].session, t.ID)
}

// role returns what one of the people is in a tenant, "" for no member.
func (w *world) role(name string, t *tenant.Tenant) string {
	w.t.Helper()
	m, err := w.members.Get(w.t.Context(), t.ID, w.subject(name))
	if errors.Is(err, tenant.ErrMemberNotFound) {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return m.Role
}

// give gives one of the people of acme a role and permissions, whoever may do so.
func (w *world) give(name, role string, direct ...string) {
	w.t.Helper()
	if _, err := w.members.Set(w.t.Context(), tenant.ByStaff(), w.acme.ID, w.subject(name), member.Change{Role: &role, Direct: &direct}); err != nil {
		w.t.Fatal(err)
	}
}

// ownRole makes a role of acme's own.
func (w *world) ownRole(name string, permissions ...string) {
	w.t.Helper()
	if _, err := w.members.CreateRole(w.t.Context(), tenant.ByStaff(), w.acme.ID, name, permissions); err != nil {
		w.t.Fatal(err)
	}
}

// owners counts those of a tenant.
func (w *world) owners(t *tenant.Tenant) int {
	w.t.Helper()
	return w.Count(`SELECT count(*) FROM membership WHERE tenant_id = $1 AND role = 'owner'`, t.ID)
}

// snapshot is all that a refused call must not change.
func (w *world) snapshot() string {
	w.t.Helper()
	var all string
	for _, query := range []string{
		`SELECT a.email || ' ' || m.role || ' ' || m.permissions || ' ' || m.attributes || ' ' || t.slug FROM membership m JOIN account a ON a.id = m.account_id JOIN tenant t ON t.id = m.tenant_id ORDER BY 1`,
		`SELECT t.slug || ' ' || r.name || ' ' || r.permissions FROM tenant_role r JOIN tenant t ON t.id = r.tenant_id ORDER BY 1`,
	} {
		err := w.World.In(db.All()).Each(context.Background(), query, nil, func(scan func(...any) error) error {
			var line string
			err := scan(&line)
			all += line + "\n"
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

func refused(t *testing.T, what string, a domaintest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Errorf("%s: answered %d %s %s, want %d %s", what, a.Status, a.Code, a.Text, status, code)
	}
}

// mailed returns the subjects of mails that are due, by recipient.
func (w *world) mailed() map[string][]string {
	w.t.Helper()
	w.Drain()
	all := map[string][]string{}
	for _, m := range w.Mails.Take() {
		all[m.To] = append(all[m.To], m.Subject)
	}
	return all
}

// says is the subject of a kind of letter.
func (w *world) says(kind string) string {
	w.t.Helper()
	subject, _, _, err := w.Letters.Preview(kind, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return subject
}

func (w *world) patch(name string, t *tenant.Tenant, whom, body string) domaintest.Answer {
	return w.Call(http.MethodPatch, "/tenants/"+t.Slug+"/members/"+w.subject(whom)+"/", body, w.as(name, t))
}

// code is that of an error, "" for none.
func code(err error) string {
	if f, ok := fault.From(err); ok {
		return f.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
