package isolation

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// route is one of the golden file.
type route struct{ path, method, access, permission string }

// routes reads the golden file, so that no route is forgotten here.
func routes(t *testing.T) []route {
	t.Helper()
	golden, err := os.ReadFile("../../testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	var all []route
	for line := range strings.Lines(string(golden)) {
		f := strings.Fields(line)
		r := route{path: f[0], method: f[1], access: f[2]}
		if len(f) > 3 && strings.Contains(f[3], ".") {
			r.permission = f[3]
		}
		all = append(all, r)
	}
	return all
}

// ofTenants are the routes whose paths name a tenant.
func ofTenants(t *testing.T) (all []route) {
	t.Helper()
	for _, r := range routes(t) {
		if strings.Contains(r.path, "{tenant}") {
			all = append(all, r)
		}
	}
	if len(all) < 60 {
		t.Fatalf("only %d routes name a tenant: the walk is broken", len(all))
	}
	return all
}

func (r route) isPage() bool {
	return strings.HasPrefix(r.path, "/account/") || strings.HasPrefix(r.path, "/console/")
}

// things are what paths name besides a tenant.
type things struct{ account, role, domain, invitation string }

// at returns the path of r for a tenant and things.
func (r route) at(tenant string, th things) string {
	return strings.NewReplacer("{tenant}", tenant, "{account}", th.account, "{role}", th.role, "{domain}", th.domain, "{invitation}", th.invitation, "{id}", th.invitation).Replace(r.path)
}

// body is what r takes, about things.
func (r route) body(th things) (api map[string]any, form url.Values) {
	switch r.method + " " + strings.TrimPrefix(strings.TrimPrefix(r.path, "/admin"), "/tenants/{tenant}/") {
	case "PATCH ":
		api = map[string]any{"color": "#123456"}
	case "DELETE ":
		api = map[string]any{"slug": "alpha"}
	case "POST domains/":
		api = map[string]any{"domain": th.domain}
	case "POST invitations/":
		api = map[string]any{"email": "somebody@example.com", "role": "member"}
	case "PATCH members/{account}/":
		api = map[string]any{"role": "member", "attributes": map[string]any{"job_title": "Clerk"}}
	case "PATCH me/":
		api = map[string]any{"attributes": map[string]any{"job_title": "Clerk"}}
	case "POST members/":
		api = map[string]any{"account": th.account, "role": "member"}
	case "POST transfer/":
		api = map[string]any{"account": th.account}
	case "POST roles/":
		api = map[string]any{"name": "another", "permissions": []string{"notes.read"}}
	case "PATCH roles/{role}/":
		api = map[string]any{"permissions": []string{"notes.read"}}
	case "POST suspend/", "POST resume/":
		api = map[string]any{"reason": "a reason of some length"}
	}
	form = url.Values{"typed": {"what was asked for"}, "domain": {th.domain}, "email": {"somebody@example.com"}, "role": {"member"}, "name": {"another"}, "slug": {"another"}, "permission[]": {"notes.read"}, "reason": {"a reason of some length"}, "account": {th.account}, "attributes.job_title": {"Clerk"}}
	return api, form
}

// as sends r.
func (w *world) as(r route, tenant string, th things, options ...option) answer {
	w.t.Helper()
	api, form := r.body(th)
	if r.isPage() {
		if r.method == http.MethodGet {
			form = nil
		}
		return w.page(r.method, r.at(tenant, th), form, options...)
	}
	var body any
	if api != nil {
		body = api
	}
	return w.call(r.method, r.at(tenant, th), body, options...)
}

var requestID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// told is what an answer says, but for the request's id and the names in its path, in any spelling.
func (a answer) told(names ...string) string {
	text := a.header.Get("Location") + "\n" + a.text
	for _, name := range names {
		text = strings.ReplaceAll(text, name, "*")
	}
	return requestID.ReplaceAllString(text, "*")
}

// difference shows where two texts part.
func difference(a, b string) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	from := max(0, at-60)
	return fmt.Sprintf("%.200q, %.200q", a[from:], b[from:])
}

// place is a world with two organisations, and everybody who has no business in the first.
type place struct {
	*world
	alpha, beta *organisation
	here, there things
	stage       *stage
}

func newPlace(w *world) *place {
	w.t.Helper()
	p := &place{world: w, alpha: w.organise("alpha"), beta: w.organise("beta")}
	token := w.enter(p.beta.owner, "beta")
	w.must("", http.MethodPost, "/tenants/beta/roles/", map[string]any{"name": "beta-only", "permissions": []string{"notes.read"}}, token)
	p.here = things{p.alpha.editor.ID, "editor", shared, p.alpha.invitation}
	p.there = things{p.beta.editor.ID, "beta-only", "beta.example.com", p.beta.invitation}
	p.stage = newStage(w.t, w.url)
	return p
}

