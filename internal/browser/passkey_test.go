package browser

import (
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"
)

const passkeyButton = `form[action="/account/sign-in/passkey/"] button`

// authenticator is what keeps the passkeys of somebody at this tab, and knows their face.
type authenticator struct {
	tab *tab
	id  webauthn.AuthenticatorID
}

// authenticator gives the tab one, whose owner is there.
func (b *tab) authenticator() *authenticator {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	made := call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true, DefaultBackupEligibility: true, DefaultBackupState: true,
	}})
	return &authenticator{b, made.AuthenticatorID}
}

// present says whether somebody is there to touch it. What waits for a touch when nobody is, waits for good.
func (a *authenticator) present(is bool) {
	a.tab.t.Helper()
	call(a.tab, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: is})
}

// recognises says whether it knows who touches it.
func (a *authenticator) recognises(does bool) {
	a.tab.t.Helper()
	call(a.tab, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: does})
}

// addsPasskey has somebody who is signed in add a passkey, the first that they have.
func (b *tab) addsPasskey(p person) {
	b.t.Helper()
	b.visit(addPasskey)
	b.enter("name", "Laptop")
	mailed(b.t, p.email, func() { b.send(mainButton, http.StatusOK) })
}

// problem waits until a form for a passkey says what is wrong, and returns that.
func (b *tab) problem() string {
	b.t.Helper()
	return eval[string](b, `new Promise(done => {
		const said = document.querySelector("[data-passkey-error]"), look = () => said.hidden || done(said.textContent);
		new MutationObserver(look).observe(said, {attributes: true, childList: true});
		look();
	})`)
}

func TestPasskeyIsAddedAndSignsInByTheButton(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	key := b.authenticator()
	b.signIn(p)
	b.addsPasskey(p)
	b.visit("/account/security/passkeys/")
	b.shows("Laptop")

	key.present(false) // for what the page offers by itself
	b.send(signOutButton, http.StatusOK)
	b.refused("/account/profile/")
	b.tick("Keep me signed in on this device")
	key.present(true)
	b.send(passkeyButton, http.StatusOK)
	b.at("/account/profile/")
	b.shows(p.email)
	if c := b.cookies()[sessionCookie]; c == nil || c.Session {
		t.Error("that the browser is to be remembered was forgotten")
	}
}

// What a browser fills in may be a passkey: then nothing is typed and no button is clicked, even on a page
// that was open for longer than a challenge is good.
func TestPasskeySignsInFromTheNameField(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	key := b.authenticator()
	b.signIn(p)
	b.addsPasskey(p)
	key.present(false)
	b.send(signOutButton, http.StatusOK)
	b.visit(firstPage + "?next=%2Faccount%2Fprofile%2F")
	b.query(`[name="name"]`).click()
	site.advance(t, "6m")
	key.present(true)
	b.leads("the name field", http.StatusOK, func() {
		eval[any](b, "{ const now = Date.now; Date.now = () => now() + 360_000; null }")
	})
	b.at("/account/profile/")
	b.shows(p.email)
}

func TestPasskeyIsTheSecondStep(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	key := b.authenticator()
	b.signIn(p)
	b.addsPasskey(p)
	key.present(false)
	b.send(signOutButton, http.StatusOK)
	b.begins(p)
	key.present(true)
	key.recognises(false)
	b.query(mainButton).click()
	if said := b.problem(); said == "" {
		t.Error("nobody says that no passkey was used")
	}
	key.recognises(true)
	b.send(mainButton, http.StatusOK)
	b.at("/account/")
	b.shows(p.email)

	site.advance(t, "6m")
	b.visit("/account/security/app/add/")
	b.at("/account/confirm/")
	b.send(mainButton, http.StatusOK)
	b.at("/account/security/app/add/")
}

func TestPasskeyIsNotAddedTwice(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.authenticator()
	b.signIn(p)
	b.addsPasskey(p)
	b.visit(addPasskey)
	b.query(mainButton).click()
	exists := b.query("[data-passkey-error]").do("function() { return this.dataset.exists }")
	if said := b.problem(); said == "" || said != exists {
		t.Errorf("the page says %q, not %q", said, exists)
	}
	b.at(addPasskey)
}

// Somebody who cannot or will not use a passkey signs in as ever, on the same page.
func TestRefusedPasskeyLeavesTheFormAsItWas(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	key := b.authenticator()
	key.recognises(false)
	b.visit(firstPage)
	b.enter("name", p.email)
	b.query(passkeyButton).click()
	failed := b.query("[data-passkey-error]").do("function() { return this.dataset.failed }")
	if said := b.problem(); said == "" || said != failed {
		t.Errorf("the page says %q, not %q", said, failed)
	}
	if b.value("Email address") != p.email {
		t.Error("what was typed is lost")
	}
	b.attempt(p, http.StatusOK)
	b.at("/account/")
}

func TestPagesDoWithoutPasskeys(t *testing.T) {
	p, key, _ := newAppAccount(t)
	guarded := newAccount(t)
	maker := open(t)
	maker.authenticator()
	maker.signIn(guarded)
	maker.addsPasskey(guarded)
	codes := maker.query("pre code").property("innerText")
	for how, without := range map[string]func(b *tab){
		"no scripts": (*tab).withoutScript,
		"no WebAuthn": func(b *tab) {
			call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete window.PublicKeyCredential"})
		},
	} {
		b := open(t)
		without(b)
		b.visit(firstPage)
		if b.has("Sign in with a passkey") {
			t.Errorf("%s: the page offers what cannot be", how)
		}
		b.begins(p)
		b.enter("code", site.code(t, key))
		b.send(mainButton, http.StatusOK)
		b.visit(addPasskey)
		if b.has("Add a passkey") {
			t.Errorf("%s: a passkey can be added", how)
		}
		b.send(signOutButton, http.StatusOK)
		b.begins(guarded)
		b.shows("This browser cannot use passkeys")
		b.follow("A backup code")
		b.enter("code", codes[:19])
		codes = codes[20:]
		b.send(mainButton, http.StatusOK)
		b.at("/account/")
	}
}

// The challenge of one person's step is none of another's.
func TestAnswersOfPasskeysAreNotCrossed(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	key := b.authenticator()
	b.signIn(p)
	b.addsPasskey(p)
	key.present(false)
	b.send(signOutButton, http.StatusOK)
	b.begins(p)
	q := newAccount(t)
	other := open(t)
	others := other.authenticator()
	other.signIn(q)
	other.addsPasskey(q)
	others.present(false)
	other.send(signOutButton, http.StatusOK)
	other.begins(q)
	ticket := other.query(`main [name="ticket"]`).property("value")
	b.query(`main [name="ticket"]`).do("function(value) { this.value = value }", ticket)
	key.present(true)
	b.send(mainButton, http.StatusUnauthorized)
	if b.cookies()[sessionCookie] != nil {
		t.Error("the answer to another person's challenge was taken")
	}
	b.send(mainButton, http.StatusOK)
	b.at("/account/")
}
