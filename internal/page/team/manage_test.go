package team_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func TestInvitationsAreSentSentAgainAndRevoked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if text := w.open(w.admin, base+"invitations/").main().text(); !strings.Contains(text, "Fill in an address above") {
			t.Errorf("where there is none it says\n%s", text)
		}
		w.invite("new@example.com", role.Admin)
		w.Drain()
		first := w.Mails.Take()
		if len(first) != 1 || first[0].To != "new@example.com" || domaintest.Token(first[0]) == "" {
			t.Fatalf("%d mails", len(first))
		}
		d := w.open(w.admin, base+"invitations/").main()
		if !strings.Contains(d.text(), "new@example.com") || !strings.Contains(d.text(), "Administrator") {
			t.Errorf("it lists\n%s", d.text())
		}
		at := func(end string) string {
			i := slices.IndexFunc(d.actions(), func(action string) bool { return strings.HasSuffix(action, end) })
			return d.actions()[i]
		}
		w.did(w.admin, w.send(w.admin, at("resend/")), base+"invitations/", "The invitation is sent again.")
		w.Drain()
		if second := w.Mails.Take(); len(second) != 1 || domaintest.Token(second[0]) == domaintest.Token(first[0]) {
			t.Errorf("%d mails", len(second))
		}
		w.did(w.admin, w.send(w.admin, at("revoke/")), base+"invitations/", "The invitation is revoked.")
		w.refused(w.send(w.admin, at("resend/")), http.StatusNotFound, "", "no such invitation")
		for _, id := range []string{"x", uuid.NewString()} {
			if a := w.send(w.admin, base+"invitations/"+id+"/revoke/"); a.Status != http.StatusNotFound {
				t.Errorf("%s: answered %d", id, a.Status)
			}
		}
	})
}

func TestInvitationsThatCannotBeAreBlamed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, one := range []struct {
			email, as, field, said string
			status                 int
		}{
			{"nobody", "member", "email", "", http.StatusBadRequest}, {"member@example.com", "member", "email", "member", http.StatusConflict}, {"new@example.com", "nothing", "role", "no such role", http.StatusBadRequest},
		} {
			d := w.refused(w.send(w.owner, base+"invitations/", "email", one.email, "role", one.as, "locale", "fr"), one.status, one.field, one.said)
			if d.value("email") != one.email || d.value("locale") != "fr" {
				t.Errorf("it forgot what was typed: %q %q", d.value("email"), d.value("locale"))
			}
		}
		if d := w.open(w.admin, base+"invitations/"); slices.Contains(d.options("role"), role.Owner) {
			t.Error("an admin is offered to invite owners")
		}
		w.refused(w.send(w.admin, base+"invitations/", "email", "new@example.com", "role", role.Owner), http.StatusForbidden, "", "no more than")
	})
}

// An admin sees an owner's invitation of an owner, and can do nothing with it.
func TestWhatOneCannotGiveOneCannotRevoke(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.invite("new@example.com", role.Owner)
		d := w.open(w.admin, base+"invitations/").main()
		if !strings.Contains(d.text(), "new@example.com") || !slices.Equal(d.actions(), []string{base + "invitations/"}) {
			t.Errorf("it offers %v", d.actions())
		}
	})
}

func TestRolesAreMadeChangedAndDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, all := w.open(w.owner, base+"roles/~new/").ticked("permission[]")
		if !slices.Contains(all, "notes.*") || slices.Contains(all, "*") {
			t.Errorf("offered are %v", all)
		}
		text := w.did(w.owner, w.send(w.owner, base+"roles/~new/", "name", "writer", "permission[]", "notes.write", "permission[]", "notes.read"), base+"roles/", "The role is made.").main().text()
		if !strings.Contains(text, "writer 0 members notes.read , notes.write") {
			t.Errorf("it shows\n%s", text)
		}
		w.did(w.owner, w.send(w.owner, memberPath(w.member)+"change/", "role", "writer"), memberPath(w.member), "saved")
		w.refused(w.send(w.owner, base+"roles/writer/delete/"), http.StatusConflict, "", "Members have this role")
		if on, _ := w.open(w.owner, base+"roles/writer/").ticked("permission[]"); !slices.Equal(on, []string{"notes.read", "notes.write"}) {
			t.Errorf("it holds %v", on)
		}
		w.did(w.owner, w.send(w.owner, base+"roles/writer/", "permission[]", "notes.read"), base+"roles/", "The role is changed.")
		w.did(w.owner, w.send(w.owner, memberPath(w.member)+"change/", "role", "member"), memberPath(w.member), "saved")
		w.did(w.owner, w.send(w.owner, base+"roles/writer/delete/"), base+"roles/", "The role is deleted.")
		if text := w.open(w.owner, base+"roles/").main().text(); strings.Contains(text, "writer") || !strings.Contains(text, "None yet") {
			t.Errorf("it shows\n%s", text)
		}
	})
}

func TestRolesThatCannotBeAreBlamed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, said := range map[string]string{"": "2 to 32", "UP": "2 to 32", "editor": "role of this name"} {
			a := w.send(w.owner, base+"roles/~new/", "name", name, "permission[]", "notes.read")
			d := w.refused(a, a.Status, "name", said)
			if on, _ := d.ticked("permission[]"); a.Status < 400 || d.value("name") != name || !slices.Equal(on, []string{"notes.read"}) {
				t.Errorf("%q: answered %d, %v stay", name, a.Status, on)
			}
		}
		w.refused(w.send(w.owner, base+"roles/~new/", "name", "pilot", "permission[]", "rockets.launch"), http.StatusBadRequest, "permissions", "no such permission")
		w.refused(w.send(w.admin, base+"roles/~new/", "name", "pilot", "permission[]", "notes.read"), http.StatusForbidden, "", "no more than")
		for path, status := range map[string]int{"roles/admin/": http.StatusConflict, "roles/nothing/": http.StatusNotFound} {
			if a := w.Page(base+path, domaintest.As(w.owner.in)); a.Status != status {
				t.Errorf("%s: answered %d", path, a.Status)
			}
		}
	})
}

// settings is the form as the page fills it in, with pairs in place of what is there.
func settings(pairs ...string) []string {
	form := map[string]string{"name": "acme", "slug": "acme", "color": "", "radius": "", "font": "", "max_age": "0", "max_idle": "0", "by_pw": "on", "by_key": "on", "by_mail": "on", "email_domains": "", "join_role": ""}
	for i := 0; i < len(pairs); i += 2 {
		form[pairs[i]] = pairs[i+1]
	}
	var all []string
	for name, value := range form {
		if value != "off" {
			all = append(all, name, value)
		}
	}
	return all
}

func TestSettingsAreSavedAndShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := base + "settings/"
		for name, value := range map[string]string{"name": "acme", "slug": "acme", "color": "", "radius": "", "font": "", "max_age": "0", "max_idle": "0", "join_role": "", "email_domains": ""} {
			if got := w.open(w.owner, path).value(name); got != value {
				t.Errorf("%s is %q", name, got)
			}
		}
		moved := "/account/tenants/acme-inc/"
		a := w.send(w.owner, path, settings("name", "Acme Inc.", "slug", "acme-inc", "color", "#AA3300", "radius", " 4 ", "font", "serif", "max_age", "3600", "max_idle", "1800", "by_mail", "off", "email_domains", "Example.com\r\nexample.org, ", "join_role", "member")...)
		d := w.did(w.owner, a, moved+"settings/", "The settings are saved.")
		for name, value := range map[string]string{"name": "Acme Inc.", "slug": "acme-inc", "color": "#aa3300", "radius": "4", "font": "serif", "max_age": "3600", "max_idle": "1800", "join_role": "member", "email_domains": "example.com example.org"} {
			if got := d.value(name); got != value {
				t.Errorf("%s is %q", name, got)
			}
		}
		if !has(d.field("by_pw"), "checked") || has(d.field("by_mail"), "checked") || has(d.field("second_factor"), "checked") {
			t.Error("boxes are not ticked as they were sent")
		}
		text := w.open(w.member, moved).main().text()
		for _, said := range []string{"Acme Inc.", "at most this old: 1 hour", "after being away for this long: 30 minutes", "No signing in by a mailed link or code", "example.com, example.org"} {
			if !strings.Contains(text, said) {
				t.Errorf("members are not told %q:\n%s", said, text)
			}
		}
		if a := w.Page(base, domaintest.As(w.owner.in)); a.Status != http.StatusForbidden {
			t.Errorf("its former address answered %d", a.Status)
		}
	})
}

