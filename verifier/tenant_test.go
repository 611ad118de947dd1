package verifier_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

func TestFromHostTakesTheOneLabelBelowItsDomain(t *testing.T) {
	for _, domain := range []string{"app.example.com", "App.Example.COM", "app.example.com."} {
		source := verifier.FromHost(domain)
		for host, want := range map[string]string{
			"acme.app.example.com":          "acme",
			"ACME.App.Example.com":          "acme",
			"acme.app.example.com:8443":     "acme",
			"acme.app.example.com.":         "acme",
			"acme.app.example.com.:443":     "acme",
			"acme-2.app.example.com":        "acme-2",
			"app.example.com":               "",
			".app.example.com":              "",
			"":                              "",
			":443":                          "",
			"a.acme.app.example.com":        "",
			"acme.example.com":              "",
			"acme.app.example.com.evil.org": "",
			"acmeapp.example.com":           "",
			"acme..app.example.com":         "",
			"acme.app.example.com..":        "",
			"evil.org:acme.app.example.com": "",
			"acme.app.example.com:x":        "",
			"acme.app.example.com:80:80":    "",
			"acme@app.example.com":          "",
			"x@acme.app.example.com":        "",
			"acme%2eapp.example.com":        "",
			"acme.app.example.com/":         "",
			"a cme.app.example.com":         "",
			"acme\x00.app.example.com":      "",
			"\u212aate.app.example.com":     "", // KELVIN SIGN: a letter k in lower case
			"acm\u0435.app.example.com":     "",
			"[::1]":                         "",
			"[::1]:443":                     "",
			"127.0.0.1":                     "",
		} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host = host
			if got, err := source(r); got != want || err != nil {
				t.Errorf("%s below %s names %q, %v", host, domain, got, err)
			}
		}
	}
}

// Whoever is not the host may say what they like of it.
func TestFromHostReadsNoForwardedHost(t *testing.T) {
	for _, c := range []struct {
		name, header, value, host string
		want                      int
	}{
		{"own host, foreign forwarded", "X-Forwarded-Host", "other.example.com", "acme.example.com", 200},
		{"foreign host, own forwarded", "X-Forwarded-Host", "acme.example.com", "other.example.com", 403},
		{"no host of a tenant, own forwarded", "X-Forwarded-Host", "acme.example.com", "example.com", 403},
		{"foreign host, own in Forwarded", "Forwarded", "host=acme.example.com", "other.example.com", 403},
		{"foreign host, own in X-Original-Host", "X-Original-Host", "acme.example.com", "other.example.com", 403},
		{"foreign host, own in a Host header", "Host", "acme.example.com", "other.example.com", 403},
	} {
		h := newVerifier(t).Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), verifier.Tenant(verifier.FromHost("example.com")))
		r, w := httptest.NewRequest("GET", "/notes", nil), httptest.NewRecorder()
		r.Host = c.host
		r.Header.Set(c.header, c.value)
		r.Header.Set("Authorization", "Bearer "+es().good(claimsAt(start)))
		if h.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%s: answered %d", c.name, w.Code)
		}
	}
}

// A tenant that is there and one that is not are refused with the same words.
func TestTenantAnswersAlikeForExistingAndMissing(t *testing.T) {
	v := newVerifier(t)
	var first *httptest.ResponseRecorder
	for _, named := range []string{"tenant-b", "other", "no-such-tenant", "0197a0b2-0000-7000-8000-000000000000", "acm", "acme2", "ACME", "%00", "a%2Fb", "*"} {
		mux := http.NewServeMux()
		mux.Handle("/tenants/{tenant}/", v.Require(http.NotFoundHandler(), verifier.Tenant(verifier.FromPath("tenant"))))
		r, w := httptest.NewRequest("GET", "/tenants/"+named+"/", nil), httptest.NewRecorder()
		r.Header.Set("Authorization", "Bearer "+es().good(claimsAt(start)))
		mux.ServeHTTP(w, r)
		if first == nil {
			first = w
		}
		if w.Code != 403 || codeOf(w.Body.Bytes()) != "tenant_required" || w.Body.String() != first.Body.String() {
			t.Errorf("%s: %d %s", named, w.Code, w.Body)
		}
	}
}

// Tenant first, then role, then permission: what would come later is not asked of whoever is refused.
func TestConditionsAreAskedInTheirOrder(t *testing.T) {
	for _, c := range []struct {
		name   string
		claims claims
		asked  int
		want   answer
	}{
		{"another tenant", claimsAt(start).with("tenant_id", "tenant-b"), 0, answer{403, "tenant_required", "", ""}},
		{"another role", claimsAt(start).with("role", "guest"), 0, answer{403, "role_required", "", ""}},
		{"another permission", claimsAt(start), 1, answer{403, "permission_required", "", ""}},
	} {
		asked := 0
		v := newVerifier(t, verifier.WithPermissionLookup(func(context.Context, string, *verifier.Identity) (verifier.Permissions, error) {
			asked++
			return verifier.Permissions{"notes.read"}, nil
		}))
		header := http.Header{"Authorization": {"Bearer " + es().good(c.claims.with("permissions_elsewhere", true))}}
		checkAnswer(t, v, "/tenants/tenant-a/notes", header, []verifier.Condition{
			verifier.Tenant(verifier.FromPath("tenant")), verifier.Role("editor"), verifier.Permission("notes.write"),
		}, c.want)
		if asked != c.asked {
			t.Errorf("%s: permissions were looked up %d times", c.name, asked)
		}
	}
}