// unchanged expects that fn changes no row of either organisation. Events, which refusals leave, aside.
func (p *place) unchanged(what string, fn func()) {
	p.t.Helper()
	before := p.stage.rows()
	fn()
	for id, rows := range p.stage.rows() {
		if rows != before[id] {
			p.t.Errorf("%s changed rows of %s", what, id)
		}
	}
}

// nowhere are names of tenants that are not there.
func nowhere() []string { return []string{"nowhere", uuid.Must(uuid.NewV7()).String()} }

// caller is somebody who may not come in, and how they are refused.
type caller struct {
	name, code string
	status     int
	with       option
	tenants    []string // whose names they use
}

// Whoever does not belong to a tenant is told the same of it as of one that is not there, by every route
// and at once; who belongs to it and lacks the permission is told so.
func TestEveryRouteOfATenantRefusesWhoHasNoBusinessThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := newPlace(w)
		names := []string{"alpha", p.alpha.id.String()}
		removed, bare := w.person("removed@example.com"), w.person("bare@example.com")
		w.must("", http.MethodPost, "/tenants/alpha/roles/", map[string]any{"name": "bare", "permissions": []string{}}, w.enter(p.alpha.owner, "alpha"))
		for who, as := range map[gatehousetest.Account]string{removed: "owner", bare: "bare"} {
			if _, err := w.Gatehouse().AddMember(t.Context(), "alpha", who.ID, as); err != nil {
				t.Fatal(err)
			}
		}
		live, visit := w.enter(removed, "alpha"), w.visit(removed)
		if a := w.must("", http.MethodGet, "/tenants/alpha/", nil, live); a.member("slug") != "alpha" {
			t.Fatal("the member who is to be removed is none")
		}
		if err := w.Gatehouse().RemoveMember(t.Context(), "alpha", removed.ID); err != nil {
			t.Fatal(err)
		}
		const foreign, few = "tenant_required", "permission_required"
		api := []caller{
			{"nobody", "token_missing", 401, func(*http.Request) {}, names},
			{"another tenant's owner", foreign, 403, bearer(w.enter(p.beta.owner, "beta")), names},
			{"an owner without a tenant", foreign, 403, bearer(w.signIn(p.alpha.owner)), names},
			{"a former owner", foreign, 403, bearer(live), names},
			{"an owner's page cookie", "token_missing", 401, cookie(w.visit(p.alpha.owner)), names},
			{"a member without permissions", few, 403, bearer(w.enter(bare, "alpha")), names},
			{"an owner, elsewhere", foreign, 403, bearer(w.enter(p.alpha.owner, "alpha")), []string{"beta", p.beta.id.String()}},
		}
		pages := []caller{
			{"nobody", "", 303, func(*http.Request) {}, names},
			{"another tenant's owner", "", 403, cookie(w.visit(p.beta.owner)), names},
			{"a former owner", "", 403, cookie(visit), names},
			{"an owner's token", "", 303, bearer(w.enter(p.alpha.owner, "alpha")), names},
			{"a member without permissions", few, 403, cookie(w.visit(bare)), names},
			{"an owner, elsewhere", "", 403, cookie(w.visit(p.alpha.owner)), []string{"beta", p.beta.id.String()}},
		}
		p.unchanged("whoever has no business there", func() {
			for _, r := range ofTenants(t) {
				switch r.access {
				case "member-token":
					p.refused(r, api)
				case "member":
					p.refused(r, pages)
				}
			}
		})
		if _, err := w.Gatehouse().SuspendTenant(t.Context(), "alpha", "a reason of some length"); err != nil {
			t.Fatal(err)
		}
		p.unchanged("members of a suspended tenant", func() {
			for _, r := range ofTenants(t) {
				switch r.access {
				case "member-token":
					p.refused(r, []caller{{"an owner of a suspended tenant", foreign, 403, api[6].with, names}})
				case "member":
					p.refused(r, []caller{{"an owner of a suspended tenant", "", 403, pages[5].with, names}})
				}
			}
		})
	})
}

// refused tries a route as callers, who are told the same where there is no tenant.
func (p *place) refused(r route, callers []caller) {
	p.t.Helper()
	for _, c := range callers {
		few := c.code == "permission_required"
		if few && r.permission == "tenant.enter" {
			continue // every member may
		}
		status := c.status
		if status == http.StatusSeeOther && r.method == http.MethodPost {
			status = http.StatusUnauthorized // a form is kept for when its sender has signed in
		}
		var expected string
		for _, name := range append(nowhere(), c.tenants...) {
			a := p.as(r, name, p.here, c.with)
			said := a.told(name)
			missing := name != c.tenants[0] && name != c.tenants[1]
			if few && missing { // they are no member there
				continue
			}
			if a.status != status || !r.isPage() && a.code() != c.code {
				p.t.Errorf("%s %s as %s answered %d %q, want %d %q", r.method, r.at(name, p.here), c.name, a.status, a.code(), status, c.code)
			}
			if expected == "" {
				expected = said
			}
			if said != expected {
				p.t.Errorf("%s %s as %s tells whether there is such a tenant: %s", r.method, r.at(name, p.here), c.name, difference(said, expected))
			}
		}
	}
}

