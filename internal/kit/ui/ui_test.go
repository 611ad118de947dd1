package ui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

// page is a page file with this body.
func page(body string) string {
	return `{{/* version 1 */}}{{define "title"}}A page{{end}}{{define "body"}}` + body + `{{end}}`
}

// sample is a set of the given pages, NAME → body, with a few texts.
func sample(layout string, bodies map[string]string) ui.Set {
	files := fstest.MapFS{
		"locales/en.json": {Data: []byte(`{"sample":{"hello":"Hello {{.who}}","plain":"Good day","seen":{"one":"{{.n}} visit","other":"{{.n}} visits"},"only":"Only here","done":{"saved":"It is saved.","by":"By {{.who}}"}},
			"problem":{"sample_refused":"This was refused.","short":"Use at least {{.n}} letters."}}`)},
		"locales/de.json": {Data: []byte(`{"sample":{"hello":"Hallo {{.who}}","plain":"Guten Tag","seen":{"one":"{{.n}} Besuch","other":"{{.n}} Besuche"}},
			"problem":{"sample_refused":"Das wurde abgelehnt.","short":"Mindestens {{.n}} Buchstaben."}}`)},
		"locales/ar.json": {Data: []byte(`{"sample":{"seen":{"zero":"Z","one":"O","two":"T","few":"F {{.n}}","many":"M {{.n}}","other":"X {{.n}}"}}}`)},
	}
	for name, body := range bodies {
		files["pages/"+name+".html"] = &fstest.MapFile{Data: []byte(page(body))}
	}
	return ui.Set{Name: "sample", Layout: layout, Files: files}
}

func newUI(t *testing.T, cfg ui.Config, sets ...ui.Set) *ui.UI {
	t.Helper()
	u, err := ui.New(cfg, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func get(t *testing.T, target string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
}

func write(t *testing.T, u *ui.UI, r *http.Request, p ui.Page) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := u.Write(w, r, p); err != nil {
		t.Fatal(err)
	}
	return w
}

// show renders one body in one layout.
func show(t *testing.T, layout, body string, p ui.Page) string {
	t.Helper()
	p.Name = "sample/page"
	return write(t, newUI(t, ui.Config{}, sample(layout, map[string]string{"page": body})), get(t, "/account/?lang=en"), p).Body.String()
}

func elements(t *testing.T, text, tag string) (found []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`

func TestPagesEscapeWhatTheyShow(t *testing.T) {
	for _, layout := range []string{"card", "home", "console"} {
		u := newUI(t, ui.Config{Product: evil, Support: "https://help.example.com/?" + evil}, sample(layout, map[string]string{
			"page": `<p title="{{.}}">{{.}} {{t "sample.hello" "who" .}} {{rich "sample.hello" "who" .}} {{status "good" .}}</p><a href="{{.}}">x</a>
				{{template "field" (field nil "name" "label" . "value" . "hint" . "pattern" .)}}{{template "field" (field nil "text" "type" "textarea" "label" "x" "value" .)}}
				{{template "tile" (dict "label" . "value" . "hint" . "href" .)}}{{template "status" (status "bad" .)}}{{template "empty" .}}{{template "submit" .}}`}))
		r := get(t, "/account/?lang=en&x="+strings.ReplaceAll(evil, " ", "+"))
		text := write(t, u, r, ui.Page{Name: "sample/page", Data: evil, Person: evil, Done: evil, Nav: []ui.Link{{Href: evil, Key: evil, Group: evil}},
			Banner: &ui.Banner{Who: evil, Reason: evil, Action: evil}}).Body.String()
		for _, n := range elements(t, text, "script") {
			if !strings.HasPrefix(attribute(n, "src"), "/") || n.FirstChild != nil {
				t.Errorf("%s: what was shown became a script", layout)
			}
		}
		for _, n := range elements(t, text, "img") {
			if attribute(n, "onerror") != "" {
				t.Errorf("%s: what was shown became an image", layout)
			}
		}
		if strings.Contains(text, "<no value>") {
			t.Errorf("%s: a placeholder is empty", layout)
		}
	}
	if text := show(t, "card", `<a href="{{.}}">x</a>`, ui.Page{Data: "javascript:alert(1)"}); strings.Contains(text, `href="javascript:`) {
		t.Error("a link runs a script")
	}
}

