package team_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/flow/join"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
)

// base is where the organisation's pages lie.
const base = "/account/tenants/acme/"

// world is the pages of an organisation: its owner, an admin, a member, and somebody of another one.
type world struct {
	*domaintest.World
	*domaintest.Client
	t       *testing.T
	team    *team.Team
	members *member.Service
	acme    *tenant.Tenant
	proof   *prover

	owner, admin, member, stranger person
}

// person is an account with a page session.
type person struct {
	*account.Account
	in session.Bearer
}

// prover finds what it is told to.
type prover struct{ proof tenancy.Proof }

func (p *prover) Prove(context.Context, *tenant.Domain) tenancy.Proof { return p.proof }

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		w := &world{World: d, t: t, proof: &prover{}}
		w.team = w.build(tenancy.ByAnyone)
		w.Client = d.Serve(nil, team.Routes(w.team))
		w.owner, w.admin, w.member, w.stranger = w.person("owner"), w.person("admin"), w.person("member"), w.person("stranger")
		w.acme = d.Tenant("acme", w.owner.ID)
		d.Join(w.acme, w.admin.ID, role.Admin)
		d.Join(w.acme, w.member.ID, role.Member)
		d.Tenant("other", w.stranger.ID)
		fn(t, w)
	})
}

func (w *world) build(create string) *team.Team {
	limit := func(name string) ratelimit.Limit { return ratelimit.Limit{Name: name, Burst: 20, Per: time.Hour} }
	u := w.UI(team.Pages())
	tenants, err := tenancy.New(tenancy.Config{Create: create, PerAccount: limit("tenant.create"), Origin: domaintest.Origin, DomainsPage: domaintest.Origin + "/account/tenants/{tenant}/domains/"},
		tenancy.Deps{DB: w.DB.DB, Roles: w.Roles, Limiter: w.Limiter, Letters: w.Letters, Prover: w.proof})
	must(w.t, err)
	schema, err := account.NewSchema([]account.Attribute{{Name: "job_title", Type: "string", MaxLength: 20}, {Name: "level", Type: "number"}, {Name: "remote", Type: "boolean"},
		{Name: "shift", Type: "string", OneOf: []string{"day", "night"}}, {Name: "badge", Type: "string", Required: true}, {Name: "cost_centre", Type: "string", ReadOnly: true}})
	must(w.t, err)
	w.members = member.New(member.Deps{DB: w.DB.DB, Roles: w.Roles, Schema: schema, Limiter: w.Limiter, Letters: w.Letters})
	invitations, err := invitation.New(invitation.Config{Lifetime: 24 * time.Hour, Link: domaintest.Origin + "/account/invitation/?token={token}", PerTenant: limit("invitation.tenant"), PerMailbox: limit("mail.address")},
		invitation.Deps{DB: w.DB.DB, Roles: w.Roles, Keys: w.Keys, Limiter: w.Limiter, Letters: w.Letters})
	must(w.t, err)
	hasher, err := password.NewHasher(password.HasherConfig{})
	must(w.t, err)
	joins, err := join.New(join.Config{PerAddress: limit("mail.network"), PerLink: limit("invitation.link")}, join.Deps{DB: w.DB.DB, Invitations: invitations, Hasher: hasher, Limiter: w.Limiter, UI: u,
		Visitor: func(*http.Request) (*session.Visit, error) { return nil, session.ErrSignedOut }})
	must(w.t, err)
	return team.New(team.Deps{DB: w.DB.DB, UI: u, Tenancy: tenants, Members: w.members, Invitations: invitations, Join: joins,
		Nav: func(current string) []ui.Link {
			return []ui.Link{{Href: team.Path, Key: team.Title, Current: current == team.Path}}
		}})
}

// person makes somebody who is signed in.
func (w *world) person(name string) person {
	a := w.Account(name+"@example.com", "")
	p := person{a, w.Session(a.ID)}
	w.Exec("UPDATE session SET transport = 'page' WHERE id = $1", p.in.SessionID)
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// memberPath is where the page of a member lies.
func memberPath(p person) string { return base + "members/" + p.Subject + "/" }

// open shows a page to somebody, and complains of what every page owes.
func (w *world) open(p person, path string) dom {
	w.t.Helper()
	a := w.Page(path, domaintest.As(p.in))
	if a.Status != http.StatusOK {
		w.t.Fatalf("%s: answered %d to %s\n%s", path, a.Status, p.Email, a.Text)
	}
	d := w.whole(a)
	if len(d.all("h1")) != 1 {
		w.t.Errorf("%s: not one h1", path)
	}
	return d
}

// whole parses a page and complains where it shows the key of a text or breaks what pages owe.
func (w *world) whole(a domaintest.Answer) dom {
	w.t.Helper()
	d := parse(w.t, a)
	if text := d.main().text(); strings.Contains(text, "team.") || strings.Contains(text, "tenant ") {
		w.t.Errorf("it shows\n%s", text)
	}
	for _, complaint := range uitest.Complaints(a.Text) {
		w.t.Error(complaint)
	}
	return d
}

// send posts a form as somebody; pairs are names and values.
func (w *world) send(p person, path string, pairs ...string) domaintest.Answer {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return w.Submit(path, form, domaintest.As(p.in))
}

// did reports an answer that does not lead to path, or to a page that does not say what was done.
func (w *world) did(p person, a domaintest.Answer, path, said string) dom {
	w.t.Helper()
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), path+"?done=team.done.") {
		w.t.Fatalf("answered %d to %q\n%s", a.Status, a.Header.Get("Location"), a.Text)
	}
	d := w.open(p, a.Header.Get("Location"))
	if !strings.Contains(d.text(), said) {
		w.t.Errorf("it does not say %q:\n%s", said, d.text())
	}
	return d
}

