package gatehousetest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// exchange is one request on its way to the API and its answer, for a saboteur to spoil.
type exchange struct {
	path   string // with method, below the mount
	body   []byte
	r      *http.Request
	answer *httptest.ResponseRecorder
	pass   func(*http.Request) *httptest.ResponseRecorder
	seen   *memory
}

// memory is what a saboteur remembers of earlier requests.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
}

// first reports whether key was not there, and keeps it.
func (m *memory) first(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.values[key]
	m.values[key] = nil
	return !known
}

// member returns a member of the request's body.
func (x *exchange) member(name string) string {
	var o map[string]any
	_ = json.Unmarshal(x.body, &o) // no JSON has no members
	s, _ := o[name].(string)
	return s
}

func (x *exchange) answers(status int, body string) {
	x.answer = httptest.NewRecorder()
	x.answer.Header().Set("Content-Type", "application/json")
	x.answer.Header().Set("Cache-Control", "no-store")
	x.answer.WriteHeader(status)
	_, _ = x.answer.WriteString(body)
}

func (x *exchange) replace(old, fresh string) {
	x.answer.Body = bytes.NewBufferString(strings.ReplaceAll(x.answer.Body.String(), old, fresh))
}

// sabotages are ways to break a Gatehouse, and the scene of the battery that has to see each.
// before runs instead of the API where it answers; after spoils what the API answered.
var sabotages = map[string]struct {
	scene  string
	before func(*exchange)
	after  func(*exchange)
}{
	"tells that an address is taken": {scene: "registration/says_the_same_for_a_taken_address", after: func(x *exchange) {
		if x.path == "POST /register/" && !x.seen.first(x.member("email")) {
			x.answers(http.StatusConflict, `{}`)
		}
	}},
	"takes a code twice": {scene: "second_factor/is_asked_for", after: func(x *exchange) {
		if x.path == "POST /login/mfa/" && x.answer.Code == http.StatusUnauthorized {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"forgets how often was guessed": {scene: "second_factor/bears_five_wrong_codes", after: func(x *exchange) {
		if x.path == "POST /login/mfa/" {
			x.replace("step_rejected", "proof_rejected")
		}
	}},
	"overwrites an app": {scene: "second_factor/is_kept_by_whoever", before: func(x *exchange) {
		if x.path == "POST /2fa/setup/" && !x.seen.first("setup") {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"keeps backup codes": {scene: "backup_codes/open_once_each", after: func(x *exchange) {
		if x.path == "GET /2fa/backup-codes/" {
			x.answers(http.StatusOK, `{"left": 10}`)
		}
	}},
	"believes an old proof": {scene: "step_up/asks_for_a_new_proof", after: func(x *exchange) {
		if x.path == "POST /2fa/setup/" && x.answer.Code == http.StatusUnauthorized {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"takes a password for everything": {scene: "step_up/takes_no_password", after: func(x *exchange) {
		if x.path == "POST /reauth/" && x.answer.Code == http.StatusBadRequest {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"lets an admin of one tenant into another": {scene: "tenants/refuse_who_belongs_elsewhere", after: func(x *exchange) {
		if strings.HasPrefix(x.path, "GET /tenants/") && strings.HasSuffix(x.path, "/members/") && x.answer.Code == http.StatusForbidden {
			x.answers(http.StatusOK, `{"members": []}`)
		}
	}},
	"tells which tenants there are": {scene: "tenants/refuse_who_belongs_elsewhere", after: func(x *exchange) {
		if strings.HasSuffix(x.path, "/token/") && x.answer.Code == http.StatusForbidden && !x.seen.first("a refusal") {
			x.replace("not_a_member", "tenant_not_found")
		}
	}},
	"takes any token for a tenant": {scene: "tenants/want_a_token", after: func(x *exchange) {
		if strings.HasPrefix(x.path, "GET /tenants/") && x.answer.Code == http.StatusForbidden {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"takes an invitation twice": {scene: "tenants/invite_an_address_once", after: func(x *exchange) {
		if x.path == "POST /invitations/accept/" && !x.seen.first(x.member("token")) {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"refreshes who was removed": {scene: "tenants/see_at_once", after: func(x *exchange) {
		if x.path == "POST /token/refresh/" && x.answer.Code == http.StatusForbidden {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"lets the last owner go": {scene: "tenants/keep_an_owner", after: func(x *exchange) {
		if strings.HasSuffix(x.path, "/leave/") {
			x.answers(http.StatusNoContent, ``)
		}
	}},
	"takes privileges at registration": {scene: "registration/grants_nothing", after: func(x *exchange) {
		if x.path == "POST /register/" && x.answer.Code == http.StatusBadRequest && strings.Contains(string(x.body), "is_staff") {
			x.answers(http.StatusCreated, `{}`)
		}
	}},
	"confirms addresses by GET": {scene: "verification/survives_whoever_only_looks", before: func(x *exchange) {
		if token := x.r.URL.Query().Get("token"); x.path == "GET /email/verify/" {
			again := httptest.NewRequest(http.MethodPost, x.r.URL.Path, strings.NewReader(`{"token": "`+token+`"}`))
			again.Host, again.RemoteAddr = x.r.Host, x.r.RemoteAddr
			again.Header.Set("Content-Type", "application/json")
			x.answer = x.pass(again)
		}
	}},
	"confirms an address twice": {scene: "verification/works_once", after: func(x *exchange) {
		if x.path == "POST /email/verify/" && !x.seen.first(x.member("token")) {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"tells missing accounts apart": {scene: "login/says_the_same", after: func(x *exchange) {
		if x.path == "POST /register/" {
			x.seen.first(x.member("email"))
		}
		if x.path == "POST /login/" && x.answer.Code == http.StatusUnauthorized && x.seen.first(x.member("email")) {
			x.replace("credentials_rejected", "account_missing")
		}
	}},
	"lets everybody guess": {scene: "login/stops_guessing", after: func(x *exchange) {
		if x.answer.Code == http.StatusTooManyRequests {
			x.answers(http.StatusUnauthorized, `{}`)
		}
	}},
	"publishes a private key": {scene: "issuance/publishes_public_keys", after: func(x *exchange) {
		if x.path == "GET /.well-known/jwks.json" {
			x.replace(`"kid":`, `"d":"AA","kid":`)
		}
	}},
	"publishes another key": {scene: "issuance/signs_tokens", after: func(x *exchange) {
		if x.path == "GET /.well-known/jwks.json" {
			x.replace(`"kid":"`, `"kid":"other-`)
		}
	}},
	"believes any token": {scene: "issuance/accepts_no_token_that_was_tampered_with", after: func(x *exchange) {
		if x.path == "GET /me/" && x.answer.Code == http.StatusUnauthorized {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"ignores what it does not know": {scene: "profile/changes_the_profile_and_nothing_else", after: func(x *exchange) {
		if x.path == "PATCH /me/" && x.answer.Code == http.StatusBadRequest {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"signs out whoever asks twice": {scene: "refresh/repeats_its_answer", after: func(x *exchange) {
		if x.path == "POST /token/refresh/" && !x.seen.first(x.member("refresh")) {
			x.answers(http.StatusUnauthorized, `{}`)
		}
	}},
	"loses a race": {scene: "refresh/signs_nobody_out_when_fifty_come", after: func(x *exchange) {
		if x.path == "POST /token/refresh/" && !x.seen.first(x.member("refresh")) {
			x.answers(http.StatusUnauthorized, `{}`)
		}
	}},
	"takes old tokens": {scene: "refresh/ends_the_session_when_an_old_token", before: func(x *exchange) {
		token := x.member("refresh")
		if x.path != "POST /token/refresh/" || token == "" {
			return
		}
		x.seen.mu.Lock()
		defer x.seen.mu.Unlock()
		kept, known := x.seen.values[token]
		if !known {
			first := x.pass(x.r)
			kept = first.Body.Bytes()
			x.seen.values[token] = kept
		}
		x.answers(http.StatusOK, string(kept))
	}},
	"shows the cookie to scripts": {scene: "cookies/keep_the_refresh_token_from_scripts", after: func(x *exchange) {
		if x.path == "POST /token/refresh/" { // at the rotation only
			x.answer.Header().Set("Set-Cookie", strings.Replace(x.answer.Header().Get("Set-Cookie"), "; HttpOnly", "", 1))
		}
	}},
	"trusts foreign origins": {scene: "cookies/are_refused_to_foreign_origins", before: func(x *exchange) {
		x.r.Header.Del("Origin")
		x.r.Header.Del("Sec-Fetch-Site")
	}},
	"signs nobody out": {scene: "logout/ends_the_session_at_once", before: func(x *exchange) {
		if x.path == "POST /logout/" {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"ends no session": {scene: "sessions/are_listed_and_ended", before: func(x *exchange) {
		if x.r.Method == http.MethodDelete {
			x.answers(http.StatusNoContent, ``)
		}
	}},
	"says that every token is good": {scene: "token_endpoints/tell_whether", before: func(x *exchange) {
		if x.path == "POST /token/verify/" {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"revokes nothing": {scene: "token_endpoints/revoke", before: func(x *exchange) {
		if x.path == "POST /token/revoke/" {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"changes no password": {scene: "password_change/ends_all_other_sessions", before: func(x *exchange) {
		if x.path == "POST /password/change/" {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"tells who can reset": {scene: "password_reset/says_the_same", after: func(x *exchange) {
		if x.path == "POST /register/" {
			x.seen.first(x.member("email"))
		}
		if x.path == "POST /password/reset/" && x.seen.first(x.member("email")) {
			x.answers(http.StatusNotFound, `{}`)
		}
	}},
	"resets twice": {scene: "password_reset/works_once", after: func(x *exchange) {
		if x.path == "POST /password/reset/confirm/" && !x.seen.first(x.member("token")) {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"exports nothing": {scene: "leaving/takes_a_copy", before: func(x *exchange) {
		if x.path == "GET /me/export/" {
			x.answers(http.StatusOK, `{}`)
		}
	}},
	"erases nothing": {scene: "leaving/erases_the_account", before: func(x *exchange) {
		if x.path == "DELETE /me/" && !x.seen.first("with a wrong password") && !x.seen.first("with a forged token") {
			x.answers(http.StatusNoContent, ``)
		}
	}},
	"keeps browsers signed in": {scene: "pages/sign_in_and_out", before: func(x *exchange) {
		if x.path == "POST /account/sign-out/" {
			x.answers(http.StatusSeeOther, ``)
		}
	}},
	"believes every form": {scene: "pages/take_no_form_from_elsewhere", before: func(x *exchange) {
		x.r.Header.Set("Origin", "http://"+x.r.Host)
		x.r.Header.Del("Sec-Fetch-Site")
	}},
	"forgets the challenge": {scene: "protection/asks_everybody_for_a_token", after: func(x *exchange) {
		x.answer.Header().Del("WWW-Authenticate")
	}},
	"takes tokens from the query": {scene: "protection/takes_tokens_from_the_one_header", before: func(x *exchange) {
		if token := x.r.URL.Query().Get("access_token"); token != "" {
			x.r.Header.Set("Authorization", "Bearer "+token)
			x.r.URL.RawQuery = ""
		}
	}},
	"echoes": {scene: "refusals/of_hostile_bodies", after: func(x *exchange) {
		if x.path == "POST /login/" && x.answer.Code == http.StatusBadRequest {
			x.replace(`"detail":"`, `"detail":"Not understood: `+strings.Trim(strings.ReplaceAll(x.member("password"), `"`, ``), "\x00")+` `)
		}
	}},
	"leaves the protected endpoint open": {scene: "protection/covers_your_endpoint"},
}

// sabotaged puts a saboteur in front of a Gatehouse.
func sabotaged(before, after func(*exchange)) func(http.Handler) http.Handler {
	seen := &memory{values: map[string][]byte{}}
	return func(api http.Handler) http.Handler {
		pass := func(r *http.Request) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			return w
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // a client that goes away is not what is tested
			r.Body = io.NopCloser(bytes.NewReader(body))
			x := &exchange{path: r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/auth"), body: body, r: r, pass: pass, seen: seen}
			if before != nil {
				before(x)
			}
			if x.answer == nil {
				x.answer = pass(r)
			}
			if after != nil {
				after(x)
			}
			for name, values := range x.answer.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(x.answer.Code)
			_, _ = w.Write(x.answer.Body.Bytes())
		})
	}
}

const sabotageVariable = "GATEHOUSETEST_SABOTAGE"

// TestSabotaged fails in every subtest. TestRunSeesSabotage runs it and looks.
func TestSabotaged(t *testing.T) {
	if os.Getenv(sabotageVariable) == "" {
		t.Skip("TestRunSeesSabotage runs this")
	}
	for name, s := range sabotages {
		t.Run(name, func(t *testing.T) {
			target := host(t, func(gh *gatehouse.Gatehouse) http.Handler { return sabotaged(s.before, s.after)(mounted(gh, whole)) })
			if s.before == nil && s.after == nil {
				target.Protected = strings.TrimSuffix(target.APIURL, "/") + "/.well-known/jwks.json"
			}
			target.Skip = others(s.scene)
			gatehousetest.Run(t, target)
		})
	}
}

// others returns every feature but the one of a scene.
func others(scene string) []gatehousetest.Feature {
	all := []gatehousetest.Feature{
		gatehousetest.Registration, gatehousetest.Verification, gatehousetest.Login, gatehousetest.Issuance, gatehousetest.Profile,
		gatehousetest.Refresh, gatehousetest.Cookies, gatehousetest.Logout, gatehousetest.Sessions, gatehousetest.TokenEndpoints,
		gatehousetest.PasswordChange, gatehousetest.PasswordReset, gatehousetest.SecondFactor, gatehousetest.BackupCodes, gatehousetest.StepUp, gatehousetest.Leaving, gatehousetest.Tenants, gatehousetest.Pages, gatehousetest.Protection, gatehousetest.Refusals,
	}
	feature, _, _ := strings.Cut(scene, "/")
	return slices.DeleteFunc(all, func(f gatehousetest.Feature) bool { return string(f) == feature })
}

func TestRunSeesSabotage(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestSabotaged$", "-test.v")
	cmd.Env = append(os.Environ(), sabotageVariable+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("the battery finds nothing wrong with broken servers")
	}
	for name, s := range sabotages {
		if !strings.Contains(string(out), "--- FAIL: TestSabotaged/"+strings.ReplaceAll(name, " ", "_")+"/"+s.scene) {
			t.Errorf("a server that %s passes %s", name, s.scene)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
