package browser

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// foreign serves a page of another site and returns its origin. It is another site because
// Gatehouse's is named localhost.
func foreign(t *testing.T, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, fine, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// lured is a tab of somebody who is on a foreign page, where none of our rules hold.
func lured(t *testing.T, origin string) *tab {
	t.Helper()
	b := openAt(&listener{TB: t}, origin, chromium, chromedp.WithNewBrowserContext())
	b.visit("/")
	return b
}

func TestNoPageIsFramed(t *testing.T) {
	for _, path := range []string{firstPage, "/account/forgot/", "/account/no-such-page/"} {
		b := lured(t, foreign(t, fmt.Sprintf(`<iframe title="x" src="%s%s"></iframe>`, site.URL, path)))
		const refusal = "Chromium's ContentSecurityPolicyIssue: frame-ancestors "
		if heard := b.t.(*listener).heard; !slices.ContainsFunc(heard, func(s string) bool { return strings.HasPrefix(s, refusal) }) {
			t.Errorf("%s can be framed: %q", path, heard)
		}
	}
}

// form returns a form that posts to a path of ours.
func form(path string, values ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<form method="post" action="%s%s">`, site.URL, path)
	for i := 0; i < len(values); i += 2 {
		fmt.Fprintf(&b, `<input type="hidden" name="%s" value="%s">`, values[i], html.EscapeString(values[i+1]))
	}
	return b.String() + `<button>Go</button></form>`
}

func TestFormsOfForeignPagesAreRefused(t *testing.T) {
	p := newAccount(t)
	for path, body := range map[string]string{
		"/account/forgot/":  form("/account/forgot/", "email", p.email),
		"/account/sign-in/": form("/account/sign-in/", "name", p.email, "password", p.password),
	} {
		b := lured(t, foreign(t, body))
		b.followFor("Go", http.StatusForbidden)
		if answer, _ := b.watch.shown(); answer.Status != http.StatusForbidden || !strings.HasSuffix(answer.URL, path) {
			t.Errorf("%s answered %d at %s", path, answer.Status, answer.URL)
		}
		if cookies := b.cookies(); len(cookies) > 0 {
			t.Errorf("%s gave a cookie to the form of a foreign page", path)
		}
	}
	if n := len(mails(t, p.email)); n > 0 {
		t.Errorf("%d mails were sent for the form of a foreign page", n)
	}
}