func TestSettingsThatCannotBeAreBlamedAndTheRestKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := base + "settings/"
		for field, form := range map[string][]string{"slug": settings("slug", "-", "color", "#123456"), "color": settings("color", "red"), "max_age": settings("max_age", "1"),
			"radius": settings("radius", "25"), "font": settings("font", "comic"), "max_idle": settings("max_idle", "1799"), "email_domains": settings("email_domains", "localhost"),
			"methods": settings("by_pw", "off", "by_key", "off", "by_mail", "off"), "join_role": settings("join_role", "owner"), "name": settings("name", "x")} {
			d := w.refused(w.send(w.owner, path, form...), http.StatusBadRequest, field, "")
			if d.blames(field) == "" || field == "slug" && (d.value("slug") != "-" || d.value("color") != "#123456") {
				t.Errorf("%s is not blamed, or what was typed is lost:\n%s", field, d.main().text())
			}
		}
		for _, field := range []string{"max_age", "max_idle", "radius"} {
			if d := w.refused(w.send(w.owner, path, settings(field, "x")...), http.StatusBadRequest, field, ""); d.blames(field) == "" {
				t.Errorf("%s: what is no number is not blamed", field)
			}
		}
		w.refused(w.send(w.owner, path, settings("slug", "other")...), http.StatusConflict, "slug", "another's")
		w.refused(w.send(w.owner, path, settings("name", "other")...), http.StatusConflict, "name", "Another organisation")
		w.refused(w.send(w.admin, path, settings("join_role", "editor")...), http.StatusForbidden, "join_role", "no more than")
	})
}

func TestNobodyLocksThemselvesOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := base + "settings/"
		w.refused(w.send(w.owner, path, settings("second_factor", "on")...), http.StatusBadRequest, "second_factor", "keep you out yourself")
		w.refused(w.send(w.owner, path, settings("by_pw", "off")...), http.StatusBadRequest, "methods", "keep you out yourself")
		w.Exec("UPDATE session SET aal = 2, amr = 'hwk' WHERE id = $1", w.owner.in.SessionID)
		w.did(w.owner, w.send(w.owner, path, settings("second_factor", "on", "by_pw", "off")...), path, "The settings are saved.")
	})
}

func TestDomainsAreAddedProvenAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := base + "domains/"
		text := w.did(w.admin, w.send(w.admin, path, "domain", "Example.COM"), path, "The domain is added.").main().text()
		for _, said := range []string{"example.com Not verified yet", "_gatehouse-challenge.example.com", "https://example.com/.well-known/", "gatehouse-domain="} {
			if !strings.Contains(text, said) {
				t.Errorf("it does not say %q:\n%s", said, text)
			}
		}
		w.proof.proof = tenancy.Proof{Record: tenancy.Absent, File: tenancy.Absent}
		w.refused(w.send(w.admin, path+"example.com/verify/"), http.StatusConflict, "", "DNS has no such record")
		w.proof.proof = tenancy.Proof{Record: tenancy.Found}
		w.did(w.admin, w.send(w.admin, path+"example.com/verify/"), path, "The domain is verified.")
		if d := w.open(w.admin, path).main(); strings.Contains(d.text(), "TXT") || slices.Contains(d.actions(), path+"example.com/verify/") {
			t.Errorf("it still asks for a proof\n%s", d.text())
		}
		w.proof.proof = tenancy.Proof{Record: tenancy.Absent, File: tenancy.Absent}
		w.Exec("UPDATE tenant_domain SET tried_at = 0") // a day goes by
		must(t, w.team.Tenancy.CheckDomains(t.Context()))
		d := w.open(w.admin, path).main()
		for _, said := range []string{"example.com Proof missing", "Proof missing since", "_gatehouse-challenge.example.com", "gatehouse-domain="} {
			if !strings.Contains(d.text(), said) {
				t.Errorf("of a proof that is gone it does not say %q:\n%s", said, d.text())
			}
		}
		if slices.Contains(d.actions(), path+"example.com/verify/") {
			t.Error("one click takes a domain whose proof is gone away at once")
		}
		if text := w.open(w.owner, base+"activity/").main().text(); !strings.Contains(text, "Proof of a domain missing") {
			t.Errorf("the activity does not say it:\n%s", text)
		}
		w.open(w.admin, path+"example.com/remove/")
		w.did(w.admin, w.send(w.admin, path+"example.com/remove/"), path, "The domain is removed.")
		if a := w.Page(path+"example.com/remove/", domaintest.As(w.admin.in)); a.Status != http.StatusNotFound {
			t.Errorf("what is not there can be removed: %d", a.Status)
		}
		d = w.refused(w.send(w.admin, path, "domain", "localhost"), http.StatusBadRequest, "domain", "no domain")
		if d.value("domain") != "localhost" {
			t.Errorf("it forgot %q", d.value("domain"))
		}
	})
}

// Members are told that staff did something, not who of them, and nothing of other organisations.
func TestActivityIsOfThisOrganisationAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.did(w.owner, w.send(w.owner, memberPath(w.member)+"change/", "role", "admin"), memberPath(w.member), "saved")
		staff := w.person("operator")
		ctx := audit.NewContext(t.Context(), audit.Source{Actor: staff.ID.String(), Address: "192.0.2.77"})
		w.Within(w.acme.ID, func(tx *db.Tx) error {
			return audit.Record(ctx, tx, audit.Event{Kind: "tenant.resumed", TenantID: w.acme.ID, Reason: "a secret reason"})
		})
		w.did(w.stranger, w.send(w.stranger, "/account/tenants/other/invitations/", "email", "elsewhere@example.com", "role", "member", "locale", "en"), "/account/tenants/other/invitations/", "sent")
		w.invite("new@example.com", "member")
		text := w.open(w.owner, base+"activity/").main().text()
		for said, want := range map[string]bool{"Role of a member changed": true, "Role of a member changed member@example.com": true, "By owner@example.com": true, "Organisation resumed": true, "By Staff of the service": true,
			"operator@example.com": false, staff.ID.String(): false, "192.0.2.77": false, "secret reason": false, "Invitation sent": true, "elsewhere@example.com": false, "stranger@example.com": false, "invitation:": false} {
			if strings.Contains(text, said) != want {
				t.Errorf("it says %q: %v\n%s", said, !want, text)
			}
		}
		w.refused(w.Page(base+"activity/?after=x", domaintest.As(w.owner.in)), http.StatusBadRequest, "", "page before")
	})
}

func TestLongListsArePaged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range web.DefaultPage + 5 {
			w.Within(w.acme.ID, func(tx *db.Tx) error {
				return audit.Record(t.Context(), tx, audit.Event{Kind: "tenant.changed", TenantID: w.acme.ID})
			})
			must(t, w.Clock.Advance(time.Millisecond))
		}
		d := w.open(w.owner, base+"activity/")
		i := slices.IndexFunc(d.links(), func(link string) bool { return strings.Contains(link, "after=") })
		if i < 0 {
			t.Fatal("there is no next page")
		}
		next := w.open(w.owner, d.links()[i])
		if len(next.main().all("li")) < 5 || !slices.ContainsFunc(next.all("a"), func(a *html.Node) bool { return attr(a, "rel") == "prev" }) {
			t.Errorf("the next page shows\n%s", next.main().text())
		}
	})
}
