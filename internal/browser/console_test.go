package browser

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// onAccount returns the console's page about somebody.
func onAccount(p person) string { return "/console/accounts/" + p.id + "/" }

func TestConsoleIsForStaffAlone(t *testing.T) {
	b := open(t)
	for _, path := range []string{"/console/", "/console/accounts/", "/console/settings/"} {
		b.refused(path)
	}
	p := newAccount(t)
	b.signIn(p)
	for _, path := range []string{"/console/", "/console/accounts/", onAccount(p), "/console/settings/"} {
		b.visitFor(path, http.StatusForbidden)
		b.hides(p.email)
		if path != onAccount(p) { // where the address has it
			b.hides(p.id)
		}
	}
	clerk := open(t)
	clerk.signIn(newAccount(t, "--staff"))
	clerk.visit(onAccount(p))
	clerk.hides(onAccount(p)+"rank/", onAccount(p)+"look/", "/console/settings/")
	for _, path := range []string{onAccount(p) + "rank/", onAccount(p) + "look/", "/console/settings/"} {
		clerk.visitFor(path, http.StatusForbidden)
	}
}

// Whatever the words are as long as, and however wide the screen: a page of the console shows all of it
// without scrolling sideways, and so do its tables on a wide screen.
func TestTheConsoleFitsItsScreens(t *testing.T) {
	one, two := couple(t, "--superuser")
	team := newTeam(t, two, one)
	b := open(t)
	b.signIn(two)
	b.furnishes(team, two, stranger().email)
	resetLink(t, one)
	for _, l := range []look{{"desktop", "light", "de"}, {"phone", "light", "de"}, {"phone", "light", "en"}, {"desktop", "light", "ar"}} {
		b.wear(l)
		for name, path := range map[string]string{
			"console": "/console/", "accounts": "/console/accounts/", "account": onAccount(one), "console-sessions": "/console/sessions/", "tenants": "/console/tenants/",
			"tenant": "/console/tenants/" + team + "/", "tenant-member-change": "/console/tenants/" + team + "/members/" + one.id + "/change/", "permissions": "/console/permissions/",
			"mails": "/console/mails/", "keys": "/console/keys/", "audit": "/console/audit/", "settings": "/console/settings/",
		} {
			t.Run(l.String()+"/"+name, func(t *testing.T) {
				b.t = t
				b.visit(path)
				b.picture(name)
			})
		}
	}
	b.t = t
}

// deed goes from somebody's page in the console to the page that asks, and does it.
func (b *tab) deed(p person, action string) {
	b.t.Helper()
	b.visit(onAccount(p))
	b.leads(action, http.StatusOK, b.query(`main a[href$="/`+action+`/"]`).click)
	b.send(`main form[action$="/`+action+`/"] button`, http.StatusOK)
	b.at(onAccount(p))
	if b.query("[role=status]").property("innerText") == "" {
		b.t.Errorf("%s: the page does not say that it was done", action)
	}
}

func TestStaffFindsAndHelpsSomebody(t *testing.T) {
	p := newAccount(t, "--full-name", "Ada Byron")
	theirs, b := open(t), open(t)
	theirs.signIn(p)
	b.signIn(newAccount(t, "--staff"))
	b.visit("/console/accounts/")
	b.enter("prefix", strings.ToUpper(p.email[:len(p.email)-4]))
	b.send("[role=search] button", http.StatusOK)
	b.shows(p.email, "Ada Byron")
	b.follow(p.email)
	b.at(onAccount(p))
	b.shows(p.email, p.id, "Ada Byron")

	b.deed(p, "disable")
	theirs.refused("/account/")
	theirs.attempt(p, http.StatusForbidden)
	b.deed(p, "enable")
	theirs.attempt(p, http.StatusOK)
	b.deed(p, "sign-out")
	theirs.refused("/account/")
	link := mailed(t, p.email, func() { b.deed(p, "send-reset") }).link(t)
	theirs.visit(link)
	b.deed(p, "unlock")
	b.visit("/console/audit/?account=" + p.id)
	b.shows("account.disabled", "account.enabled")
}

// choose ticks accounts in the console's list of those whose addresses begin like somebody's, and asks
// for something to be done to all of them.
func (b *tab) choose(like person, people []person, action string, status int) {
	b.t.Helper()
	prefix, _, _ := strings.Cut(like.email, ".")
	b.visit("/console/accounts/?by=email&prefix=" + prefix + ".")
	for _, p := range people {
		b.query(`input[name="account[]"][value="` + p.id + `"]`).click()
	}
	b.send(`main button[name=action][value="`+action+`"]`, status)
}

func TestStaffActsOnSeveralAccountsAtOnce(t *testing.T) {
	one, two := couple(t)
	b := open(t)
	b.signIn(newAccount(t, "--staff"))
	b.choose(one, []person{one, two}, "disable", http.StatusOK)
	b.shows(one.email, two.email)
	b.send(`main form[action$="/done/"] button`, http.StatusOK)
	for _, p := range []person{one, two} {
		signsIn(t, p, http.StatusForbidden)
	}
}

