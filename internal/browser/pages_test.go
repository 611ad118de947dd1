package browser

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// Who looks at a page.
const (
	anonymous = "anonymous"
	member    = "person"
	guarded   = "guarded person" // who has every second factor
	staff     = "staff"
	superuser = "superuser"
)

// flags are how the command line makes who looks.
var flags = map[string][]string{staff: {"--staff"}, superuser: {"--superuser"}}

// shown is a page in one of its states.
type shown struct {
	name   string // of its pictures
	route  string // as in testdata/routes.golden
	who    string
	status int // 0: 200
	// reach brings the tab there; nil: by asking for the route. It does not rely on texts, for it is
	// done in every language.
	reach func(b *tab, c *cast)
}

// pages are all pages. A new one is one line.
var pages = []shown{
	{name: "sign-in", route: "/account/sign-in/", who: anonymous},
	{name: "sign-in-refused", route: "/account/sign-in/", who: anonymous, status: http.StatusUnauthorized, reach: func(b *tab, _ *cast) {
		b.visit(firstPage)
		b.attempt(stranger(), http.StatusUnauthorized)
	}},
	{name: "sign-in-passkey-refused", route: "/account/sign-in/passkey/", who: anonymous, status: http.StatusUnauthorized, reach: func(b *tab, _ *cast) {
		b.visit(firstPage)
		b.query(`[name="credential"]`).do(`function() { this.value = "{}" }`)
		b.send(passkeyButton, http.StatusUnauthorized)
	}},
	{name: "sign-in-again", route: "/account/sign-in/", who: anonymous, reach: func(b *tab, _ *cast) { b.visit(firstPage + "?over=yes") }},
	{name: "sign-in-mail", route: "/account/sign-in/mail/", who: anonymous},
	{name: "sign-in-mail-problem", route: "/account/sign-in/mail/", who: anonymous, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visit(mailPage)
		b.enter("email", "nobody@localhost")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "sign-in-link", route: "/account/sign-in/link/", who: anonymous, reach: func(b *tab, c *cast) { b.visit(mailedLink(b.t, c.owner)) }},
	{name: "sign-in-mail-code", route: "/account/sign-in/mail/code/", who: anonymous, reach: func(b *tab, c *cast) { b.asksForMail(c.owner) }},
	{name: "sign-in-mail-refused", route: "/account/sign-in/mail/code/", who: anonymous, status: http.StatusUnauthorized, reach: func(b *tab, c *cast) {
		b.asksForMail(c.owner)
		b.enter("code", "00000000")
		b.send(mainButton, http.StatusUnauthorized)
	}},
	{name: "sign-in-link-here", route: "/account/sign-in/link/", who: anonymous, reach: func(b *tab, c *cast) { b.visit(b.asksForMail(c.owner).link(b.t)) }},
	{name: "factor-lost-over", route: "/account/recover-factor/", who: anonymous, status: http.StatusUnauthorized},
	{name: "second-passkey", route: "/account/sign-in/second/", who: anonymous, reach: func(b *tab, c *cast) { b.begins(c.guarded) }},
	{name: "second-app", route: "/account/sign-in/second/", who: anonymous, reach: func(b *tab, c *cast) {
		b.begins(c.guarded)
		b.visit(secondStep + "?method=totp")
	}},
	{name: "second-app-refused", route: "/account/sign-in/second/", who: anonymous, status: http.StatusUnauthorized, reach: func(b *tab, c *cast) {
		b.begins(c.guarded)
		b.visit(secondStep + "?method=totp")
		b.enter("code", "000000")
		b.send(mainButton, http.StatusUnauthorized)
	}},
	{name: "second-backup-code", route: "/account/sign-in/second/", who: anonymous, reach: func(b *tab, c *cast) {
		b.begins(c.guarded)
		b.visit(secondStep + "?method=backup_code")
	}},
	{name: "second-mail", route: "/account/sign-in/second/mail/", who: anonymous, reach: func(b *tab, c *cast) {
		b.begins(c.mailed)
		b.visit(secondStep + "mail/")
	}},
	{name: "second-mail-sent", route: "/account/sign-in/second/", who: anonymous, reach: func(b *tab, c *cast) {
		b.begins(c.mailed)
		b.send(mainButton, http.StatusOK)
	}},
	{name: "second-password", route: "/account/sign-in/second/", who: anonymous, reach: func(b *tab, c *cast) {
		b.visit(b.asksForMail(c.mailed).link(b.t))
		b.send(mainButton, http.StatusOK)
	}},
	{name: "factor-lost", route: "/account/recover-factor/", who: anonymous, reach: func(b *tab, c *cast) {
		b.begins(c.guarded)
		b.send(`main a[href="/account/recover-factor/"]`, http.StatusOK)
	}},
	{name: "factor-lost-asked", route: "/account/recover-factor/", who: anonymous, reach: func(b *tab, _ *cast) { b.loses(newAppPerson(b.t)) }},
	{name: "factor-cancel", route: "/account/recover-factor/cancel/", who: anonymous, reach: func(b *tab, _ *cast) { b.visit(b.loses(newAppPerson(b.t))) }},
	{name: "factor-cancelled", route: "/account/recover-factor/cancel/done/", who: anonymous, reach: func(b *tab, _ *cast) {
		b.visit(b.loses(newAppPerson(b.t)))
		b.send(mainButton, http.StatusOK)
	}},
	{name: "factor-cancel-dead", route: "/account/recover-factor/cancel/", who: anonymous, status: http.StatusBadRequest},
	{name: "factor-finish", route: "/account/recover-factor/finish/", who: anonymous, reach: func(b *tab, _ *cast) {
		p := newAppPerson(b.t)
		b.loses(p)
		b.visit(mailed(b.t, p.email, func() { site.advance(b.t, "73h") }).link(b.t))
	}},
	{name: "factor-finish-dead", route: "/account/recover-factor/finish/", who: anonymous, status: http.StatusBadRequest},
	{name: "factor-finished", route: "/account/recover-factor/finish/done/", who: anonymous},
	{name: "not-me", route: "/account/not-me/", who: anonymous, reach: func(b *tab, _ *cast) { b.visit(newDeviceLink(b.t, newAccount(b.t))) }},
	{name: "not-me-done", route: "/account/not-me/", who: anonymous, reach: func(b *tab, _ *cast) {
		b.visit(newDeviceLink(b.t, newAccount(b.t)))
		b.send(mainButton, http.StatusOK)
	}},
	{name: "not-me-dead", route: "/account/not-me/", who: anonymous, status: http.StatusBadRequest},
	{name: "email-confirm", route: "/account/email/confirm/", who: anonymous, reach: func(b *tab, _ *cast) { b.visit(newAddressLink(b.t, newAccount(b.t), stranger().email)) }},
	{name: "email-confirm-done", route: "/account/email/confirm/done/", who: anonymous, reach: func(b *tab, _ *cast) {
		b.visit(newAddressLink(b.t, newAccount(b.t), stranger().email))
		b.send(mainButton, http.StatusOK)
	}},
	{name: "email-confirm-dead", route: "/account/email/confirm/", who: anonymous, status: http.StatusBadRequest},
	{name: "email-undo", route: "/account/email/undo/", who: anonymous, reach: func(b *tab, _ *cast) {
		p := newAccount(b.t)
		b.visit(newAddressLink(b.t, p, stranger().email))
		b.visit(mailed(b.t, p.email, func() { b.send(mainButton, http.StatusOK) }).link(b.t))
	}},
	{name: "email-undo-done", route: "/account/email/undo/done/", who: anonymous},
	{name: "email-undo-dead", route: "/account/email/undo/", who: anonymous, status: http.StatusBadRequest},
	{name: "sign-up", route: "/account/sign-up/", who: anonymous},
	{name: "sign-up-problems", route: "/account/sign-up/", who: anonymous, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visit("/account/sign-up/")
		b.enter("full_name", nasty[len(nasty)-1])
		b.enter("email", "nobody@localhost")
		b.enter("password", "short")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "check-mail", route: "/account/check-mail/", who: anonymous, reach: func(b *tab, _ *cast) { b.signUp(stranger()) }},
	{name: "check-mail-empty", route: "/account/check-mail/", who: anonymous},
	{name: "resend", route: "/account/resend/", who: anonymous},
	{name: "verify", route: "/account/verify/", who: anonymous, reach: func(b *tab, _ *cast) { b.visit(registered(b.t, stranger())) }},
	{name: "verify-own", route: "/account/verify/", who: anonymous, reach: func(b *tab, _ *cast) {
		p := stranger()
		b.visit(mailed(b.t, p.email, func() { b.signUp(p) }).link(b.t))
	}},
	{name: "verify-problem", route: "/account/verify/", who: anonymous, status: http.StatusForbidden, reach: func(b *tab, _ *cast) {
		b.visit(registered(b.t, stranger()))
		b.enter("password", "not the one")
		b.send(confirmWithPassword, http.StatusForbidden)
	}},
	{name: "verify-done", route: "/account/verify/done/", who: anonymous},
	{name: "verify-dead", route: "/account/verify/", who: anonymous, status: http.StatusBadRequest},
	{name: "forgot", route: "/account/forgot/", who: anonymous},
	{name: "forgot-problem", route: "/account/forgot/", who: anonymous, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visit("/account/forgot/")
		b.enter("email", "nobody@localhost")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "forgot-sent", route: "/account/forgot/done/", who: anonymous, reach: func(b *tab, _ *cast) {
		b.visit("/account/forgot/")
		b.enter("email", stranger().email)
		b.send(mainButton, http.StatusOK)
	}},
	{name: "reset", route: "/account/reset/", who: anonymous, reach: func(b *tab, c *cast) { b.visit(resetLink(b.t, c.owner)) }},
	{name: "reset-problem", route: "/account/reset/", who: anonymous, status: http.StatusBadRequest, reach: func(b *tab, c *cast) {
		b.visit(resetLink(b.t, c.owner))
		b.enter("new_password", "short")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "reset-dead", route: "/account/reset/", who: anonymous, status: http.StatusBadRequest},
	{name: "reset-done", route: "/account/reset/done/", who: anonymous, reach: func(b *tab, c *cast) {
		b.visit(resetLink(b.t, c.owner))
		c.owner.password = stranger().password
		b.enter("new_password", c.owner.password)
		b.send(mainButton, http.StatusOK)
	}},
	{name: "invitation", route: "/account/invitation/", who: anonymous, reach: func(b *tab, _ *cast) { b.visit(invitationLink(b.t, stranger().email)) }},
	{name: "invitation-problem", route: "/account/invitation/sign-up/", who: anonymous, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visit(invitationLink(b.t, stranger().email))
		b.enter("full_name", nasty[len(nasty)-1])
		b.enter("password", "short")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "invitation-known", route: "/account/invitation/", who: anonymous, reach: func(b *tab, _ *cast) { b.visit(invitationLink(b.t, newAccount(b.t).email)) }},
	{name: "invitation-dead", route: "/account/invitation/", who: anonymous, status: http.StatusBadRequest},
	{name: "invitation-done", route: "/account/invitation/done/", who: anonymous},
	{name: "not-found", who: anonymous, status: http.StatusNotFound, reach: func(b *tab, _ *cast) { b.visitFor("/account/no-such-page/", http.StatusNotFound) }},

	{name: "home", route: "/account/", who: member},
	{name: "profile", route: "/account/profile/", who: member},
	{name: "profile-problems", route: "/account/profile/", who: member, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visit("/account/profile/")
		b.enter("full_name", nasty[len(nasty)-1])
		b.enter("phone", "no digits at all")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "profile-saved", route: "/account/profile/", who: member, reach: func(b *tab, _ *cast) {
		b.visit("/account/profile/")
		b.enter("full_name", nasty[len(nasty)-1])
		b.send(mainButton, http.StatusOK)
	}},
	{name: "home-long-name", route: "/account/", who: member},
	{name: "password", route: "/account/password/", who: member},
	{name: "password-problems", route: "/account/password/", who: member, status: http.StatusBadRequest, reach: func(b *tab, c *cast) {
		b.visit("/account/password/")
		b.enter("old_password", c.viewer.password)
		b.enter("new_password", "short")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "sessions-alone", route: "/account/sessions/", who: member},
	{name: "sessions", route: "/account/sessions/", who: member, reach: func(b *tab, c *cast) {
		signsIn(b.t, c.viewer, http.StatusOK)
		b.visit("/account/sessions/")
	}},
	{name: "language", route: "/account/language/", who: member},
	{name: "data", route: "/account/data/", who: member},
	{name: "delete", route: "/account/delete/", who: member},
	{name: "delete-refused", route: "/account/delete/", who: member, status: http.StatusForbidden, reach: func(b *tab, _ *cast) {
		b.visit("/account/delete/")
		b.enter("password", "not my password")
		b.send(mainButton, http.StatusForbidden)
	}},
	{name: "email", route: "/account/email/", who: member},
	{name: "email-problem", route: "/account/email/", who: member, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visit("/account/email/")
		b.enter("email", "nobody@localhost")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "email-asked", route: "/account/email/", who: member, reach: func(b *tab, _ *cast) {
		b.visit("/account/email/")
		b.enter("email", stranger().email)
		b.send(mainButton, http.StatusOK)
	}},
	{name: "security-none", route: "/account/security/", who: member},
	{name: "apps-none", route: "/account/security/app/", who: member},
	{name: "app-add", route: "/account/security/app/add/", who: member},
	{name: "app-add-scan", route: "/account/security/app/add/", who: member, reach: func(b *tab, _ *cast) {
		b.visit(addApp)
		b.send(mainButton, http.StatusOK)
	}},
	{name: "app-add-refused", route: "/account/security/app/add/", who: member, status: http.StatusForbidden, reach: func(b *tab, _ *cast) {
		b.visit(addApp)
		b.send(mainButton, http.StatusOK)
		b.enter("code", "000000")
		b.send(mainButton, http.StatusForbidden)
	}},
	{name: "passkeys-none", route: "/account/security/passkeys/", who: member},
	{name: "passkey-add", route: "/account/security/passkeys/add/", who: member},
	{name: "codes-none", route: "/account/security/codes/", who: member},
	{name: "mail-step", route: "/account/security/mail/", who: member},
	{name: "confirm", route: "/account/confirm/", who: member},
	{name: "confirm-refused", route: "/account/confirm/", who: member, status: http.StatusForbidden, reach: func(b *tab, _ *cast) {
		b.visit("/account/confirm/")
		b.enter("password", "not my password")
		b.send(mainButton, http.StatusForbidden)
	}},
	{name: "confirm-mail", route: "/account/confirm/mail/", who: member},
	{name: "invitation-mine", route: "/account/invitation/", who: member, reach: func(b *tab, c *cast) { b.visit(invitationLink(b.t, c.viewer.email)) }},
	{name: "invitation-of-another", route: "/account/invitation/", who: member, reach: func(b *tab, _ *cast) { b.visit(invitationLink(b.t, stranger().email)) }},

	{name: "teams", route: "/account/tenants/", who: member},
	{name: "teams-none", route: "/account/tenants/", who: guarded},
	{name: "teams-invited", route: "/account/tenants/", who: guarded, reach: func(b *tab, c *cast) {
		b.furnishes(newTeam(b.t, c.owner, newAccount(b.t)), c.owner, c.viewer.email)
		b.visit(teamsPage)
	}},
	{name: "team-new", route: "/account/tenants/new/", who: member},
	{name: "team-new-problems", route: "/account/tenants/new/", who: member, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visit(teamsPage + "new/")
		b.enter("name", "x")
		b.enter("slug", "-")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "team", route: "/account/tenants/{tenant}/", who: member},
	{name: "team-access", route: "/account/tenants/{tenant}/access/", who: member},
	{name: "team-access-problem", route: "/account/tenants/{tenant}/access/", who: member, status: http.StatusBadRequest, reach: func(b *tab, c *cast) {
		b.visit(onTeam(c.team) + "access/")
		b.enter("attributes.level", "many")
		b.send(`main form[method="post"] button`, http.StatusBadRequest)
	}},
	{name: "team-members", route: "/account/tenants/{tenant}/members/", who: member},
	{name: "team-members-none", route: "/account/tenants/{tenant}/members/", who: member, reach: func(b *tab, c *cast) { b.visit(onTeam(c.team) + "members/?prefix=nobody-at-all") }},
	{name: "team-member", route: "/account/tenants/{tenant}/members/{account}/", who: member, reach: func(b *tab, c *cast) {
		b.visit(onTeam(c.team) + "members/" + c.owner.id + "/?permission=roles.manage")
	}},
	{name: "team-member-change", route: "/account/tenants/{tenant}/members/{account}/change/", who: member},
	{name: "team-member-remove", route: "/account/tenants/{tenant}/members/{account}/remove/", who: member},
	{name: "team-member-transfer", route: "/account/tenants/{tenant}/members/{account}/transfer/", who: member},
	{name: "team-invitations", route: "/account/tenants/{tenant}/invitations/", who: member},
	{name: "team-invitations-problem", route: "/account/tenants/{tenant}/invitations/", who: member, status: http.StatusBadRequest, reach: func(b *tab, c *cast) {
		b.visit(onTeam(c.team) + "invitations/")
		b.enter("email", "nobody@localhost")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "team-roles", route: "/account/tenants/{tenant}/roles/", who: member},
	{name: "team-role-new", route: "/account/tenants/{tenant}/roles/~new/", who: member},
	{name: "team-role-problem", route: "/account/tenants/{tenant}/roles/~new/", who: member, status: http.StatusBadRequest, reach: func(b *tab, c *cast) {
		b.visit(onTeam(c.team) + "roles/~new/")
		b.enter("name", "No Such Name")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "team-role", route: "/account/tenants/{tenant}/roles/{role}/", who: member},
	{name: "team-role-delete", route: "/account/tenants/{tenant}/roles/{role}/delete/", who: member},
	{name: "team-settings", route: "/account/tenants/{tenant}/settings/", who: member},
	{name: "team-settings-problems", route: "/account/tenants/{tenant}/settings/", who: member, status: http.StatusBadRequest, reach: func(b *tab, c *cast) {
		b.visit(onTeam(c.team) + "settings/")
		b.enter("slug", "-")
		b.enter("color", "red")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "team-domains", route: "/account/tenants/{tenant}/domains/", who: member},
	{name: "team-domain-remove", route: "/account/tenants/{tenant}/domains/{domain}/remove/", who: member},
	{name: "team-activity", route: "/account/tenants/{tenant}/activity/", who: member},
	{name: "team-leave", route: "/account/tenants/{tenant}/leave/", who: member},
	{name: "team-delete", route: "/account/tenants/{tenant}/delete/", who: member},
	{name: "team-delete-refused", route: "/account/tenants/{tenant}/delete/", who: member, status: http.StatusBadRequest, reach: func(b *tab, c *cast) {
		b.visit(onTeam(c.team) + "delete/")
		b.enter("typed", "another")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "team-foreign", who: member, status: http.StatusForbidden, reach: func(b *tab, _ *cast) { b.visitFor(onTeam("nowhere"), http.StatusForbidden) }},
	// From here on the person is signed out.
	{name: "kept", route: "/account/profile/", who: member, status: http.StatusUnauthorized, reach: func(b *tab, c *cast) {
		b.visit("/account/profile/")
		signsOutEverywhere(b.t, c.viewer)
		b.send(mainButton, http.StatusUnauthorized)
	}},
	{name: "goodbye", route: "/account/goodbye/", who: member},

	{name: "security", route: "/account/security/", who: guarded},
	{name: "apps", route: "/account/security/app/", who: guarded},
	{name: "app", route: "/account/security/app/{id}/", who: guarded, reach: func(b *tab, _ *cast) {
		b.visit("/account/security/app/")
		b.send("main .list a", http.StatusOK)
	}},
	{name: "passkeys", route: "/account/security/passkeys/", who: guarded},
	{name: "passkey", route: "/account/security/passkeys/{id}/", who: guarded, reach: func(b *tab, _ *cast) {
		b.visit("/account/security/passkeys/")
		b.send("main .list a", http.StatusOK)
	}},
	{name: "codes", route: "/account/security/codes/", who: guarded},
	{name: "codes-new", route: "/account/security/codes/", who: guarded, reach: func(b *tab, _ *cast) {
		b.visit("/account/security/codes/")
		b.send(`main form[action="/account/security/codes/"] button`, http.StatusOK)
	}},
	{name: "sessions-guarded", route: "/account/sessions/", who: guarded},
	{name: "confirm-passkey", route: "/account/confirm/", who: guarded},
	{name: "confirm-app", route: "/account/confirm/", who: guarded, reach: func(b *tab, _ *cast) { b.visit("/account/confirm/?method=totp") }},

	{name: "console", route: "/console/", who: superuser},
	{name: "console-as-staff", route: "/console/", who: staff},
	{name: "console-refused", who: member, status: http.StatusForbidden, reach: func(b *tab, c *cast) {
		b.signIn(newAccount(b.t))
		b.visitFor("/console/", http.StatusForbidden)
	}},
	{name: "team-refused", who: member, status: http.StatusForbidden, reach: func(b *tab, c *cast) {
		b.visit("/account/")
		b.send(signOutButton, http.StatusOK)
		b.signIn(c.owner)
		b.visitFor(onTeam(c.team)+"members/", http.StatusForbidden)
	}},
	{name: "accounts", route: "/console/accounts/", who: superuser},
	{name: "accounts-found", route: "/console/accounts/", who: superuser, reach: func(b *tab, c *cast) {
		b.visit("/console/accounts/?by=email&status=all&prefix=" + c.owner.email)
	}},
	{name: "accounts-none", route: "/console/accounts/", who: superuser, reach: func(b *tab, _ *cast) { b.visit("/console/accounts/?by=email&prefix=nobody-at-all") }},
	{name: "accounts-problem", route: "/console/accounts/", who: superuser, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visitFor("/console/accounts/?by=shoesize&prefix=44", http.StatusBadRequest)
	}},
	{name: "account", route: "/console/accounts/{account}/", who: superuser, reach: func(b *tab, c *cast) {
		signsIn(b.t, c.owner, http.StatusOK)
		resetLink(b.t, c.owner)
		b.visit(onAccount(c.owner))
	}},
	{name: "account-fresh", route: "/console/accounts/{account}/", who: staff},
	{name: "account-long-name", route: "/console/accounts/{account}/", who: superuser, reach: func(b *tab, _ *cast) {
		b.visit(onAccount(newAccount(b.t, "--full-name", nasty[len(nasty)-1], "--staff")))
	}},
	{name: "account-none", who: superuser, status: http.StatusNotFound, reach: func(b *tab, _ *cast) {
		b.visitFor("/console/accounts/nobody/", http.StatusNotFound)
	}},
	{name: "account-disable", route: "/console/accounts/{account}/disable/", who: superuser},
	{name: "account-enable", route: "/console/accounts/{account}/enable/", who: superuser},
	{name: "account-sign-out", route: "/console/accounts/{account}/sign-out/", who: superuser},
	{name: "account-send-reset", route: "/console/accounts/{account}/send-reset/", who: superuser},
	{name: "account-unlock", route: "/console/accounts/{account}/unlock/", who: superuser},
	{name: "account-attributes", route: "/console/accounts/{account}/attributes/", who: superuser},
	{name: "account-rank", route: "/console/accounts/{account}/rank/", who: superuser},
	{name: "account-reset-factors", route: "/console/accounts/{account}/reset-factors/", who: superuser},
	{name: "account-cancel-recovery", route: "/console/accounts/{account}/cancel-recovery/", who: superuser},
	{name: "account-look", route: "/console/accounts/{account}/look/", who: superuser},
	{name: "account-session", route: "/console/accounts/{account}/sessions/{session}/", who: superuser, reach: func(b *tab, c *cast) {
		signsIn(b.t, c.owner, http.StatusOK)
		b.visit(onAccount(c.owner))
		b.send(`main a[href*="/sessions/"]`, http.StatusOK)
	}},
	{name: "accounts-chosen", who: superuser, reach: func(b *tab, c *cast) { b.choose(c.owner, []person{c.owner, c.viewer}, "disable", http.StatusOK) }},
	{name: "accounts-chosen-none", who: superuser, status: http.StatusBadRequest, reach: func(b *tab, c *cast) { b.choose(c.owner, nil, "disable", http.StatusBadRequest) }},
	{name: "accounts-changed", who: superuser, reach: func(b *tab, c *cast) {
		b.choose(c.owner, []person{c.owner}, "sign-out", http.StatusOK)
		b.send(`main form button.danger, main form button:not(.quiet)`, http.StatusOK)
	}},
	{name: "tenants", route: "/console/tenants/", who: superuser},
	{name: "tenants-none", route: "/console/tenants/", who: superuser, reach: func(b *tab, _ *cast) { b.visit("/console/tenants/?prefix=nobody-at-all") }},
	{name: "tenants-problem", route: "/console/tenants/", who: superuser, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visitFor("/console/tenants/?by=shoesize", http.StatusBadRequest)
	}},
	{name: "tenant-new", route: "/console/tenants/~new/", who: superuser},
	{name: "tenant-new-problems", route: "/console/tenants/~new/", who: superuser, status: http.StatusNotFound, reach: func(b *tab, _ *cast) {
		b.visit("/console/tenants/~new/")
		b.enter("name", "Nobody's organisation")
		b.enter("owner", "nobody@example.com")
		b.send(mainButton, http.StatusNotFound)
	}},
	{name: "tenant", route: "/console/tenants/{tenant}/", who: superuser},
	{name: "tenant-unknown", route: "/console/tenants/{tenant}/", who: superuser, status: http.StatusNotFound, reach: func(b *tab, _ *cast) {
		b.visitFor("/console/tenants/nowhere/", http.StatusNotFound)
	}},
	{name: "tenant-suspend", route: "/console/tenants/{tenant}/suspend/", who: superuser},
	{name: "tenant-resume", route: "/console/tenants/{tenant}/resume/", who: superuser},
	{name: "tenant-add", route: "/console/tenants/{tenant}/members/add/", who: superuser},
	{name: "tenant-add-problem", route: "/console/tenants/{tenant}/members/add/", who: superuser, status: http.StatusNotFound, reach: func(b *tab, c *cast) {
		b.visit("/console/tenants/" + c.team + "/members/add/")
		b.enter("account", "nobody@example.com")
		b.send(mainButton, http.StatusNotFound)
	}},
	{name: "tenant-member-change", route: "/console/tenants/{tenant}/members/{account}/change/", who: superuser},
	{name: "tenant-member-problem", route: "/console/tenants/{tenant}/members/{account}/change/", who: superuser, status: http.StatusConflict, reach: func(b *tab, c *cast) {
		b.visit("/console/tenants/" + c.team + "/members/" + c.viewer.id + "/change/") // its last owner
		b.query(`[name="role"][value="member"]`).click()
		b.send(mainButton, http.StatusConflict)
	}},
	{name: "tenant-member-remove", route: "/console/tenants/{tenant}/members/{account}/remove/", who: superuser},
	{name: "tenant-member-unknown", route: "/console/tenants/{tenant}/members/{account}/remove/", who: superuser, status: http.StatusNotFound, reach: func(b *tab, c *cast) {
		b.visitFor("/console/tenants/"+c.team+"/members/nobody/remove/", http.StatusNotFound)
	}},
	{name: "tenant-invitation-revoke", route: "/console/tenants/{tenant}/invitations/{invitation}/revoke/", who: superuser, reach: func(b *tab, c *cast) {
		b.visit("/console/tenants/" + c.team + "/")
		b.send(`main a[href$="/revoke/"]`, http.StatusOK)
	}},
	{name: "tenant-domain-verify", route: "/console/tenants/{tenant}/domains/{domain}/verify/", who: superuser},
	{name: "tenant-domain-remove", route: "/console/tenants/{tenant}/domains/{domain}/remove/", who: superuser},
	{name: "tenant-domain-unknown", route: "/console/tenants/{tenant}/domains/{domain}/remove/", who: superuser, status: http.StatusNotFound, reach: func(b *tab, c *cast) {
		b.visitFor("/console/tenants/"+c.team+"/domains/nowhere.example/remove/", http.StatusNotFound)
	}},
	{name: "tenant-delete", route: "/console/tenants/{tenant}/delete/", who: superuser},
	{name: "tenant-delete-problem", route: "/console/tenants/{tenant}/delete/", who: superuser, status: http.StatusBadRequest, reach: func(b *tab, c *cast) {
		b.visit("/console/tenants/" + c.team + "/delete/")
		b.enter("slug", "another")
		b.enter("reason", "They asked us for it in writing")
		b.send(mainButton, http.StatusBadRequest)
	}},
	{name: "tenant-explain", route: "/console/tenants/{tenant}/explain/", who: superuser},
	{name: "tenant-explained", route: "/console/tenants/{tenant}/explain/", who: superuser, reach: func(b *tab, c *cast) {
		b.visit("/console/tenants/" + c.team + "/explain/?account=" + c.owner.id + "&permission=tenant.read")
	}},
	{name: "permissions", route: "/console/permissions/", who: superuser, reach: func(b *tab, _ *cast) {
		site.command(b.t, "", "permission", "declare", "notes.publish", "--description", "Show a note to everybody on the web")
		b.visit("/console/permissions/")
	}},
	{name: "permissions-problem", route: "/console/permissions/", who: superuser, status: http.StatusBadRequest, reach: func(b *tab, _ *cast) {
		b.visit("/console/permissions/")
		b.enter("name", "notes")
		b.send(`main form[action="/console/permissions/"] button`, http.StatusBadRequest)
	}},
	{name: "console-sessions", route: "/console/sessions/", who: superuser},
	{name: "console-sessions-none", route: "/console/sessions/", who: superuser, reach: func(b *tab, _ *cast) {
		b.visit("/console/sessions/?account=" + newAccount(b.t).id)
	}},
	{name: "mails", route: "/console/mails/", who: superuser, reach: func(b *tab, c *cast) {
		site.deadLetter(b.t, c.owner.email)
		b.visit("/console/mails/")
	}},
	{name: "mails-dead", route: "/console/mails/", who: superuser, reach: func(b *tab, _ *cast) { b.visit("/console/mails/?state=dead") }},
	{name: "mails-none", route: "/console/mails/", who: superuser, reach: func(b *tab, _ *cast) { b.visit("/console/mails/?state=running") }},
	{name: "templates", route: "/console/templates/", who: superuser},
	{name: "template", route: "/console/templates/{kind}/{language}/", who: superuser, reach: func(b *tab, _ *cast) {
		b.visit("/console/templates/")
		b.send("main td a", http.StatusOK)
	}},
	{name: "keys", route: "/console/keys/", who: superuser},
	{name: "keys-rotate", route: "/console/keys/rotate/", who: superuser},
	{name: "audit", route: "/console/audit/", who: superuser},
	{name: "audit-none", route: "/console/audit/", who: superuser, reach: func(b *tab, _ *cast) { b.visit("/console/audit/?since=2001-01-01&until=2001-01-02") }},
	{name: "settings", route: "/console/settings/", who: superuser},
	{name: "look", who: superuser, reach: func(b *tab, c *cast) {
		b.visit(onAccount(c.owner) + "look/")
		b.enter("reason", "They asked on the phone why their name is wrong")
		b.send(`main form[action$="/look/"] button`, http.StatusOK)
		b.at("/account/")
	}},

	{name: "docs", route: "/docs/", who: anonymous},
	{name: "docs-errors", route: "/docs/errors/", who: anonymous},
	{name: "dev", who: anonymous, reach: func(b *tab, _ *cast) { b.visit("/dev/") }},
	{name: "dev-mailbox", who: anonymous, reach: func(b *tab, _ *cast) { b.visit("/dev/mailbox/") }},
	{name: "dev-clock", who: anonymous, reach: func(b *tab, _ *cast) { b.visit("/dev/clock/") }},
}

// notPages are routes in testdata/routes.golden that answer GET with something else than a page.
var notPages = []string{
	"/account/assets/{file}/", "/console/assets/{file}/", "/docs/assets/{file}/",
	"/account/data/export/", "/console/audit/export/", // files
	"/console/accounts/~selected/", "/console/accounts/~selected/done/", // lead to the list
	"/console/templates/{kind}/{language}/preview/", // a mail, in the frame of another page
}

// No page is left out of the table, and none of its lines is about a page that is gone.
func TestTableNamesEveryPage(t *testing.T) {
	golden, err := os.Open("../../testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer golden.Close()
	inTable := map[string]bool{"": true}
	for _, p := range pages {
		inTable[p.route] = true
	}
	routes := []string{""}
	for lines := bufio.NewScanner(golden); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 3 || f[1] != http.MethodGet || !slices.ContainsFunc([]string{"/account/", "/console/", "/docs/"}, func(root string) bool { return strings.HasPrefix(f[0], root) }) {
			continue
		}
		routes = append(routes, f[0])
		if !inTable[f[0]] && !slices.Contains(notPages, f[0]) {
			t.Errorf("%s is no line of the table of pages", f[0])
		}
	}
	for route := range inTable {
		if !slices.Contains(routes, route) {
			t.Errorf("%s is in the table of pages, and there is no such route", route)
		}
	}
}

// steps are pages that somebody comes to on the way, by a mailed link or from another page.
var steps = []string{
	"/account/check-mail/", "/account/confirm/", "/account/data/export/", "/account/goodbye/", "/account/invitation/", "/account/not-me/",
	"/account/recover-factor/", "/account/reset/", "/account/verify/", "/account/email/confirm/", "/account/email/undo/", "/account/sign-in/link/", "/account/sign-in/second/",
	"/account/forgot/done/", "/account/sign-in/mail/code/", "/account/sign-in/passkey/", "/account/security/app/add/", "/account/security/passkeys/add/",
	"/console/accounts/~selected/", "/console/audit/export/", "/console/keys/rotate/", "/console/tenants/~new/",
}

// The tour of development mode leaves out no page that one could go to.
func TestDevelopmentToolsLeadToEveryPage(t *testing.T) {
	golden, err := os.Open("../../testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer golden.Close()
	tour, err := io.ReadAll(site.call(t, http.MethodGet, "/dev/", "", "").Body)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(golden); lines.Scan(); {
		f := strings.Fields(lines.Text())
		page := len(f) > 2 && f[1] == http.MethodGet && (strings.HasPrefix(f[0], "/account/") || strings.HasPrefix(f[0], "/console/")) && !strings.Contains(f[0], "{")
		if !page || strings.Contains(string(tour), `href="`+f[0]+`"`) || slices.ContainsFunc(steps, func(step string) bool { return strings.HasPrefix(f[0], step) }) {
			continue
		}
		t.Errorf("nothing leads to %s", f[0])
	}
}
