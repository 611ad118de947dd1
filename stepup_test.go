package gatehouse_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

// Whoever took a superuser's refresh token long after they signed in must not make superusers with it.
func TestAdminAPIAsksForAFreshProofWhereTheConsoleDoes(t *testing.T) {
	srv := quiet(t, nil)
	root := srv.CreateAccount(t, func(n *gatehouse.NewAccount) { n.Superuser = true })
	other := srv.CreateAccount(t)
	s := srv.SignIn(t, root)
	patch := func() *http.Response {
		return request(srv.Gatehouse().Handler(), http.MethodPatch, srv.APIURL+"/admin/accounts/"+other.ID+"/", `{"is_staff": true}`, "Content-Type", "application/json", "Authorization", "Bearer "+s.Access)
	}
	if resp := patch(); resp.StatusCode != http.StatusOK {
		t.Fatalf("right after signing in: answered %d", resp.StatusCode)
	}
	srv.Clock.Advance(t, 6*time.Minute)
	resp := patch()
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(resp.Header.Get("WWW-Authenticate"), "insufficient_user_authentication") {
		t.Errorf("6 minutes later: answered %d, %s", resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
	}
	if resp := request(srv.Gatehouse().Handler(), http.MethodGet, srv.APIURL+"/admin/accounts/", "", "Authorization", "Bearer "+s.Access); resp.StatusCode != http.StatusOK {
		t.Errorf("reading: answered %d", resp.StatusCode)
	}
}

// Whoever has codes mailed to a stranger must not use up what the stranger needs to choose a new password.
func TestMailedCodesAndResetsAreCountedApart(t *testing.T) {
	srv := quiet(t, nil)
	owner := srv.CreateAccount(t)
	post := func(path string) int {
		return request(srv.Gatehouse().Handler(), http.MethodPost, srv.APIURL+path, `{"email": "`+owner.Email+`"}`, "Content-Type", "application/json").StatusCode
	}
	for range 5 {
		if got := post("/magic-link/"); got != http.StatusAccepted {
			t.Fatalf("answered %d", got)
		}
	}
	if got := post("/magic-link/"); got != http.StatusTooManyRequests {
		t.Errorf("a sixth code: answered %d", got)
	}
	if got := post("/password/reset/"); got != http.StatusAccepted {
		t.Errorf("the reset: answered %d", got)
	}
}

// A session that was stolen long after its last proof must not keep its owner out by ending all others.
func TestEndingAllOthersTakesAFreshProof(t *testing.T) {
	srv := quiet(t, nil)
	s := srv.SignIn(t, srv.CreateAccount(t))
	end := func() *http.Response {
		return request(srv.Gatehouse().Handler(), http.MethodDelete, srv.APIURL+"/sessions/", "", "Authorization", "Bearer "+s.Access)
	}
	if resp := end(); resp.StatusCode != http.StatusOK {
		t.Fatalf("right after signing in: answered %d", resp.StatusCode)
	}
	srv.Clock.Advance(t, 6*time.Minute)
	if resp := end(); resp.StatusCode != http.StatusUnauthorized || !strings.Contains(resp.Header.Get("WWW-Authenticate"), "max_age=") {
		t.Errorf("6 minutes later: answered %d", resp.StatusCode)
	}
}
