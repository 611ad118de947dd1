package verifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// answer is what a client sees.
type answer struct {
	status          int
	code, challenge string
	retry           string
}

func TestRequireAnswers(t *testing.T) {
	usual := claimsAt(start)
	bearer := func(c claims) http.Header { return http.Header{"Authorization": {"Bearer " + es().good(c)}} }
	good := bearer(usual)
	missing := answer{401, "token_missing", `Bearer`, ""}
	invalid := answer{401, "token_invalid", `Bearer error="invalid_token"`, ""}
	denied := func(code string) answer { return answer{403, code, "", ""} }
	stepUp := `Bearer error="insufficient_user_authentication", `
	passed := answer{status: 200}
	list := func(c ...verifier.Condition) []verifier.Condition { return c }
	for _, c := range []struct {
		name   string
		header http.Header
		conds  []verifier.Condition
		want   answer
	}{
		{"no token", nil, nil, missing},
		{"good token", good, nil, passed},
		{"scheme in lower case", http.Header{"Authorization": {"bearer " + es().good(usual)}}, nil, passed},
		{"scheme in capitals", http.Header{"Authorization": {"BEARER  " + es().good(usual)}}, nil, passed},
		{"another scheme", http.Header{"Authorization": {"Basic dTpw"}}, nil, missing},
		{"DPoP", http.Header{"Authorization": {"DPoP " + es().good(usual)}}, nil, missing},
		{"scheme with a letter more", http.Header{"Authorization": {"Bearers " + es().good(usual)}}, nil, missing},
		{"token without scheme", http.Header{"Authorization": {es().good(usual)}}, nil, missing},
		{"empty header", http.Header{"Authorization": {""}}, nil, missing},
		{"scheme without token", http.Header{"Authorization": {"Bearer"}}, nil, invalid},
		{"scheme and blanks", http.Header{"Authorization": {"Bearer   "}}, nil, invalid},
		{"tab for a blank", http.Header{"Authorization": {"Bearer\t" + es().good(usual)}}, nil, missing},
		{"two tokens in one header", http.Header{"Authorization": {"Bearer " + es().good(usual) + " " + es().good(usual)}}, nil, invalid},
		{"parameters after it", http.Header{"Authorization": {"Bearer " + es().good(usual) + ", x=y"}}, nil, invalid},
		{"two headers", http.Header{"Authorization": {good.Get("Authorization"), good.Get("Authorization")}}, nil, invalid},
		{"a good and a basic header", http.Header{"Authorization": {"Basic dTpw", good.Get("Authorization")}}, nil, invalid},
		{"token in a cookie", http.Header{"Cookie": {"access_token=" + es().good(usual)}}, nil, missing},
		{"bad bearer, good cookie", http.Header{"Authorization": {"Bearer x"}, "Cookie": {"access=" + es().good(usual)}}, nil, invalid},
		{"expired", bearer(usual.with("exp", start.Unix())), nil, invalid},
		{"bound to a key", bearer(usual.with("cnf", map[string]any{"jkt": "x"})), nil, invalid},

		{"role held", good, list(verifier.Role("admin", "editor")), passed},
		{"role not held", good, list(verifier.Role("admin")), denied("role_required")},
		{"role in another case", good, list(verifier.Role("Editor")), denied("role_required")},
		{"no role", bearer(usual.without("role")), list(verifier.Role("editor")), denied("role_required")},
		{"permissions held", good, list(verifier.Permission("notes.read", "notes.write")), passed},
		{"one permission lacking", good, list(verifier.Permission("notes.read", "notes.delete")), denied("permission_required")},
		{"prefix of a permission", good, list(verifier.Permission("notes.wri")), denied("permission_required")},
		{"permission by wildcard", bearer(usual.with("permissions", []string{"notes.*"})), list(verifier.Permission("notes.read", "notes.delete")), passed},
		{"another noun's wildcard", bearer(usual.with("permissions", []string{"note.*", "notes-old.*"})), list(verifier.Permission("notes.read")), denied("permission_required")},
		{"everything", bearer(usual.with("permissions", []string{"*"})), list(verifier.Permission("notes.read", "bills.pay")), passed},
		{"no permissions", bearer(usual.without("permissions")), list(verifier.Permission("notes.read")), denied("permission_required")},
		{"one of any held", good, list(verifier.AnyPermission("notes.delete", "notes.write")), passed},
		{"none of any held", good, list(verifier.AnyPermission("notes.delete", "bills.pay")), denied("permission_required")},
		{"permissions elsewhere, nothing looks up", bearer(usual.with("permissions_elsewhere", true)), list(verifier.Permission("notes.read")), denied("permission_required")},
		{"any permission elsewhere, nothing looks up", bearer(usual.with("permissions_elsewhere", true)), list(verifier.AnyPermission("notes.read")), denied("permission_required")},
		{"permissions elsewhere, none asked", bearer(usual.with("permissions_elsewhere", true)), list(verifier.Role("editor")), passed},
		{"scopes held", good, list(verifier.Scope("profile", "notes")), passed},
		{"scope lacking", good, list(verifier.Scope("notes", "mail")), answer{403, "scope_required", `Bearer error="insufficient_scope", scope="notes mail"`, ""}},
		{"part of a scope", good, list(verifier.Scope("note")), answer{403, "scope_required", `Bearer error="insufficient_scope", scope="note"`, ""}},
		{"no scope", bearer(usual.without("scope")), list(verifier.Scope("notes")), answer{403, "scope_required", `Bearer error="insufficient_scope", scope="notes"`, ""}},
		{"audience held", good, list(verifier.Audience(audience)), passed},
		{"audience lacking", good, list(verifier.Audience("b")), denied("audience_required")},

		{"tenant in the path", good, list(verifier.Tenant(verifier.FromPath("tenant"))), passed},
		{"tenant in the path by its slug", bearer(usual.with("tenant_id", "id-a").with("tenant", "tenant-a")), list(verifier.Tenant(verifier.FromPath("tenant"))), passed},
		{"another slug", bearer(usual.with("tenant_id", "id-b").with("tenant", "tenant-b")), list(verifier.Tenant(verifier.FromPath("tenant"))), denied("tenant_required")},
		{"slug without id", bearer(usual.without("tenant_id").with("tenant", "tenant-a")), list(verifier.Tenant(verifier.FromPath("tenant"))), denied("tenant_required")},
		{"slug in another case", bearer(usual.with("tenant_id", "id-a").with("tenant", "Tenant-A")), list(verifier.Tenant(verifier.FromPath("tenant"))), denied("tenant_required")},
		{"no slug in the token, none in the path", bearer(usual.without("tenant")), list(verifier.Tenant(verifier.FromPath("other"))), answer{503, "unavailable", "", "5"}},
		{"another tenant", bearer(usual.with("tenant_id", "tenant-b")), list(verifier.Tenant(verifier.FromPath("tenant"))), denied("tenant_required")},
		{"tenant in another case", bearer(usual.with("tenant_id", "Tenant-A")), list(verifier.Tenant(verifier.FromPath("tenant"))), denied("tenant_required")},
		{"no tenant in the token", bearer(usual.without("tenant_id")), list(verifier.Tenant(verifier.FromPath("tenant"))), denied("tenant_required")},
		{"no tenant in token nor path", bearer(usual.without("tenant_id")), list(verifier.Tenant(verifier.FromPath("other"))), answer{503, "unavailable", "", "5"}},
		{"empty tenant in token, none in path", bearer(usual.with("tenant_id", "")), list(verifier.Tenant(verifier.FromPath("other"))), answer{503, "unavailable", "", "5"}},
		{"tenant in the header", with(good, "X-Tenant", "tenant-a"), list(verifier.Tenant(verifier.FromHeader("X-Tenant"))), passed},
		{"foreign tenant in the header", with(good, "X-Tenant", "tenant-b"), list(verifier.Tenant(verifier.FromHeader("X-Tenant"))), denied("tenant_required")},
		{"two tenants in the header", with(good, "X-Tenant", "tenant-a", "tenant-b"), list(verifier.Tenant(verifier.FromHeader("X-Tenant"))), denied("tenant_required")},
		{"no tenant in the header", good, list(verifier.Tenant(verifier.FromHeader("X-Tenant"))), denied("tenant_required")},
		{"tenant that can't be found out", good, list(verifier.Tenant(func(*http.Request) (string, error) { return "tenant-a", errors.New("canary") })), answer{503, "unavailable", "", "5"}},
		{"tenant before role", bearer(usual.with("tenant_id", "tenant-b")), list(verifier.Tenant(verifier.FromPath("tenant")), verifier.Role("admin")), denied("tenant_required")},
		{"tenant before permission", bearer(usual.with("tenant_id", "tenant-b")), list(verifier.Tenant(verifier.FromPath("tenant")), verifier.Permission("notes.read")), denied("tenant_required")},
		{"admin of another tenant", bearer(usual.with("tenant_id", "tenant-b").with("role", "owner").with("permissions", []string{"*"})), list(verifier.Tenant(verifier.FromPath("tenant")), verifier.Role("owner"), verifier.Permission("notes.read")), denied("tenant_required")},
		{"role before permission", good, list(verifier.Tenant(verifier.FromPath("tenant")), verifier.Role("admin"), verifier.Permission("notes.delete")), denied("role_required")},
		{"right tenant and role, no permission", good, list(verifier.Tenant(verifier.FromPath("tenant")), verifier.Role("editor"), verifier.Permission("notes.delete")), denied("permission_required")},
		{"right tenant, role and permission", good, list(verifier.Tenant(verifier.FromPath("tenant")), verifier.Role("editor"), verifier.Permission("notes.read")), passed},
		{"right tenant, wrong role", good, list(verifier.Tenant(verifier.FromPath("tenant")), verifier.Role("admin")), denied("role_required")},

		{"level held", good, list(verifier.AAL(1), verifier.AAL(2)), passed},
		{"level lacking", good, list(verifier.AAL(3)), answer{401, "aal_required", stepUp + `acr_values="aal3"`, ""}},
		{"no level", bearer(usual.without("acr")), list(verifier.AAL(1)), answer{401, "aal_required", stepUp + `acr_values="aal1"`, ""}},
		{"made-up level", bearer(usual.with("acr", "aal9")), list(verifier.AAL(1)), answer{401, "aal_required", stepUp + `acr_values="aal1"`, ""}},
		{"fresh to the second", bearer(usual.with("auth_time", start.Unix()-300)), list(verifier.FreshWithin(5 * time.Minute)), passed},
		{"no longer fresh", bearer(usual.with("auth_time", start.Unix()-301)), list(verifier.FreshWithin(5 * time.Minute)), answer{401, "fresh_proof_required", stepUp + `max_age="300"`, ""}},
		{"no auth_time", bearer(usual.without("auth_time")), list(verifier.FreshWithin(5 * time.Minute)), answer{401, "fresh_proof_required", stepUp + `max_age="300"`, ""}},

		{"own condition holds", good, list(condition(nil)), passed},
		{"own condition refuses", good, list(condition(&verifier.Error{Code: "paid_plan_required", Status: 402, Detail: "Pay."})), answer{402, "paid_plan_required", "", ""}},
		{"own condition refuses, wrapped", good, list(condition(fmt.Errorf("live: %w", verifier.ErrTokenInvalid))), invalid},
		{"own condition denies", good, list(condition(verifier.ErrDenied.Wrap(errors.New("canary")))), denied("access_denied")},
		{"own condition fails", good, list(condition(errors.New("canary"))), answer{503, "unavailable", "", "5"}},
		{"own condition times out", good, list(condition(context.DeadlineExceeded)), answer{503, "unavailable", "", "5"}},
		{"own condition says success", good, list(condition(&verifier.Error{Code: "fine", Status: 200})), answer{503, "unavailable", "", "5"}},
		{"own condition says nothing", good, list(condition(&verifier.Error{})), answer{503, "unavailable", "", "5"}},
		{"own condition returns a nil refusal", good, list(condition((*verifier.Error)(nil))), answer{503, "unavailable", "", "5"}},
		{"refused before a failing one is asked", good, list(verifier.Role("admin"), condition(errors.New("x"))), denied("role_required")},
		{"all must hold", good, list(condition(nil), verifier.Role("editor"), verifier.Permission("notes.delete")), denied("permission_required")},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkAnswer(t, newVerifier(t, verifier.WithAudiences("b")), "/tenants/tenant-a/notes", c.header, c.conds, c.want)
		})
	}
}

