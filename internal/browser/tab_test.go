package browser

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is how long anything is waited for. It is no limit on the program: it only names the
// culprit of a stuck test.
const patience = time.Minute

// tab is a tab of the browser, as somebody uses it.
type tab struct {
	t     testing.TB
	ctx   context.Context
	watch *watch
	look  look
}

// open opens a tab in a browser context of its own: no cookie, no history.
func open(t testing.TB) *tab {
	t.Helper()
	return openAt(t, site.URL, chromium, chromedp.WithNewBrowserContext())
}

// another opens a second tab of the same person.
func (b *tab) another() *tab {
	b.t.Helper()
	return openAt(b.t, b.watch.origin, b.ctx)
}

func openAt(t testing.TB, origin string, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	b := &tab{t: t, watch: newWatch(origin)}
	ctx, cancel := chromedp.NewContext(parent, append(options, chromedp.WithListener(b.watch.hear))...)
	b.ctx = ctx
	t.Cleanup(func() {
		b.complaints() // what came after the last look
		cancel()
	})
	b.must(chromedp.Do(ctx))
	call(b, audits.Enable, cdp.Empty{})
	b.wear(plain)
	return b
}

// must ends the test when the browser does not do as told.
func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("the browser: %v", err)
	}
}

// call sends a command to Chromium.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	b.must(err)
	return result
}

// eval returns the value of an expression in the page, or of what it promises. The page's policy
// does not bind it.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	b.must(err)
	return value
}

// visit goes to a path, which has to answer with a page and 200.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.visitFor(path, http.StatusOK)
}

// visitFor is visit for pages with another status.
func (b *tab) visitFor(path string, status int) {
	b.t.Helper()
	b.leads(withoutQuery(path), status, func() { b.navigate(path) })
}

// navigate asks for a path and does not wait for the page.
func (b *tab) navigate(path string) {
	b.t.Helper()
	if went := call(b, page.Navigate, page.NavigateParams{URL: b.watch.origin + path}); went.ErrorText != "" {
		b.t.Fatalf("%s: %s", withoutQuery(path), went.ErrorText)
	}
}

// withoutQuery returns what may be printed of an address: the rest may hold a token.
func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

// leads does something that loads a page, waits for it and checks it.
func (b *tab) leads(what string, status int, do func()) {
	b.t.Helper()
	before, _ := b.watch.arrived()
	do()
	b.await(what, before+1)
	b.check(what, status)
}

// await waits until so many pages came.
func (b *tab) await(what string, wanted int) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		loads, changed := b.watch.arrived()
		if loads >= wanted {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			b.t.Fatalf("%s led nowhere", what)
		}
	}
}

// text returns what the page shows, as a person would copy it.
func (b *tab) text() string { b.t.Helper(); return eval[string](b, "document.body.innerText") }

// title returns the title of the page.
func (b *tab) title() string { b.t.Helper(); return eval[string](b, "document.title") }

// path returns where the page lies, without the query, which may hold a token.
func (b *tab) path() string { b.t.Helper(); return eval[string](b, "location.pathname") }

// at fails unless the page lies at a path.
func (b *tab) at(path string) {
	b.t.Helper()
	if now := b.path(); now != path {
		b.t.Errorf("came to %s, want %s", now, path)
	}
}

// shows fails unless the page shows every text.
func (b *tab) shows(texts ...string) {
	b.t.Helper()
	all := b.text()
	for _, text := range texts {
		if !strings.Contains(all, text) {
			b.t.Errorf("%s does not show %q; it shows:\n%s", b.path(), text, all)
		}
	}
}

// hides fails if the page's source holds any of the texts.
func (b *tab) hides(texts ...string) {
	b.t.Helper()
	source := eval[string](b, "document.documentElement.outerHTML")
	for _, text := range texts {
		if strings.Contains(source, text) {
			b.t.Errorf("%s holds a text that it must not", b.path()) // which may be a secret
		}
	}
}

// source returns the page as the server sent it.
func (b *tab) source() []byte {
	b.t.Helper()
	_, request := b.watch.shown()
	return call(b, network.GetResponseBody, network.GetResponseBodyParams{RequestID: request}).Body
}

// cookies returns the cookies that go to the site, by name.
func (b *tab) cookies() map[string]*network.Cookie {
	b.t.Helper()
	found := map[string]*network.Cookie{}
	for _, c := range call(b, network.GetCookies, network.GetCookiesParams{URLs: []string{site.URL + "/"}}).Cookies {
		found[c.Name] = c
	}
	return found
}

// cookieHeader returns what the browser sends to the site.
func (b *tab) cookieHeader() string {
	b.t.Helper()
	var pairs []string
	for name, c := range b.cookies() {
		pairs = append(pairs, name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// back goes where the tab was before. The browser may show the page as it was left or ask for it
// again; status is the one wanted in the second case.
func (b *tab) back(status int) {
	b.t.Helper()
	history := call(b, page.GetNavigationHistory, cdp.Empty{})
	entry := history.Entries[history.CurrentIndex-1]
	b.leads("back to "+withoutQuery(entry.URL), status, func() {
		call(b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: entry.ID})
	})
}

// withoutScript has the tab run no script from now on.
func (b *tab) withoutScript() {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// download clicks the link or button with a name and returns the file that comes.
func (b *tab) download(name string) []byte {
	b.t.Helper()
	folder := b.t.TempDir()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
		DownloadPath: folder, EventsEnabled: new(true),
	})
	b.must(err)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	progress := chromedp.BrowserEvents(ctx, browser.DownloadProgress)
	b.find(name, presses).click()
	for p, err := range progress {
		b.must(err)
		if p.State == browser.DownloadProgressStateCompleted {
			content, err := os.ReadFile(filepath.Join(folder, p.GUID))
			b.must(err)
			return content
		}
	}
	b.t.Fatalf("%s brought no file", name)
	return nil
}
