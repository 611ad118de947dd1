package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// invitationLink has the owner of a new tenant invite an address and returns where the mail leads.
func invitationLink(t testing.TB, email string) string {
	t.Helper()
	owner := newAccount(t, "--full-name", nasty[len(nasty)-1])
	slug := fmt.Sprintf("inviting-%d", serial.Add(1))
	site.command(t, "", "tenant", "create", "Inviting "+slug, "--slug", slug, "--owner", owner.email)
	var tokens struct{ Access string }
	resp := site.post(t, "/login/", map[string]string{"email": owner.email, "password": owner.password, "tenant": slug}, http.StatusOK)
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	return mailed(t, email, func() {
		site.asks(t, tokens.Access, "/tenants/"+slug+"/invitations/", map[string]string{"email": email, "role": "member"}, nil)
	}).link(t)
}

// A link from a mail is opened on a machine that runs no script, by somebody without an account.
func TestInvitedPersonJoinsWithoutScript(t *testing.T) {
	p := stranger()
	link := invitationLink(t, p.email)
	b := open(t)
	b.withoutScript()
	b.visit(link)
	b.shows(p.email)
	b.enter("full_name", "Jo Doe")
	b.enter("password", "short")
	b.send(mainButton, http.StatusBadRequest)
	b.enter("password", p.password)
	b.send(mainButton, http.StatusOK)
	b.at("/account/invitation/done/")
	signsIn(t, p, http.StatusOK)
	b.visitFor(link, http.StatusBadRequest)
}

// Whoever is signed in as somebody else is told to switch, and joins with one click then.
func TestInvitedMemberJoinsWithTheAccountThatIsMeant(t *testing.T) {
	p, other := newAccount(t), newAccount(t)
	link := invitationLink(t, p.email)
	b := open(t)
	b.signIn(other)
	b.visit(link)
	b.shows(other.email, p.email)
	b.send(mainButton, http.StatusOK) // signs out
	b.visit(link)
	b.send(`main a[href^="/account/sign-in/"]`, http.StatusOK)
	b.attempt(p, http.StatusOK)
	b.at("/account/tenants/")
	b.visit(link)
	b.send(mainButton, http.StatusOK)
	b.at("/account/invitation/done/")
	b.visitFor(link, http.StatusBadRequest)
}
