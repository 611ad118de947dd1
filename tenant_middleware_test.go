package gatehouse_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// broad is a role whose permissions are too many for a token.
func broad() gatehouse.Tenants {
	c := gatehouse.Tenants{Domain: "app.example.com", Permissions: []string{"notes.read", "notes.write"}, Roles: []gatehouse.Role{{Name: "member", Permissions: []string{"notes.read"}}}}
	all := gatehouse.Role{Name: "broad", Permissions: []string{"notes.write"}}
	for i := range 60 {
		p := fmt.Sprintf("documents-of-the-archive.action%02d", i)
		c.Permissions, all.Permissions = append(c.Permissions, p), append(all.Permissions, p)
	}
	c.Roles = append(c.Roles, all)
	return c
}

// The middleware in the process and the one of services elsewhere answer the same tokens alike: tenant, then
// role, then permission.
func TestBothMiddlewaresAnswerTenantsAlike(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{Tenants: broad()})
	boss := srv.CreateAccount(t)
	mine, theirs := srv.CreateTenant(t, gatehousetest.OwnedBy(boss)), srv.CreateTenant(t)
	tokens := map[string]gatehousetest.Session{
		"nobody": {}, "no tenant": srv.SignIn(t, boss), "owner": srv.TenantToken(t, boss, mine),
		"member": srv.TenantToken(t, srv.CreateMember(t, mine, "member"), mine),
		"broad":  srv.TenantToken(t, srv.CreateMember(t, mine, "broad"), mine),
	}
	tenant, host := verifier.Tenant(verifier.FromPath("tenant")), verifier.Tenant(verifier.FromHost("app.example.com"))
	routes := map[string][]verifier.Condition{
		"tenant": {tenant}, "owner": {tenant, verifier.Role("owner")}, "host": {host, verifier.Permission("notes.read")},
		"read": {tenant, verifier.Permission("notes.read")}, "write": {tenant, verifier.Permission("notes.write")},
		"all": {tenant, verifier.Permission("notes.read", "notes.write")}, "any": {tenant, verifier.AnyPermission("notes.write", "notes.read")},
		"owner-read": {tenant, verifier.Role("owner"), verifier.Permission("notes.read")},
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := verifier.FromContext(r.Context())
		_, _ = fmt.Fprint(w, id.TenantID, " ", id.Tenant)
	})
	for name, conditions := range routes {
		srv.Handle("/embedded/{tenant}/"+name, srv.Gatehouse().Require(ok, conditions...))
		srv.Handle("/service/{tenant}/"+name, srv.Verifier().Require(ok, conditions...))
	}
	missing := uuid.NewString()
	for _, c := range []struct {
		who, tenant, route, host string
		want                     string // the code of a refusal, "" for none
	}{
		{"nobody", mine.Slug, "tenant", "", "token_missing"},
		{"no tenant", mine.Slug, "tenant", "", "tenant_required"}, {"no tenant", mine.ID, "tenant", "", "tenant_required"},
		{"owner", mine.Slug, "tenant", "", ""}, {"owner", mine.ID, "tenant", "", ""}, {"owner", strings.ToUpper(mine.ID), "tenant", "", "tenant_required"},
		{"owner", theirs.Slug, "tenant", "", "tenant_required"}, {"owner", theirs.ID, "tenant", "", "tenant_required"},
		{"owner", missing, "tenant", "", "tenant_required"}, {"owner", "no-such-tenant", "tenant", "", "tenant_required"},
		{"owner", mine.Slug, "owner", "", ""}, {"owner", mine.Slug, "all", "", ""}, {"owner", theirs.Slug, "owner", "", "tenant_required"},
		{"member", mine.Slug, "owner", "", "role_required"}, {"member", mine.Slug, "owner-read", "", "role_required"}, {"member", theirs.Slug, "owner", "", "tenant_required"},
		{"member", mine.Slug, "read", "", ""}, {"member", mine.Slug, "write", "", "permission_required"}, {"member", mine.Slug, "all", "", "permission_required"},
		{"member", mine.Slug, "any", "", ""}, {"member", theirs.Slug, "write", "", "tenant_required"},
		{"broad", mine.Slug, "write", "", ""}, {"broad", mine.Slug, "any", "", ""}, {"broad", mine.Slug, "read", "", "permission_required"},
		{"broad", mine.Slug, "all", "", "permission_required"}, {"broad", theirs.Slug, "write", "", "tenant_required"},
		{"member", "x", "host", mine.Slug + ".app.example.com", ""}, {"member", "x", "host", mine.ID + ".APP.example.com.", ""},
		{"member", "x", "host", theirs.Slug + ".app.example.com", "tenant_required"}, {"member", mine.Slug, "host", "app.example.com", "tenant_required"},
		{"member", mine.Slug, "host", "", "tenant_required"},
	} {
		for _, kind := range []string{"embedded", "service"} {
			status, text := send(t, srv, "/"+kind+"/"+c.tenant+"/"+c.route, c.host, tokens[c.who])
			var problem struct{ Code string }
			_ = json.Unmarshal([]byte(text), &problem)
			if problem.Code != c.want || c.want == "" && (status != 200 || text != mine.ID+" "+mine.Slug) {
				t.Errorf("%s: %s at %s %s %s: %d %s, not %s", kind, c.who, c.tenant, c.route, c.host, status, text, c.want)
			}
		}
	}
	if id, err := srv.Verifier().Verify(t.Context(), tokens["broad"].Access); err != nil || !id.PermissionsElsewhere || len(id.Permissions) > 0 {
		t.Errorf("the token carries them after all: %v, %v", id, err)
	}
}

