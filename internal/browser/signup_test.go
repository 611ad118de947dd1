package browser

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// signUp registers somebody on the page.
func (b *tab) signUp(p person) {
	b.t.Helper()
	b.visit("/account/sign-up/")
	b.enter("full_name", "Jo Doe")
	b.enter("email", p.email)
	b.enter("password", p.password)
	b.send(mainButton, http.StatusOK)
	b.at("/account/check-mail/")
}

// Somebody registers, is told to look into the mailbox, cannot sign in before that, and confirms in
// the same browser with one click.
func TestSignUpToTheFirstSignIn(t *testing.T) {
	p := stranger()
	b := open(t)
	b.visit(firstPage)
	b.follow("Create an account")
	b.fill("Full name", "Ada Byron")
	b.fill("Email address", p.email)
	b.fill("Password", p.password)
	first := mailed(t, p.email, func() { b.follow("Create the account") })
	b.at("/account/check-mail/")
	b.shows(p.email)
	b.visit(firstPage)
	b.attempt(p, http.StatusForbidden)

	b.visit("/account/resend/")
	b.enter("email", p.email)
	second := mailed(t, p.email, func() { b.send(mainButton, http.StatusOK) })
	b.visit(second.link(t))
	b.shows(p.email)
	if len(b.findAll("Password", fields)) > 0 {
		t.Error("the browser that registered is asked for the password")
	}
	b.send(mainButton, http.StatusOK)
	b.at("/account/verify/done/")
	b.visitFor(first.link(t), http.StatusBadRequest)
	b.signIn(p)
	b.shows("Hello, Ada Byron")
}

// Whether an address has an account is told to nobody but its owner.
func TestSignUpLooksTheSameForAKnownAddress(t *testing.T) {
	p := newAccount(t)
	seen := map[string]bool{}
	for _, address := range []string{p.email, stranger().email} {
		b := open(t)
		mailed(t, address, func() { b.signUp(person{email: address, password: p.password}) })
		b.shows(address)
		seen[strings.ReplaceAll(b.text(), address, "")] = true
	}
	if len(seen) != 1 {
		t.Errorf("the pages differ: %q", slices.Collect(maps.Keys(seen)))
	}
	signsIn(t, p, http.StatusOK)
}

func TestRefusedSignUpKeepsAllButThePassword(t *testing.T) {
	b := open(t)
	b.visit("/account/sign-up/")
	b.enter("full_name", "Ada Byron")
	b.enter("email", "nobody@localhost")
	b.enter("password", "short")
	b.enter("phone", "+1 555 0100")
	b.send(mainButton, http.StatusBadRequest)
	if b.value("Full name") != "Ada Byron" || b.value("Email address") != "nobody@localhost" || b.value("Phone number") != "+1 555 0100" || b.value("Password") != "" {
		t.Error("the form does not keep what was typed, or keeps the password")
	}
	b.hides("short\"")
	// The summary has the focus, and leads to the field.
	if role := eval[string](b, "document.activeElement.getAttribute('role')"); role != "alert" {
		t.Errorf("the focus is on %q", role)
	}
	for _, name := range []string{"email", "password"} {
		described := b.query(`[name="` + name + `"]`).do(`function() {
			return (this.getAttribute("aria-describedby") ?? "").split(" ").filter(id => document.getElementById(id)?.innerText).length > 0 && this.ariaInvalid === "true"
		}`)
		if described != true {
			t.Errorf("the problem of %s is not tied to it", name)
		}
	}
}

func TestSignUpTwiceAtOnceSendsOneMail(t *testing.T) {
	p := stranger()
	b := open(t)
	b.visit("/account/sign-up/")
	b.enter("full_name", "Ada Byron")
	b.enter("email", p.email)
	b.enter("password", p.password)
	first := mailed(t, p.email, func() {
		b.leads("two clicks", http.StatusOK, func() { b.query(mainButton).clicks(2) })
	})
	b.at("/account/check-mail/")
	b.visit(first.link(t))
	b.send(mainButton, http.StatusOK)
	if n := len(mails(t, p.email)); n != 1 {
		t.Errorf("%d mails came of two clicks", n)
	}
	b.signIn(p)
}
