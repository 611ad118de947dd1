package signin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
)

const credentials = `{"email": "jo@example.com", "password": "warm woollen mittens", "transport": "cookie"}`

// cookieOf signs in as a browser does and returns the refresh cookie and the access token.
func (w *world) cookieOf(c *domaintest.Client) (*http.Cookie, string) {
	w.t.Helper()
	a := c.Call("POST", "/login/", credentials, domaintest.OwnPage())
	if a.Status != http.StatusOK {
		w.t.Fatalf("%d %s", a.Status, a.Text)
	}
	if _, ok := a.JSON["refresh"]; ok {
		w.t.Error("a browser got the refresh token in the body")
	}
	access, _ := a.JSON["access"].(string)
	return w.cookie(a), access
}

// cookie returns the one with the refresh token. The only other that there may be names the device.
func (w *world) cookie(a domaintest.Answer) (refresh *http.Cookie) {
	w.t.Helper()
	seen := map[string]bool{}
	for _, set := range a.Header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(set)
		must(w.t, err)
		if !c.HttpOnly || !c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || !c.Expires.IsZero() || seen[c.Name] {
			w.t.Errorf("attributes: %s", strings.ReplaceAll(set, c.Value, "…"))
		}
		seen[c.Name] = true
		switch c.Name {
		case "__Host-gatehouse-refresh":
			refresh = c
		case "__Host-gatehouse-device":
		default:
			w.t.Errorf("there is a cookie %s", c.Name)
		}
	}
	if refresh == nil {
		w.t.Fatal("there is no refresh token in a cookie")
	}
	return refresh
}

func TestTheCookieKeepsItsAttributesThroughEveryRotation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.Serve(signin.Routes(w.flow), nil)
		cookie, _ := w.cookieOf(c)
		for range 3 {
			if cookie.MaxAge != 7*24*3600 {
				t.Errorf("Max-Age %d", cookie.MaxAge)
			}
			next := w.cookie(c.Call("POST", "/token/refresh/", "", domaintest.Cookie(cookie), domaintest.OwnPage()))
			if next.Value == cookie.Value {
				t.Error("not rotated")
			}
			cookie = next
		}
		gone := w.cookie(c.Call("POST", "/logout/", "", domaintest.Cookie(cookie), domaintest.OwnPage()))
		if gone.MaxAge >= 0 || gone.Value != "" {
			t.Error("the cookie was not cleared")
		}
		if a := c.Call("POST", "/token/refresh/", "", domaintest.Cookie(cookie), domaintest.OwnPage()); a.Status != http.StatusUnauthorized {
			t.Errorf("after signing out: %d", a.Status)
		}
	})
}

func TestSigningOutEndsTheCookiesSessionWhateverTheBearerIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.Serve(signin.Routes(w.flow), nil)
		for _, bearer := range []string{"an expired token", w.signIn().Tokens.Access} {
			cookie, _ := w.cookieOf(c)
			a := c.Call("POST", "/logout/", "", domaintest.Cookie(cookie), domaintest.OwnPage(), domaintest.Header("Authorization", "Bearer "+bearer))
			if a.Status != http.StatusOK {
				t.Fatalf("%d %s", a.Status, a.Text)
			}
			_, err := w.flow.Refresh(t.Context(), cookie.Value, session.Cookie)
			wants(t, err, session.ErrRefused)
		}
	})
}

func TestAForeignPageCannotUseTheCookie(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.Serve(signin.Routes(w.flow), nil)
		cookie, access := w.cookieOf(c)
		foreign := domaintest.Header("Origin", "https://evil.example.com")
		for _, path := range []string{"/token/refresh/", "/logout/", "/logout/all/"} {
			if a := c.Call("POST", path, "", domaintest.Cookie(cookie), foreign); a.Status != http.StatusForbidden || !strings.Contains(a.Text, "origin_refused") {
				t.Errorf("%s: %d %s", path, a.Status, a.Text)
			}
		}
		if a := c.Call("POST", "/login/", credentials, foreign); a.Status != http.StatusForbidden {
			t.Errorf("a foreign page signed a browser in: %d", a.Status)
		}
		must(t, w.flow.Check(t.Context(), access))
	})
}

func TestRevokeTakesAFormOrJSONAndTellsNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.Serve(signin.Routes(w.flow), nil)
		form := domaintest.Header("Content-Type", "application/x-www-form-urlencoded")
		byForm, byJSON := w.signIn().Tokens, w.signIn().Tokens
		for _, a := range []domaintest.Answer{
			c.Call("POST", "/token/revoke/", "token="+byForm.Refresh+"&token_type_hint=refresh_token", form),
			c.Call("POST", "/token/revoke/", `{"token": "`+byJSON.Access+`"}`),
			c.Call("POST", "/token/revoke/", "token=unknown", form),
		} {
			if a.Status != http.StatusOK || a.Text != "{}" {
				t.Errorf("%d %s", a.Status, a.Text)
			}
		}
		for _, token := range []string{byForm.Access, byJSON.Refresh} {
			wants(t, w.flow.Check(t.Context(), token), session.ErrEnded)
		}
		if a := c.Call("POST", "/token/revoke/", "token=a&token=b", form); a.Status != http.StatusBadRequest {
			t.Errorf("two tokens: %d", a.Status)
		}
		var a domaintest.Answer
		alive := w.signIn().Tokens.Refresh
		if !w.FailAt(1, func() { a = c.Call("POST", "/token/revoke/", `{"token": "`+alive+`"}`) }) || a.Status < 500 {
			t.Errorf("a storage failure was answered with %d", a.Status)
		}
	})
}
