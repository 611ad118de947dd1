package gatehousetest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// pages returns where the pages lie, or skips the test.
func (b *battery) pages(t *testing.T) string {
	t.Helper()
	at := b.origin + "/account/"
	a := b.call(t, http.MethodGet, at+"sign-in/")
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Skip("the target serves no sign-in page at " + at + "sign-in/")
	}
	return at
}

// form posts a form.
func (b *battery) form(t testing.TB, address string, fields url.Values, options ...option) answer {
	t.Helper()
	return b.call(t, http.MethodPost, address, append([]option{rawBody("application/x-www-form-urlencoded", fields.Encode())}, options...)...)
}

// pageCookie returns the cookie of a page session that an answer sets, or nil.
func (b *battery) pageCookie(a answer) *http.Cookie {
	name := strings.Replace(b.cookieName(), "-refresh", "-session", 1)
	for _, c := range a.cookies {
		if c.Name == name && c.Value != "" {
			return c
		}
	}
	return nil
}

func (b *battery) signsInToPages(t *testing.T) {
	at, acc := b.pages(t), b.visitor(t)
	fields := url.Values{"name": {acc.Email}, "password": {newPassword()}}
	wrong := b.form(t, at+"sign-in/", fields, b.browser())
	if wrong.status < 400 || wrong.status >= 500 || b.pageCookie(wrong) != nil {
		t.Fatalf("%s to a wrong password, with a session: %t", wrong, b.pageCookie(wrong) != nil)
	}
	wrong.quiet(t, fields.Get("password"))
	fields.Set("password", acc.Password)
	in := b.form(t, at+"sign-in/", fields, b.browser())
	in.want(t, http.StatusSeeOther)
	c := b.pageCookie(in)
	if c == nil {
		t.Fatalf("%s without the cookie of a session", in)
	}
	if !c.HttpOnly || c.Secure != strings.HasPrefix(b.origin, "https:") || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("%s: cookie %s with HttpOnly %t, Secure %t, SameSite %d, Path %q, Domain %q", in, c.Name, c.HttpOnly, c.Secure, c.SameSite, c.Path, c.Domain)
	}
	home := b.call(t, http.MethodGet, at, cookie(c))
	home.want(t, http.StatusOK)
	home.unstored(t)
	home.quiet(t, c.Value, acc.Password)
	b.call(t, http.MethodGet, "/me/", cookie(c)).refused(t, http.StatusUnauthorized, "token_missing")
	b.form(t, at+"sign-out/", nil, b.browser(), cookie(c)).want(t, http.StatusSeeOther)
	if after := b.call(t, http.MethodGet, at, cookie(c)); after.status == http.StatusOK {
		t.Errorf("%s to the cookie of a session that was signed out", after)
	}
}

func (b *battery) refusesForeignForms(t *testing.T) {
	at, acc := b.pages(t), b.visitor(t)
	fields := url.Values{"name": {acc.Email}, "password": {acc.Password}}
	for _, from := range []option{header("Origin", "https://evil.example.net"), header("Sec-Fetch-Site", "cross-site"), func(*http.Request) {}} {
		a := b.form(t, at+"sign-in/", fields, from)
		a.want(t, http.StatusForbidden)
		if len(a.cookies) != 0 {
			t.Errorf("%s and sets a cookie", a)
		}
	}
}