// Routes that name a tenant and are not for its members alone tell nobody who is none whether it is there.
func TestNoRouteTellsStrangersWhichTenantsThereAre(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := newPlace(w)
		token, visit := w.signIn(p.beta.owner), w.visit(p.beta.owner)
		p.unchanged("a stranger", func() {
			for _, r := range ofTenants(t) {
				with := bearer(token)
				if r.isPage() {
					with = cookie(visit)
				}
				missing := p.as(r, "nowhere", p.here, with)
				for _, name := range []string{"alpha", p.alpha.id.String(), uuid.Must(uuid.NewV7()).String(), "ALPHA", "alpha%20", "xn--alpha", strings.Repeat("a", 300)} {
					a := p.as(r, name, p.here, with)
					if a.status != missing.status || a.told(name) != missing.told("nowhere") || a.status < 300 {
						t.Errorf("%s %s answered %d, and where there is no tenant %d: %s", r.method, r.at(name, p.here), a.status, missing.status, difference(a.told(name), missing.told("nowhere")))
					}
				}
			}
		})
	})
}

// Things of another tenant are to a tenant's owner as things that are not there.
func TestThingsOfAnotherTenantAreNotThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p := newPlace(w)
		none := things{uuid.Must(uuid.NewV7()).String(), "missing-one", "missing.example.com", uuid.Must(uuid.NewV7()).String()}
		api, pages := bearer(w.enter(p.alpha.owner, "alpha")), cookie(w.visit(p.alpha.owner))
		before := p.stage.rows()[p.beta.id]
		tried := 0
		for _, r := range ofTenants(t) {
			with := api
			if r.isPage() {
				with = pages
			}
			named := strings.Count(r.path, "{") > 1 || strings.HasSuffix(r.path, "/transfer/")
			if !named || r.access != "member" && r.access != "member-token" {
				continue
			}
			tried++
			foreign, missing := p.as(r, "alpha", p.there, with), p.as(r, "alpha", none, with)
			said, expected := foreign.told(p.there.all()...), missing.told(none.all()...)
			if foreign.status < 400 && foreign.status != http.StatusSeeOther || foreign.status != missing.status || said != expected {
				t.Errorf("%s %s about another tenant's answered %d, about nothing %d: %s", r.method, r.path, foreign.status, missing.status, difference(said, expected))
			}
			if strings.Contains(foreign.text, "beta") && !strings.Contains(missing.text, "beta") && !strings.Contains(r.at("alpha", p.there), "beta") {
				t.Errorf("%s %s tells of another tenant", r.method, r.path)
			}
		}
		if tried < 15 {
			t.Errorf("only %d routes name things: the walk is broken", tried)
		}
		place := w.must("", http.MethodGet, "/tenants/beta/members/?limit=1", nil, w.enter(p.beta.owner, "beta")).member("next")
		for path, query := range map[string]string{"explain/?permission=notes.read&account=": p.beta.editor.ID, "members/?prefix=": "editor@beta", "members/?role=": "beta-only", "members/?after=": place} {
			a := w.call(http.MethodGet, "/tenants/alpha/"+path+url.QueryEscape(query), nil, bearer(w.enter(p.alpha.owner, "alpha")))
			if a.status != http.StatusOK && a.code() != "query_invalid" || strings.Contains(a.text, "@beta") || strings.Contains(a.text, p.beta.invitation) || strings.Contains(a.text, `"allowed":true`) {
				t.Errorf("%s tells of another tenant: %s", path, a.text)
			}
		}
		if p.stage.rows()[p.beta.id] != before {
			t.Error("rows of another tenant changed")
		}
	})
}

func (th things) all() []string { return []string{th.account, th.role, th.domain, th.invitation} }

// A tenant's owner is nobody in the admin API and the console, also about their own tenant.
func TestAnOwnerIsNoStaff(t *testing.T) {
	w := open(t, "sqlite", func(c *gatehouse.Config) { c.NoWorkers = true })
	p := newPlace(w)
	token, visit := w.enter(p.alpha.owner, "alpha"), w.visit(p.alpha.owner)
	p.unchanged("an owner among staff", func() {
		for _, r := range ofTenants(t) {
			if !strings.HasPrefix(r.path, "/admin/") && !strings.HasPrefix(r.path, "/console/") {
				continue
			}
			if a := w.as(r, "alpha", p.here, bearer(token), cookie(visit)); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
				t.Errorf("%s %s answered an owner %d", r.method, r.path, a.status)
			}
		}
	})
}
