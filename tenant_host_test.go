package gatehouse_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
	"github.com/google/uuid"
)

// domains gives a tenant one that it has shown to be its own and one that it has only said to be.
func domains(t *testing.T, srv *gatehousetest.Server, to gatehousetest.Tenant, verified, claimed string) {
	t.Helper()
	d, id := gatehouse.Database(srv.Gatehouse()), uuid.MustParse(to.ID)
	for domain, at := range map[string]any{verified: d.Now(), claimed: nil} {
		err := d.In(db.Tenant(id)).Once(t.Context(), `INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at, verified_at) VALUES ($1, $2, 'x', $3, $4)`, []any{id, domain, d.Now(), at})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTenantFromHost(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{Tenants: gatehouse.Tenants{Domain: "app.example.com"}})
	one, other := srv.CreateAccount(t), srv.CreateAccount(t)
	mine, theirs := srv.CreateTenant(t, gatehousetest.OwnedBy(one)), srv.CreateTenant(t, gatehousetest.OwnedBy(other))
	domains(t, srv, mine, "notes.example.org", "claimed.example.org")
	domains(t, srv, theirs, "example.net", "x.app.example.com")
	srv.Handle("/here", srv.Gatehouse().Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), verifier.Tenant(srv.Gatehouse().TenantFromHost())))
	own, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	me, they := srv.TenantToken(t, one, mine), srv.TenantToken(t, other, theirs)
	for _, c := range []struct {
		host        string
		mine, their int
	}{
		{mine.Slug + ".app.example.com", 200, 403}, {theirs.Slug + ".app.example.com", 403, 200}, {mine.ID + ".app.example.com:8443", 200, 403},
		{"notes.example.org", 200, 403}, {"NOTES.Example.org.:443", 200, 403}, {"example.net", 403, 200},
		{"claimed.example.org", 403, 403}, {"www.example.net", 403, 403}, {"example.org", 403, 403}, {"nobody.example", 403, 403},
		{"app.example.com", 403, 403}, {"x." + mine.Slug + ".app.example.com", 403, 403}, {"x.app.example.com", 403, 403},
		{own.Host, 403, 403}, {"localhost", 403, 403}, {"[::1]:80", 403, 403},
	} {
		if status, _ := send(t, srv, "/here", c.host, me); status != c.mine {
			t.Errorf("%s: %d for mine", c.host, status)
		}
		if status, _ := send(t, srv, "/here", c.host, they); status != c.their {
			t.Errorf("%s: %d for theirs", c.host, status)
		}
	}
	for _, header := range []string{"X-Forwarded-Host", "Forwarded", "X-Original-Host", "X-Tenant"} {
		for host, value := range map[string]string{"nobody.example": "notes.example.org", theirs.Slug + ".app.example.com": mine.Slug + ".app.example.com", own.Host: mine.Slug} {
			if header == "Forwarded" {
				value = "for=127.0.0.1;host=" + value
			}
			if status, _ := send(t, srv, "/here", host, me, header, value); status != 403 {
				t.Errorf("%s: %s with host %s: %d", header, value, host, status)
			}
		}
	}
}

// A name of the service itself is no tenant's, whatever one is called.
func TestTenantFromHostIsNotGatehousesOwn(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{Tenants: gatehouse.Tenants{Domain: "0.0.1"}}) // below which the test's own address lies
	acc := srv.CreateAccount(t)
	mine := srv.CreateTenant(t, gatehousetest.OwnedBy(acc))
	source := srv.Gatehouse().TenantFromHost()
	s := srv.TenantToken(t, acc, mine)
	srv.Handle("/here", srv.Gatehouse().Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), verifier.Tenant(source)))
	if status, _ := send(t, srv, "/here", mine.Slug+".0.0.1", s); status != 200 {
		t.Fatal(status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if named, err := source(r); named != "" || err != nil {
		t.Errorf("%s names %q, %v", r.Host, named, err)
	}
}

func TestTenantFromHostTakesWhatItFoundForAMinute(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	acc := srv.CreateAccount(t)
	mine := srv.CreateTenant(t, gatehousetest.OwnedBy(acc))
	s := srv.TenantToken(t, acc, mine)
	srv.Handle("/here", srv.Gatehouse().Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), verifier.Tenant(srv.Gatehouse().TenantFromHost())))
	ask := func(host string) int { status, _ := send(t, srv, "/here", host, s); return status }
	if got := ask("notes.example.org"); got != 403 {
		t.Fatalf("a domain of nobody: %d", got)
	}
	before := statements(srv)
	for range 5 {
		ask("notes.example.org")
	}
	if n := statements(srv) - before; n != 0 {
		t.Errorf("%d statements for what is known", n)
	}
	domains(t, srv, mine, "notes.example.org", "claimed.example.org")
	srv.Clock.Advance(t, time.Minute)
	if got := ask("notes.example.org"); got != 200 {
		t.Errorf("a minute after it was verified: %d", got)
	}
	if _, err := srv.Gatehouse().SuspendTenant(t.Context(), mine.ID, "a test of what is remembered"); err != nil {
		t.Fatal(err)
	}
	srv.Clock.Advance(t, time.Minute)
	if got := ask("notes.example.org"); got != 403 {
		t.Errorf("a minute after the tenant was suspended: %d", got)
	}
}

// What cannot be found out is not guessed.
func TestTenantFromHostIsUnavailableWithoutTheDatabase(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	acc := srv.CreateAccount(t)
	s := srv.TenantToken(t, acc, srv.CreateTenant(t, gatehousetest.OwnedBy(acc)))
	h := srv.Verifier().Require(http.NotFoundHandler(), verifier.Tenant(srv.Gatehouse().TenantFromHost()))
	if _, err := srv.Verifier().Verify(t.Context(), s.Access); err != nil { // so that the keys are known
		t.Fatal(err)
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if resp := request(h, http.MethodGet, "http://notes.example.org/here", "", "Authorization", "Bearer "+s.Access); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answered %d", resp.StatusCode)
	}
}
