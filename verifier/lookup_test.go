package verifier_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// elsewhere are the claims of a token whose permissions are too many for it.
func elsewhere() claims {
	return claimsAt(start).without("permissions").with("permissions_elsewhere", true)
}

func bearerOf(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

func TestPermissionsElsewhereAreLookedUp(t *testing.T) {
	refusal := &verifier.Error{Code: "plan_required", Status: 402, Detail: "Pay."}
	for _, c := range []struct {
		name  string
		found verifier.Permissions
		err   error
		want  answer
	}{
		{"held", verifier.Permissions{"bills.pay", "notes.*"}, nil, answer{status: 200}},
		{"not held", verifier.Permissions{"bills.pay"}, nil, answer{403, "permission_required", "", ""}},
		{"none at all", nil, nil, answer{403, "permission_required", "", ""}},
		{"not to be found out", verifier.Permissions{"*"}, errors.New("canary"), answer{503, "unavailable", "", "5"}},
		{"refused by the look-up", verifier.Permissions{"*"}, refusal, answer{402, "plan_required", "", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := es().good(elsewhere())
			v := newVerifier(t, verifier.WithPermissionLookup(func(_ context.Context, by string, id *verifier.Identity) (verifier.Permissions, error) {
				if by != token || id.TenantID != "tenant-a" || id.Subject != "0197a0b2-subject" {
					t.Errorf("asked about %v", id)
				}
				return c.found, c.err
			}))
			for _, cond := range []verifier.Condition{verifier.Permission("notes.read"), verifier.AnyPermission("users.read", "notes.read")} {
				checkAnswer(t, v, "/tenants/tenant-a/notes", bearerOf(token), []verifier.Condition{cond}, c.want)
			}
		})
	}
}

func TestPermissionsInTheTokenAreNotLookedUp(t *testing.T) {
	v := newVerifier(t, verifier.WithPermissionLookup(func(context.Context, string, *verifier.Identity) (verifier.Permissions, error) {
		t.Error("asked")
		return nil, nil
	}))
	checkAnswer(t, v, "/tenants/tenant-a/notes", bearerOf(es().good(claimsAt(start))), []verifier.Condition{verifier.Permission("notes.read")}, answer{status: 200})
	checkAnswer(t, v, "/tenants/tenant-a/notes", bearerOf(es().good(claimsAt(start).without("permissions"))), []verifier.Condition{verifier.Permission("notes.read")}, answer{403, "permission_required", "", ""})
}

// A token that says both is believed in one of them only.
func TestPermissionsElsewhereReplaceThoseInTheToken(t *testing.T) {
	v := newVerifier(t)
	id := accepted(t, v, es().good(claimsAt(start).with("permissions_elsewhere", true)))
	if len(id.Permissions) > 0 || id.HasPermission("notes.read") {
		t.Errorf("permissions %q", id.Permissions)
	}
}

func TestPermissionsOfNoTenantAreNotLookedUp(t *testing.T) {
	v := newVerifier(t, verifier.WithPermissionLookup(func(context.Context, string, *verifier.Identity) (verifier.Permissions, error) {
		t.Error("asked")
		return verifier.Permissions{"*"}, nil
	}))
	checkAnswer(t, v, "/tenants/tenant-a/notes", bearerOf(es().good(elsewhere().without("tenant_id"))), []verifier.Condition{verifier.Permission("notes.read")}, answer{403, "permission_required", "", ""})
}

func TestLookUpIsAskedOnceForEachToken(t *testing.T) {
	var asked atomic.Int64
	failing, now := atomic.Bool{}, newClock(start)
	failing.Store(true)
	v := newVerifier(t, verifier.WithClock(now.Now), verifier.WithPermissionLookup(func(context.Context, string, *verifier.Identity) (verifier.Permissions, error) {
		asked.Add(1)
		if failing.Load() {
			return nil, errors.New("away")
		}
		return verifier.Permissions{"notes.read"}, nil
	}))
	try := func(token string) int {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header = bearerOf(token)
		v.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), verifier.Permission("notes.read")).ServeHTTP(w, r)
		return w.Code
	}
	one, other := es().good(elsewhere()), es().good(elsewhere().with("jti", "another"))
	for range 2 {
		if code := try(one); code != 503 {
			t.Fatalf("answered %d while nothing could be found out", code)
		}
	}
	failing.Store(false)
	asked.Store(0)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if code := try(one); code != 200 {
				t.Errorf("answered %d", code)
			}
		})
	}
	all.Wait()
	try(other)
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times for two tokens", n)
	}
	now.set(start.Add(10 * time.Minute))
	if code := try(one); code != 401 {
		t.Errorf("what was looked up outlives its token: answered %d", code)
	}
}

