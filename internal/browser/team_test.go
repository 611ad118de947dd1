package browser

import (
	"fmt"
	"net/http"
	"testing"
)

// teamsPage lists the organisations of whoever looks.
const teamsPage = "/account/tenants/"

// What an organisation has of its own.
const (
	teamRole   = "writer"
	teamDomain = "example.com"
)

// onTeam returns where an organisation's pages lie.
func onTeam(slug string) string { return teamsPage + slug + "/" }

// newTeam makes an organisation with an owner and a member and returns its short name. Its own name is
// as long as can be.
func newTeam(t testing.TB, owner, other person) (slug string) {
	t.Helper()
	n := serial.Add(1)
	slug = fmt.Sprintf("team-%d", n)
	site.command(t, "", "tenant", "create", fmt.Sprintf("Wohnungsbaugenossenschaftsgeschäftsstelle für die nördlichen Stadtteile e.G. %d", n), "--slug", slug, "--owner", owner.email)
	site.command(t, "", "tenant", "add-member", slug, other.email, "member")
	return slug
}

// furnishes gives an organisation a colour that nobody could read, a role, a domain and an invitation,
// through the API.
func (b *tab) furnishes(slug string, owner person, invited string) {
	b.t.Helper()
	var token struct{ Access string }
	site.asks(b.t, signsIn(b.t, owner, http.StatusOK), "/tenants/"+slug+"/token/", map[string]string{}, &token)
	in := "/tenants/" + slug + "/"
	site.asks(b.t, token.Access, in+"roles/", map[string]any{"name": teamRole, "permissions": []string{"members.read", "audit.read"}}, nil)
	site.asks(b.t, token.Access, in+"domains/", map[string]string{"domain": teamDomain}, nil)
	site.asks(b.t, token.Access, in+"invitations/", map[string]string{"email": invited, "role": "member"}, nil)
	if resp := site.call(b.t, http.MethodPatch, mountPath+in, "application/json", `{"color": "#ffee00"}`, "Authorization", "Bearer "+token.Access); resp.StatusCode != http.StatusOK {
		b.t.Fatalf("the colour was answered %d", resp.StatusCode)
	}
}

// Somebody makes an organisation, invites a friend, who joins, and gets rights and loses them.
func TestSomebodyRunsAnOrganisation(t *testing.T) {
	owner, friend := newAccount(t), newAccount(t)
	b, f := open(t), open(t)
	b.signIn(owner)
	f.signIn(friend)

	b.visit(teamsPage)
	b.follow("New organisation")
	slug := fmt.Sprintf("club-%d", serial.Add(1))
	b.fill("Name", "Chess club "+slug)
	b.fill("Short name", slug)
	b.follow("Make the organisation")
	b.at(onTeam(slug))
	b.shows("The organisation is made.", "Owner")

	b.visit(onTeam(slug) + "invitations/")
	b.fill("Email address", friend.email)
	mailed(t, friend.email, func() { b.follow("Send the invitation") })
	b.shows("The invitation is sent.", friend.email)

	f.visit(teamsPage)
	f.shows("Invitations to you", "Chess club "+slug)
	f.leads("Join", http.StatusOK, f.query(`main form[action="/account/tenants/accept/"] button`).click)
	f.shows("You have joined.", "Member")
	f.hides("Settings")

	member := onTeam(slug) + "members/" + friend.id + "/"
	b.visit(member + "change/")
	b.query(`[name="role"][value="admin"]`).click()
	b.follow("Save")
	b.shows("role and permissions are saved")
	f.visit(onTeam(slug))
	f.shows("Administrator", "Settings")

	b.visit(member + "remove/")
	b.follow("Remove the member")
	b.shows("The member is removed.")
	f.visitFor(onTeam(slug), http.StatusForbidden)
	f.visit(teamsPage)
	f.shows("You belong to no organisation yet.")
}

// Staff hand an organisation to another owner and a superuser deletes it, without script; both are asked
// for a proof of not long ago.
func TestStaffLooksAfterAnOrganisation(t *testing.T) {
	former, heir, clerk := newAccount(t), newAccount(t), newAccount(t, "--staff")
	slug := newTeam(t, former, newAccount(t))
	at := "/console/tenants/" + slug + "/"
	b := open(t)
	b.withoutScript()
	b.signIn(clerk)
	b.visit(at)
	b.hides("Delete")
	b.send(`main a[href$="/members/add/"]`, http.StatusOK)
	b.enter("account", heir.email)
	b.send(mainButton, http.StatusOK)
	b.at(at)
	b.shows(heir.email)
	b.visit(at + "members/" + heir.id + "/change/")
	b.query(`[name="role"][value="owner"]`).click()
	b.send(mainButton, http.StatusForbidden)
	b.shows("Only its owners and superusers")

	chief := newAccount(t, "--superuser")
	boss := open(t)
	boss.withoutScript()
	boss.signIn(chief)
	boss.visit(at + "members/" + heir.id + "/change/")
	boss.query(`[name="role"][value="owner"]`).click()
	boss.send(mainButton, http.StatusOK)

	b.visit(at + "members/" + former.id + "/change/")
	b.query(`[name="role"][value="admin"]`).click()
	b.send(mainButton, http.StatusOK) // there is another owner now
	b.shows("role and permissions are saved")
	b.visit(at + "members/" + heir.id + "/remove/")
	b.send(mainButton, http.StatusConflict)
	b.shows("This is the last owner.")
	b.visit(at + "members/" + former.id + "/remove/")
	site.advance(t, "6m")
	b.send(mainButton, http.StatusUnauthorized)
	b.visit(at + "members/" + former.id + "/remove/")
	b.at("/account/confirm/")
	b.enter("password", clerk.password)
	b.send(mainButton, http.StatusOK)
	b.at(at + "members/" + former.id + "/remove/")
	b.send(mainButton, http.StatusOK)
	b.at(at)
	b.hides(former.email)

	boss = open(t) // their proof is old by now
	boss.withoutScript()
	boss.signIn(chief)
	boss.visit(at)
	boss.send(`main a[href$="/delete/"]`, http.StatusOK)
	boss.enter("slug", slug)
	boss.enter("reason", "They asked us for it in writing")
	mailed(t, heir.email, func() { boss.send(mainButton, http.StatusOK) })
	boss.at("/console/tenants/")
	boss.shows("The organisation is deleted.")
	boss.visitFor(at, http.StatusNotFound)
	boss.visit("/console/audit/?kind=tenant.deleted")
	boss.shows("They asked us for it in writing")
}
