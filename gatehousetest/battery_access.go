package gatehousetest

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func (b *battery) me(t testing.TB, s tokens) map[string]any {
	t.Helper()
	a := b.call(t, http.MethodGet, "/me/", bearerToken(s.Access))
	a.want(t, http.StatusOK)
	a.unstored(t)
	return a.object(t)
}

func (b *battery) showsAccount(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	if got := b.me(t, s); !reflect.DeepEqual(got, s.User) {
		t.Error("GET me/ shows something else than the sign-in did")
	}
}

func (b *battery) changesProfile(t *testing.T) {
	s := b.signIn(t, b.account(t))
	want := b.me(t, s)
	want["full_name"], want["phone"] = "Zoë Example", "+49 30 1234567"
	a := b.call(t, http.MethodPatch, "/me/", bearerToken(s.Access), jsonBody(t, members{"full_name": want["full_name"], "phone": want["phone"]}))
	a.want(t, http.StatusOK)
	if got := a.object(t); !reflect.DeepEqual(got, want) {
		t.Error("PATCH me/ does not answer the account with what was changed and nothing else")
	}
	for name, value := range privileges {
		a := b.call(t, http.MethodPatch, "/me/", bearerToken(s.Access), jsonBody(t, members{"full_name": "Mallory", name: value}))
		if a.status != http.StatusBadRequest {
			t.Errorf("changing %s: %s", name, a)
		}
	}
	for _, name := range []string{"email", "password", "last_login"} {
		b.call(t, http.MethodPatch, "/me/", bearerToken(s.Access), jsonBody(t, members{name: "other@example.com"})).refused(t, http.StatusBadRequest, "fields_invalid")
	}
	if !reflect.DeepEqual(b.me(t, s), want) {
		t.Error("a refused change has changed the account")
	}
}

// guarded are requests that nobody makes without a token.
var guarded = [][2]string{
	{http.MethodGet, "/me/"}, {http.MethodPatch, "/me/"}, {http.MethodGet, "/sessions/"},
	{http.MethodDelete, "/sessions/00000000-0000-7000-8000-000000000000/"}, {http.MethodPost, "/password/change/"},
}

func (b *battery) asksForToken(t *testing.T) {
	for _, g := range guarded {
		// Where a request comes from proves nothing, and neither does its body.
		for _, from := range []option{header("X-Forwarded-For", "127.0.0.1"), header("Forwarded", "for=127.0.0.1;host=localhost"), rawBody("application/json", "{")} {
			a := b.call(t, g[0], g[1], from)
			a.refused(t, http.StatusUnauthorized, "token_missing")
			if got := a.header.Get("WWW-Authenticate"); got != "Bearer" {
				t.Errorf("%s with the challenge %q", a, got)
			}
		}
		a := b.call(t, g[0], g[1], bearerToken(forged()))
		a.refused(t, http.StatusUnauthorized, "token_invalid")
		if got := a.header.Get("WWW-Authenticate"); got != `Bearer error="invalid_token"` {
			t.Errorf("%s with the challenge %q", a, got)
		}
	}
}

func (b *battery) takesOneHeader(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	cookies := []option{cookie(&http.Cookie{Name: "access", Value: s.Access}), cookie(&http.Cookie{Name: b.cookieName(), Value: s.Refresh})}
	for name, options := range map[string][]option{
		"another scheme":                   {header("Authorization", "Basic "+s.Access)},
		"no scheme":                        {header("Authorization", s.Access)},
		"two headers":                      {bearerToken(s.Access), bearerToken(s.Access)},
		"a cookie":                         cookies,
		"a bad token beside a good cookie": append([]option{bearerToken(forged())}, cookies...),
	} {
		if a := b.call(t, http.MethodGet, "/me/", options...); a.status != http.StatusUnauthorized {
			t.Errorf("with %s: %s", name, a)
		}
	}
	if a := b.call(t, http.MethodGet, "/me/?access_token="+s.Access); a.status != http.StatusUnauthorized {
		t.Errorf("with a token in the query: %s", a)
	}
	b.call(t, http.MethodGet, "/me/", header("Authorization", "bearer "+s.Access)).want(t, http.StatusOK)
}