func TestStaffSeesThroughSomebodysEyesAndChangesNothing(t *testing.T) {
	p := newAccount(t, "--full-name", "Ada Byron")
	b := open(t)
	b.signIn(newAccount(t, "--superuser"))
	b.visit(onAccount(p) + "look/")
	b.enter("reason", "short")
	b.send(`form[action$="/look/"] button`, http.StatusBadRequest)
	b.enter("reason", "They asked on the phone why their name is wrong")
	mailed(t, p.email, func() { b.send(`form[action$="/look/"] button`, http.StatusOK) })
	b.at("/account/")
	b.shows(p.email, "They asked on the phone")

	b.visit("/account/profile/")
	if b.has("Save") {
		t.Error("there is a button for a change")
	}
	answer := site.call(t, http.MethodPost, "/account/profile/", "application/x-www-form-urlencoded", "full_name=Eve", "Origin", site.URL, "Cookie", b.cookieHeader())
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a change through somebody's eyes was answered with %d", answer.StatusCode)
	}
	b.visit("/account/profile/")
	if name := b.query("[name=full_name]").property("value"); name != "Ada Byron" {
		t.Errorf("the name became %q", name)
	}
	b.send(`form[action="/account/look/stop/"] button`, http.StatusOK)
	b.at(onAccount(p))
	b.visit("/account/")
	b.hides(p.email)
}

func TestSuperuserMakesStaff(t *testing.T) {
	p := newAccount(t)
	theirs, b := open(t), open(t)
	theirs.signIn(p)
	theirs.visitFor("/console/", http.StatusForbidden)
	b.signIn(newAccount(t, "--superuser"))
	b.visit(onAccount(p) + "rank/")
	b.query(`[name=rank][value=staff]`).click()
	b.send(`form[action$="/rank/"] button`, http.StatusOK)
	theirs.refused("/console/") // a person's session does not become staff's
	theirs.signIn(p)
	theirs.visit("/console/")
	theirs.at("/console/")
	b.visit(onAccount(p) + "rank/")
	b.query(`[name=rank][value=none]`).click()
	b.send(`form[action$="/rank/"] button`, http.StatusOK)
	theirs.refused("/console/") // nothing of the former rank is left
}

func TestScriptInAnAccountIsShownAsTextInTheConsole(t *testing.T) {
	b := open(t)
	b.signIn(newAccount(t, "--superuser"))
	for _, text := range nasty {
		p := newAccount(t, "--full-name", text)
		b.visit("/console/accounts/?by=email&prefix=" + p.email)
		b.shows(text)
		b.untouched()
		b.visit(onAccount(p))
		b.shows(text)
		b.untouched()
		b.visit("/console/accounts/?by=name&prefix=" + url.QueryEscape(text))
		b.untouched()
	}
}

func TestStaffEndsOneSession(t *testing.T) {
	p := newAccount(t)
	theirs, b := open(t), open(t)
	theirs.signIn(p)
	b.signIn(newAccount(t, "--staff"))
	b.visit(onAccount(p))
	b.send(`main a[href*="/sessions/"]`, http.StatusOK)
	b.send(`main form button`, http.StatusOK)
	b.at(onAccount(p))
	theirs.refused("/account/")
	theirs.attempt(p, http.StatusOK)
	b.visit("/console/sessions/?account=" + p.id)
	b.send(`main button[name=session]`, http.StatusOK)
	theirs.refused("/account/")
}

func TestStaffLooksAfterMails(t *testing.T) {
	b := open(t)
	clerk := newAccount(t, "--staff")
	b.signIn(clerk)
	for _, button := range []string{`main button[name=mail]:not([formaction])`, `main button[formaction]`} {
		to := stranger().email
		site.deadLetter(t, to)
		b.visit("/console/mails/?state=dead")
		b.shows(to, "no such mailbox")
		b.send(button, http.StatusOK)
		b.query("[role=status]")
	}
	b.visit("/console/templates/")
	b.send("main td a", http.StatusOK)
	test := mailed(t, clerk.email, func() { b.send(`main form[action$="/test/"] button`, http.StatusOK) })
	if test.Subject == "" || test.Text == "" {
		t.Error("the test mail is empty")
	}
}

func TestSuperuserRotatesKeys(t *testing.T) {
	p, boss := newAccount(t), newAccount(t, "--superuser")
	access := signsIn(t, p, http.StatusOK)
	b := open(t)
	b.signIn(boss)
	const rows = `document.querySelectorAll("main tbody tr").length`
	b.visit("/console/keys/")
	before := eval[int](b, rows)
	for _, how := range []struct {
		when   string
		status int // of a token from before
		keys   int // more than before
	}{{"in_turn", http.StatusOK, 1}, {"at_once", http.StatusUnauthorized, 0}} {
		b.visit("/console/keys/rotate/")
		b.query(`[name=purpose][value=sign]`).click()
		b.query(`[name=when][value=` + how.when + `]`).click()
		b.send("main form button", http.StatusOK)
		b.at("/console/keys/")
		if now := eval[int](b, rows); now != before+how.keys {
			t.Errorf("%s: %d keys after %d", how.when, now, before)
		}
		me := site.call(t, http.MethodGet, mountPath+"/me/", "", "", "Authorization", "Bearer "+access)
		if me.StatusCode != how.status {
			t.Errorf("%s: a token from before was answered with %d, want %d", how.when, me.StatusCode, how.status)
		}
		access = signsIn(t, p, http.StatusOK)
	}
	b.visit("/console/audit/?kind=key.created&actor=" + boss.email)
	b.shows("key.created", boss.email)
}

