package join_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
)

const (
	page       = "/account/invitation/"
	signUpPage = page + "sign-up/"
	donePage   = page + "done/"
)

// forms returns where each form of a page leads and the names of its fields.
func forms(t *testing.T, a domaintest.Answer) (all []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(a.Text))
	if err != nil {
		t.Fatal(err)
	}
	attr := func(n *html.Node, name string) string {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
		return ""
	}
	for form := range root.Descendants() {
		if form.Data != "form" {
			continue
		}
		text := attr(form, "method") + " " + attr(form, "action")
		for in := range form.Descendants() {
			if in.Data == "input" || in.Data == "select" {
				text += " " + attr(in, "name")
			}
		}
		all = append(all, text)
	}
	return all
}

func TestPageOffersWhatItsReaderCanDo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stranger := w.Session(w.Account("stranger@example.com", "").ID)
		token := w.invites("Guest@example.com", role.Admin)
		at := page + "?token=" + token
		shows := func(who string, want []string, words string, options ...domaintest.Option) {
			t.Helper()
			a := w.Page(at, options...)
			if got := forms(t, a); a.Status != http.StatusOK || !slices.Equal(got, want) || !strings.Contains(a.Text, words) || !strings.Contains(a.Text, "acme") ||
				!strings.Contains(a.Text, "Guest@example.com") || !strings.Contains(a.Text, "Administrator") || !strings.Contains(a.Text, "Jo Doe") {
				t.Errorf("%s: %d, forms %q\n%s", who, a.Status, got, a.Text)
			}
		}
		shows("nobody", []string{"post /account/invitation/sign-up/ token email full_name password"}, "Create your account")
		shows("a stranger", []string{"post /account/sign-out/"}, "stranger@example.com", domaintest.As(stranger))
		guest := w.Account("guest@example.com", "")
		shows("nobody, and there is an account", nil, `href="/account/sign-in/?next=%2Faccount%2Ftenants%2F"`)
		shows("who is meant", []string{"post /account/invitation/ token"}, "Join", domaintest.As(w.Session(guest.ID)))
		w.Exec("UPDATE account SET email_verified = FALSE WHERE id = $1", guest.ID)
		shows("the address, unconfirmed", nil, "has not confirmed", domaintest.As(w.Session(guest.ID)))
		if w.unused() != 1 {
			t.Error("looking used it up")
		}
	})
}

func TestTokensLeaveThePageInNoHeaderAndNoLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.invites("guest@example.com", role.Member)
		a := w.Page(page + "?token=" + token)
		if a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", a.Header)
		}
		if n := strings.Count(a.Text, token); n != 1 || !strings.Contains(a.Text, `<input type="hidden" name="token" value="`+token+`">`) {
			t.Errorf("the token stands %d times on the page", n)
		}
		if a := w.Submit(signUpPage, url.Values{"token": {token}, "full_name": {"Guest"}, "password": {pass}}); a.Header.Get("Location") != donePage || len(a.Cookies) != 0 {
			t.Errorf("answered %d %v", a.Status, a.Header)
		}
	})
}