func (b *battery) coversProtected(t *testing.T) {
	if b.target.Protected == "" {
		t.Skip("the target names no endpoint of its own: set Protected")
	}
	s := b.signIn(t, b.visitor(t))
	for _, options := range [][]option{nil, {bearerToken(forged())}, {bearerToken(s.Refresh)}, {header("X-Forwarded-For", "127.0.0.1")}} {
		a := b.call(t, http.MethodGet, b.target.Protected, options...)
		if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
			t.Fatalf("without a good token %s with the challenge %q, not 401 and Bearer", a, a.header.Get("WWW-Authenticate"))
		}
		a.isProblem(t)
	}
	b.call(t, http.MethodGet, b.target.Protected, bearerToken(s.Access)).want(t, http.StatusOK)
}

func (b *battery) coversAdminOnly(t *testing.T) {
	if b.target.AdminOnly == "" {
		t.Skip("the target names no endpoint for administrators: set AdminOnly")
	}
	s := b.signIn(t, b.visitor(t))
	a := b.call(t, http.MethodGet, b.target.AdminOnly)
	a.want(t, http.StatusUnauthorized)
	a.isProblem(t)
	a = b.call(t, http.MethodGet, b.target.AdminOnly, bearerToken(s.Access))
	a.want(t, http.StatusForbidden)
	a.isProblem(t)
}

func (b *battery) endsWithExpiry(t *testing.T) {
	b.needsClock(t)
	s := b.signIn(t, b.visitor(t))
	b.advance(t, time.Duration(s.ExpiresIn)*time.Second)
	b.call(t, http.MethodGet, "/me/", bearerToken(s.Access)).refused(t, http.StatusUnauthorized, "token_invalid")
	if b.target.Protected != "" {
		a := b.call(t, http.MethodGet, b.target.Protected, bearerToken(s.Access))
		a.want(t, http.StatusUnauthorized)
		a.isProblem(t)
	}
	next := b.refresh(t, s.Refresh).tokens(t)
	b.call(t, http.MethodGet, "/me/", bearerToken(next.Access)).want(t, http.StatusOK)
}

func (b *battery) refusesUnknown(t *testing.T) {
	b.call(t, http.MethodGet, "/nothing/").refused(t, http.StatusNotFound, "not_found")
	b.call(t, http.MethodGet, "/login/").refused(t, http.StatusMethodNotAllowed, "method_not_allowed")
	b.call(t, http.MethodDelete, "/register/").refused(t, http.StatusMethodNotAllowed, "method_not_allowed")
}

// open endpoints take bodies from anybody.
var open = []string{"/register/", "/email/verify/", "/email/verify/resend/", "/login/", "/password/reset/", "/password/reset/confirm/"}

// hostile are bodies that no honest client sends; $ stands for a secret that must not come back.
var hostile = map[string]string{
	"nothing":           ``,
	"no object":         `["$"]`,
	"no JSON":           `{"email": "$"`,
	"two documents":     `{"email": "$"} {"email": "$"}`,
	"deep nesting":      `{"email": ` + strings.Repeat(`[`, 5000) + `"$"` + strings.Repeat(`]`, 5000) + `}`,
	"one name twice":    `{"email": "a@example.com", "email": "$@example.com", "password": "$"}`,
	"odd case":          `{"Email": "$@example.com", "PASSWORD": "$"}`,
	"unknown members":   `{"email": "a@example.com", "password": "$", "full_name": "$", "token": "$", "new_password": "$", "admin": "$"}`,
	"wrong types":       `{"email": ["$"], "password": {"$": 1}, "token": 7, "new_password": ["$"], "full_name": true}`,
	"NUL":               `{"email": "$\u0000@example.com", "password": "$\u0000", "token": "$\u0000", "new_password": "$", "full_name": "$"}`,
	"no UTF-8":          "{\"email\": \"$\xff@example.com\", \"password\": \"$\xff\", \"token\": \"$\xff\"}",
	"half a surrogate":  `{"email": "\ud800$@example.com", "password": "$", "token": "$"}`,
	"far too much":      `{"email": "$` + strings.Repeat("x", 128<<10) + `"}`,
	"a number too long": `{"email": ` + strings.Repeat("9", 4000) + `, "password": "$"}`,
}

func (b *battery) refusesHostile(t *testing.T) {
	for _, path := range open {
		for name, body := range hostile {
			secret := newPassword()
			a := b.call(t, http.MethodPost, path, rawBody("application/json", strings.ReplaceAll(body, "$", secret)))
			if a.status < 400 || a.status >= 500 {
				t.Errorf("%s with %s answers %d", path, name, a.status)
				continue
			}
			a.isProblem(t)
			a.quiet(t, secret)
		}
		for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
			b.call(t, http.MethodPost, path, rawBody(media, `{"email": "a@example.com"}`)).refused(t, http.StatusUnsupportedMediaType, "media_type_unsupported")
		}
	}
}
