package browser

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"
)

// Buttons of the pages, whatever they say.
const (
	mainButton          = "main form button:not([type=button])"
	signInButton        = `form[action="/account/sign-in/"] button:not([type=button])`
	signOutButton       = `form[action="/account/sign-out/"] button`
	confirmWithPassword = `form:has([name="password"]) button:not([type=button])`
)

// sessionCookie is what a browser shows to be let in. Over https its name begins with __Host-.
const sessionCookie = "gatehouse-session"

// signIn signs somebody in.
func (b *tab) signIn(p person) {
	b.t.Helper()
	b.visit(firstPage)
	b.attempt(p, http.StatusOK)
	b.at("/account/")
}

// attempt fills in the sign-in page shown and sends it.
func (b *tab) attempt(p person, status int) {
	b.t.Helper()
	b.enter("name", p.email)
	b.enter("password", p.password)
	b.send(signInButton, status)
}

// refused fails unless a path leads somebody who is not signed in to the sign-in page.
func (b *tab) refused(path string) {
	b.t.Helper()
	b.visit(path)
	b.at(firstPage)
}

// A page that is for others leads to their sign-in, and from there back to it.
func TestWhoIsRefusedSignsInAsSomebodyElse(t *testing.T) {
	p, clerk := newAccount(t), newAccount(t, "--staff")
	b := open(t)
	b.signIn(p)
	b.visitFor("/console/accounts/", http.StatusForbidden)
	b.follow("Sign in as somebody else")
	b.at(firstPage)
	b.attempt(clerk, http.StatusOK)
	b.at("/console/accounts/")
}

func TestSignInByKeyboardAlone(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.visit(firstPage)
	b.query(`[name="name"]`).do("function() { this.focus() }")
	for _, typed := range []string{p.email, kb.Tab, p.password} {
		b.press(typed)
	}
	b.leads("Enter", http.StatusOK, func() { b.press(kb.Enter) })
	b.at("/account/")
	b.shows(p.email)
}

func TestRefusedSignInKeepsTheNameAlone(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.visit(firstPage)
	b.tick("Keep me signed in on this device")
	b.attempt(person{email: p.email, password: "not the password at all"}, http.StatusUnauthorized)
	if b.value("Email address") != p.email || b.value("Password") != "" || b.query(`[name="remember"]`).property("checked") != "true" {
		t.Error("the form does not keep the name and the tick, or keeps the password")
	}
	b.hides("not the password at all")
	if len(b.cookies()) > 0 {
		t.Error("a refused sign-in left a cookie")
	}
	known := b.text()
	b.visit(firstPage)
	b.attempt(person{email: stranger().email, password: "not the password at all"}, http.StatusUnauthorized)
	if b.text() != known {
		t.Errorf("an unknown address is told apart:\n%s\n%s", b.text(), known)
	}
}

func TestSessionCannotBePlanted(t *testing.T) {
	p, other := newAccount(t), newAccount(t)
	b := open(t)
	const planted = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	call(b, network.SetCookie, network.SetCookieParams{Name: sessionCookie, Value: planted, URL: site.URL + "/"})
	b.signIn(p)
	first := b.cookies()[sessionCookie]
	if first == nil || first.Value == planted || !first.HTTPOnly || first.SameSite != network.CookieSameSiteLax || first.Path != "/" || !first.Session {
		t.Fatal("the session's cookie is planted, lasting, or open to scripts or other sites")
	}
	refusedCookie(t, planted)

	b.send(signOutButton, http.StatusOK)
	b.tick("Keep me signed in on this device")
	b.attempt(other, http.StatusOK)
	second := b.cookies()[sessionCookie]
	if second == nil || second.Value == first.Value || second.Session {
		t.Error("the second session has the first one's cookie, or does not last as was asked for")
	}
	refusedCookie(t, first.Value)
}

// refusedCookie fails if a cookie still lets somebody in.
func refusedCookie(t testing.TB, value string) {
	t.Helper()
	resp := site.call(t, http.MethodGet, "/account/profile/", "", "", "Cookie", sessionCookie+"="+value)
	if resp.StatusCode != http.StatusSeeOther {
		t.Errorf("a cookie that is good for nothing was answered with %d", resp.StatusCode)
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	p := newAccount(t)
	for next, want := range map[string]string{
		"/account/profile/":              "/account/profile/",
		"":                               "/account/",
		"https://evil.example.net/":      "/account/",
		"//evil.example.net/":            "/account/",
		`/\evil.example.net/`:            "/account/",
		`\\evil.example.net`:             "/account/",
		"/\t/evil.example.net/":          "/account/",
		"https:evil.example.net":         "/account/",
		"javascript:alert(1)":            "/account/",
		"data:text/html,x":               "/account/",
		site.URL + "@evil.example.net/":  "/account/",
		site.URL + ".evil.example.net/x": "/account/",
		"/account/../../evil":            "/account/",
		"/%2f/evil.example.net/":         "/account/",
		"http://127.0.0.1:9/":            "/account/",
	} {
		sent := url.Values{"name": {p.email}, "password": {p.password}, "next": {next}}.Encode()
		resp := site.call(t, http.MethodPost, firstPage, "application/x-www-form-urlencoded", sent, "Origin", site.URL)
		if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != want {
			t.Errorf("next=%q: %d to %q, want %q", next, resp.StatusCode, to, want)
		}
	}
	b := open(t)
	b.visit(firstPage + "?next=" + url.QueryEscape("//evil.example.net/"))
	b.attempt(p, http.StatusOK) // that nothing leaves the origin is checked for every page
	b.at("/account/")
}

func TestPageThatWasAskedForComesAfterSignIn(t *testing.T) {
	b := open(t)
	b.refused("/account/sessions/")
	b.attempt(newAccount(t), http.StatusOK)
	b.at("/account/sessions/")
}

func TestBackButtonShowsNothingAfterSignOut(t *testing.T) {
	p := newAccount(t, "--full-name", "Ada Byron")
	b := open(t)
	b.signIn(p)
	b.visit("/account/profile/")
	cookie := b.cookies()[sessionCookie].Value
	b.send(signOutButton, http.StatusOK)
	b.shows("You are signed out.")
	if b.cookies()[sessionCookie] != nil {
		t.Error("the cookie was left")
	}
	refusedCookie(t, cookie)
	b.back(http.StatusOK)
	b.at(firstPage)
	b.hides(p.email, "Ada Byron")
	b.refused("/account/")
}

func TestSignInTwiceAtOnceEndsSignedIn(t *testing.T) {
	b := open(t)
	b.visit(firstPage)
	p := newAccount(t)
	b.enter("name", p.email)
	b.enter("password", p.password)
	b.leads("two clicks", http.StatusOK, func() { b.query(signInButton).clicks(2) })
	b.at("/account/")
	b.shows(p.email)
}

func TestSignInNeedsNoScript(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.withoutScript()
	b.refused("/account/profile/")
	b.attempt(person{email: p.email, password: "not the password at all"}, http.StatusUnauthorized)
	b.attempt(p, http.StatusOK)
	b.at("/account/profile/")
	b.enter("full_name", "Ada Byron")
	b.send(`form[action="/account/profile/"] button`, http.StatusOK)
	b.shows("Your profile is saved.")
	b.send(signOutButton, http.StatusOK)
	b.at(firstPage)
}
