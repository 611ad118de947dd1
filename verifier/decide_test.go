package verifier_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Whoever is known without a token has the tenant that they are let into, and nothing before that.
func TestDecideEntersTheTenantThatTheRequestIsAbout(t *testing.T) {
	foreign := verifier.ErrTenantRequired.Wrap(errors.New("no such member"))
	here, read := verifier.Tenant(verifier.FromPath("tenant")), verifier.Permission("notes.read")
	other := verifier.Tenant(func(*http.Request) (string, error) { return "other", nil })
	for _, c := range []struct {
		name   string
		enter  error
		role   string
		conds  []verifier.Condition
		want   *verifier.Error // nil: let in
		tenant string
	}{
		{"no conditions", nil, "", nil, nil, ""},
		{"entered", nil, "editor", []verifier.Condition{here, verifier.Role("editor"), read}, nil, "id-a"},
		{"another role", nil, "guest", []verifier.Condition{here, verifier.Role("editor")}, verifier.ErrRoleRequired, ""},
		{"another permission", nil, "editor", []verifier.Condition{here, verifier.Permission("notes.write")}, verifier.ErrPermissionRequired, ""},
		{"not let in", foreign, "editor", []verifier.Condition{here, read}, verifier.ErrTenantRequired, ""},
		{"not to be found out", errors.New("down"), "editor", []verifier.Condition{here, read}, verifier.ErrUnavailable, ""},
		{"two tenants", nil, "editor", []verifier.Condition{here, other}, verifier.ErrTenantRequired, ""},
		{"permission before the tenant", nil, "editor", []verifier.Condition{read, here}, verifier.ErrUnavailable, ""},
		{"role without a tenant", nil, "editor", []verifier.Condition{verifier.Role("editor")}, verifier.ErrUnavailable, ""},
		{"fresh", nil, "editor", []verifier.Condition{verifier.FreshWithin(time.Minute)}, nil, ""},
		{"long ago", nil, "editor", []verifier.Condition{verifier.FreshWithin(time.Second)}, verifier.ErrFreshProofRequired, ""},
	} {
		v := newVerifier(t)
		r := httptest.NewRequest("GET", "/tenants/tenant-a", nil)
		r.SetPathValue("tenant", "tenant-a")
		id := &verifier.Identity{Subject: "somebody", AuthTime: start.Add(-30 * time.Second)}
		allowed, err := v.Decide(r, id, func(_ context.Context, named string) error {
			if c.enter == nil {
				id.TenantID, id.Tenant, id.Role, id.Permissions = "id-a", named, c.role, verifier.Permissions{"notes.read"}
			}
			return c.enter
		}, c.conds...)
		if c.want != nil {
			if !errors.Is(err, c.want) || allowed != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, _ := verifier.FromContext(allowed.Context()); got != id || got.TenantID != c.tenant {
			t.Errorf("%s: the handler sees %+v", c.name, got)
		}
	}
	if _, err := newVerifier(t).Decide(httptest.NewRequest("GET", "/", nil), nil, nil); !errors.Is(err, verifier.ErrUnavailable) {
		t.Errorf("nobody: %v", err)
	}
}

// Whoever is refused learns which permission to ask for: the first that is missing.
func TestPermissionRefusalNamesThePermission(t *testing.T) {
	held := &verifier.Identity{Permissions: verifier.Permissions{"notes.read"}}
	for _, c := range []struct {
		condition verifier.Condition
		want      string
	}{
		{verifier.Permission("notes.read", "notes.write", "notes.delete"), "notes.write"},
		{verifier.AnyPermission("notes.delete", "notes.write"), "notes.delete"},
	} {
		var refused *verifier.Error
		err := c.condition(httptest.NewRequest("GET", "/", nil), held)
		if !errors.As(err, &refused) || refused.Permission != c.want || verifier.ErrPermissionRequired.Permission != "" {
			t.Errorf("%v names %q, not %q", err, refused.Permission, c.want)
		}
	}
}

// A pattern without the wildcard would refuse everybody, and nobody would learn why.
func TestFromPathWithoutItsWildcardIsAnError(t *testing.T) {
	source, got := verifier.FromPath("tenant"), errors.New("not asked")
	ask := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, got = source(r) })
	mux := http.NewServeMux()
	for _, pattern := range []string{"/one/{tenant}/notes", "/two/{org}/notes", "/three/{tenant...}"} {
		mux.Handle(pattern, ask)
	}
	for path, wrong := range map[string]bool{"/one/a/notes": false, "/two/a/notes": true, "/three/": false} {
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		if (got != nil) != wrong {
			t.Errorf("%s: %v", path, got)
		}
	}
}
