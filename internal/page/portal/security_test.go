package portal_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"
	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/internal/page/portal"
)

// app adds an authenticator app of who is signed in here, and returns its page.
func (w *world) app(name string) string {
	w.t.Helper()
	setup, err := w.enrol.StartApp(w.t.Context(), w.here, name)
	must(w.t, err)
	d, _, err := w.enrol.ConfirmApp(w.t.Context(), w.here, w.code(setup.Secret.Reveal()))
	must(w.t, err)
	return "/account/security/app/" + d.ID.String() + "/"
}

// passkey adds one, and returns its page.
func (w *world) passkey(name string) string {
	w.t.Helper()
	c, err := w.enrol.StartPasskey(w.t.Context(), w.here)
	must(w.t, err)
	k, _, err := w.enrol.FinishPasskey(w.t.Context(), w.here, c.Ticket, passkeytest.NewAuthenticator(domaintest.Origin).Create(c.Options), name)
	must(w.t, err)
	return "/account/security/passkeys/" + k.ID.String() + "/"
}

// code is what an app shows now.
func (w *world) code(secret string) string {
	w.t.Helper()
	code, err := otp.GenerateCode(secret, w.Now())
	must(w.t, err)
	return code
}

func (w *world) held() factor.Held {
	w.t.Helper()
	h, err := factor.Of(w.t.Context(), w.DB.DB, w.account.ID)
	must(w.t, err)
	return h
}

// forms returns the addresses that the page itself posts to.
func (d dom) forms() []string { return d.main().actions() }

// links returns where the page itself leads.
func (d dom) links() (all []string) {
	for _, a := range d.main().all("a") {
		all = append(all, attr(a, "href"))
	}
	return all
}

func (w *world) says(path string, texts ...string) {
	w.t.Helper()
	d := w.open(path).main()
	for _, text := range texts {
		if !strings.Contains(d.text(), text) {
			w.t.Errorf("%s does not say %q:\n%s", path, text, d.text())
		}
	}
}

// securityPages are all of these pages, those of one app and one passkey among them, with one of each set up.
func (w *world) securityPages() (read, fresh []string) {
	w.t.Helper()
	app, key := w.app("Phone"), w.passkey("Laptop")
	return []string{"/account/security/", "/account/security/app/", "/account/security/passkeys/", "/account/security/codes/", "/account/security/mail/"},
		[]string{"/account/security/app/add/", app, "/account/security/passkeys/add/", key}
}

func TestEverySecurityPageShowsAndSpeaksInWords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		read, fresh := w.securityPages()
		for _, path := range slices.Concat(read, fresh) {
			d := w.open(path)
			if len(d.all("h1")) != 1 || strings.Contains(d.text(), "portal.") || strings.Contains(d.text(), "ui.") {
				t.Errorf("%s shows\n%s", path, d.text())
			}
			if !slices.ContainsFunc(d.all("a"), func(a *html.Node) bool {
				return attr(a, "href") == "/account/security/" && attr(a, "aria-current") == "page"
			}) {
				t.Errorf("%s: its place is not marked", path)
			}
		}
	})
}

func TestTheOverviewSaysHowThingsStandAndWhatToDo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.says("/account/", "One thing opens your account")
		w.says("/account/security/", "One thing alone opens your account", "Passkeys", "Not set up", "Codes by mail", "Off")
		w.required.Store(true)
		w.says("/account/security/", "This service asks you for a second factor")
		w.required.Store(false)
		must(t, w.enrol.EnableMail(t.Context(), w.here))
		w.says("/account/", "Password and a code by mail")

		w.app("Phone")
		w.says("/account/", "Two factors")
		w.says("/account/security/", "It takes two to open your account", "1 set up", "10 codes left", "On")
		w.passkey("Laptop")
		w.says("/account/security/", "There is nothing to do")
		w.Exec("UPDATE backup_code SET used_at = 1 WHERE code_hash IN (SELECT code_hash FROM backup_code LIMIT 8)")
		w.says("/account/security/", "Only 2 backup codes are left")
		w.Exec("UPDATE backup_code SET used_at = 1")
		w.says("/account/security/", "You have no backup codes")
		w.Exec("UPDATE totp_device SET last_used_at = $1", time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC))
		w.says("/account/security/", "Last used 4 Mar 2026")
		if strings.Count(w.open("/account/security/").main().text(), "Last used") != 1 {
			t.Error("a passkey that was never used has a last use")
		}
	})
}

func TestSecurityPagesAskForAFreshProofWhereSomethingChanges(t *testing.T) {
	for _, r := range portal.Routes(&portal.Portal{}) {
		if r.Path == "/account/security/keep/" {
			continue // keeps second factors that somebody wants removed: no proof is too old for that
		}
		if strings.HasPrefix(r.Path, "/account/security/") && r.Method == http.MethodPost && r.Access != web.FreshPerson {
			t.Errorf("%s may be sent by %s", r.Path, r.Access)
		}
	}
	each(t, func(t *testing.T, w *world) {
		read, fresh := w.securityPages()
		before := w.held()
		must(t, w.Clock.Advance(domaintest.Fresh+time.Second))
		w.staleEverywhere(read, fresh)
		if w.held() != before {
			t.Error("something changed")
		}
	})
}