func TestWaitingForALookUpEndsWithTheRequest(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	v := newVerifier(t, verifier.WithPermissionLookup(func(context.Context, string, *verifier.Identity) (verifier.Permissions, error) {
		close(started)
		<-release
		return verifier.Permissions{"notes.read"}, nil
	}))
	token := es().good(elsewhere())
	check := func(ctx context.Context) error {
		r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
		r.Header = bearerOf(token)
		_, err := v.Check(r, verifier.Permission("notes.read"))
		return err
	}
	first := make(chan error)
	go func() { first <- check(context.Background()) }()
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := check(ctx); !errors.Is(err, verifier.ErrUnavailable) {
		t.Errorf("a request that gave up got %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestPermissionsFromContext(t *testing.T) {
	v := newVerifier(t, verifier.WithPermissionLookup(func(context.Context, string, *verifier.Identity) (verifier.Permissions, error) {
		return verifier.Permissions{"bills.pay"}, nil
	}))
	for name, c := range map[string]struct {
		claims claims
		want   string
	}{"carried": {claimsAt(start), "notes.read"}, "looked up": {elsewhere(), "bills.pay"}} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = bearerOf(es().good(c.claims))
		allowed, err := v.Check(r)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := verifier.PermissionsFromContext(allowed.Context()); err != nil || p[0] != c.want {
			t.Errorf("%s: %q, %v", name, p, err)
		}
	}
	if _, err := verifier.PermissionsFromContext(t.Context()); !errors.Is(err, verifier.ErrTokenMissing) {
		t.Errorf("of nobody: %v", err)
	}
	// A handler's test has no verifier: what it puts in is all there is.
	ctx := verifier.NewContext(t.Context(), &verifier.Identity{Permissions: verifier.Permissions{"a.b"}})
	if p, err := verifier.PermissionsFromContext(ctx); err != nil || len(p) != 1 {
		t.Errorf("of an identity made by hand: %q, %v", p, err)
	}
	ctx = verifier.NewContext(t.Context(), &verifier.Identity{TenantID: "a", PermissionsElsewhere: true})
	if _, err := verifier.PermissionsFromContext(ctx); !errors.Is(err, verifier.ErrPermissionRequired) {
		t.Errorf("of one with permissions elsewhere: %v", err)
	}
}

func TestWithPermissionsFromAsksTheIssuer(t *testing.T) {
	token := es().good(elsewhere().with("tenant_id", "a/../b?c"))
	good := `{"role":"editor","permissions":["notes.*"],"declared":[{"name":"notes.read"}]}`
	passed, unavailable := answer{status: 200}, answer{503, "unavailable", "", "5"}
	for _, c := range []struct {
		name       string
		status     int
		kind, body string
		want       answer
	}{
		{"said", 200, "application/json", good, passed},
		{"with a charset", 200, "application/json; charset=utf-8", good, passed},
		{"none", 200, "application/json", `{"permissions":[]}`, answer{403, "permission_required", "", ""}},
		{"the session has ended", 401, "application/problem+json", `{}`, answer{401, "token_invalid", `Bearer error="invalid_token"`, ""}},
		{"no longer a member", 403, "application/problem+json", `{}`, answer{403, "permission_required", "", ""}},
		{"not there", 404, "application/json", good, unavailable},
		{"busy", 503, "application/json", good, unavailable},
		{"elsewhere", 302, "application/json", good, unavailable},
		{"no content", 204, "application/json", "", unavailable},
		{"not JSON by its type", 200, "text/html", good, unavailable},
		{"not JSON", 200, "application/json", `{"permissions":["notes.*"]`, unavailable},
		{"said twice", 200, "application/json", `{"permissions":["*"],"permissions":[]}`, unavailable},
		{"not said", 200, "application/json", `{"role":"owner"}`, unavailable},
		{"of another kind", 200, "application/json", `{"permissions":"*"}`, unavailable},
		{"an entry of another kind", 200, "application/json", `{"permissions":["*",1]}`, unavailable},
		{"null", 200, "application/json", `{"permissions":null}`, unavailable},
		{"long", 200, "application/json", `{"permissions":["notes.*"]}` + strings.Repeat(" ", 200<<10), passed},
		{"too long", 200, "application/json", `{"permissions":["notes.*"]}` + strings.Repeat(" ", 256<<10), unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer "+token || r.URL.EscapedPath() != "/api/auth/tenants/a%2F..%2Fb%3Fc/permissions/" || r.URL.RawQuery != "" || r.Method != "GET" {
					t.Errorf("asked for %s %s", r.Method, r.URL.EscapedPath())
				}
				w.Header().Set("Location", "/elsewhere")
				reply(w, c.status, c.kind, c.body)
			}))
			defer id.Close()
			for _, base := range []string{id.URL + "/api/auth", id.URL + "/api/auth/"} {
				v := newVerifier(t, verifier.WithPermissionsFrom(base))
				checkAnswer(t, v, "/tenants/tenant-a/notes", bearerOf(token), []verifier.Condition{verifier.Permission("notes.read")}, c.want)
			}
		})
	}
}

func TestWithPermissionsFromIsUnavailableWithoutTheIssuer(t *testing.T) {
	id := httptest.NewServer(http.NotFoundHandler())
	id.Close()
	v := newVerifier(t, verifier.WithPermissionsFrom(id.URL))
	checkAnswer(t, v, "/tenants/tenant-a/notes", bearerOf(es().good(elsewhere())), []verifier.Condition{verifier.Permission("notes.read")}, answer{503, "unavailable", "", "5"})
}