func TestRequireRefusesASecondTokenInTheQuery(t *testing.T) {
	v, token := newVerifier(t), es().good(claimsAt(start))
	good := http.Header{"Authorization": {"Bearer " + token}}
	path := "/tenants/tenant-a/notes?"
	checkAnswer(t, v, path+"access_token="+token, nil, nil, answer{401, "token_missing", "Bearer", ""})
	checkAnswer(t, v, path+"a=b&access_token="+token, good, nil, answer{401, "token_invalid", `Bearer error="invalid_token"`, ""})
	checkAnswer(t, v, path+"my_access_token=1&q=access_token", good, nil, answer{status: 200})
}

func TestRequireIsUnavailableWithoutKeys(t *testing.T) {
	v := newVerifier(t, verifier.WithKeySet(func() *verifier.KeySet { return nil }))
	header := http.Header{"Authorization": {"Bearer " + es().good(claimsAt(start))}}
	checkAnswer(t, v, "/tenants/tenant-a/notes", header, nil, answer{503, "unavailable", "", "5"})
}

// checkAnswer sends one request to a protected handler under a pattern with a tenant.
func checkAnswer(t *testing.T, v *verifier.Verifier, target string, header http.Header, conds []verifier.Condition, want answer) {
	t.Helper()
	reached := false
	mux := http.NewServeMux()
	mux.Handle("/tenants/{tenant}/notes", v.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		id, ok := verifier.FromContext(r.Context())
		reached = ok && id.Subject == "0197a0b2-subject"
	}), conds...))
	r, w := httptest.NewRequest("GET", target, nil), httptest.NewRecorder()
	for name, values := range header {
		r.Header[name] = values
	}
	mux.ServeHTTP(w, r)
	if reached != (want.status == 200) || w.Code != want.status {
		t.Fatalf("status %d, handler reached: %v; want %+v", w.Code, reached, want)
	}
	if !reached {
		checkProblem(t, w, want)
	}
}

