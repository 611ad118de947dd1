package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey/passkeytest"
)

const addApp, addPasskey = "/account/security/app/add/", "/account/security/passkeys/add/"

// started begins to add an app on its page, and returns what the page asks for and shows.
func (w *world) started(name string) (setup, secret string) {
	w.t.Helper()
	a := w.send(addApp, "name", name)
	d := parse(w.t, a).main()
	if a.Status != http.StatusOK || len(d.all("svg")) != 1 || len(d.all("pre")) != 1 {
		w.t.Fatalf("answered %d\n%s", a.Status, d.text())
	}
	groups := strings.Fields(dom{d.all("pre")[0]}.text())
	for _, g := range groups {
		if len(g) != 4 {
			w.t.Errorf("the secret is written in groups of %d", len(g))
		}
	}
	return d.value("setup"), strings.Join(groups, "")
}

func TestAnAppIsAddedOnItsPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.open(addApp)
		if len(d.main().all("svg"))+len(d.main().all("pre")) != 0 || w.Count("SELECT count(*) FROM totp_device") != 0 {
			t.Error("looking makes a secret")
		}
		setup, secret := w.started("")
		// Looking again shows no secret, and changes none.
		if d := w.open(addApp); len(d.main().all("svg"))+len(d.main().all("pre")) != 0 {
			t.Error("looking shows a secret")
		}
		a := w.send(addApp, "code", "000000", "setup", setup)
		d = parse(t, a)
		if a.Status != http.StatusForbidden || d.blames("code") == "" || d.value("code") != "" || d.value("setup") != setup || len(d.main().all("svg")) != 1 || w.held().Second() {
			t.Errorf("a wrong code: answered %d\n%s", a.Status, d.text())
		}
		code := d.field("code")
		if attr(code, "autocomplete") != "one-time-code" || attr(code, "inputmode") != "numeric" {
			t.Error("phones do not know the field of the code")
		}
		a = w.send(addApp, "code", w.code(secret), "setup", setup)
		codes := w.codes(a)
		if a.Status != http.StatusOK || len(codes) != 10 || !strings.Contains(parse(t, a).text(), "everywhere else you are signed out") || strings.Contains(a.Text, secret[:8]) {
			t.Errorf("the right code: answered %d\n%s", a.Status, parse(t, a).text())
		}
		if !setsCookie(a, "__Host-gatehouse-session", false) || !w.Stands(w.here) || w.Stands(w.there) || !w.spends(codes[0]) {
			t.Error("the session has its old cookie, the others stand, or a code is not good")
		}
		// The form once more, as from a reload.
		if a := w.send(addApp, "code", w.code(secret), "setup", setup); a.Status != http.StatusConflict || strings.Contains(a.Text, codes[1]) || w.held().TOTP != 1 {
			t.Errorf("once more: answered %d", a.Status)
		}
		w.says("/account/security/app/", "Authenticator app")

		// A further one is said to be added, on the list.
		_, secret = w.started("Tablet")
		w.did(w.send(addApp, "code", w.code(secret)), "/account/security/app/", "It is added.")
		w.says("/account/security/app/", "Tablet")
	})
}

// Somebody else who is signed in may have put a secret that they know in the place of the one shown.
func TestNoPageShowsASecretThatAnotherSessionMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		setup, _ := w.started("")
		theirs, err := w.enrol.StartApp(t.Context(), w.there, "")
		must(t, err)
		for _, id := range []string{setup, "", "x"} {
			a := w.send(addApp, "code", "000000", "setup", id)
			if d := parse(t, a); a.Status != http.StatusForbidden || len(d.main().all("svg")) != 0 || strings.Contains(strings.ReplaceAll(d.text(), " ", ""), theirs.Secret.Reveal()) {
				t.Errorf("%q: answered %d\n%s", id, a.Status, d.text())
			}
		}
	})
}