func TestLayoutsOweNothingInlineAndNameEverything(t *testing.T) {
	form := &ui.Form{Action: "/account/", Problems: map[string][]ui.Problem{"email": {{Code: "x", Detail: "Wrong."}}, "": {{Code: "y", Detail: "All wrong."}}}}
	body := `{{template "problems" .}}<form method="post" action="/x">{{template "field" (field . "email" "type" "email" "label" "Address" "hint" "Yours")}}
		{{template "field" (field . "ok" "type" "checkbox" "label" "Fine" "hint" "Well")}}</form>`
	for _, layout := range []string{"card", "home", "console"} {
		text := show(t, layout, body, ui.Page{Data: form, Person: "a@example.com", Nav: []ui.Link{{Href: "/a", Key: "ui.save"}, {Href: "/b", Key: "ui.back", Current: true, Group: "ui.menu"}},
			Banner: &ui.Banner{Who: "b@example.com", Until: time.Unix(0, 0), Action: "/stop", Reason: "Why"}})
		for _, c := range uitest.Complaints(text) {
			t.Errorf("%s: %s", layout, c)
		}
		for _, want := range []string{`href="#main"`, `id="main"`, `role="alert"`, `aria-invalid="true"`, `lang="en" dir="ltr"`, `action="/stop"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s", layout, want)
			}
		}
		if len(elements(t, text, "main")) != 1 {
			t.Errorf("%s has not one main", layout)
		}
	}
}

func TestBannerStandsBeforeAllElseAndTakesSignOutAway(t *testing.T) {
	p := ui.Page{Person: "a@example.com", Banner: &ui.Banner{Who: "b@example.com", Action: "/stop"}}
	text := show(t, "home", "", p)
	if strings.Index(text, `class="banner"`) > strings.Index(text, "<header") || strings.Contains(text, "/account/sign-out/") {
		t.Error("the banner is not on top, or one can sign the person out")
	}
	p.Banner = nil
	if text := show(t, "home", "", p); !strings.Contains(text, `action="/account/sign-out/"`) {
		t.Error("one cannot sign out")
	}
}

func TestDoneShowsKnownTextsOnly(t *testing.T) {
	if text := show(t, "card", "", ui.Page{Done: "sample.done.saved"}); !strings.Contains(text, `role="status">It is saved.<`) {
		t.Error("what was done is not said")
	}
	for _, key := range []string{"", "sample.nothing", "You won! Call us", "sample", "sample.hello", "sample.plain", "sample.done.by", "sample.done.nothing", "ui.problems", "ui.search", "problem.sample_refused"} {
		if text := show(t, "card", "", ui.Page{Done: key}); strings.Contains(text, `role="status"`) {
			t.Errorf("%q is said", key)
		}
	}
}

func TestPolicy(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": ""}))
	const all = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'%; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
	for _, c := range []struct {
		page ui.Page
		more string
	}{
		{ui.Page{}, ""},
		{ui.Page{FormAction: []string{"https://app.example.com", "http://localhost:3000", "http://[::1]:80"}}, " https://app.example.com http://localhost:3000 http://[::1]:80"},
		{ui.Page{FormAction: []string{"com.example.app:"}}, " com.example.app:"},
		{ui.Page{Frames: true}, "; frame-src 'self'"},
		{ui.Page{Connect: true}, "; connect-src 'self'"},
		{ui.Page{FormAction: []string{"https://app.example.com"}, Frames: true, Connect: true}, " https://app.example.com; frame-src 'self'; connect-src 'self'"},
	} {
		c.page.Name = "sample/page"
		h := write(t, u, get(t, "/"), c.page).Header()
		if got, want := h.Get("Content-Security-Policy"), strings.Replace(all, "%", c.more, 1); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", h)
		}
	}
	for _, origin := range []string{"", "*", "https:", "https://", "https://a.example.com/path", "https://a.example.com; script-src *", "https://a b", "'unsafe-inline'", "data:", "javascript:",
		"blob:", "https://*.example.com", "https://u@example.com", "//a.example.com", "https://a.example.com,https://b", "com.example.app:/x", "https://a\n", "HTTPS://a.example.com"} {
		w := httptest.NewRecorder()
		if err := u.Write(w, get(t, "/"), ui.Page{Name: "sample/page", FormAction: []string{origin}}); err == nil || w.Body.Len() != 0 {
			t.Errorf("%q was accepted", origin)
		}
	}
}

func TestAPageThatCannotBeRenderedSendsNothing(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"broken": `<p>begun</p>{{.Missing.Member}}`, "misspelt": `{{template "field" (field nil "x" "lable" "y")}}`, "unparsed": `{{`}))
	for _, name := range []string{"sample/broken", "sample/misspelt", "sample/unparsed", "sample/none", "none/none", "", "sample/../../x"} {
		w := httptest.NewRecorder()
		if err := u.Write(w, get(t, "/?lang=de"), ui.Page{Name: name, Data: struct{}{}}); err == nil || w.Body.Len() != 0 || len(w.Header()) != 0 {
			t.Errorf("%s: err %v, sent %q %v", name, err, w.Body, w.Header())
		}
	}
}

// The address that a mail led to is good once more in nobody's history but the reader's.
func TestAMailedTokenStandsInNoLink(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("card", map[string]string{"page": `<p>x</p>`}))
	if text := write(t, u, get(t, "/account/verify/?token=mailed"), ui.Page{Name: "sample/page"}).Body.String(); strings.Contains(text, "mailed") {
		t.Error("the token is in the page")
	}
	if text := write(t, u, get(t, "/account/?q=kept"), ui.Page{Name: "sample/page"}).Body.String(); !strings.Contains(text, "q=kept") {
		t.Error("the language picker leads to another page")
	}
}

func TestStatusIsThePages(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": ""}))
	for said, want := range map[int]int{0: http.StatusOK, http.StatusTeapot: http.StatusTeapot} {
		if w := write(t, u, get(t, "/"), ui.Page{Name: "sample/page", Status: said}); w.Code != want {
			t.Errorf("status %d became %d", said, w.Code)
		}
	}
}

func TestManyMayRenderAtOnce(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("home", map[string]string{"page": `{{t "sample.hello" "who" .}} {{t "sample.seen" "n" 3}}`}))
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			lang := ui.Languages()[i%8].Tag
			w := httptest.NewRecorder()
			if err := u.Write(w, httptest.NewRequest(http.MethodGet, "/?lang="+lang, nil), ui.Page{Name: "sample/page", Data: "X"}); err != nil || !strings.Contains(w.Body.String(), `lang="`+lang+`"`) {
				t.Errorf("%s: %v", lang, err)
			}
		})
	}
	all.Wait()
}

func TestConfigRefusesLinksThatRunOrLeadAstray(t *testing.T) {
	for _, link := range []string{"javascript:alert(1)", "//evil.example.com", "data:text/html,x", "help"} {
		if _, err := ui.New(ui.Config{Support: link}); err == nil {
			t.Errorf("%s was accepted", link)
		}
	}
	for _, link := range []string{"", "/help", "https://help.example.com", "mailto:help@example.com"} {
		if _, err := ui.New(ui.Config{Home: link}); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	set := sample("", map[string]string{"page": ""})
	for b.Loop() {
		if _, err := ui.New(ui.Config{}, set); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	set := sample("home", map[string]string{"page": `{{t "sample.hello" "who" "X"}}`})
	u, err := ui.New(ui.Config{}, set)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := u.Write(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?lang=de", nil), ui.Page{Name: "sample/page"}); err != nil {
			b.Fatal(err)
		}
	}
}