func checkProblem(t *testing.T, w *httptest.ResponseRecorder, want answer) {
	t.Helper()
	var problem map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	h := w.Header()
	got := answer{w.Code, fmt.Sprint(problem["code"]), h.Get("WWW-Authenticate"), h.Get("Retry-After")}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", h)
	}
	members := 5
	if want.code == "permission_required" {
		members = 6
		if named, _ := problem["permission"].(string); named == "" {
			t.Error("the permission is not named")
		}
	}
	if len(problem) != members || problem["type"] != issuer+"/docs/errors#"+want.code || problem["status"] != float64(want.status) || problem["title"] == "" {
		t.Errorf("problem %v", problem)
	}
	if strings.Contains(w.Body.String(), "canary") {
		t.Errorf("the cause is told: %s", w.Body)
	}
}

func with(h http.Header, name string, values ...string) http.Header {
	h = h.Clone()
	h[name] = values
	return h
}

func condition(err error) verifier.Condition {
	return func(*http.Request, *verifier.Identity) error { return err }
}

func TestWhatWouldHoldByMistakeIsRefusedWhereItIsWritten(t *testing.T) {
	v, next := newVerifier(t), http.NotFoundHandler()
	for name, build := range map[string]func(){
		"nil handler":           func() { v.Require(nil) },
		"nil condition":         func() { v.Require(next, verifier.Role("a"), nil) },
		"no role":               func() { verifier.Role() },
		"empty role":            func() { verifier.Role("a", "") },
		"no permission":         func() { verifier.Permission() },
		"empty permission":      func() { verifier.Permission("") },
		"noun alone":            func() { verifier.Permission("notes") },
		"wildcard asked for":    func() { verifier.Permission("notes.*") },
		"everything asked for":  func() { verifier.Permission("notes.read", "*") },
		"no permission of any":  func() { verifier.AnyPermission() },
		"any of a wildcard":     func() { verifier.AnyPermission("notes.read", "notes.*") },
		"no domain":             func() { verifier.FromHost("") },
		"domain with a port":    func() { verifier.FromHost("example.com:443") },
		"domain with a dot":     func() { verifier.FromHost(".example.com") },
		"domain with a scheme":  func() { verifier.FromHost("https://example.com") },
		"domain in Unicode":     func() { verifier.FromHost("exämple.com") },
		"no scope":              func() { verifier.Scope() },
		"two scopes in one":     func() { verifier.Scope("a b") },
		"quote in a scope":      func() { verifier.Scope(`a"`) },
		"scope that is not one": func() { verifier.Scope("é") },
		"empty audience":        func() { verifier.Audience("") },
		"level 0":               func() { verifier.AAL(0) },
		"level 4":               func() { verifier.AAL(4) },
		"fresh within nothing":  func() { verifier.FreshWithin(0) },
		"fresh within less":     func() { verifier.FreshWithin(-time.Minute) },
		"fresh within an instant": func() {
			verifier.FreshWithin(1500 * time.Millisecond)
		},
		"no tenant source": func() { verifier.Tenant(nil) },
		"no wildcard":      func() { verifier.FromPath("") },
		"no header":        func() { verifier.FromHeader("") },
	} {
		func() {
			defer func() {
				if said, ok := recover().(string); !ok || !strings.HasPrefix(said, "verifier: ") {
					t.Errorf("%s: panicked with %v", name, said)
				}
			}()
			build()
		}()
	}
}