func TestTooManyWrongCodesSayWhenToComeBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		setup, secret := w.started("")
		for range perEnrol.Burst {
			w.send(addApp, "code", "000000", "setup", setup)
		}
		a := w.send(addApp, "code", w.code(secret), "setup", setup)
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || w.held().Second() {
			t.Errorf("answered %d", a.Status)
		}
	})
}

// asked returns what the page asks the browser for.
func asked(t *testing.T, d dom) (ticket, options string) {
	t.Helper()
	for _, f := range d.all("form") {
		if o := attr(f, "data-passkey-create"); o != "" {
			hidden := false
			for _, a := range f.Attr {
				hidden = hidden || a.Key == "hidden"
			}
			if !hidden || len((dom{f}).all("p")) == 0 {
				t.Error("without a script the form shows, or it cannot say what failed")
			}
			return d.value("ticket"), o
		}
	}
	t.Fatal("it asks for nothing")
	return "", ""
}

func TestAPasskeyIsAddedOnItsPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.open(addPasskey)
		missing := false
		for _, n := range d.main().all("div") {
			for _, a := range n.Attr {
				missing = missing || a.Key == "data-passkey-missing"
			}
		}
		if !missing || !strings.Contains(d.text(), "A passkey needs JavaScript") {
			t.Error("it does not say what it needs")
		}
		ticket, options := asked(t, d)
		laptop := passkeytest.NewAuthenticator(domaintest.Origin)
		answer := string(laptop.Create([]byte(options)))

		// An answer that is none: the next challenge comes with the refusal, and the name stays.
		a := w.send(addPasskey, "ticket", ticket, "credential", "{}", "name", "Laptop")
		d = parse(t, a)
		if again, _ := asked(t, d); a.Status != http.StatusBadRequest || again == ticket || d.value("name") != "Laptop" || d.value("credential") != "" {
			t.Errorf("no answer: %d\n%s", a.Status, d.text())
		}
		if a := w.send(addPasskey, "ticket", ticket, "credential", answer); a.Status != http.StatusBadRequest || w.held().Second() {
			t.Errorf("an answer to a spent challenge: %d", a.Status)
		}

		ticket, options = asked(t, d)
		a = w.send(addPasskey, "ticket", ticket, "credential", string(laptop.Create([]byte(options))), "name", "Laptop")
		if codes := w.codes(a); a.Status != http.StatusOK || len(codes) != 10 || !setsCookie(a, "__Host-gatehouse-session", false) || w.Stands(w.there) {
			t.Errorf("answered %d", a.Status)
		}
		w.says("/account/security/passkeys/", "Laptop", "on one device", "not used yet")

		ticket, options = asked(t, w.open(addPasskey))
		phone := passkeytest.NewAuthenticator(domaintest.Origin)
		phone.Flags |= passkeytest.BackupEligible | passkeytest.BackedUp
		w.did(w.send(addPasskey, "ticket", ticket, "credential", string(phone.Create([]byte(options)))), "/account/security/passkeys/", "It is added.")
		w.says("/account/security/passkeys/", "on all your devices")
	})
}

// Addresses end up in histories and logs.
func TestNoSecretStandsInAnAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		setup, secret := w.started("")
		a := w.send(addApp, "code", w.code(secret), "setup", setup)
		codes := w.codes(a)
		pages := []domaintest.Answer{a, w.send(addApp, "name", "x"), w.send("/account/security/codes/"), w.Page(addPasskey, domaintest.As(w.here))}
		for _, a := range pages {
			for n := range parse(t, a).root.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				for _, name := range []string{"href", "src", "action"} {
					if v := attr(n, name); strings.Contains(v, secret) || strings.Contains(v, codes[0]) || strings.Contains(v, "otpauth") || strings.Contains(v, "secret=") {
						t.Errorf("%s holds a secret", name)
					}
				}
			}
			if a.Header.Get("Location") != "" || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
				t.Errorf("a page with a secret may be kept: %s", a.Header.Get("Cache-Control"))
			}
		}
	})
}
