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
	"github.com/gatehouse-auth/gatehouse/internal/flow/signup"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

const (
	page     = "/account/verify/"
	verified = "/account/verify/done/"
)

// leads fails unless a page leads on to another, and returns what that shows.
func (w *world) leads(a domaintest.Answer, target string, options ...domaintest.Option) domaintest.Answer {
	w.t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != target {
		w.t.Fatalf("answered %d %q, want 303 %s\n%s", a.Status, a.Header.Get("Location"), target, a.Text)
	}
	return w.Page(target, options...)
}

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

// words returns the text that the page shows, with single blanks.
func (d dom) words() string {
	var b strings.Builder
	for n := range d.root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// complaints returns what the error summary lists, by the field that each leads to.
func (d dom) complaints() map[string]string {
	found := map[string]string{}
	for _, div := range d.all("div") {
		if attr(div, "role") != "alert" {
			continue
		}
		for _, item := range (dom{div}).all("li") {
			target := ""
			for _, a := range (dom{item}).all("a") {
				target = strings.TrimPrefix(attr(a, "href"), "#")
			}
			found[target] += (dom{item}).words()
		}
	}
	return found
}

// input returns the attributes of the input with this id.
func (d dom) input(t *testing.T, id string) map[string]string {
	t.Helper()
	for _, in := range slices.Concat(d.all("input"), d.all("select")) {
		if attr(in, "id") == id {
			found := map[string]string{}
			for _, a := range in.Attr {
				found[a.Key] = a.Val
			}
			return found
		}
	}
	t.Fatalf("there is no input %s", id)
	return nil
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
		if done := w.leads(a, verified); done.Status != http.StatusOK || !strings.Contains(done.Text, `href="`+signInURL+`"`) || !w.opens("jo@example.com", pass) {
			t.Errorf("answered %d\n%s", done.Status, done.Text)
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
			if text := d.words(); !strings.Contains(text, "from Firefox on Linux") || !strings.Contains(text, w.Now().Format("2 Jan 2006")) {
				t.Errorf("it does not say when and from what:\n%s", a.Text)
			}
			// A bare click of another browser proves nothing and costs no try.
			a = w.Submit(page, url.Values{"token": {token}}, options...)
			if got := parse(t, a).fields(); a.Status != http.StatusOK || !slices.Equal(got, []string{askForm, freshForm}) || w.accounts() != 0 {
				t.Errorf("answered %d, forms %q", a.Status, got)
			}
		}
		w.leads(w.Submit(page, url.Values{"token": {token}, "password": {pass}}), verified)
		if w.accounts() != 1 {
			t.Error("the right password made no account")
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
			if a.Status != http.StatusForbidden || parse(t, a).complaints()["password"] == "" || strings.Contains(a.Text, "wrong\"") {
				t.Fatalf("answered %d\n%s", a.Status, a.Text)
			}
		}
		a := w.Submit(page, url.Values{"token": {token}, "password": {pass}})
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || w.accounts() != 0 || !slices.Contains(parse(t, a).fields(), askForm) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		if got := strings.Join(w.Audited("registration.refused"), " "); got != "wrong_password wrong_password wrong_password" {
			t.Errorf("audited %q", got)
		}
		w.Clock.Advance(time.Hour)
		w.leads(w.Submit(page, url.Values{"token": {token}, "password": {pass}}), verified)
		if w.accounts() != 1 {
			t.Error("later it made no account")
		}
	})
}

func TestOwnerOfTheMailboxChoosesAnotherPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", "chosen by a stranger", "")
		a := w.Submit(page, url.Values{"token": {token}, "new_password": {"short"}})
		if a.Status != http.StatusBadRequest || !strings.Contains(parse(t, a).complaints()["fresh-new_password"], "at least 8 characters") || len(parse(t, a).fields()) != 2 {
			t.Fatalf("a refused password: answered %d\n%s", a.Status, a.Text)
		}
		w.leads(w.Submit(page, url.Values{"token": {token}, "new_password": {pass}}), verified)
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
		d := parse(t, a)
		if got := d.fields(); a.Status != http.StatusConflict || !slices.Contains(got, "token email:username username:off password:current-password") || d.complaints()["username"] == "" {
			t.Fatalf("answered %d, forms %q\n%s", a.Status, got, a.Text)
		}
		if got := d.input(t, "username")["value"]; got != "jo" {
			t.Errorf("the form shows the name %q", got)
		}
		// What was typed is kept, but for the password.
		a = w.Submit(page, url.Values{"token": {token}, "password": {pass}, "username": {"not a name"}})
		if d := parse(t, a); a.Status != http.StatusBadRequest || d.input(t, "username")["value"] != "not a name" || strings.Contains(a.Text, pass) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		w.leads(w.Submit(page, url.Values{"token": {token}, "password": {pass}, "username": {"jo2"}}), verified)
		if w.accounts() != 2 {
			t.Error("the new name made no account")
		}
	})
}

