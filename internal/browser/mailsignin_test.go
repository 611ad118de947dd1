package browser

import (
	"net/http"
	"regexp"
	"testing"
)

const mailPage = "/account/sign-in/mail/"

var codePattern = regexp.MustCompile(`\b[0-9]{8}\b`)

// code returns the code in a letter.
func (l letter) code(t testing.TB) string {
	t.Helper()
	code := codePattern.FindString(l.Text)
	if code == "" {
		t.Fatalf("the mail %q has no code", l.Subject)
	}
	return code
}

// asksForMail has somebody ask to sign in by mail, and returns the mail.
func (b *tab) asksForMail(p person) letter {
	b.t.Helper()
	b.visit(mailPage)
	b.enter("email", p.email)
	return mailed(b.t, p.email, func() { b.send(mainButton, http.StatusOK) })
}

// mailedLink has a program ask to sign in by mail and returns where the mail leads.
func mailedLink(t testing.TB, p person) string {
	t.Helper()
	return mailed(t, p.email, func() { site.post(t, "/magic-link/", map[string]string{"email": p.email}, http.StatusAccepted) }).link(t)
}

func TestMailSignsInWithOneClickWhereItWasAskedFor(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	b.refused("/account/profile/")
	b.follow("Sign in by mail instead")
	b.at(mailPage)
	b.fill("Email address", p.email)
	b.tick("Keep me signed in on this device")
	mail := mailed(t, p.email, func() { b.follow("Send me a code") })
	b.at("/account/sign-in/mail/code/")
	b.shows(p.email)
	second := b.another()
	second.visit(mail.link(t))
	second.send(mainButton, http.StatusOK)
	second.at("/account/profile/")
	if c := b.cookies()[sessionCookie]; c == nil || c.Session {
		t.Error("that the browser is to be remembered was forgotten")
	}
	refusedAgain := b.another()
	refusedAgain.visit(mail.link(t)) // shows the code, and uses nothing
}

func TestMailShowsItsCodeInAnotherBrowser(t *testing.T) {
	p := newAccount(t)
	b, phone := open(t), open(t)
	mail := b.asksForMail(p)
	phone.visit(mail.link(t))
	phone.shows(mail.code(t), "give the code to nobody")
	if n := eval[int](phone, `document.querySelectorAll("main form").length`); n != 0 {
		t.Errorf("another browser gets %d forms", n)
	}
	b.enter("code", "00000000")
	b.send(mainButton, http.StatusUnauthorized)
	b.enter("code", mail.code(t))
	b.send(mainButton, http.StatusOK)
	b.at("/account/")
	b.shows(p.email)
	phone.refused("/account/")
}

// A program that looks at mail opens the link, lets its page run, clicks what it finds, and comes back.
func TestMailScannerBurnsNothing(t *testing.T) {
	p := newAccount(t)
	b := open(t)
	mail := b.asksForMail(p)
	scanner := open(t)
	for range 10 {
		scanner.visit(mail.link(t))
		eval[any](scanner, `document.querySelectorAll("main :is(a, button, input)").forEach(e => e.click()), null`)
		eval[any](scanner, `new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))`)
	}
	if len(scanner.cookies()) > 0 {
		t.Error("looking left a cookie")
	}
	b.enter("code", mail.code(t))
	b.send(mainButton, http.StatusOK)
	b.at("/account/")
}

func TestMailTellsNothingOfAnAddress(t *testing.T) {
	p, nobody := newAccount(t), stranger()
	b, other := open(t), open(t)
	b.asksForMail(p)
	other.visit(mailPage)
	other.enter("email", nobody.email)
	other.send(mainButton, http.StatusOK)
	for _, tab := range []*tab{b, other} {
		tab.enter("code", "00000000")
		tab.send(mainButton, http.StatusUnauthorized)
		tab.find("Send a new code", presses)
	}
}

func TestMailIsNotEnoughForWhoHasAnApp(t *testing.T) {
	p, key, _ := newAppAccount(t)
	b := open(t)
	mail := b.asksForMail(p)
	b.visit(mail.link(t))
	b.send(mainButton, http.StatusOK)
	b.at(secondStep)
	b.refused("/account/")
	b.visit(secondStep)
	b.enter("code", site.code(t, key))
	b.send(mainButton, http.StatusOK)
	b.at("/account/")
}
