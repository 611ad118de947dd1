package hostile

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// acme is a tenant with something of every kind.
type acme struct {
	id, token  string // token is its owner's, for it
	invitation string // to invited@example.com
}

// acme makes the tenant, with a role editor and the domain acme.example.com.
func (w *world) acme(owner gatehousetest.Account, members ...gatehousetest.Account) acme {
	w.t.Helper()
	ctx := w.t.Context()
	made, err := w.Gatehouse().CreateTenant(ctx, gatehouse.NewTenant{Name: "Acme", Slug: "acme", Owner: owner.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range members {
		if _, err := w.Gatehouse().AddMember(ctx, "acme", m.ID, "member"); err != nil {
			w.t.Fatal(err)
		}
	}
	in := w.must(w.call(http.MethodPost, "/login/", text(map[string]string{"email": owner.Email, "password": password, "tenant": "acme"})), http.StatusOK)
	a := acme{id: made.ID, token: in.member("access")}
	create := func(path, body string) string {
		w.t.Helper()
		return w.must(w.call(http.MethodPost, "/tenants/acme/"+path, body, bearer(a.token)), http.StatusCreated).member("id")
	}
	create("roles/", `{"name":"editor","permissions":["notes.read"]}`)
	create("domains/", `{"domain":"acme.example.com"}`)
	a.invitation = create("invitations/", `{"email":"invited@example.com","role":"editor"}`)
	return a
}

// What looks like another tenant's slug, name or domain is not given to anybody, and a number is no domain.
func TestLookAlikesOfTenantsAreRefused(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		jo := w.account("jo@example.com")
		a := w.acme(jo)
		if _, err := w.Gatehouse().CreateTenant(t.Context(), gatehouse.NewTenant{Name: "Moon 10", Slug: "moon-10", Owner: jo.ID}); err != nil {
			t.Fatal(err)
		}
		before := w.digest("audit_event", "rate_limit")
		change := func(body map[string]string, code string) {
			t.Helper()
			got := w.call(http.MethodPatch, "/tenants/acme/", text(body), bearer(a.token))
			if w.problem(got, text(body)); got.code != code && !strings.Contains(got.text, `"code":"`+code+`"`) {
				t.Errorf("%q answered %d %s, want %s", body, got.status, got.text, code)
			}
		}
		for _, slug := range []string{"\u0430cme", "acm\u0435", "ACME", "Acme", "acme ", "ac\u200bme", "a\u0441me", "\uff41cme", "acme.", "a.cme", "xn--cme-7cd", "acme/..", "-acme", "acme-", "ac--me", "admin", "api", "www", "me", "0198c0de-0000-7000-8000-000000000000", "abcdefabcdefabcdefabcdefabcdefab", "1acme", "ac_me", "\u0456\u0440"} {
			change(map[string]string{"slug": slug}, "tenant_slug_invalid")
		}
		for _, slug := range []string{"moon-10", "moon10", "mo-on-10", "moon-io", "rnoon-10", "m00n-l0", "moon-lo"} {
			change(map[string]string{"slug": slug}, "tenant_slug_taken")
		}
		for _, name := range []string{"\u041coon 10", "Mo\u043en 10", "Moon\u200b 10", "Moon\u202e01", "Mo\u03bfn 10", "", "M", strings.Repeat("x", 81), "\u2066Moon 10"} {
			change(map[string]string{"name": name}, "tenant_name_invalid")
		}
		for _, name := range []string{"Moon 10", "moon 10", "MOON 10", "  Moon   10 ", "\uff2doon 10", "Moon \u2469", "Moon\u00a010", "Moon\n10"} {
			change(map[string]string{"name": name}, "tenant_name_taken")
		}
		for _, domain := range []string{"\u0430cme.example.com", "xn--cme-7cd.example.com", "acm\u0435.com", "com", "co.uk", "localhost", "127.0.0.1", "[::1]", "::1", "2130706433.1", "0x7f.1", "exa mple.com", "example..com", "-a.example.com", "*.example.com", "https://example.com", "example.com/", "example.com:443", "a@example.com", "exam\u200bple.com", strings.Repeat("a", 64) + ".com", "ex\u0430mple.\u0441om", "github.io", "10.0.0.1."} {
			w.refused(w.call(http.MethodPost, "/tenants/acme/domains/", text(map[string]string{"domain": domain}), bearer(a.token)), domain, http.StatusBadRequest, "domain_invalid")
		}
		if w.digest("audit_event", "rate_limit") != before {
			t.Error("the database changed")
		}
	})
}

