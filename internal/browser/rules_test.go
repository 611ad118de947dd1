package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

const strictPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src http://127.0.0.1:9; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// fine is a page that breaks no rule.
const fine = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Fine</title></head><body><main><h1>Fine</h1>%s</main></body></html>`

// misbehaving serves pages of which each breaks one rule.
var misbehaving = map[string]struct {
	body   string // of main, or all of the page
	header string // "Name: value"
	status int
	want   string
}{
	"/fine":      {},
	"/inline":    {body: `<script>document.title = "x"</script>`, want: "ContentSecurityPolicyIssue: script-src-elem"},
	"/style":     {body: `<p style="color:red">x</p>`, want: "ContentSecurityPolicyIssue: style-src-attr"},
	"/console":   {body: `<script src="/error.js"></script>`, want: "console.error was called"},
	"/exception": {body: `<script src="/throw.js"></script>`, want: "an exception: Uncaught"},
	"/missing":   {body: `<script src="/gone.js"></script>`, want: "404 (Not Found)"},
	"/foreign":   {body: `<img src="http://127.0.0.1:9/pixel" alt="">`, want: "a request left the origin: http://127.0.0.1:9/pixel"},
	"/headings":  {body: `<h1>Again</h1>`, want: "2 headings of the first level"},
	"/wide":      {body: `<table><tr><td>` + strings.Repeat("W", 1000) + `</table>`, want: "scroll sideways"},
	"/key":       {body: `<p>console.accounts.title</p>`, want: "texts are missing: [\"console.accounts.title\"]"},
	"/squeezed":  {body: `<table width="50"><tr><td><code>token&shy;refresh&shy;reused</code></table>`, want: "many lines"},
	"/flat":      {body: `<link rel="stylesheet" href="/cards.css"><p data-label="Name"></p>`, want: "labels lie above one another: [\"Name\"]"},
	"/cut":       {body: `<link rel="stylesheet" href="/cards.css"><p class="cut">` + strings.Repeat("W", 40) + `</p>`, want: "not all of these is seen"},
	"/spilt":     {body: `<link rel="stylesheet" href="/cards.css"><table class="tight"><tr><td><code>` + strings.Repeat("W", 40) + `</code></table>`, want: "not all of these is seen"},
	"/broken":    {body: `<link rel="stylesheet" href="/cards.css"><div class="console"><table class="tight"><tr><td><bdi>somebody.long@example.com</bdi></table></div>`, want: "broken amid a word"},
	"/zoneless":  {body: `<time datetime="2026-01-02T03:00:00Z">3 o'clock</time>`, want: "these times name no zone"},
	"/german":    {body: `<!DOCTYPE html><html lang="de"><title>x</title><h1>x</h1>`, want: `its language is "de"`},
	"/untitled":  {body: `<!DOCTYPE html><html lang="en"><h1>x</h1>`, want: "it has no title"},
	"/status":    {status: http.StatusTeapot, want: "answered 418, want 200"},
	"/open":      {header: "Content-Security-Policy: default-src 'self'", want: `its policy lacks "frame-ancestors 'none'"`},
	"/unsafe":    {header: "Content-Security-Policy: " + strictPolicy + "; style-src 'unsafe-inline'", want: "its policy is not strict"},
	"/stored":    {header: "Cache-Control: private", want: "it may be stored"},
	"/autofill":  {body: `<form><label>Password <input type="password"></label></form>`, want: "autocomplete"},
}

func misbehave(w http.ResponseWriter, r *http.Request) {
	p, ok := misbehaving[r.URL.Path]
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strictPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	switch {
	case r.URL.Path == "/error.js":
		h.Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `console.error("x")`)
		return
	case r.URL.Path == "/throw.js":
		h.Set("Content-Type", "text/javascript")
		fmt.Fprint(w, `throw new Error("x")`)
		return
	case r.URL.Path == "/cards.css":
		h.Set("Content-Type", "text/css")
		fmt.Fprint(w, `[data-label]::before { content: attr(data-label); position: absolute } .cut { width: 5rem; overflow: hidden } .tight { width: 5rem; table-layout: fixed; overflow-wrap: anywhere } code { white-space: nowrap }`)
		return
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if name, value, ok := strings.Cut(p.header, ": "); ok {
		h.Set(name, value)
	}
	if p.status != 0 {
		w.WriteHeader(p.status)
	}
	if strings.HasPrefix(p.body, "<!DOCTYPE") {
		fmt.Fprint(w, p.body)
		return
	}
	fmt.Fprintf(w, fine, p.body)
}

// listener is a test that takes note of failures in place of failing.
type listener struct {
	testing.TB
	heard []string
}

func (l *listener) Errorf(format string, args ...any) {
	l.heard = append(l.heard, fmt.Sprintf(format, args...))
}

// The rules that every page is held to are no rules unless breaking one is noticed.
func TestBrokenRulesAreNoticed(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(misbehave))
	t.Cleanup(broken.Close)
	for path, p := range misbehaving {
		t.Run(path[1:], func(t *testing.T) {
			heard := &listener{TB: t}
			b := openAt(heard, broken.URL, chromium, chromedp.WithNewBrowserContext())
			b.visit(path)
			if p.want == "" && len(heard.heard) > 0 || !strings.Contains(strings.Join(heard.heard, "\n"), p.want) {
				t.Errorf("heard %q, want %q", heard.heard, p.want)
			}
		})
	}
}

func TestPagesThatNeedAMouseAreNoticed(t *testing.T) {
	const outline = "one does not see that it has the focus: <a"
	for body, want := range map[string]string{
		`<a href="/">one</a> <button>two</button> <input type="radio" name="r"> <input type="radio" name="r" checked>`: "",
		`<a href="/" class="bare">one</a> <button>two</button>`:                                                        outline,
		`<a href="/">one</a> <button tabindex="-1">two</button>`:                                                       "the tabulator reaches 1 of 2 controls",
		`<a href="/">one</a> <div class="lid"></div>`:                                                                  "it has the focus and is covered",
	} {
		page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, fine, "<style>.bare { outline: none } .lid { position: fixed; inset: 0; background: red }</style>"+body)
		}))
		b := openAt(&listener{TB: t}, page.URL, chromium, chromedp.WithNewBrowserContext())
		b.visit("/")
		if found := strings.Join(b.keyboardProblems(), "\n"); (found == "") != (want == "") || !strings.Contains(found, want) {
			t.Errorf("%s\nfound %q, want %q", body, found, want)
		}
		page.Close()
	}
}

func TestAxeAndTheValidatorFindWhatIsWrong(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		fmt.Fprintf(w, fine, `<form><input name="unnamed"></form><p><div>nested</div></p>`)
	}))
	t.Cleanup(broken.Close)
	b := openAt(&listener{TB: t}, broken.URL, chromium, chromedp.WithNewBrowserContext())
	b.visit("/")
	if found := fmt.Sprint(b.axe()); !strings.Contains(found, "axe label:") {
		t.Errorf("axe found %s", found)
	}
	m := newMarkup(t)
	m.add(t, "wrong", b.source())
	if found, pages := m.problems(t); pages != 1 || !strings.Contains(strings.Join(found, "\n"), "wrong.html:1:") {
		t.Errorf("the validator found %q", found)
	}
}
