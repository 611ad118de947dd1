package browser

import (
	"net/http"
	"testing"
)

// Somebody registers, confirms the address with the password, forgets it and chooses another one.
func TestFromRegistrationToANewPassword(t *testing.T) {
	p, fresh := stranger(), stranger().password
	b := open(t)
	b.visit(registered(t, p))
	b.shows(p.email)
	b.enter("password", "not the one that was chosen")
	b.send(confirmWithPassword, http.StatusForbidden)
	b.enter("password", p.password)
	b.send(confirmWithPassword, http.StatusOK)
	b.at("/account/verify/done/")
	signsIn(t, p, http.StatusOK)

	b.visit("/account/forgot/")
	b.enter("email", p.email)
	link := mailed(t, p.email, func() { b.send(mainButton, http.StatusOK) }).link(t)
	b.visit(link)
	b.enter("new_password", "short")
	b.send(mainButton, http.StatusBadRequest)
	b.hides(`value="short"`)
	b.enter("new_password", fresh)
	b.send(mainButton, http.StatusOK)
	signsIn(t, p, http.StatusUnauthorized)
	signsIn(t, person{email: p.email, password: fresh}, http.StatusOK)
	b.visitFor(link, http.StatusBadRequest)
}

// A link from a mail is opened on a machine that runs no script.
func TestRecoveryNeedsNoScript(t *testing.T) {
	p, fresh := newAccount(t), stranger().password
	b := open(t)
	b.withoutScript()
	b.visit("/account/forgot/")
	b.enter("email", p.email)
	b.visit(mailed(t, p.email, func() { b.send(mainButton, http.StatusOK) }).link(t))
	b.enter("new_password", fresh)
	b.send(mainButton, http.StatusOK)
	signsIn(t, person{email: p.email, password: fresh}, http.StatusOK)
}