func TestAcceptingOnThePage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest, stranger := w.Session(w.Account("guest@example.com", "").ID), w.Session(w.Account("stranger@example.com", "").ID)
		token := w.invites("guest@example.com", role.Member)
		form := url.Values{"token": {token}}
		if a := w.Submit(page, form); a.Status != http.StatusUnauthorized || !strings.Contains(a.Text, "/account/sign-in/") {
			t.Errorf("signed out: %d\n%s", a.Status, a.Text)
		}
		if a := w.Submit(page, form, domaintest.As(stranger)); a.Status != http.StatusForbidden || !strings.Contains(a.Text, "stranger@example.com") || len(w.Audited("invitation.refused")) != 1 {
			t.Errorf("a stranger: %d\n%s", a.Status, a.Text)
		}
		if a := w.Submit(page, form, domaintest.As(guest), domaintest.Header("Origin", "https://evil.example"), domaintest.Header("Sec-Fetch-Site", "cross-site")); a.Status != http.StatusForbidden {
			t.Errorf("from another origin: %d", a.Status)
		}
		if w.role("guest@example.com") != "" || w.unused() != 1 {
			t.Fatal("it was accepted")
		}
		a := w.Submit(page, form, domaintest.As(guest))
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != donePage || w.role("guest@example.com") != role.Member {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if a := w.Page(donePage); a.Status != http.StatusOK || !strings.Contains(a.Text, `href="/account/tenants/"`) {
			t.Errorf("done: %d\n%s", a.Status, a.Text)
		}
		for _, a := range []domaintest.Answer{w.Submit(page, form, domaintest.As(guest)), w.Page(page + "?token=" + token), w.Page(page), w.Page(signUpPage), w.Page(page + "?token=%00"), w.Submit(signUpPage, url.Values{})} {
			if a.Status != http.StatusBadRequest || !strings.Contains(a.Text, "no longer good") {
				t.Errorf("a dead link: %d\n%s", a.Status, a.Text)
			}
		}
	})
}

func TestSigningUpOnThePage(t *testing.T) {
	eachWith(t, func(in *setup) {
		in.UsernameOffered = true
		in.attributes = []account.Attribute{{Name: "team", Type: "string", Required: true, OneOf: []string{"blue", "red"}}, {Name: "adult", Type: "boolean", Required: true}, {Name: "age", Type: "number", Required: true},
			{Name: "nickname", Type: "string"}}
	}, func(t *testing.T, w *world) {
		token := w.invites("guest@example.com", role.Member)
		form := url.Values{"token": {token}, "full_name": {"Guest & Co"}, "username": {"guest"}, "password": {"short"}, "attributes.team": {"blue"}, "attributes.adult": {"no"}, "attributes.age": {"x"}}
		a := w.Submit(signUpPage, form)
		if a.Status != http.StatusBadRequest || !strings.Contains(a.Text, `value="Guest &amp; Co"`) || !strings.Contains(a.Text, `href="#password"`) || !strings.Contains(a.Text, `href="#attributes.age"`) || strings.Contains(a.Text, `"short"`) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		if got := forms(t, a); !slices.Equal(got, []string{"post /account/invitation/sign-up/ token email full_name username password attributes.team attributes.adult attributes.adult attributes.age"}) {
			t.Errorf("forms %q", got)
		}
		form.Set("password", pass)
		form.Set("attributes.age", "41")
		if a := w.Submit(signUpPage, form, domaintest.Header("Accept-Language", "en")); a.Status != http.StatusSeeOther || a.Header.Get("Location") != donePage {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		var kept, locale string
		w.Read(&kept, "SELECT p.attributes FROM profile p JOIN account a ON a.id = p.account_id WHERE a.email_key = 'guest@example.com'")
		w.Read(&locale, "SELECT p.locale FROM profile p JOIN account a ON a.id = p.account_id WHERE a.email_key = 'guest@example.com'")
		if kept != `{"adult":false,"age":41,"team":"blue"}` || locale != "en" || w.role("guest@example.com") != role.Member || !w.opens("guest@example.com", pass) {
			t.Errorf("kept %s, %s", kept, locale)
		}
	})
}

func TestPageOfAnExpiredOrHostileTokenSaysNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.invites("guest@example.com", role.Member)
		w.Clock.Advance(lifetime + time.Minute)
		var texts []string
		for _, token := range []string{token, "giv_", "%3Cscript%3E", strings.Repeat("a", 4000), ""} {
			a := w.Page(page + "?token=" + token)
			if a.Status != http.StatusBadRequest || strings.Contains(a.Text, "acme") || strings.Contains(a.Text, "guest@") || strings.Contains(a.Text, "<script>") {
				t.Errorf("%d\n%s", a.Status, a.Text)
			}
			texts = append(texts, a.Text)
		}
		if texts = slices.Compact(texts); len(texts) != 1 {
			t.Errorf("%d different pages", len(texts))
		}
	})
}
