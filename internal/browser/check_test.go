package browser

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/chromedp/cdproto/network"
)

// facts are what every page must have.
type facts struct {
	Headings  int
	Lang, Dir string
	Title     string
	Overflow  bool     // one has to scroll sideways
	Keys      []string // of texts, where the texts themselves should stand
	Squeezed  []string // words that are broken into many lines
	Flat      []string // labels of cells without any height, which lie above their neighbours
	Cut       []string // texts that go on where nobody sees them, and in the console tables that do on a wide screen
	Zoneless  []string // times that do not say of which zone they are
	Broken    []string // addresses in tables that go on in another line amid a word
}

const factsOf = `({
	Headings: document.querySelectorAll("h1").length,
	Lang: document.documentElement.lang, Dir: document.documentElement.dir,
	Title: document.title,
	Overflow: document.documentElement.scrollWidth > innerWidth,
	Keys: [...document.querySelectorAll("body *:not(code, pre, bdi, option, script)")]
		.flatMap(e => [...e.childNodes].filter(n => n.nodeType === Node.TEXT_NODE).map(n => n.data.trim()).concat(e.ariaLabel ?? []))
		.filter(text => /^[a-z_]+([.][a-z_]+)+$/.test(text)),
	Squeezed: [...document.querySelectorAll("th, td, dd, li, p, code, a, button")].filter(e => e.children.length === 0)
		.map(e => {
			const range = document.createRange();
			range.selectNodeContents(e);
			return {text: e.textContent.trim(), lines: new Set([...range.getClientRects()].map(r => Math.round(r.top))).size};
		})
		.filter(w => /^\S{2,24}$/.test(w.text) && w.lines > 2).map(w => w.text),
	Flat: [...document.querySelectorAll("[data-label]")]
		.filter(e => e.checkVisibility() && getComputedStyle(e, "::before").content !== "none" && e.getBoundingClientRect().height < 12)
		.map(e => e.dataset.label),
	Cut: [...document.querySelectorAll("main :is(th, td, dd, li, p, code, bdi, a, button), .console .scroll")]
		.filter(e => e.checkVisibility() && !e.closest(".hidden, .canvas") && getComputedStyle(e.closest("thead") ?? e).position !== "absolute" && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1)
		.filter(e => !["auto", "scroll"].includes(getComputedStyle(e).overflowX) || innerWidth >= 1280)
		.map(e => e.ariaLabel ?? e.textContent.trim().slice(0, 60)),
	Zoneless: [...document.querySelectorAll("time[datetime*=T]")].map(e => e.textContent)
		.filter(text => !text.endsWith("UTC") && !text.includes(new Intl.DateTimeFormat(document.documentElement.lang, {timeZoneName: "short"}).formatToParts().find(p => p.type === "timeZoneName").value)),
	Broken: [...document.querySelectorAll("table bdi")].filter(e => e.checkVisibility() && /^[^\s@]+@[^\s@]+$/.test(e.textContent))
		.filter(e => [...e.childNodes].some(n => {
			const range = document.createRange();
			range.selectNodeContents(n);
			return n.nodeType === Node.TEXT_NODE && new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1;
		}))
		.map(e => e.textContent),
})`

// check holds the page shown to what holds for all.
func (b *tab) check(what string, status int) {
	b.t.Helper()
	document, _ := b.watch.shown()
	if document == nil {
		b.t.Fatalf("%s: no answer came", what)
	}
	if int(document.Status) != status {
		b.t.Errorf("%s answered %d, want %d, at %s", what, document.Status, status, b.path())
	}
	for _, problem := range append(headerProblems(document), b.factProblems()...) {
		b.t.Errorf("%s: %s", what, problem)
	}
	b.complaints()
}

// complaints fails the test for what Chromium complained about since the last time.
func (b *tab) complaints() {
	b.t.Helper()
	for _, complaint := range b.watch.takeComplaints() {
		b.t.Errorf("%s", complaint)
	}
}

func (b *tab) factProblems() (problems []string) {
	f := eval[facts](b, factsOf)
	if f.Headings != 1 {
		problems = append(problems, fmt.Sprintf("%d headings of the first level, want 1", f.Headings))
	}
	if f.Lang != b.look.lang {
		problems = append(problems, fmt.Sprintf("its language is %q, want %q", f.Lang, b.look.lang))
	}
	if rtl := b.look.lang == "ar"; rtl != (f.Dir == "rtl") {
		problems = append(problems, fmt.Sprintf("its direction is %q", f.Dir))
	}
	if f.Title == "" {
		problems = append(problems, "it has no title")
	}
	if len(f.Keys) > 0 {
		problems = append(problems, fmt.Sprintf("texts are missing: %q", f.Keys))
	}
	if len(f.Squeezed) > 0 {
		problems = append(problems, fmt.Sprintf("words are broken into many lines: %q", f.Squeezed))
	}
	if len(f.Flat) > 0 {
		problems = append(problems, fmt.Sprintf("labels lie above one another: %q", f.Flat))
	}
	if len(f.Cut) > 0 {
		problems = append(problems, fmt.Sprintf("not all of these is seen: %q", f.Cut))
	}
	if len(f.Zoneless) > 0 {
		problems = append(problems, fmt.Sprintf("these times name no zone: %q", f.Zoneless))
	}
	if len(f.Broken) > 0 {
		problems = append(problems, fmt.Sprintf("addresses are broken amid a word: %q", f.Broken))
	}
	if f.Overflow {
		problems = append(problems, "one has to scroll sideways to see all of it")
	}
	return problems
}

// headerProblems tells what the headers of a page let happen.
func headerProblems(r *network.Response) (problems []string) {
	headers := http.Header{}
	for name, value := range r.Headers {
		headers.Set(name, fmt.Sprint(value))
	}
	policy := headers.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
		if !strings.Contains(policy, directive) {
			problems = append(problems, fmt.Sprintf("its policy lacks %q", directive))
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		problems = append(problems, "its policy is not strict: "+policy)
	}
	if !strings.HasPrefix(headers.Get("Content-Type"), "text/html") {
		problems = append(problems, "it is "+headers.Get("Content-Type"))
	}
	if headers.Get("X-Content-Type-Options") != "nosniff" {
		problems = append(problems, "its type may be guessed")
	}
	if !strings.Contains(headers.Get("Cache-Control"), "no-store") {
		problems = append(problems, "it may be stored: "+headers.Get("Cache-Control"))
	}
	return problems
}

// untouched fails if a text of somebody's became a part of the page.
func (b *tab) untouched() {
	b.t.Helper()
	const planted = `[...document.querySelectorAll("*")].filter(e =>
		[...e.attributes].some(a => a.name.startsWith("on") || ["href", "src", "action", "formaction"].includes(a.name) && /^\s*javascript:/i.test(a.value)) ||
		e.matches("script:not([src]), img[src=x]")).length`
	if n := eval[int](b, planted); n > 0 || b.title() == "owned" {
		b.t.Errorf("%s holds %d elements that somebody planted", b.path(), n)
	}
}