// Requirement 120: neither a host that is not one's tenant's, nor what a proxy or a client says of it, selects
// a tenant; a header selects none to which its sender has no token.
func TestNoRequestSelectsATenantThatItsTokenIsNotFor(t *testing.T) {
	each(t, func(c *gatehouse.Config) { silent(c); c.Tenants.Domain = "example.org" }, func(t *testing.T, w *world) {
		jo := w.account("jo@example.com")
		a := w.acme(jo)
		if _, err := w.Gatehouse().CreateTenant(t.Context(), gatehouse.NewTenant{Name: "Beta", Slug: "beta", Owner: w.account("bob@example.com").ID}); err != nil {
			t.Fatal(err)
		}
		plain := w.signIn("jo@example.com", "body").access
		reached := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		byHost := w.Gatehouse().Require(reached, verifier.Tenant(w.Gatehouse().TenantFromHost()))
		byHeader := w.Gatehouse().Require(reached, verifier.Tenant(verifier.FromHeader("X-Tenant")))
		ask := func(h http.Handler, options ...option) answer {
			t.Helper()
			return w.send(h, httptest.NewRequest(http.MethodGet, "https://app.example.net/notes", nil), options)
		}
		alike := ""
		refused := func(what string, got answer) {
			t.Helper()
			if got.status != http.StatusForbidden || got.code != "tenant_required" {
				t.Errorf("%s: answered %d %s", what, got.status, got.code)
			}
			said := regexp.MustCompile(`"request_id":"[^"]*"`).ReplaceAllString(got.text, "")
			if alike == "" {
				alike = said
			}
			if said != alike {
				t.Errorf("%s: answered otherwise: %s", what, got.text)
			}
		}
		for _, host := range []string{"acme.example.org", "ACME.example.org", "acme.example.org:8443", "acme.example.org."} {
			if got := ask(byHost, bearer(a.token), header("Host", host)); got.status != http.StatusOK {
				t.Errorf("at %s its own member answered %d", host, got.status)
			}
			refused("a token of no tenant at "+host, ask(byHost, bearer(plain), header("Host", host)))
		}
		for _, host := range []string{"beta.example.org", "nowhere.example.org", "example.org", "evil.example.net", "acme.example.org.evil.example.net", "acme.evil.example.org", "acmeexample.org", "acme.example.org@evil.example.net", "acme.example.com", "", "acme", a.id + ".example.org.evil", "acme%2eexample.org", "acme.example.org:x", "..example.org", "acme..example.org"} {
			refused("at "+host, ask(byHost, bearer(a.token), header("Host", host)))
			for name := range forwarded() {
				for _, peer := range []string{stranger, proxy} {
					refused(name+" at "+host, ask(byHost, bearer(a.token), header("Host", host), from(peer), header(name, "acme.example.org")))
				}
			}
			refused("Forwarded at "+host, ask(byHost, bearer(a.token), header("Host", host), from(proxy), header("Forwarded", "host=acme.example.org")))
		}
		if got := ask(byHeader, bearer(a.token), header("X-Tenant", "acme")); got.status != http.StatusOK {
			t.Errorf("the header of its own member answered %d", got.status)
		}
		for _, values := range [][]string{{"beta"}, {"nowhere"}, {""}, {"acme", "acme"}, {"acme", "beta"}, {"beta", "acme"}, {"acme,beta"}, {"ACME"}, {" acme"}, {"acme\x00"}, {"\u0430cme"}, {"*"}, {strings.Repeat("a", 5000)}} {
			refused("the header "+strings.Join(values, " and "), ask(byHeader, bearer(a.token), header("X-Tenant", values...)))
		}
		refused("the header without membership", ask(byHeader, bearer(plain), header("X-Tenant", "acme")))
		refused("the header without membership, by id", ask(byHeader, bearer(plain), header("X-Tenant", a.id)))
		alike = "" // Gatehouse's own routes take the tenant from the path and the token, and from nothing else
		for name, value := range map[string]string{"X-Tenant": "acme", "X-Tenant-Id": a.id, "Tenant": "acme", "X-Org": "acme", "X-Organization-Id": a.id, "X-Zitadel-Orgid": a.id, "Host": strings.TrimPrefix(w.URL, "https://"), "X-Forwarded-Host": "acme.example.org", "Cookie": "tenant=acme"} {
			refused("a token of no tenant with "+name, w.call(http.MethodGet, "/tenants/acme/?tenant=acme&tenant_id="+a.id, "", bearer(plain), header(name, value)))
			refused("a token of another with "+name, w.call(http.MethodGet, "/tenants/beta/?tenant=acme", "", bearer(a.token), header(name, value)))
		}
	})
}
