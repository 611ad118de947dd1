package recovery_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

const page = "/account/reset/"

func elements(t *testing.T, a domaintest.Answer, tag string) (found []map[string]string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(a.Text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
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

func TestPageResetsThePassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link()
		var a domaintest.Answer
		for range 20 { // mail scanners
			a = w.Page(page + "?token=" + token)
		}
		inputs := elements(t, a, "input")
		if a.Status != http.StatusOK || len(inputs) != 3 || inputs[0]["value"] != token || inputs[1]["autocomplete"] != "username" ||
			inputs[1]["value"] != "Jo@example.com" || inputs[2]["autocomplete"] != "new-password" || inputs[2]["type"] != "password" {
			t.Fatalf("answered %d, inputs %v", a.Status, inputs)
		}
		if labels := elements(t, a, "label"); len(labels) != 1 || labels[0]["for"] != inputs[2]["id"] {
			t.Errorf("labels %v", labels)
		}
		if forms := elements(t, a, "form"); len(forms) != 1 || forms[0]["method"] != "post" || forms[0]["action"] != page {
			t.Errorf("forms %v", forms)
		}
		a = w.Submit(page, url.Values{"token": {token}, "new_password": {"short"}})
		if a.Status != http.StatusBadRequest || !strings.Contains(a.Text, `role="alert"`) || len(elements(t, a, "form")) != 1 {
			t.Fatalf("a refused password: answered %d\n%s", a.Status, a.Text)
		}
		a = w.Submit(page, url.Values{"token": {token}, "new_password": {newPassword}})
		if a.Status != http.StatusOK || !w.opens(newPassword) || len(a.Cookies) != 0 || strings.Contains(a.Text, token) {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
		for _, dead := range []domaintest.Answer{w.Page(page + "?token=" + token), w.Page(page), w.Submit(page, url.Values{"token": {token}, "new_password": {newPassword}})} {
			if dead.Status != http.StatusBadRequest || !strings.Contains(dead.Text, "no longer good") || len(elements(t, dead, "form")) != 0 {
				t.Errorf("a used link: answered %d\n%s", dead.Status, dead.Text)
			}
		}
	})
}

func TestPageLoadsNothingAndRefusesForeignForms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link()
		a := w.Page(page + "?token=" + token)
		for _, tag := range []string{"script", "img", "link", "iframe"} {
			if len(elements(t, a, tag)) != 0 {
				t.Errorf("has <%s>", tag)
			}
		}
		if a.Header.Get("Referrer-Policy") != "no-referrer" || elements(t, a, "html")[0]["lang"] != "en" {
			t.Errorf("headers %v", a.Header)
		}
		a = w.Submit(page, url.Values{"token": {token}, "new_password": {newPassword}}, domaintest.Header("Origin", "https://evil.example.net"),
			domaintest.Header("Sec-Fetch-Site", "cross-site"))
		if a.Status != http.StatusForbidden || !w.opens(oldPassword) {
			t.Errorf("a foreign form: answered %d", a.Status)
		}
	})
}

func TestForgotPageSaysTheSameForEveryAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		known := w.Submit("/account/forgot/", url.Values{"email": {"jo@example.com"}})
		unknown := w.Submit("/account/forgot/", url.Values{"email": {"sam@example.com"}})
		if known.Status != http.StatusAccepted || unknown.Status != known.Status || strings.ReplaceAll(known.Text, "jo@", "sam@") != unknown.Text {
			t.Errorf("the answers differ: %d and %d", known.Status, unknown.Status)
		}
		if bad := w.Submit("/account/forgot/", url.Values{"email": {"<script>@"}}); bad.Status != http.StatusBadRequest || strings.Contains(bad.Text, "<script>") || !strings.Contains(bad.Text, `aria-describedby="problem"`) {
			t.Errorf("%d %s", bad.Status, bad.Text)
		}
		if p := w.Page("/account/forgot/"); p.Status != http.StatusOK || !strings.Contains(p.Text, `autocomplete="username"`) {
			t.Errorf("%d %s", p.Status, p.Text)
		}
	})
}
