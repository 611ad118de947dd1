package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// browser opens a tab of a browser of its own. GATEHOUSE_BROWSER names Chromium, or is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("GATEHOUSE_BROWSER")
	if path == "none" {
		t.Skip("GATEHOUSE_BROWSER says that there is no browser here")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("no-proxy-server", true))
	allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(func() { cancel(); end() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("the page's test needs Chromium; GATEHOUSE_BROWSER=none skips it: %v", err)
	}
	return ctx
}

// do runs a script in the page, then waits until a condition holds there.
func do(t *testing.T, tab context.Context, script, until string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	wait := fmt.Sprintf("new Promise((done) => { %s; const look = () => { if (%s) done(document.body.innerText); else setTimeout(look, 20); }; look(); })", script, until)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[string](wait, chromedp.EvalAwaitPromise)); err != nil {
		t.Fatalf("%s: %v", until, err)
	}
}

func visit(t *testing.T, tab context.Context, url, until string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	do(t, tab, "", until)
}

// Somebody signs in on the page, writes, comes back later, deletes all; a member reads and is told what is refused.
func TestPageKeepsNotes(t *testing.T) {
	w := start(t)
	boss := w.CreateAccount(t)
	mine := w.CreateTenant(t, gatehousetest.OwnedBy(boss))
	member := w.CreateMember(t, mine, "member")
	url := w.URL + "/tenants/" + mine.Slug + "/"
	signIn := func(a gatehousetest.Account) string {
		return fmt.Sprintf(`const f = document.querySelector("#sign-in"); f.email.value = %q; f.password.value = %q; f.requestSubmit()`, a.Email, a.Password)
	}
	shown := func(id string) string { return fmt.Sprintf("!document.querySelector(%q).hidden", id) }
	write := `const f = document.querySelector("#notes form"); f.body.value = "<b>Water</b> the plants"; f.requestSubmit()`

	tab := browser(t)
	visit(t, tab, url, shown("#sign-in"))
	do(t, tab, signIn(gatehousetest.Account{Email: boss.Email, Password: "wrong"}), `document.querySelector("#message").innerText`)
	do(t, tab, signIn(boss), shown("#notes"))
	do(t, tab, write, `document.querySelector("#notes li")?.innerText === "<b>Water</b> the plants"`)
	w.Clock.Advance(t, 11*time.Minute) // past the token's 10
	do(t, tab, write, `document.querySelectorAll("#notes li").length === 2`)
	visit(t, tab, url, `document.querySelectorAll("#notes li").length === 2`)
	visit(t, tab, w.URL+"/", fmt.Sprintf(`document.querySelector("#choose a[href='/tenants/%s/']")`, mine.Slug))
	visit(t, tab, w.URL+"/tenants/not-mine/", `document.querySelector("#message").innerText.length > 10`)

	other := browser(t)
	visit(t, other, url, shown("#sign-in"))
	do(t, other, signIn(member), `document.querySelectorAll("#notes li").length === 2`)
	do(t, other, write, `document.querySelector("#message").innerText.includes("permission")`)

	visit(t, tab, url, shown("#notes"))
	do(t, tab, `document.querySelector("#delete-all").click()`, `document.querySelectorAll("#notes li").length === 0`)
	if status, all := w.ask(t, w.TenantToken(t, boss, mine), "GET", mine.Slug, ""); status != 200 || strings.Contains(all, "plants") {
		t.Errorf("left: %d %s", status, all)
	}
}