// refused reports an answer of another status, or one that blames no field for it. It returns the page.
func (w *world) refused(a domaintest.Answer, status int, field, said string) dom {
	w.t.Helper()
	d := w.whole(a)
	if a.Status != status || field != "" && !strings.Contains(d.blames(field), said) || !strings.Contains(d.main().text(), said) {
		w.t.Errorf("answered %d, blames %s for %q\n%s", a.Status, field, d.blames(field), d.main().text())
	}
	return d
}

func (w *world) roleOf(p person) (name string) {
	w.t.Helper()
	w.Read(&name, "SELECT COALESCE((SELECT role FROM membership WHERE tenant_id = $1 AND account_id = $2), '')", w.acme.ID, p.ID)
	return name
}

// dom is a parsed page, without the places where its words may be divided.
type dom struct{ root *html.Node }

func parse(t *testing.T, a domaintest.Answer) dom {
	t.Helper()
	n, err := html.Parse(strings.NewReader(strings.ReplaceAll(a.Text, "<wbr>", "")))
	must(t, err)
	return dom{n}
}

// all returns every element with this tag.
func (d dom) all(tag string) (found []*html.Node) {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

// main is what the page itself shows, without what stands around it.
func (d dom) main() dom {
	if d.root.Data == "main" {
		return d
	}
	return dom{d.all("main")[0]}
}

// text is all that can be read.
func (d dom) text() string {
	var b strings.Builder
	for n := range d.root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// field returns the element of a form's member.
func (d dom) field(name string) *html.Node {
	for _, tag := range []string{"input", "select", "textarea"} {
		for _, n := range d.all(tag) {
			if attr(n, "name") == name {
				return n
			}
		}
	}
	return nil
}

// value is what a member of a form holds now.
func (d dom) value(name string) string {
	n := d.field(name)
	switch {
	case n == nil:
		return "none"
	case n.Data == "textarea":
		return dom{n}.text()
	case n.Data == "input" && attr(n, "type") != "radio":
		return attr(n, "value")
	}
	for _, o := range append(d.all("option"), d.all("input")...) {
		if (has(o, "selected") || has(o, "checked")) && (attr(o, "name") == name || o.Parent == n) {
			return attr(o, "value")
		}
	}
	return "unchosen"
}

// ticked returns the values of the boxes of a name that are ticked, and of all of them.
func (d dom) ticked(name string) (on, all []string) {
	for _, n := range d.all("input") {
		if attr(n, "name") != name {
			continue
		}
		if all = append(all, attr(n, "value")); has(n, "checked") {
			on = append(on, attr(n, "value"))
		}
	}
	return on, all
}

// options returns the values that a select or a group of radio buttons offers.
func (d dom) options(name string) (all []string) {
	for _, o := range append(d.all("option"), d.all("input")...) {
		if attr(o, "name") == name && attr(o, "type") == "radio" || o.Data == "option" && attr(o.Parent, "name") == name {
			all = append(all, attr(o, "value"))
		}
	}
	return all
}

// blames returns the text that is tied to a member of a form, or to a group of them, as its problem.
func (d dom) blames(name string) string {
	n := d.field(name)
	for _, group := range d.all("fieldset") {
		if attr(group, "id") == name {
			n = group
		}
	}
	if n == nil {
		return ""
	}
	for id := range strings.FieldsSeq(attr(n, "aria-describedby")) {
		for _, p := range d.all("div") {
			if attr(p, "id") == id && strings.HasSuffix(id, "-problem") {
				return dom{p}.text()
			}
		}
	}
	return ""
}

// actions returns where the forms of the page itself post to.
func (d dom) actions() (all []string) {
	for _, f := range d.main().all("form") {
		if attr(f, "method") == "post" {
			all = append(all, attr(f, "action"))
		}
	}
	return all
}

// links returns where the page leads, its navigation included.
func (d dom) links() (all []string) {
	for _, a := range d.all("a") {
		all = append(all, attr(a, "href"))
	}
	return all
}
