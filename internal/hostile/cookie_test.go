package hostile

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	refreshName = "__Host-gatehouse-refresh"
	deviceName  = "__Host-gatehouse-device" // what a browser is known by once somebody has signed in with it
)

// guardedCookie checks the attributes of every cookie that a sets; Go's own reader of cookies
// would forgive too much.
func guardedCookie(t *testing.T, a answer) {
	t.Helper()
	for _, line := range a.header.Values("Set-Cookie") {
		name, attributes, _ := strings.Cut(line, "; ")
		name, _, _ = strings.Cut(name, "=")
		if !strings.HasPrefix(name, "__Host-gatehouse-") {
			t.Errorf("%s sets %s", a.what, name)
		}
		seen := map[string]bool{}
		for one := range strings.SplitSeq(attributes, "; ") {
			seen[one] = true
		}
		for _, must := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
			if !seen[must] {
				t.Errorf("%s sets %s without %s: %s", a.what, name, must, attributes)
			}
		}
		if len(seen) != 5 || !strings.Contains(attributes, "Max-Age=") || strings.Contains(attributes, "Domain") || strings.Contains(attributes, "Expires") {
			t.Errorf("%s sets %s with %s", a.what, name, attributes)
		}
	}
}

// A browser's session from its beginning to its end: the token is in the cookie and nowhere else.
func TestCookieSessionsKeepTheirTokenInTheCookie(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		own := header("Origin", w.URL)
		login := func(transport string) answer {
			return w.call(http.MethodPost, "/login/", fmt.Sprintf(`{"email":"jo@example.com","password":%q,"transport":%q}`, password, transport), own)
		}
		first := login("cookie")
		a := first
		for i := range 3 {
			guardedCookie(t, a)
			c, device := a.refreshCookie(), a.cookieNamed(deviceName)
			if c == nil || c.MaxAge != 7*24*3600 || (device != nil) != (i == 0) || len(a.cookies) != []int{2, 1, 1}[i] {
				t.Fatalf("round %d: cookies %d of %s", i, len(a.cookies), a.what)
			}
			if device != nil && (device.MaxAge != 400*24*3600 || len(device.Value) != 43 || strings.Contains(a.text, device.Value) || strings.Contains(device.Value, c.Value)) {
				t.Error("the cookie of the browser is not only that")
			}
			if _, in := a.object["refresh"]; in || strings.Contains(a.text, c.Value) || a.member("access") == "" {
				t.Errorf("round %d: the refresh token is in the body, or the access token is not", i)
			}
			a = w.call(http.MethodPost, "/token/refresh/", []string{"", "{}", ""}[i], own, cookie(c))
		}
		last := a.refreshCookie()

		// A browser that has been given it keeps it.
		known := w.call(http.MethodPost, "/login/", fmt.Sprintf(`{"email":"jo@example.com","password":%q,"transport":"cookie"}`, password), own, cookie(first.cookieNamed(deviceName)))
		if known.status != http.StatusOK || len(known.cookies) != 1 || known.refreshCookie() == nil {
			t.Errorf("a known browser: answered %d, %d cookies", known.status, len(known.cookies))
		}

		// In the body it is another client's, which ends the session.
		thief := w.call(http.MethodPost, "/token/refresh/", text(map[string]string{"refresh": last.Value}))
		w.refused(thief, "a cookie's token in the body", http.StatusUnauthorized, "refresh_rejected")
		w.refused(w.call(http.MethodPost, "/token/refresh/", "", own, cookie(last)), "after that", http.StatusUnauthorized, "refresh_rejected")

		body := login("body")
		if len(body.cookies) != 1 || body.cookieNamed(deviceName) == nil || body.member("refresh") == "" {
			t.Errorf("a body session of a new browser got %d cookies", len(body.cookies))
		}
		if plain := w.call(http.MethodPost, "/login/", fmt.Sprintf(`{"email":"jo@example.com","password":%q}`, password)); plain.status != http.StatusOK || len(plain.cookies) != 0 {
			t.Errorf("no browser: answered %d, %d cookies", plain.status, len(plain.cookies))
		}
		w.refused(w.call(http.MethodPost, "/token/refresh/", "", own, cookie(&http.Cookie{Name: refreshName, Value: body.member("refresh")})), "a body's token in the cookie", http.StatusUnauthorized, "refresh_rejected")

		// Together the body counts, and the cookie is left alone.
		mine, other := login("cookie").refreshCookie(), login("body")
		both := w.call(http.MethodPost, "/token/refresh/", text(map[string]string{"refresh": other.member("refresh")}), own, cookie(mine))
		if both.status != http.StatusOK || len(both.cookies) != 0 || both.member("refresh") == "" {
			t.Errorf("both: answered %d, %d cookies", both.status, len(both.cookies))
		}
		bad := w.call(http.MethodPost, "/token/refresh/", `{"refresh":"grt_x"}`, own, cookie(mine))
		w.refused(bad, "a bad body and a good cookie", http.StatusUnauthorized, "refresh_rejected")
		empty := w.call(http.MethodPost, "/token/refresh/", `{"refresh":""}`, own, cookie(mine))
		w.refused(empty, "an empty member and a good cookie", http.StatusUnauthorized, "refresh_rejected")
		if len(bad.cookies)+len(empty.cookies) != 0 {
			t.Error("a refusal touched the cookie")
		}
		two := w.call(http.MethodPost, "/token/refresh/", "", own, cookie(mine), cookie(mine))
		w.refused(two, "two cookies", http.StatusForbidden, "origin_refused")
		planted := w.call(http.MethodPost, "/token/refresh/", "", own, header("Cookie", "gatehouse-refresh="+mine.Value+"; __host-gatehouse-refresh="+mine.Value))
		w.refused(planted, "names that are not ours", http.StatusUnauthorized, "refresh_rejected")
		if a := w.call(http.MethodPost, "/token/refresh/", "", own, cookie(mine)); a.status != http.StatusOK {
			t.Errorf("the cookie is spent: answered %d %s", a.status, a.code)
		} else {
			mine = a.refreshCookie()
		}

		out := w.call(http.MethodPost, "/logout/", "", own, cookie(mine))
		guardedCookie(t, out)
		if c := out.refreshCookie(); out.status != http.StatusOK || c == nil || c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("logout: answered %d, cookie %v", out.status, c != nil)
		}
		again := w.call(http.MethodPost, "/logout/", "", own, cookie(mine))
		if again.status != http.StatusOK {
			t.Errorf("logout again: answered %d", again.status)
		}
		w.refused(w.call(http.MethodPost, "/token/refresh/", "", own, cookie(mine)), "after logout", http.StatusUnauthorized, "refresh_rejected")
	})
}

