package gatehouse_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// A tenant's token that is good for a while yet is refused, where the database is asked, once the session
// was left unused for as long as the tenant allows.
func TestATenantsOwnEndpointsForgetWhoWasAwayTooLong(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, dsn, _ string) {
		srv := gatehousetest.New(t, &gatehouse.Config{DatabaseURL: dsn})
		boss := srv.CreateAccount(t)
		team := srv.CreateTenant(t, gatehousetest.OwnedBy(boss))
		srv.Handle("GET /live/", srv.Gatehouse().Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), srv.Gatehouse().Live()))
		base := "/tenants/" + team.Slug + "/"
		srv.MustCall(t, http.MethodPatch, base, srv.TenantToken(t, boss, team), map[string]any{"policy": map[string]any{"max_idle": 1800}}, nil)

		// The token is made of others, so that it outlives the half hour.
		token := srv.TenantToken(t, boss, team)
		for range 3 {
			srv.Clock.Advance(t, 9*time.Minute)
			var out struct {
				Access string `json:"access"`
			}
			srv.MustCall(t, http.MethodPost, base+"token/", token, map[string]string{}, &out)
			token.Access = out.Access
		}
		ask := func(method, path, body string) (int, string) {
			t.Helper()
			resp := request(srv.Gatehouse().Handler(), method, srv.APIURL+path, body, "Content-Type", "application/json", "Authorization", "Bearer "+token.Access)
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, resp.Header.Get("WWW-Authenticate") + string(text)
		}
		srv.Clock.Advance(t, 2*time.Minute)
		if status, text := ask(http.MethodGet, base, ""); status != http.StatusOK {
			t.Errorf("a minute before: answered %d %s", status, text)
		}
		if status, text := send(t, srv, "/live/", "", token); status != http.StatusOK {
			t.Errorf("live, a minute before: answered %d %s", status, text)
		}
		srv.Clock.Advance(t, time.Minute)
		if status, text := ask(http.MethodGet, base, ""); status != http.StatusForbidden || !strings.Contains(text, "tenant_required") {
			t.Errorf("answered %d %s", status, text)
		}
		if status, text := send(t, srv, "/live/", "", token); status != http.StatusForbidden || !strings.Contains(text, "tenant_required") {
			t.Errorf("live: answered %d %s", status, text)
		}
		if status, text := ask(http.MethodPost, base+"token/", "{}"); status != http.StatusUnauthorized || !strings.Contains(text, "tenant_policy_unmet") || !strings.Contains(text, `max_age="1800"`) {
			t.Errorf("another token: answered %d %s", status, text)
		}
		if _, err := srv.Verifier().Verify(t.Context(), token.Access); err != nil {
			t.Errorf("elsewhere the token is good until it ends: %v", err)
		}
		// A proof is all that it takes.
		if status, text := ask(http.MethodPost, "/reauth/", `{"method":"password","password":"`+boss.Password+`"}`); status != http.StatusOK {
			t.Fatalf("the proof: answered %d %s", status, text)
		}
		if status, text := ask(http.MethodGet, base, ""); status != http.StatusOK {
			t.Errorf("with a proof: answered %d %s", status, text)
		}
	})
}

// A browser that comes back after too long is asked for a proof at the tenant's pages, however often it
// asks, and lets its person go on elsewhere.
func TestATenantsPagesAskWhoWasAwayTooLong(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, dsn, _ string) {
		srv := gatehousetest.New(t, &gatehouse.Config{DatabaseURL: dsn})
		boss := srv.CreateAccount(t)
		team := srv.CreateTenant(t, gatehousetest.OwnedBy(boss))
		srv.MustCall(t, http.MethodPatch, "/tenants/"+team.Slug+"/", srv.TenantToken(t, boss, team), map[string]any{"policy": map[string]any{"max_idle": 1800}}, nil)

		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: srv.Client.Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		do := func(method, path string, form url.Values) (int, string) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", srv.URL)
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := resp.Body.Close(); err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, resp.Header.Get("Location")
		}
		page := "/account/tenants/" + team.Slug + "/"
		wants := func(when, path string, status int, to string) {
			t.Helper()
			if got, location := do(http.MethodGet, path, nil); got != status || !strings.HasPrefix(location, to) {
				t.Errorf("%s: %s answered %d %s", when, path, got, location)
			}
		}
		if status, _ := do(http.MethodPost, "/account/sign-in/", url.Values{"name": {boss.Email}, "password": {boss.Password}}); status != http.StatusSeeOther {
			t.Fatalf("signing in answered %d", status)
		}
		wants("at once", page, http.StatusOK, "")
		srv.Clock.Advance(t, 29*time.Minute)
		wants("in time", page, http.StatusOK, "")
		srv.Clock.Advance(t, 30*time.Minute)
		for range 2 {
			wants("too late", "/account/", http.StatusOK, "")
			wants("too late", page, http.StatusSeeOther, "/account/confirm/")
			srv.Clock.Advance(t, 2*time.Minute)
		}
		if status, to := do(http.MethodPost, "/account/confirm/", url.Values{"method": {"password"}, "password": {boss.Password}, "next": {page}}); status != http.StatusSeeOther || to != page {
			t.Fatalf("the proof answered %d %s", status, to)
		}
		wants("with a proof", page, http.StatusOK, "")
	})
}
