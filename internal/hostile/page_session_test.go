package hostile

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// opens reports whether a cookie opens the account's pages.
func (w *world) opens(c *http.Cookie) bool {
	w.t.Helper()
	return w.page(http.MethodGet, "/account/", nil, cookie(c)).status == http.StatusOK
}

// A cookie that somebody planted or copied is worth nothing after the next proof.
func TestPageCookiesCannotBeFixed(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		s := newSite(w)
		fresh := func(a answer, old *http.Cookie) *http.Cookie {
			t.Helper()
			c := a.cookieNamed(pageName)
			if a.status != http.StatusSeeOther || c == nil || c.Value == old.Value || !w.opens(c) {
				t.Fatalf("%s answered %d, a new cookie: %v", a.what, a.status, c != nil)
			}
			if w.opens(old) {
				t.Errorf("after %s the former cookie opens the pages", a.what)
			}
			return c
		}
		planted := &http.Cookie{Name: pageName, Value: strings.Repeat("A", 43)}
		fresh(w.signInPage("jo@example.com", password, "", cookie(planted)), planted)
		evil := w.cookieOf("jo@example.com") // a live session of another is no better
		mine := fresh(w.signInPage("root@example.com", password, "", cookie(evil)), evil)
		mine = fresh(w.page(http.MethodPost, "/account/confirm/", url.Values{"method": {"password"}, "password": {password}}, cookie(mine)), mine)
		mine = fresh(w.page(http.MethodPost, "/account/password/", url.Values{"old_password": {password}, "new_password": {"Another-Long-2-Secret"}}, cookie(mine)), mine)
		if w.opens(s.staff) {
			t.Error("after a password change another session's cookie opens the pages")
		}
		out := w.page(http.MethodPost, "/account/sign-out/", nil, cookie(mine))
		if out.status != http.StatusSeeOther || w.opens(mine) {
			t.Error("after signing out the cookie opens the pages")
		}
		if !w.opens(s.person) {
			t.Error("another's session ended")
		}
	})
}

// pageCookies checks every cookie that a sets: for this host, no script and no other site, and of a name that says so.
func pageCookies(t *testing.T, a answer) {
	t.Helper()
	for _, line := range a.header.Values("Set-Cookie") {
		parts := strings.Split(line, "; ")
		for _, must := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
			if !slices.Contains(parts[1:], must) {
				t.Errorf("%s sets a cookie without %s: %q", a.what, must, parts[1:])
			}
		}
		if !strings.HasPrefix(line, "__Host-gatehouse-") || len(parts) > 6 || len(parts) == 6 && !strings.HasPrefix(parts[2], "Max-Age=") {
			t.Errorf("%s sets a cookie with %q", a.what, parts[1:])
		}
	}
}

func TestEveryCookieOfPagesIsGuarded(t *testing.T) {
	w := open(t, "sqlite", silent)
	s := newSite(w)
	set := map[string]bool{}
	try := func(a answer) answer {
		t.Helper()
		pageCookies(t, a)
		for _, c := range a.cookies {
			set[c.Name] = true
		}
		return a
	}
	for _, r := range routes(t, isPage) {
		if r.method == http.MethodGet {
			try(w.page(r.method, s.at(r)+"?lang=de", nil, s.who(r)))
		}
	}
	remembered := try(w.page(http.MethodPost, "/account/sign-in/", url.Values{"name": {"jo@example.com"}, "password": {password}, "remember": {"on"}}))
	if c := remembered.cookieNamed(pageName); c == nil || c.MaxAge <= 0 {
		t.Error("a remembered session's cookie ends with the browser")
	}
	try(w.signInPage("jo@example.com", password, ""))
	confirmed := try(w.page(http.MethodPost, "/account/confirm/", url.Values{"method": {"password"}, "password": {password}}, cookie(s.staff)))
	look := try(w.page(http.MethodPost, "/console/accounts/"+s.jo+"/look/", url.Values{"reason": {"a reason of some length"}}, cookie(confirmed.cookieNamed(pageName))))
	if look.cookieNamed("__Host-gatehouse-look") == nil {
		t.Fatalf("looking answered %d", look.status)
	}
	try(w.page(http.MethodPost, "/account/sign-up/", url.Values{"email": {"new@example.com"}, "new_password": {"Another-Long-2-Secret"}, "password": {"Another-Long-2-Secret"}, "full_name": {"Jo"}}))
	try(w.page(http.MethodPost, "/account/look/stop/", nil, cookie(confirmed.cookieNamed(pageName)), cookie(look.cookieNamed("__Host-gatehouse-look"))))
	try(w.page(http.MethodPost, "/account/sign-out/", nil, cookie(confirmed.cookieNamed(pageName))))
	if !set[deviceName] {
		t.Error("no browser was given its own token")
	}
	if len(set) < 4 {
		t.Errorf("only %v were set: this is not the whole story", set)
	}
}

