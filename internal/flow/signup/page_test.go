package signup_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

const page = "/account/verify/"

// dom is a parsed page.
type dom struct{ root *html.Node }

func parse(t *testing.T, a domaintest.Answer) dom {
	t.Helper()
	n, err := html.Parse(strings.NewReader(a.Text))
	if err != nil {
		t.Fatal(err)
	}
	return dom{n}
}

// all returns every element with this tag below n.
func (d dom) all(tag string) (found []*html.Node) {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// fields returns the names of the inputs of each form with their autocomplete.
func (d dom) fields() (forms []string) {
	for _, form := range d.all("form") {
		var names []string
		for _, in := range (dom{form}).all("input") {
			names = append(names, strings.TrimSuffix(attr(in, "name")+":"+attr(in, "autocomplete"), ":"))
		}
		forms = append(forms, strings.Join(names, " "))
	}
	return forms
}

const (
	buttonForm = "token email:username"
	askForm    = "token email:username password:current-password"
	freshForm  = "token email:username new_password:new-password"
)

func TestPageAsksTheRegisteringBrowserForOneClick(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, ""), domaintest.OwnPage())
		if len(a.Cookies) != 1 || a.Cookies[0].Name != "__Host-gatehouse-registration" || !a.Cookies[0].HttpOnly || !a.Cookies[0].Secure || a.Cookies[0].MaxAge != 24*3600 {
			t.Fatalf("cookies: %v", a.Cookies)
		}
		mine := domaintest.Cookie(a.Cookies[0])
		token := domaintest.Token(w.mail())
		if got := parse(t, w.Page(page+"?token="+token, mine)).fields(); !slices.Equal(got, []string{buttonForm}) {
			t.Errorf("forms: %q", got)
		}
		a = w.Submit(page, url.Values{"token": {token}, "email": {"x"}}, mine)
		if a.Status != http.StatusOK || !strings.Contains(a.Text, "https://app.example.com/sign-in") || !w.opens("jo@example.com", pass) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		if len(a.Cookies) != 1 || a.Cookies[0].MaxAge >= 0 {
			t.Errorf("the cookie was left: %v", a.Cookies)
		}
		w.whole()
	})
}

func TestOnlyABrowserOnAnOwnPageGetsTheCookie(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if a := w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, "")); len(a.Cookies) != 0 {
			t.Errorf("a program got %v", a.Cookies)
		}
		foreign := domaintest.Header("Origin", "https://evil.example.net")
		if a := w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, ""), foreign); len(a.Cookies) != 0 || a.Status != http.StatusCreated {
			t.Errorf("a foreign page got %d %v", a.Status, a.Cookies)
		}
	})
}

func TestPageAsksOthersForThePassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "", domaintest.OwnPage(), domaintest.Header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"))
		other := domaintest.Cookie(&http.Cookie{Name: "__Host-gatehouse-registration", Value: strings.Repeat("A", 43)})
		for _, options := range [][]domaintest.Option{nil, {other}} {
			a := w.Page(page+"?token="+token, options...)
			d := parse(t, a)
			if got := d.fields(); !slices.Equal(got, []string{askForm, freshForm}) {
				t.Errorf("forms: %q", got)
			}
			if !strings.Contains(a.Text, "from Firefox on Linux") || !strings.Contains(a.Text, w.Now().Format("2 January 2006")) {
				t.Errorf("it does not say when and from what:\n%s", a.Text)
			}
			// A bare click of another browser proves nothing and costs no try.
			a = w.Submit(page, url.Values{"token": {token}}, options...)
			if got := parse(t, a).fields(); a.Status != http.StatusOK || !slices.Equal(got, []string{askForm, freshForm}) || w.accounts() != 0 {
				t.Errorf("answered %d, forms %q", a.Status, got)
			}
		}
		a := w.Submit(page, url.Values{"token": {token}, "password": {pass}})
		if a.Status != http.StatusOK || w.accounts() != 1 {
			t.Errorf("the right password: answered %d", a.Status)
		}
		w.whole()
	})
}

// From a web mailer the browser comes across sites: the cookie may not be read then, so the button
// is shown to everyone and the click decides.
func TestPageOpenedFromAWebMailer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Call(http.MethodPost, "/register/", body("jo@example.com", pass, ""), domaintest.OwnPage())
		token := domaintest.Token(w.mail())
		a = w.Page(page+"?token="+token, domaintest.Cookie(a.Cookies[0]), domaintest.Header("Sec-Fetch-Site", "cross-site"))
		if got := parse(t, a).fields(); a.Status != http.StatusOK || !slices.Equal(got, []string{buttonForm}) {
			t.Errorf("answered %d, forms %q", a.Status, got)
		}
	})
}