// send gets a path with a host and a token, and returns the status and the body.
func send(t *testing.T, srv *gatehousetest.Server, path, host string, by gatehousetest.Session, header ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	if by.Access != "" {
		r.Header.Set("Authorization", "Bearer "+by.Access)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := srv.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// What was looked up for a token stands as long as the token: a role that is taken away is felt with the next.
func TestLookedUpPermissionsEndWithTheToken(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{Tenants: broad()})
	mine := srv.CreateTenant(t)
	acc := srv.CreateMember(t, mine, "broad")
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	srv.Handle("/embedded", srv.Gatehouse().Require(ok, verifier.Permission("notes.write")))
	srv.Handle("/service", srv.Verifier().Require(ok, verifier.Permission("notes.write")))
	seen, unseen := srv.TenantToken(t, acc, mine), srv.TenantToken(t, acc, mine)
	ask := func(by gatehousetest.Session) (statuses [2]int) {
		for i, path := range []string{"/embedded", "/service"} {
			statuses[i], _ = send(t, srv, path, "", by)
		}
		return statuses
	}
	if got := ask(seen); got != [2]int{200, 200} {
		t.Fatal(got)
	}
	before := statements(srv)
	if got := ask(seen); got != [2]int{200, 200} || statements(srv) != before {
		t.Errorf("asked again: %v", got)
	}
	if err := srv.Gatehouse().RemoveMember(t.Context(), mine.ID, acc.ID); err != nil {
		t.Fatal(err)
	}
	if got := ask(seen); got != [2]int{200, 200} {
		t.Errorf("removed, with a token that was seen: %v", got)
	}
	if got := ask(unseen); got != [2]int{403, 403} {
		t.Errorf("removed, with another token: %v", got)
	}
	srv.Clock.Advance(t, 10*time.Minute)
	if got := ask(seen); got != [2]int{401, 401} {
		t.Errorf("when the token has expired: %v", got)
	}
}

// A session that has ended has no permissions to look up.
func TestLookingUpPermissionsAsksTheSession(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{Tenants: broad()})
	mine := srv.CreateTenant(t)
	s := srv.TenantToken(t, srv.CreateMember(t, mine, "broad"), mine)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	srv.Handle("/embedded", srv.Gatehouse().Require(ok, verifier.Permission("notes.write")))
	srv.Handle("/service", srv.Verifier().Require(ok, verifier.Permission("notes.write")))
	srv.MustCall(t, http.MethodPost, "/logout/", s, nil, nil)
	for _, path := range []string{"/embedded", "/service"} {
		if status, text := send(t, srv, path, "", s); status != 401 || !strings.Contains(text, "token_invalid") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

func statements(srv *gatehousetest.Server) int64 {
	n, _ := gatehouse.Database(srv.Gatehouse()).Counts()
	return n
}