// A spreadsheet runs what begins with one of these as a formula.
func TestAuditIsExportedWithoutFormulas(t *testing.T) {
	clerk := newAccount(t, "--staff")
	b := open(t)
	b.signIn(clerk)
	sent := url.Values{"name": {clerk.email}, "password": {"=1+1"}}.Encode()
	site.call(t, http.MethodPost, firstPage, "application/x-www-form-urlencoded", sent, "Origin", site.URL, "User-Agent", `=HYPERLINK("http://127.0.0.1:9")`)
	b.visit("/console/audit/?account=" + clerk.id)
	b.shows("signin.refused")
	rows, err := csv.NewReader(bytes.NewReader(b.download("Export as CSV"))).ReadAll()
	if err != nil || len(rows) < 3 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@\t\r") == 0 {
				t.Errorf("a cell begins with %q", cell[:1])
			}
		}
	}
}

// Guessing is stopped on the pages as it is in the API, and staff can help its victim.
func TestStaffUnlocksWhoWasGuessedAt(t *testing.T) {
	p := newAccount(t)
	guess := url.Values{"name": {p.email}, "password": {"not the password at all"}}.Encode()
	for range 10 {
		site.call(t, http.MethodPost, firstPage, "application/x-www-form-urlencoded", guess, "Origin", site.URL)
	}
	theirs, b := open(t), open(t)
	theirs.visit(firstPage)
	theirs.attempt(p, http.StatusTooManyRequests)
	if theirs.value("Email address") != p.email {
		t.Error("the form does not keep the name")
	}
	b.signIn(newAccount(t, "--staff"))
	b.deed(p, "unlock")
	theirs.attempt(p, http.StatusOK)
	theirs.at("/account/")
}

// The console asks for the password again after half a day, and keeps what was to be done.
func TestConsoleAsksForAFreshPassword(t *testing.T) {
	clerk, p := newAccount(t, "--staff"), newAccount(t)
	b := open(t)
	b.visit(firstPage)
	b.tick("Keep me signed in on this device")
	b.attempt(clerk, http.StatusOK)
	b.visit(onAccount(p) + "disable/")
	site.advance(t, "13h")
	b.send(`main form[action$="/disable/"] button`, http.StatusUnauthorized)
	signsIn(t, p, http.StatusOK)
	b.visit(onAccount(p))
	b.at("/account/confirm/")
	b.enter("password", "not the password at all")
	b.send(mainButton, http.StatusForbidden)
	b.enter("password", clerk.password)
	before := b.cookies()[sessionCookie].Value
	b.send(mainButton, http.StatusOK)
	b.at(onAccount(p))
	if b.cookies()[sessionCookie].Value == before {
		t.Error("the cookie of before is still good after the level changed")
	}
	refusedCookie(t, before)
	b.deed(p, "disable")
}

func TestConsoleNeedsNoScript(t *testing.T) {
	p, boss := couple(t, "--superuser")
	b := open(t)
	b.withoutScript()
	b.signIn(boss)
	for _, path := range []string{"/console/", "/console/sessions/", "/console/mails/", "/console/templates/", "/console/keys/", "/console/audit/", "/console/settings/"} {
		b.visit(path)
		b.at(path)
	}
	b.choose(p, []person{p}, "sign-out", http.StatusOK)
	b.send(`main form[action$="/done/"] button`, http.StatusOK)
	b.deed(p, "disable")
	signsIn(t, p, http.StatusForbidden)
}

// A newcomer gets people of every kind with one click, and can be any of them.
func TestDevelopmentToolsShowEverything(t *testing.T) {
	b := open(t)
	b.visit("/")
	b.at("/dev/")
	b.send(`form[action="/dev/samples/"] button`, http.StatusOK)
	password := b.query("pre code").property("innerText")
	const owner = "sample.owner@example.com"
	b.shows(owner)
	paths := eval[[]string](b, `[...document.querySelectorAll("main a[href^='/account/'], main a[href^='/console/']")].map(a => a.pathname)`)
	if len(paths) < 10 {
		t.Errorf("only %d pages are shown: %q", len(paths), paths)
	}
	b.signIn(person{email: owner, password: password})
	boss := open(t)
	boss.signIn(newAccount(t, "--superuser"))
	for _, path := range paths {
		if strings.HasPrefix(path, "/console/") {
			boss.visit(path)
		} else {
			b.visit(path)
		}
	}
}