func TestCheckRefusesANilCondition(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+es().good(claimsAt(start)))
	if _, err := newVerifier(t).Check(r, nil); !errors.Is(err, verifier.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestFreshWithinNeedsTheVerifiersClock(t *testing.T) {
	id := &verifier.Identity{AuthTime: time.Now()}
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(verifier.NewContext(r.Context(), id))
	if verifier.FreshWithin(time.Hour)(r, id) == nil {
		t.Error("decided without a clock")
	}
}

func TestContextHoldsTheIdentity(t *testing.T) {
	if id, ok := verifier.FromContext(t.Context()); ok || id != nil {
		t.Error("an identity from nowhere")
	}
	if id, ok := verifier.FromContext(verifier.NewContext(t.Context(), nil)); ok || id != nil {
		t.Error("a nil identity counts")
	}
	want := &verifier.Identity{Subject: "a"}
	if id, ok := verifier.FromContext(verifier.NewContext(t.Context(), want)); !ok || id != want {
		t.Error("not the identity that was put in")
	}
}

func TestErrorsAreComparedByCode(t *testing.T) {
	for _, e := range []*verifier.Error{
		verifier.ErrRoleRequired, verifier.ErrPermissionRequired, verifier.ErrScopeRequired, verifier.ErrTenantRequired, verifier.ErrAudienceRequired,
	} {
		if !errors.Is(e.Wrap(errors.New("x")), e) || !errors.Is(e, verifier.ErrDenied) || errors.Is(verifier.ErrDenied, e) { //nolint:staticcheck // headers in this order on purpose
			t.Errorf("%s is not one of the denials", e.Code)
		}
	}
	for _, e := range []*verifier.Error{
		verifier.ErrTokenMissing, verifier.ErrTokenInvalid, verifier.ErrFreshProofRequired, verifier.ErrAALRequired, verifier.ErrUnavailable,
	} {
		if errors.Is(e, verifier.ErrDenied) {
			t.Errorf("%s is a denial", e.Code)
		}
	}
}

func TestWriteErrorRoundsRetryAfterUp(t *testing.T) {
	w := httptest.NewRecorder()
	verifier.WriteError(w, issuer, &verifier.Error{Code: "busy", Status: 503, Retry: 1001 * time.Millisecond})
	if w.Header().Get("Retry-After") != "2" {
		t.Errorf("Retry-After: %s", w.Header().Get("Retry-After"))
	}
}

func TestNoTokenIsLogged(t *testing.T) {
	var log strings.Builder
	v := newVerifier(t, verifier.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	token := es().good(claimsAt(start))
	for _, bad := range []string{token + "x", token[:100], "canary." + token, token + "." + token} {
		r := httptest.NewRequest("GET", "/?access_token="+url.QueryEscape(token), nil)
		r.Header.Set("Authorization", "Bearer "+bad)
		v.Require(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	}
	if !strings.Contains(log.String(), "token_invalid") || strings.Contains(log.String(), token[:12]) || strings.Contains(log.String(), "canary") {
		t.Errorf("logged %s", log.String())
	}
}