func TestPageLimitsWrongPasswordsAndKeepsTheLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "")
		for range 3 {
			a := w.Submit(page, url.Values{"token": {token}, "password": {"wrong"}})
			if a.Status != http.StatusForbidden || !strings.Contains(a.Text, `role="alert"`) || strings.Contains(a.Text, "wrong\"") {
				t.Fatalf("answered %d\n%s", a.Status, a.Text)
			}
		}
		a := w.Submit(page, url.Values{"token": {token}, "password": {pass}})
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || w.accounts() != 0 {
			t.Errorf("answered %d", a.Status)
		}
		if got := strings.Join(w.Audited("registration.refused"), " "); got != "wrong_password wrong_password wrong_password" {
			t.Errorf("audited %q", got)
		}
		w.Clock.Advance(time.Hour)
		if a := w.Submit(page, url.Values{"token": {token}, "password": {pass}}); a.Status != http.StatusOK || w.accounts() != 1 {
			t.Errorf("later: answered %d", a.Status)
		}
	})
}

func TestOwnerOfTheMailboxChoosesAnotherPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", "chosen by a stranger", "")
		a := w.Submit(page, url.Values{"token": {token}, "new_password": {"short"}})
		if a.Status != http.StatusBadRequest || !strings.Contains(a.Text, "at least 8 characters") || len(parse(t, a).fields()) != 2 {
			t.Fatalf("a refused password: answered %d\n%s", a.Status, a.Text)
		}
		if a := w.Submit(page, url.Values{"token": {token}, "new_password": {pass}}); a.Status != http.StatusOK {
			t.Fatalf("answered %d", a.Status)
		}
		if !w.opens("jo@example.com", pass) || w.opens("jo@example.com", "chosen by a stranger") {
			t.Error("the stranger's password still opens it")
		}
		w.whole()
	})
}

func TestPageLetsAnotherUsernameBeChosen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, `,"username":"jo"`)
		if a := w.verify(w.register("other@example.com", pass, `,"username":"jo"`)); a.Status != http.StatusOK {
			t.Fatalf("answered %d", a.Status)
		}
		a := w.Submit(page, url.Values{"token": {token}, "password": {pass}})
		if got := parse(t, a).fields(); a.Status != http.StatusConflict || !slices.Contains(got, "token email:username username:off password:current-password") {
			t.Fatalf("answered %d, forms %q", a.Status, got)
		}
		if a := w.Submit(page, url.Values{"token": {token}, "password": {pass}, "username": {"jo2"}}); a.Status != http.StatusOK || w.accounts() != 2 {
			t.Errorf("answered %d", a.Status)
		}
	})
}

func TestPagesAreAccessibleAndLoadNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "")
		pages := map[string]domaintest.Answer{
			"form": w.Page(page + "?token=" + token), "dead": w.Page(page + "?token=none"), "without": w.Page(page),
			"done": w.Submit(page, url.Values{"token": {token}, "password": {pass}}),
		}
		for name, a := range pages {
			d := parse(t, a)
			if lang := attr(d.all("html")[0], "lang"); lang != "en" {
				t.Errorf("%s: lang %q", name, lang)
			}
			for _, tag := range []string{"script", "img", "link", "iframe"} {
				if len(d.all(tag)) != 0 {
					t.Errorf("%s: has <%s>", name, tag)
				}
			}
			if a.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "form-action 'self'") {
				t.Errorf("%s: headers %v", name, a.Header)
			}
			if strings.Contains(a.Text, token) != (name == "form") {
				t.Errorf("%s: where the token is", name)
			}
			labelled := map[string]bool{}
			for _, l := range d.all("label") {
				labelled[attr(l, "for")] = true
			}
			for _, in := range d.all("input") {
				if attr(in, "type") == "password" && !labelled[attr(in, "id")] {
					t.Errorf("%s: input %s has no label", name, attr(in, "name"))
				}
			}
			for _, form := range d.all("form") {
				if attr(form, "method") != "post" || attr(form, "action") != page {
					t.Errorf("%s: a form that leads to %q", name, attr(form, "action"))
				}
			}
		}
		if pages["dead"].Status != http.StatusBadRequest || pages["without"].Status != http.StatusBadRequest {
			t.Errorf("dead links answered %d and %d", pages["dead"].Status, pages["without"].Status)
		}
	})
}

func TestPageRefusesForeignForms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "")
		a := w.Submit(page, url.Values{"token": {token}, "new_password": {"chosen by a stranger"}}, domaintest.Header("Origin", "https://evil.example.net"),
			domaintest.Header("Sec-Fetch-Site", "cross-site"))
		if a.Status != http.StatusForbidden || w.accounts() != 0 {
			t.Errorf("answered %d", a.Status)
		}
	})
}
