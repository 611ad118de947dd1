package gatehousetest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// browser is what a page of the own origin sends along.
func (b *battery) browser() option {
	return func(r *http.Request) {
		r.Header.Set("Origin", b.origin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}

// cookieName is what the refresh cookie is called: over https it bears a prefix that browsers
// hold sites to.
func (b *battery) cookieName() string {
	if strings.HasPrefix(b.origin, "https:") {
		return "__Host-gatehouse-refresh"
	}
	return "gatehouse-refresh"
}

// given proves that an answer delivers the refresh token as a cookie, and nowhere else.
func (b *battery) given(t testing.TB, a answer) *http.Cookie {
	t.Helper()
	got := a.tokens(t)
	var c *http.Cookie
	for _, one := range a.cookies {
		switch one.Name {
		case b.cookieName():
			c = one
		case strings.Replace(b.cookieName(), "refresh", "device", 1): // what the browser is known by
			b.shielded(t, a, one)
		default:
			t.Errorf("%s with a cookie %s", a, one.Name)
		}
	}
	if c == nil {
		t.Fatalf("%s without a refresh token in a cookie", a)
	}
	if c.Value == "" || got.Refresh != "" || strings.Contains(string(a.body), c.Value) {
		t.Fatalf("%s: the cookie is empty, or the refresh token is in the body too", a)
	}
	b.hasAttributes(t, a, c)
	if int64(c.MaxAge) != got.RefreshExpiresIn {
		t.Errorf("%s: Max-Age is %d, and refresh_expires_in %d", a, c.MaxAge, got.RefreshExpiresIn)
	}
	return c
}

func (b *battery) hasAttributes(t testing.TB, a answer, c *http.Cookie) {
	t.Helper()
	if c.Name != b.cookieName() {
		t.Errorf("%s: cookie %s, not %s", a, c.Name, b.cookieName())
	}
	b.shielded(t, a, c)
}

// shielded proves that no script and no other host comes by a cookie.
func (b *battery) shielded(t testing.TB, a answer, c *http.Cookie) {
	t.Helper()
	if !c.HttpOnly || c.Secure != strings.HasPrefix(b.origin, "https:") || c.SameSite != http.SameSiteLaxMode ||
		c.Path != "/" || c.Domain != "" || c.RawExpires != "" {
		t.Errorf("%s: cookie %s with HttpOnly %t, Secure %t, SameSite %d, Path %q, Domain %q, Expires %q; it should be HttpOnly, Secure over https, Lax, Path=/, without Domain and Expires",
			a, c.Name, c.HttpOnly, c.Secure, c.SameSite, c.Path, c.Domain, c.RawExpires)
	}
}

// open signs in as a browser does.
func (b *battery) open(t testing.TB, acc Account, options ...option) answer {
	t.Helper()
	return b.post(t, "/login/", members{"email": acc.Email, "password": acc.Password, "transport": "cookie"}, options...)
}

// renew refreshes by cookie alone.
func (b *battery) renew(t testing.TB, c *http.Cookie, options ...option) answer {
	t.Helper()
	return b.call(t, http.MethodPost, "/token/refresh/", append([]option{cookie(c)}, options...)...)
}

func (b *battery) rotatesCookie(t *testing.T) {
	c := b.given(t, b.open(t, b.visitor(t), b.browser()))
	for range 2 {
		next := b.given(t, b.renew(t, c, b.browser()))
		again := b.given(t, b.renew(t, c, b.browser()))
		if next.Value == c.Value || again.Value != next.Value {
			t.Fatal("the cookie was not rotated, or a repetition gives another successor")
		}
		c = next
	}
	b.given(t, b.renew(t, c, b.browser(), jsonBody(t, members{})))
}

func (b *battery) refusesForeignOrigin(t *testing.T) {
	acc := b.visitor(t)
	c := b.given(t, b.open(t, acc))
	for name, foreign := range map[string]option{
		"Origin":                           header("Origin", "https://evil.example"),
		"Origin null":                      header("Origin", "null"),
		"an origin that begins like ours":  header("Origin", b.origin+".evil.example"),
		"Sec-Fetch-Site: cross-site":       header("Sec-Fetch-Site", "cross-site"),
		"Sec-Fetch-Site: same-site":        header("Sec-Fetch-Site", "same-site"),
		"our origin after somebody else's": func(r *http.Request) { r.Header["Origin"] = []string{"https://evil.example", b.origin} },
		"a foreign origin from the network": func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "none")
		},
	} {
		for _, a := range []answer{b.open(t, acc, foreign), b.renew(t, c, foreign), b.call(t, http.MethodPost, "/logout/", cookie(c), foreign), b.call(t, http.MethodPost, "/logout/all/", cookie(c), foreign)} {
			if a.status != http.StatusForbidden || len(a.cookies) != 0 {
				t.Errorf("with %s: %s, setting %d cookies", name, a, len(a.cookies))
				continue
			}
			a.refused(t, http.StatusForbidden, "origin_refused")
			if a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("with %s: %s and lets the foreign page read it", name, a)
			}
		}
	}
	b.given(t, b.renew(t, c, b.browser()))
}

func (b *battery) prefersBody(t *testing.T) {
	acc := b.visitor(t)
	c, s := b.given(t, b.open(t, acc)), b.signIn(t, acc)
	a := b.post(t, "/token/refresh/", members{"refresh": s.Refresh}, cookie(c))
	if got := a.tokens(t); got.Refresh == "" || len(a.cookies) != 0 {
		t.Error("a refresh by body touches the cookie, or answers with one")
	}
	a = b.post(t, "/token/refresh/", members{"refresh": forged()}, cookie(c))
	a.refused(t, http.StatusUnauthorized, "refresh_rejected")
	if len(a.cookies) != 0 {
		t.Error("a refused refresh by body touches the cookie")
	}
	b.given(t, b.renew(t, c))
}

func (b *battery) refusesTwoCookies(t *testing.T) {
	acc := b.visitor(t)
	c, planted := b.given(t, b.open(t, acc)), b.given(t, b.open(t, b.visitor(t)))
	b.renew(t, c, cookie(planted)).refused(t, http.StatusForbidden, "origin_refused")
	b.given(t, b.renew(t, c))
}

// refusesOtherTransport: a token that comes in another way than it went out has been taken out of its place.
func (b *battery) refusesOtherTransport(t *testing.T) {
	acc := b.visitor(t)
	c := b.given(t, b.open(t, acc))
	b.refresh(t, c.Value).refused(t, http.StatusUnauthorized, "refresh_rejected")
	b.renew(t, c).refused(t, http.StatusUnauthorized, "refresh_rejected")
	s := b.signIn(t, acc)
	b.renew(t, &http.Cookie{Name: b.cookieName(), Value: s.Refresh}).refused(t, http.StatusUnauthorized, "refresh_rejected")
	b.mustBeOver(t, s)
}

func (b *battery) clearsCookie(t *testing.T) {
	c := b.given(t, b.open(t, b.visitor(t)))
	for _, stale := range []*http.Cookie{c, c, {Name: c.Name, Value: url.QueryEscape(forged())}} {
		a := b.call(t, http.MethodPost, "/logout/", cookie(stale), b.browser())
		a.want(t, http.StatusOK)
		if len(a.cookies) != 1 || a.cookies[0].MaxAge != -1 || a.cookies[0].Value != "" {
			t.Fatalf("%s and does not clear the cookie", a)
		}
		b.hasAttributes(t, a, a.cookies[0])
	}
	b.renew(t, c).refused(t, http.StatusUnauthorized, "refresh_rejected")
}