// With a second factor a password that was given just now is not enough: where policy lets a device go
// without the second step, signing in takes no more.
func TestSecurityPagesAskForTheSecondFactorWhereThereIsOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		read, fresh := w.securityPages()
		before := w.held()
		w.Exec("UPDATE session SET amr = 'pwd', aal = 1")
		w.staleEverywhere(read, fresh)
		if w.held() != before {
			t.Error("something changed")
		}
	})
}

// staleEverywhere reports pages that show a secret or change something without a good proof.
func (w *world) staleEverywhere(read, fresh []string) {
	w.t.Helper()
	for _, path := range read {
		d := w.open(path)
		if len(d.forms()) != 0 {
			w.t.Errorf("%s: its forms %v would be refused", path, d.forms())
		}
	}
	for _, path := range []string{"/account/security/codes/", "/account/security/mail/"} {
		if links := w.open(path).links(); !slices.Contains(links, "/account/confirm/?next="+path) {
			w.t.Errorf("%s leads to %v", path, links)
		}
	}
	for _, path := range fresh {
		if a := w.Page(path, domaintest.As(w.here)); a.Status != http.StatusUnauthorized || strings.Contains(a.Text, "<svg class") || strings.Contains(a.Text, "data-passkey") {
			w.t.Errorf("%s: answered %d", path, a.Status)
		}
	}
	for path, pairs := range map[string][]string{fresh[0]: {"name", "x"}, fresh[1]: {"name", "x"}, fresh[1] + "remove/": nil, fresh[2]: {"ticket", "x", "credential", "{}"}, fresh[3]: {"name", "x"},
		fresh[3] + "remove/": nil, "/account/security/codes/": nil, "/account/security/codes/clear/": nil, "/account/security/mail/": {"on", "yes"}} {
		if a := w.send(path, pairs...); a.Status != http.StatusUnauthorized && path != fresh[2] || a.Status < 400 {
			w.t.Errorf("%s: answered %d", path, a.Status)
		}
	}
}

func TestWhoLooksOnSeesWaysToSignInAndChangesNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		read, fresh := w.securityPages()
		for _, path := range read {
			a := w.Page(path, domaintest.LookingAs(w.here))
			d := parse(t, a)
			if a.Status != http.StatusOK || len(d.main().all("button")) != 0 || len(d.forms()) != 0 {
				t.Errorf("%s: answered %d with forms %v", path, a.Status, d.forms())
			}
			for _, link := range d.links() {
				if slices.Contains(fresh, link) || strings.HasPrefix(link, "/account/confirm/") {
					t.Errorf("%s leads to %s", path, link)
				}
			}
		}
		for _, path := range fresh {
			if a := w.Page(path, domaintest.LookingAs(w.here)); a.Status != http.StatusForbidden {
				t.Errorf("%s: answered %d", path, a.Status)
			}
		}
		if a := w.Submit("/account/security/codes/", nil, domaintest.LookingAs(w.here)); a.Status != http.StatusForbidden {
			t.Errorf("a form: answered %d", a.Status)
		}
	})
}

func TestNothingOfAnothersIsShownOrChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, key := w.app("Phone"), w.passkey("Laptop")
		before := w.held()
		ann := w.Account("ann@example.com", "x")
		w.here = w.Session(ann.ID)
		w.Exec("UPDATE session SET transport = 'page' WHERE id = $1", w.here.SessionID)
		paths := []string{app, key, strings.ToUpper(app[:len(app)-1]) + "/", "/account/security/app/x/", "/account/security/passkeys/00000000-0000-0000-0000-000000000000/"}
		paths[2] = "/account/security/app/" + strings.ToUpper(strings.TrimPrefix(app, "/account/security/app/"))
		for _, path := range paths {
			if a := w.Page(path, domaintest.As(w.here)); a.Status != http.StatusNotFound || strings.Contains(a.Text, "Phone") || strings.Contains(a.Text, "Laptop") {
				t.Errorf("%s: answered %d", path, a.Status)
			}
			for _, a := range []domaintest.Answer{w.send(path, "name", "Mine"), w.send(path + "remove/")} {
				if a.Status != http.StatusNotFound {
					t.Errorf("%s: answered %d", path, a.Status)
				}
			}
		}
		if w.held() != before || w.Count("SELECT count(*) FROM totp_device WHERE name = 'Mine'")+w.Count("SELECT count(*) FROM passkey WHERE name = 'Mine'") != 0 {
			t.Error("something changed")
		}
	})
}