func TestTheRegisteringBrowsersCookieIsGuarded(t *testing.T) {
	w := open(t, "sqlite", nil)
	own := header("Origin", w.URL)
	a := w.call(http.MethodPost, "/register/", text(map[string]string{"email": "new@example.com", "password": password, "full_name": ""}), own)
	guardedCookie(t, a)
	if len(a.cookies) != 1 || a.cookies[0].MaxAge != 24*3600 {
		t.Fatalf("%d cookies", len(a.cookies))
	}
	token := w.Mailbox.Wait(t, "new@example.com").Token()
	done := w.page(http.MethodPost, "/account/verify/", url.Values{"token": {token}}, cookie(a.cookies[0]))
	guardedCookie(t, done)
	if done.status != http.StatusSeeOther || len(done.cookies) != 1 || done.cookies[0].MaxAge >= 0 {
		t.Errorf("answered %d, %d cookies", done.status, len(done.cookies))
	}
}

// senders are what a browser tells of the page behind a request; own may use cookies.
func senders(own string) []struct {
	name         string
	origin, site []string
	own          bool
} {
	host := strings.TrimPrefix(own, "https://")
	return []struct {
		name         string
		origin, site []string
		own          bool
	}{
		{"no browser", nil, nil, true}, {"own page", []string{own}, []string{"same-origin"}, true}, {"listed page", []string{listed}, []string{"cross-site"}, true}, {"listed page of an older browser", []string{listed}, nil, true},
		{"foreign page", []string{"https://evil.example.net"}, []string{"cross-site"}, false}, {"foreign page of an older browser", []string{"https://evil.example.net"}, nil, false},
		{"hidden", nil, []string{"cross-site"}, false}, {"sibling", nil, []string{"same-site"}, false}, {"null", []string{"null"}, nil, false}, {"null and cross-site", []string{"null"}, []string{"cross-site"}, false},
		{"suffix", []string{own + ".evil.example.net"}, nil, false}, {"prefix", []string{"https://evil" + host}, nil, false}, {"other port", []string{own[:strings.LastIndex(own, ":")] + ":1"}, nil, false}, {"http", []string{"http://" + host}, nil, false},
		{"listed over http", []string{"http://app.example.com"}, nil, false}, {"below listed", []string{"https://x.app.example.com"}, nil, false}, {"two", []string{own, "https://evil.example.net"}, nil, false}, {"lies of its site", []string{"https://evil.example.net"}, []string{"same-origin"}, false},
		{"empty", []string{""}, nil, false}, {"a path", []string{own + "/"}, nil, false},
	}
}

