package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// An error page is no dead end: it says what is missing, when to come back, and where to go on.
func TestErrorPagesSayHowToGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		path        string
		why         error
		want, hides string
	}{
		"a permission":              {"/account/refused/", fault.New(fault.Forbidden, "x", "No.").WithNext(fault.Next{Permission: "notes.write"}), "notes.write", "Try again"},
		"a wait":                    {"/account/refused/", web.ErrLimited.WithRetry(61 * time.Second), "Try again in 2 minutes.", ""},
		"the page again":            {"/account/refused/?a=b", web.ErrLimited, `href="/account/refused/?a=b"`, ""},
		"a page that had a token":   {"/account/refused/?token=abc", web.ErrLimited, "rate_limited", "abc"},
		"what trying does not mend": {"/account/refused/", fault.New(fault.Gone, "x", "No."), "This is no longer there", "Try again"},
		"a way":                     {"/account/refused/", web.ErrDenied, `<a class="button quiet" href="/elsewhere/">`, ""},
		"a way by a form":           {"/account/refused/", web.ErrDenied, `<form method="post" action="/leave/"><input type="hidden" name="next" value="/here/?&lt;b&gt;">`, "<b>"},
	} {
		e := newEdge(t, func(cfg *web.Config) {
			cfg.Ways = func(_ *http.Request, _ *fault.Error) []web.Way {
				return []web.Way{{Href: "/elsewhere/", Key: "web.error.account"}, {Href: "/leave/", Key: "web.error.somebody", Next: "/here/?<b>"}}
			}
		})
		e.pages = e.Site([]web.Route{web.Get("/account/refused/", web.Public, web.Page(func(http.ResponseWriter, *http.Request) error { return c.why }))})
		a := e.page(http.MethodGet, c.path, "")
		if !strings.Contains(a.text, c.want) || c.hides != "" && strings.Contains(mainOf(a.text), c.hides) {
			t.Errorf("%s:\n%s", name, a.text)
		}
		for _, complaint := range uitest.Complaints(a.text) {
			t.Errorf("%s: %s", name, complaint)
		}
	}
}

// mainOf is the page without what stands around it.
func mainOf(text string) string {
	_, after, _ := strings.Cut(text, "<main")
	before, _, _ := strings.Cut(after, "</main>")
	return before
}

func TestEveryErrorPageHasATitle(t *testing.T) {
	e := newEdge(t, nil)
	for kind := fault.Internal; kind <= fault.Unavailable; kind++ {
		e.pages = e.Site([]web.Route{web.Get("/account/refused/", web.Public, web.Page(func(http.ResponseWriter, *http.Request) error { return fault.New(kind, "x", "No.") }))})
		for _, l := range ui.Languages() {
			if a := e.page(http.MethodGet, "/account/refused/?lang="+l.Tag, ""); strings.Contains(a.text, "web.error.") || !strings.Contains(a.text, "<h1>") {
				t.Errorf("kind %d in %s:\n%s", kind, l.Tag, a.text)
			}
		}
	}
}