// elsewhere are places that only a careless reader takes for ours.
func elsewhere(own string) []string {
	host := strings.TrimPrefix(own, "https://")
	return []string{
		"https://evil.example.net/", "//evil.example.net/", "///evil.example.net/", `\\evil.example.net/`, `/\evil.example.net/`, "/\t/evil.example.net/", "\t//evil.example.net/", " //evil.example.net/", "/\r\n/evil.example.net/", "https:evil.example.net", "https:/evil.example.net", "https:///evil.example.net",
		"http://" + host + "/", "https://" + host + "@evil.example.net/", "https://evil.example.net\\@" + host + "/", "https://" + host + ".evil.example.net/", "https://evil.example.net#" + host, "https://evil.example.net?" + host, "javascript:alert(1)//evil", "data:text/html,evil", "/../\x00//evil.example.net",
		"evil.example.net", "/%09/evil.example.net", "/%2f%2fevil.example.net", "/%5cevil.example.net", "/.//evil.example.net", "/x/..//evil.example.net", "HTTPS://EVIL.example.net/", "https://evil.example.net:443/", "https://app.example.com.evil.example.net/", "http://app.example.com/evil", "https://x.app.example.com/evil", "/" + strings.Repeat("evil", 1000),
	}
}

// leads are what a browser follows in a page by itself or at a click.
var leads = regexp.MustCompile(`(?i)(?:href|src|action|formaction|content|name="next" value)="([^"]*)"`)

func TestNextLeadsNowhereElse(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		s := newSite(w)
		stays := func(next string, a answer) {
			t.Helper()
			targets := []string{a.header.Get("Location"), a.header.Get("Refresh")}
			for _, m := range leads.FindAllStringSubmatch(a.text, -1) {
				targets = append(targets, m[1])
			}
			for _, target := range targets {
				inside := strings.HasPrefix(target, "?") || strings.HasPrefix(target, "/account/") || strings.HasPrefix(target, "/console/") // where next= may be carried on, to be looked at again
				if strings.Contains(strings.ToLower(target), "evil") && !inside || strings.HasPrefix(target, "//") || strings.HasPrefix(target, "javascript:") {
					t.Errorf("next=%.40q: %s leads to %.80q", next, a.what, target)
				}
			}
			if a.status >= 500 {
				t.Errorf("next=%.40q: %s answered %d", next, a.what, a.status)
			}
		}
		for _, next := range elsewhere(w.URL) {
			query := "?" + url.Values{"next": {next}}.Encode()
			for _, r := range routes(t, isPage) {
				if r.method == http.MethodGet {
					stays(next, w.page(r.method, s.at(r)+query, nil, s.who(r)))
				}
			}
			stays(next, w.page(http.MethodGet, "/account/sign-in/"+query, nil, cookie(s.person))) // signed in already
			stays(next, w.page(http.MethodPost, "/account/sign-in/"+query, url.Values{"name": {"jo@example.com"}, "password": {"wrong"}, "next": {next}}))
		}
		for _, next := range elsewhere(w.URL)[:6] { // each costs a hash
			in := w.signInPage("jo@example.com", password, next)
			stays(next, in)
			stays(next, w.page(http.MethodPost, "/account/confirm/", url.Values{"method": {"password"}, "password": {password}, "next": {next}}, cookie(in.cookieNamed(pageName))))
		}
		for next, want := range map[string]string{"/account/data/?x=1": "/account/data/?x=1", listed + "/there": listed + "/there", "": "/account/", "//evil.example.net": "/account/"} {
			if a := w.signInPage("jo@example.com", password, next); a.status != http.StatusSeeOther || a.header.Get("Location") != want {
				t.Errorf("next=%q: answered %d to %q", next, a.status, a.header.Get("Location"))
			}
		}
	})
}