func TestPageSavesThePasswordUnderTheNamePeopleSignInWith(t *testing.T) {
	eachWith(t, func(c *signup.Config) { c.UsernameRequired = true }, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, `,"username":"Jo.D"`)
		for _, in := range parse(t, w.Page(page+"?token="+token)).all("input") {
			if attr(in, "autocomplete") == "username" && attr(in, "value") != "Jo.D" {
				t.Errorf("the user name is %q", attr(in, "value"))
			}
		}
		if a := w.verify(w.register("other@example.com", pass, `,"username":"jo.d"`)); a.Status != http.StatusOK {
			t.Fatalf("answered %d", a.Status)
		}
		a := w.Submit(page, url.Values{"token": {token}, "password": {pass}})
		if got := parse(t, a).fields(); !slices.Contains(got, "token username:username password:current-password") {
			t.Errorf("forms %q", got)
		}
	})
}

func TestDeadLinkLeadsOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		used := w.register("jo@example.com", pass, "")
		w.leads(w.Submit(page, url.Values{"token": {used}, "password": {pass}}), verified)
		old := w.register("late@example.com", pass, "")
		w.Clock.Advance(24 * time.Hour)
		answers := map[string]domaintest.Answer{
			"used": w.Page(page + "?token=" + used), "expired": w.Page(page + "?token=" + old), "unknown": w.Page(page + "?token=none"), "none": w.Page(page),
			"used, sent again": w.Submit(page, url.Values{"token": {used}, "password": {pass}}),
		}
		for name, a := range answers {
			d := parse(t, a)
			if a.Status != http.StatusBadRequest || !strings.Contains(d.words(), "no longer good") || !slices.Equal(d.fields(), []string{"email:username"}) {
				t.Errorf("%s: answered %d, forms %q", name, a.Status, d.fields())
			}
			var links []string
			for _, l := range d.all("a") {
				links = append(links, attr(l, "href"))
			}
			if !slices.Contains(links, signInURL) || !slices.Contains(links, "/account/sign-up/") {
				t.Errorf("%s: leads to %q only", name, links)
			}
			if got := attr(d.all("form")[0], "action"); got != "/account/resend/" {
				t.Errorf("%s: the form leads to %q", name, got)
			}
		}
		if w.accounts() != 1 {
			t.Errorf("%d accounts", w.accounts())
		}
	})
}

func TestPagesAreAccessibleAndLoadNothingFromElsewhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.register("jo@example.com", pass, "")
		pages := map[string]domaintest.Answer{
			"form": w.Page(page + "?token=" + token), "dead": w.Page(page + "?token=none"), "without": w.Page(page),
			"wrong": w.Submit(page, url.Values{"token": {token}, "password": {"wrong"}}), "done": w.Page(verified),
			"sign up": w.Page(signUp), "sign up again": w.Submit(signUp, url.Values{}), "check mail": w.Page(checkMail), "resend": w.Page(resend), "resend again": w.Submit(resend, url.Values{}),
		}
		for name, a := range pages {
			d := parse(t, a)
			if lang := attr(d.all("html")[0], "lang"); lang != "en" {
				t.Errorf("%s: lang %q", name, lang)
			}
			for _, tag := range []string{"script", "img", "link", "iframe"} {
				for _, n := range d.all(tag) {
					if from := attr(n, "src") + attr(n, "href"); !strings.HasPrefix(from, "/account/assets/") {
						t.Errorf("%s: <%s> loads %q", name, tag, from)
					}
				}
			}
			if a.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "form-action 'self';") {
				t.Errorf("%s: headers %v", name, a.Header)
			}
			if strings.Contains(a.Text, token) != (name == "form" || name == "wrong") {
				t.Errorf("%s: where the token is", name)
			}
			for _, complaint := range uitest.Complaints(a.Text) {
				t.Errorf("%s: %s", name, complaint)
			}
			for _, form := range d.all("form") {
				if action := attr(form, "action"); attr(form, "method") != "post" || !slices.Contains([]string{page, signUp, resend}, action) {
					t.Errorf("%s: a form that leads to %q", name, action)
				}
			}
			for _, link := range d.all("a") {
				if href := attr(link, "href"); strings.Contains(href, token) && !strings.HasPrefix(href, "?") { // the same page in another language
					t.Errorf("%s: the token is in the link %q", name, href)
				}
			}
			if strings.Contains(a.Text, "signup.") {
				t.Errorf("%s: shows a key instead of a text\n%s", name, a.Text)
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
		forms := map[string]url.Values{
			page:   {"token": {token}, "new_password": {"chosen by a stranger"}},
			signUp: {"email": {"sam@example.com"}, "password": {pass}, "full_name": {"Sam"}},
			resend: {"email": {"jo@example.com"}},
		}
		bare := func(r *http.Request) { r.Header.Del("Origin"); r.Header.Del("Sec-Fetch-Site") }
		foreign := func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example.net")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		for path, form := range forms {
			for who, option := range map[string]domaintest.Option{"a foreign page": foreign, "no browser": bare} {
				a := w.Submit(path, form, option)
				if a.Status != http.StatusForbidden || !strings.Contains(a.Text, "origin_refused") || len(a.Cookies) != 0 {
					t.Errorf("%s by %s: answered %d %v\n%s", path, who, a.Status, a.Cookies, a.Text)
				}
			}
		}
		if w.Drain(); w.accounts() != 0 || w.waiting() != 1 || len(w.Mails.Take()) != 0 {
			t.Errorf("%d accounts, %d wait", w.accounts(), w.waiting())
		}
	})
}