func TestForeignPagesCannotUseCookies(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		credentials := func(transport string) string {
			return fmt.Sprintf(`{"email":"jo@example.com","password":%q,"transport":%q}`, password, transport)
		}
		mine, byBody := w.signIn("jo@example.com", "cookie"), w.signIn("jo@example.com", "body")
		for _, s := range senders(w.URL) {
			var as []option
			if s.origin != nil {
				as = append(as, header("Origin", s.origin...))
			}
			if s.site != nil {
				as = append(as, header("Sec-Fetch-Site", s.site...))
			}
			checks := []answer{w.call(http.MethodPost, "/token/refresh/", "", append(as, cookie(mine.cookie))...)}
			if s.own {
				if c := checks[0].refreshCookie(); c != nil {
					mine.cookie = c
				}
			} else {
				checks = append(checks, w.call(http.MethodPost, "/login/", credentials("cookie"), as...), w.call(http.MethodPost, "/logout/", "{}", append(as, cookie(mine.cookie))...),
					w.call(http.MethodPost, "/logout/all/", "", append(as, cookie(mine.cookie))...), w.call(http.MethodPost, "/token/refresh/", "{}", append(as, cookie(mine.cookie))...))
			}
			for _, a := range checks {
				if !s.own {
					w.refused(a, s.name, http.StatusForbidden, "origin_refused")
				}
				if s.own != (a.status == http.StatusOK) || s.own != (len(a.cookies) == 1) {
					t.Errorf("%s: %s answered %d, %d cookies", s.name, a.what, a.status, len(a.cookies))
				}
				readable := a.header.Get("Access-Control-Allow-Origin")
				if may := len(s.origin) == 1 && (s.origin[0] == w.URL || s.origin[0] == listed); may != (readable != "") || may && readable != s.origin[0] {
					t.Errorf("%s: %s is readable for %q", s.name, a.what, readable)
				}
			}
			// A body or a bearer is nobody's but the sender's.
			a := w.call(http.MethodPost, "/token/refresh/", text(map[string]string{"refresh": byBody.refresh}), append(as, cookie(mine.cookie))...)
			if a.status != http.StatusOK || len(a.cookies) != 0 {
				t.Fatalf("%s: a body answered %d %s", s.name, a.status, a.code)
			}
			byBody.refresh = a.member("refresh")
			if a := w.call(http.MethodGet, "/me/", "", append(as, bearer(byBody.access))...); a.status != http.StatusOK {
				t.Errorf("%s: a bearer answered %d", s.name, a.status)
			}
			w.Clock.Advance(t, time.Second)
		}
		if !w.signedIn(mine.access) {
			t.Error("a foreign page ended the cookie's session")
		}
		evil := []option{header("Origin", "https://evil.example.net"), cookie(mine.cookie)}
		if a := w.call(http.MethodPost, "/logout/", "", append(evil, bearer(byBody.access))...); a.status != http.StatusOK || len(a.cookies) != 0 {
			t.Errorf("logout of a bearer from a foreign page: answered %d, %d cookies", a.status, len(a.cookies))
		}
		if w.signedIn(byBody.access) || !w.signedIn(mine.access) {
			t.Error("it ended another session than the bearer's")
		}
	})
}

func TestPreflightsAreAnsweredForListedOriginsAlone(t *testing.T) {
	w := open(t, "sqlite", silent)
	for _, s := range senders(w.URL) {
		if s.origin == nil {
			continue
		}
		for _, d := range doors {
			path, _ := key{account: "jo", app: "x", passkey: "x"}.at(d)
			a := w.call(http.MethodOptions, path, "", header("Origin", s.origin...), header("Access-Control-Request-Method", d.method), header("Access-Control-Request-Headers", "authorization,content-type"))
			if s.own && (a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != s.origin[0]) {
				t.Errorf("%s: answered %d", s.name, a.status)
			}
			if !s.own {
				w.refused(a, s.name, http.StatusMethodNotAllowed, "method_not_allowed")
				for name := range a.header {
					if strings.HasPrefix(name, "Access-Control") {
						t.Errorf("%s: %s", s.name, name)
					}
				}
			}
		}
	}
}
