package recovery_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

const (
	page    = "/account/reset/"
	changed = "/account/reset/done/"
	forgot  = "/account/forgot/"
	asked   = "/account/forgot/done/"
)

// leads fails unless a page leads on to another, and returns what that shows.
func (w *world) leads(a domaintest.Answer, target string, options ...domaintest.Option) domaintest.Answer {
	w.t.Helper()
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != target {
		w.t.Fatalf("answered %d %q, want 303 %s\n%s", a.Status, a.Header.Get("Location"), target, a.Text)
	}
	return w.Page(target, options...)
}

// jar returns the cookies of an answer, to be sent.
func jar(a domaintest.Answer) domaintest.Option {
	return func(r *http.Request) {
		for _, c := range a.Cookies {
			domaintest.Cookie(c)(r)
		}
	}
}

func document(t *testing.T, a domaintest.Answer) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(a.Text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func elements(t *testing.T, a domaintest.Answer, tag string) (found []map[string]string) {
	t.Helper()
	for n := range document(t, a).Descendants() {
		if n.Type != html.ElementNode || n.Data != tag {
			continue
		}
		attributes := map[string]string{}
		for _, at := range n.Attr {
			attributes[at.Key] = at.Val
		}
		found = append(found, attributes)
	}
	return found
}

// words returns the text that the page shows, with single blanks.
func words(t *testing.T, a domaintest.Answer) string {
	t.Helper()
	var b strings.Builder
	for n := range document(t, a).Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// leadsTo reports whether the page has a link there.
func leadsTo(t *testing.T, a domaintest.Answer, target string) bool {
	t.Helper()
	return slices.ContainsFunc(elements(t, a, "a"), func(link map[string]string) bool { return link["href"] == target })
}

func TestPageResetsThePassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link()
		var a domaintest.Answer
		for range 20 { // mail scanners
			a = w.Page(page + "?token=" + token)
		}
		inputs := elements(t, a, "input")
		if a.Status != http.StatusOK || len(inputs) != 3 || inputs[0]["value"] != token || inputs[1]["autocomplete"] != "username" ||
			inputs[1]["value"] != "Jo@example.com" || inputs[2]["autocomplete"] != "new-password" || inputs[2]["type"] != "password" || inputs[2]["minlength"] != "8" {
			t.Fatalf("answered %d, inputs %v", a.Status, inputs)
		}
		if labels := elements(t, a, "label"); len(labels) != 1 || labels[0]["for"] != inputs[2]["id"] {
			t.Errorf("labels %v", labels)
		}
		if forms := elements(t, a, "form"); len(forms) != 1 || forms[0]["method"] != "post" || forms[0]["action"] != page {
			t.Errorf("forms %v", forms)
		}
		if !strings.Contains(words(t, a), "At least 8 characters") {
			t.Errorf("the rules are not shown:\n%s", words(t, a))
		}
		a = w.Submit(page, url.Values{"token": {token}, "new_password": {"short"}})
		if a.Status != http.StatusBadRequest || !strings.Contains(a.Text, `role="alert"`) || len(elements(t, a, "form")) != 1 {
			t.Fatalf("a refused password: answered %d\n%s", a.Status, a.Text)
		}
		if in := elements(t, a, "input")[2]; in["aria-invalid"] != "true" || !strings.Contains(in["aria-describedby"], "new_password-problem") || in["value"] != "" || !leadsTo(t, a, "#new_password") {
			t.Errorf("the problem is not tied to its field: %v", in)
		}
		a = w.Submit(page, url.Values{"token": {token}, "new_password": {newPassword}})
		done := w.leads(a, changed)
		if done.Status != http.StatusOK || !w.opens(newPassword) || len(a.Cookies) != 0 || strings.Contains(a.Text+done.Text, token) || !leadsTo(t, done, signInURL) {
			t.Errorf("answered %d\n%s", done.Status, done.Text)
		}
	})
}

func TestDeadLinkLeadsOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		used := w.link()
		w.leads(w.Submit(page, url.Values{"token": {used}, "new_password": {newPassword}}), changed)
		w.mails() // the notice of the change
		old := w.link()
		w.Clock.Advance(lifetime)
		answers := map[string]domaintest.Answer{
			"used": w.Page(page + "?token=" + used), "used, sent again": w.Submit(page, url.Values{"token": {used}, "new_password": {newPassword}}),
			"expired": w.Page(page + "?token=" + old), "expired, sent": w.Submit(page, url.Values{"token": {old}, "new_password": {newPassword}}), "none": w.Page(page),
		}
		for name, a := range answers {
			if a.Status != http.StatusBadRequest || !strings.Contains(a.Text, "no longer good") || !leadsTo(t, a, signInURL) {
				t.Errorf("%s: answered %d\n%s", name, a.Status, a.Text)
			}
			// Whoever was here already is told that all is well.
			if got := strings.Contains(words(t, a), "Your password was changed with it already"); got != strings.HasPrefix(name, "used") {
				t.Errorf("%s: it says %s", name, words(t, a))
			}
			forms, inputs := elements(t, a, "form"), elements(t, a, "input")
			if len(forms) != 1 || forms[0]["action"] != forgot || len(inputs) != 1 || inputs[0]["name"] != "email" || inputs[0]["autocomplete"] != "username" {
				t.Errorf("%s: forms %v, inputs %v", name, forms, inputs)
			}
		}
		if n := len(w.Audited("password.reset")); n != 1 {
			t.Errorf("%d resets", n)
		}
	})
}

func TestPageSavesThePasswordUnderTheNamePeopleSignInWith(t *testing.T) {
	eachWith(t, func(c *recovery.Config) { c.ByUsername = true }, func(t *testing.T, w *world) {
		token := w.link()
		for _, name := range []string{"Jo@example.com", "jo.d"} {
			if in := elements(t, w.Page(page+"?token="+token), "input")[1]; in["value"] != name {
				t.Errorf("the name is %q, want %q", in["value"], name)
			}
			w.Exec("UPDATE account SET username = 'jo.d', username_key = 'jo.d' WHERE id = $1", w.account.ID)
		}
	})
}

func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link()
		for path, a := range map[string]domaintest.Answer{page: w.Page(page + "?token=" + token), changed: w.Page(changed), forgot: w.Page(forgot), asked: w.Page(asked),
			"dead": w.Page(page), "short": w.Submit(page, url.Values{"token": {token}, "new_password": {"short"}})} {
			for _, tag := range []string{"script", "img", "link", "iframe"} {
				for _, e := range elements(t, a, tag) {
					if !strings.HasPrefix(e["src"]+e["href"], "/account/assets/") {
						t.Errorf("%s: <%s> loads %v", path, tag, e)
					}
				}
			}
			for _, complaint := range uitest.Complaints(a.Text) {
				t.Errorf("%s: %s", path, complaint)
			}
			if a.Header.Get("Referrer-Policy") != "no-referrer" || elements(t, a, "html")[0]["lang"] != "en" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "form-action 'self';") {
				t.Errorf("%s: headers %v", path, a.Header)
			}
			for _, link := range elements(t, a, "a") {
				if strings.Contains(link["href"], token) && !strings.HasPrefix(link["href"], "?") { // the same page in another language
					t.Errorf("%s: the token is in the link %q", path, link["href"])
				}
			}
			if strings.Contains(a.Text, "recovery.") || strings.Contains(a.Text, "ZgotmplZ") {
				t.Errorf("%s: shows a key, or what its template refused\n%s", path, a.Text)
			}
		}
	})
}

func TestPagesRefuseForeignForms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link()
		bare := func(r *http.Request) { r.Header.Del("Origin"); r.Header.Del("Sec-Fetch-Site") }
		foreign := func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example.net")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		for path, form := range map[string]url.Values{page: {"token": {token}, "new_password": {newPassword}}, forgot: {"email": {"jo@example.com"}}} {
			for who, option := range map[string]domaintest.Option{"a foreign page": foreign, "no browser": bare} {
				a := w.Submit(path, form, option)
				if a.Status != http.StatusForbidden || !strings.Contains(a.Text, "origin_refused") || len(a.Cookies) != 0 {
					t.Errorf("%s by %s: answered %d\n%s", path, who, a.Status, a.Text)
				}
			}
		}
		if !w.opens(oldPassword) || len(w.mails()) != 0 {
			t.Error("a foreign form did something")
		}
	})
}

func TestForgotPageSaysTheSameForEveryAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ask := func(email string) (shape string, statements []string) {
			var a, next domaintest.Answer
			statements = w.Statements(func() {
				a = w.Submit(forgot, url.Values{"email": {email}})
				next = w.leads(a, asked, jar(a))
			})
			if text := words(t, next); next.Status != http.StatusOK || !strings.Contains(text, "the address "+email) || !strings.Contains(text, "30 minutes") {
				t.Errorf("answered %d\n%s", next.Status, text)
			}
			shape = fmt.Sprint(a.Text, slices.Sorted(maps.Keys(a.Header)), strings.ReplaceAll(next.Text, email, "EMAIL"))
			for _, c := range a.Cookies {
				shape += fmt.Sprint("\n", c.Name, len(c.Value), c.Path, c.MaxAge, c.Secure, c.HttpOnly, c.SameSite)
			}
			return shape, statements
		}
		known, did := ask("jo@example.com")
		unknown, does := ask("bo@example.com")
		if known != unknown || !slices.Equal(did, does) {
			t.Errorf("the answers differ:\n%s\n%q\n%s\n%q", known, did, unknown, does)
		}
		bad := w.Submit(forgot, url.Values{"email": {"<script>@"}})
		if in := elements(t, bad, "input")[0]; bad.Status != http.StatusBadRequest || strings.Contains(bad.Text, "<script>") || !strings.Contains(in["aria-describedby"], "email-problem") || in["value"] != "<script>@" {
			t.Errorf("%d %s", bad.Status, bad.Text)
		}
		if p := w.Page(forgot); p.Status != http.StatusOK || !strings.Contains(p.Text, `autocomplete="username"`) || !leadsTo(t, p, signInURL) {
			t.Errorf("%d %s", p.Status, p.Text)
		}
	})
}

func TestForgotPageKeepsTheLimits(t *testing.T) {
	eachWith(t, func(c *recovery.Config) { c.PerMailbox.Burst = 1 }, func(t *testing.T, w *world) {
		w.leads(w.Submit(forgot, url.Values{"email": {"jo@example.com"}}), asked)
		a := w.Submit(forgot, url.Values{"email": {"jo@example.com"}})
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || elements(t, a, "input")[0]["value"] != "jo@example.com" || !strings.Contains(a.Text, `role="alert"`) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		if n := len(w.mails()); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestResetPageKeepsTheLimits(t *testing.T) {
	eachWith(t, func(c *recovery.Config) { c.PerAddress.Burst = 1 }, func(t *testing.T, w *world) {
		token := w.link()
		w.Submit(page, url.Values{"token": {"guess"}, "new_password": {newPassword}})
		a := w.Submit(page, url.Values{"token": {token}, "new_password": {newPassword}})
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || len(elements(t, a, "input")) != 3 || !w.opens(oldPassword) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
	})
}

// A link may make nobody's browser say that we mailed to an address.
func TestForgotPagesNameOnlyWhatTheBrowserAskedFor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Page(asked + "?email=jo@example.com")
		if a.Status != http.StatusOK || strings.Contains(words(t, a), "jo@example.com") || elements(t, a, "input")[0]["value"] != "" {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		planted := domaintest.Cookie(&http.Cookie{Name: "__Host-gatehouse-forgot", Value: "Ij48c2NyaXB0PmFsZXJ0KDEpPC9zY3JpcHQ-"})
		if a := w.Page(asked, planted); strings.Contains(a.Text, "alert(1)") {
			t.Errorf("it shows what is no address\n%s", a.Text)
		}
		mine := w.Submit(forgot, url.Values{"email": {"Jo@example.com"}})
		if len(mine.Cookies) != 1 || time.Duration(mine.Cookies[0].MaxAge)*time.Second != 30*time.Minute || !mine.Cookies[0].HttpOnly {
			t.Errorf("cookies %v", mine.Cookies)
		}
		token := domaintest.Token(w.mails()[0])
		done := w.Submit(page, url.Values{"token": {token}, "new_password": {newPassword}}, jar(mine))
		if w.leads(done, changed); len(done.Cookies) != 1 || done.Cookies[0].Name != mine.Cookies[0].Name || done.Cookies[0].MaxAge >= 0 {
			t.Errorf("the address is not forgotten: %v", done.Cookies)
		}
	})
}