func TestAnAppAndAPasskeyAreRenamedAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, key := w.app("Phone"), w.passkey("Laptop")
		for path, list := range map[string]string{app: "/account/security/app/", key: "/account/security/passkeys/"} {
			if d := w.open(list); !slices.Contains(d.links(), path) {
				t.Errorf("%s leads to %v", list, d.links())
			}
			a := w.send(path, "name", strings.Repeat("x", 65))
			if d := parse(t, a); a.Status != http.StatusBadRequest || d.blames("name") == "" || len(d.value("name")) != 65 {
				t.Errorf("%s: answered %d\n%s", path, a.Status, d.text())
			}
			w.did(w.send(path, "name", "The blue one"), list, "The name is saved.")
			w.says(list, "The blue one")
		}
		w.says(key, "It is not asked for any more")
		w.did(w.send(key+"remove/"), "/account/security/passkeys/", "It is removed.")
		w.says("/account/security/passkeys/", "You have no passkey yet.")

		// The last one.
		w.required.Store(true)
		d := w.open(app)
		if !strings.Contains(d.text(), "this is your last") || slices.Contains(d.forms(), app+"remove/") {
			t.Errorf("it can be removed:\n%s", d.text())
		}
		a := w.send(app + "remove/")
		if a.Status != http.StatusConflict || !strings.Contains(parse(t, a).text(), "your last") || !w.held().Strong() {
			t.Errorf("answered %d", a.Status)
		}
		w.required.Store(false)
		w.says(app, "your backup codes are worth nothing")
		w.did(w.send(app+"remove/"), "/account/security/app/", "It is removed.")
		if w.held() != (factor.Held{Password: true}) {
			t.Errorf("there is %+v", w.held())
		}
	})
}

func TestBackupCodesAreShownOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.says("/account/security/codes/", "0 codes left", "Add an authenticator app or a passkey first")
		if a := w.send("/account/security/codes/"); a.Status != http.StatusConflict || len(parse(t, a).all("pre")) != 0 {
			t.Errorf("without a factor: answered %d", a.Status)
		}
		w.app("Phone")
		a := w.send("/account/security/codes/")
		codes := w.codes(a)
		if a.Status != http.StatusOK || len(codes) != 10 {
			t.Fatalf("answered %d with %d codes", a.Status, len(codes))
		}
		for _, path := range []string{"/account/security/codes/", "/account/security/", "/account/"} {
			if text := w.open(path).text(); strings.Contains(text, codes[0]) {
				t.Errorf("%s shows a code", path)
			}
		}
		if again := w.codes(w.send("/account/security/codes/")); slices.Contains(again, codes[0]) || w.spends(codes[0]) || !w.spends(again[0]) {
			t.Error("the former codes are shown again, or still good")
		}
		w.says("/account/security/codes/", "9 codes left", "the former ones are worth nothing")
		w.did(w.send("/account/security/codes/clear/"), "/account/security/codes/", "No backup code is good any more.")
		w.says("/account/security/codes/", "0 codes left")
	})
}

// codes returns what a page shows to be kept.
func (w *world) codes(a domaintest.Answer) []string {
	w.t.Helper()
	all := parse(w.t, a).main().all("pre")
	if len(all) != 1 {
		w.t.Fatalf("answered %d with %d blocks to copy\n%s", a.Status, len(all), a.Text)
	}
	return strings.Fields(dom{all[0]}.text())
}

func (w *world) spends(code string) bool {
	w.t.Helper()
	err := w.InTx(w.t.Context(), func(tx *db.Tx) error {
		_, err := w.enrol.BackupCodes.Spend(w.t.Context(), tx, w.account.ID, code)
		return err
	})
	return err == nil
}

func TestCodesByMailAreSwitched(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.did(w.send("/account/security/mail/", "on", "yes"), "/account/security/mail/", "From now on we mail you a code")
		w.says("/account/security/mail/", "jo@example.com", "Switch off")
		if !w.held().Email || !w.Stands(w.there) {
			t.Error("it is not on, or ended a session")
		}
		w.did(w.send("/account/security/mail/"), "/account/security/mail/", "No more codes by mail.")
		w.Exec("DELETE FROM password_credential")
		w.says("/account/security/mail/", "needs a password and a confirmed address")
		if a := w.send("/account/security/mail/", "on", "yes"); a.Status != http.StatusConflict || w.held().Email {
			t.Errorf("answered %d", a.Status)
		}
		w.app("Phone")
		w.says("/account/security/mail/", "You have a second factor")
	})
}

func TestAnEndedSessionIsLedToTheSignInPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.app("Phone")
		v := &session.Visit{SessionID: w.there.SessionID, Account: w.account}
		if err := w.enrol.Check(t.Context(), v.Bearer()); err == nil {
			t.Error("the other session may change something yet")
		}
		if a := w.Page("/account/security/", domaintest.As(w.there)); a.Status != http.StatusUnauthorized {
			t.Errorf("answered %d", a.Status)
		}
	})
}
