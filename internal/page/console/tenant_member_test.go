package console_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// onMember is where a page about a member of acme lies.
func onMember(a *account.Account, rest string) string {
	return "/console/tenants/acme/members/" + a.Subject + "/" + rest
}

// is asserts what somebody may do in acme: their role, then the permissions besides; empty: they are no
// member.
func (w *world) is(a *account.Account, want string) {
	w.t.Helper()
	m, err := tenant.Enter(w.t.Context(), w.DB.DB, w.Roles, a.ID, "acme")
	got := ""
	switch {
	case err == nil:
		got = strings.TrimSpace(m.Grant.Role + " " + strings.Join(m.Grant.Direct, " "))
	case !errors.Is(err, tenant.ErrNotMember):
		w.t.Fatal(err)
	}
	if got != want {
		w.t.Errorf("%s is %q in acme, want %q", a.Email, got, want)
	}
}

func TestStaffChangeAMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, at := w.Tenant("acme", w.person.ID), onMember(w.super, "change/")
		w.Join(acme, w.super.ID, role.Member)
		w.Exec("INSERT INTO declared_permission (name, description, created_at) VALUES ('files.read', 'See <files>', 1)")
		w.shows(w.client.Page("/console/tenants/acme/", w.asStaff), 200, at, onMember(w.super, "remove/"), onMember(w.person, "change/"))
		page := w.client.Page(at, w.asStaff)
		w.shows(page, 200, "Change role and permissions", "super@example.com", `value="member" checked`, `value="owner"`, `value="editor"`, `value="notes.*"`, "All of notes, also what comes later",
			`value="members.invite"`, "Invite people", "See &lt;files&gt;", "gatehouse tenant set-role acme "+w.super.Subject+" member", issuer+"/admin/tenants/acme/members/"+w.super.Subject+"/")
		w.hides(page, `value="*"`, `name="permission[]" value="notes.*" checked`)
		w.leads(w.client.Submit(at, url.Values{"role": {role.Admin}, "permission[]": {"notes.*", "files.read"}}, w.asStaff), "/console/tenants/acme/?done=member_changed")
		w.is(w.super, "admin files.read notes.*")
		w.shows(w.client.Page("/console/tenants/acme/?done=member_changed", w.asStaff), 200, "role and permissions are saved", "<code>admin</code>", "<code>files.read</code>")
		w.shows(w.client.Page(at, w.asStaff), 200, `value="admin" checked`, `value="notes.*" checked`, `value="files.read" checked`)
		w.leads(w.client.Submit(at, url.Values{"role": {role.Admin}}, w.asStaff), "/console/tenants/acme/?done=member_changed")
		w.is(w.super, "admin")
		if a, b := w.Audited("member.role_changed"), w.Audited("member.permissions_changed"); len(a) != 1 || len(b) != 2 {
			t.Errorf("audited %q and %q", a, b)
		}
	})
}

func TestASuperuserHandsATenantOver(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		w.Join(acme, w.super.ID, role.Member)
		w.shows(w.client.Submit(onMember(w.super, "change/"), url.Values{"role": {role.Owner}}, w.asStaff), 403, "This organisation has an owner", `href="#role"`, `value="owner" checked`)
		w.is(w.super, role.Member)
		for _, step := range []struct {
			who *account.Account
			to  string
		}{{w.super, role.Owner}, {w.person, role.Admin}} {
			w.leads(w.client.Submit(onMember(step.who, "change/"), url.Values{"role": {step.to}}, w.asSuper), "/console/tenants/acme/?done=member_changed")
		}
		w.is(w.super, role.Owner)
		w.is(w.person, role.Admin)
	})
}

func TestARefusedChangeOfAMemberLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		w.Join(acme, w.super.ID, "gone")
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", w.super.ID)
		for _, one := range []struct {
			who    *account.Account
			form   url.Values
			status int
			texts  []string
		}{
			{w.person, url.Values{"role": {role.Member}, "permission[]": {"notes.read"}}, 409, []string{"last owner", `href="#role"`, `value="member" checked`, `value="notes.read" checked`}},
			{w.person, url.Values{"role": {"king"}, "permission[]": {"notes.read"}}, 400, []string{"no such role", `href="#role"`, `value="notes.read" checked`}},
			{w.person, url.Values{"permission[]": {"notes.read"}}, 400, []string{"no such role", `value="notes.read" checked`}},
			{w.person, url.Values{"role": {role.Owner}, "permission[]": {"<b>", "notes.read"}}, 400, []string{"A permission is noun.verb", `href="#permissions"`, `value="&lt;b&gt;" checked`, `value="notes.read" checked`, `value="owner" checked`}},
			{w.person, url.Values{"role": {role.Owner}, "permission[]": {"files.explode"}}, 400, []string{"no such permission", `href="#permissions"`}},
			{w.super, url.Values{"role": {role.Owner}}, 409, []string{"disabled", `href="#role"`, `value="owner" checked`}},
		} {
			w.shows(w.client.Submit(onMember(one.who, "change/"), one.form, w.asStaff), one.status, append(one.texts, `role="alert"`)...)
		}
		w.is(w.person, role.Owner)
		// A role that there is no more must not become another by a form that was sent for something else.
		if page := w.client.Page(onMember(w.super, "change/"), w.asStaff); strings.Contains(page.Text, `type="radio" id="role-0" name="role" value="owner" checked`) || strings.Contains(page.Text, " checked") {
			t.Errorf("a role is chosen that the member does not have: %s", content(page))
		}
		if n := w.Count("SELECT count(*) FROM membership WHERE role = 'gone'"); n != 1 || len(w.Audited("member.role_changed")) != 0 {
			t.Error("a refused request changed something")
		}
	})
}

// A form says all that a member is to be, so one that was opened before somebody else changed them would
// undo that.
func TestAFormAboutAMemberWhoChangedIsShownAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, at := w.Tenant("acme", w.person.ID), onMember(w.super, "change/")
		w.Join(acme, w.super.ID, role.Member)
		was := func(a domaintest.Answer) string {
			_, rest, _ := strings.Cut(a.Text, `name="was" value="`)
			mark, _, _ := strings.Cut(rest, `"`)
			if mark == "" {
				t.Fatalf("the form does not say what it was made of: %s", content(a))
			}
			return mark
		}
		first := was(w.client.Page(at, w.asStaff))
		w.leads(w.client.Submit(at, url.Values{"role": {role.Admin}, "permission[]": {"notes.read"}, "was": {first}}, w.asSuper), "/console/tenants/acme/?done=member_changed")
		again := w.client.Submit(at, url.Values{"role": {role.Member}, "permission[]": {"notes.write"}, "was": {first}}, w.asStaff)
		w.shows(again, 409, "was changed meanwhile", `role="alert"`, `value="admin" checked`, `value="notes.read" checked`)
		w.hides(again, `value="member" checked`, `value="notes.write" checked`)
		w.is(w.super, "admin notes.read")
		// What is wrong besides is said of what the form was made of: it is as old as before.
		second := was(again)
		wrong := w.client.Submit(at, url.Values{"role": {"king"}, "was": {second}}, w.asStaff)
		w.shows(wrong, 400, "no such role")
		if first == second || was(wrong) != second {
			t.Errorf("made of %q, then %q, then %q", first, second, was(wrong))
		}
		w.leads(w.client.Submit(at, url.Values{"role": {role.Member}, "was": {second}}, w.asStaff), "/console/tenants/acme/?done=member_changed")
		w.is(w.super, role.Member)
	})
}

func TestStaffRemoveAMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, at := w.Tenant("acme", w.person.ID), onMember(w.super, "remove/")
		w.Join(acme, w.super.ID, role.Member)
		w.shows(w.client.Page(at, w.asStaff), 200, "Remove this member?", "super@example.com", "gatehouse tenant remove-member acme "+w.super.Subject, "curl -X DELETE")
		w.shows(w.client.Submit(onMember(w.person, "remove/"), nil, w.asStaff), 409, "last owner", `role="alert"`)
		w.is(w.person, role.Owner)
		w.leads(w.client.Submit(at, nil, w.asStaff), "/console/tenants/acme/?done=member_removed")
		w.is(w.super, "")
		w.shows(w.client.Page("/console/tenants/acme/?done=member_removed", w.asStaff), 200, "The member is removed.")
		if got := w.Audited("member.removed"); len(got) != 1 {
			t.Errorf("audited %q", got)
		}
		for _, nobody := range []string{onMember(w.super, "change/"), at, "/console/tenants/acme/members/nobody/change/", "/console/tenants/acme/members/~_/remove/"} {
			for _, a := range []domaintest.Answer{w.client.Page(nobody, w.asStaff), w.client.Submit(nobody, url.Values{"role": {role.Owner}}, w.asStaff)} {
				w.shows(a, 404, "This account is no member of the organisation", `href="/console/tenants/acme/"`)
			}
		}
		w.shows(w.client.Page("/console/tenants/nobody/members/"+w.person.Subject+"/change/", w.asStaff), 404, "There is no such organisation")
	})
}

// Accounts that were imported can have ids that fit into no path as they are.
func TestAMemberWithAnOddIDIsChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		for i, subject := range []string{"a/b", "..", "~", "--all", "add"} {
			w.Exec("UPDATE account SET subject = $2 WHERE id = $1", w.super.ID, subject)
			if i == 0 {
				w.Join(acme, w.super.ID, role.Member)
			}
			page := w.client.Page("/console/tenants/acme/?prefix=super", w.asStaff)
			var at string
			for _, m := range linked.FindAllStringSubmatch(page.Text, -1) {
				if strings.HasSuffix(m[1], "/change/") {
					at = m[1]
				}
			}
			w.shows(w.client.Page(at, w.asStaff), 200, "super@example.com")
			w.leads(w.client.Submit(at, url.Values{"role": {[]string{role.Admin, role.Member}[i%2]}}, w.asStaff), "/console/tenants/acme/?done=member_changed")
		}
		w.is(w.super, role.Admin)
	})
}

// changes are forms that change members of acme.
func (w *world) changes() map[string]url.Values {
	return map[string]url.Values{
		"/console/tenants/acme/members/add/": {"account": {"staff@example.com"}, "role": {role.Owner}},
		onMember(w.super, "change/"):         {"role": {role.Owner}}, onMember(w.super, "remove/"): {},
	}
}

func TestMembersAreChangedByWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		w.Join(acme, w.super.ID, role.Member)
		before, auditor := w.Count("SELECT count(*) FROM audit_event"), w.ranked("auditor")
		for who, as := range map[string]domaintest.Option{"the tenant's owner": w.asPerson, "support": w.ranked("support"), "an auditor": auditor} {
			for path, form := range w.changes() {
				if a, b := w.client.Page(path, as), w.client.Submit(path, form, as); a.Status != http.StatusForbidden || b.Status != http.StatusForbidden {
					t.Errorf("%s at %s: %d and %d", who, path, a.Status, b.Status)
				}
			}
		}
		w.hides(w.client.Page("/console/tenants/acme/", auditor), "/members/")
		for path, form := range w.changes() {
			a := w.client.Submit(path, form, w.asStaff, domaintest.Header("Origin", "https://evil.example.net"), domaintest.Header("Sec-Fetch-Site", "cross-site"))
			if a.Status != http.StatusForbidden || !strings.Contains(a.Text, "origin_refused") {
				t.Errorf("from elsewhere to %s: %d", path, a.Status)
			}
		}
		w.must(w.Clock.Advance(domaintest.Fresh + time.Minute))
		for path, form := range w.changes() {
			if a, b := w.client.Page(path, w.asStaff), w.client.Submit(path, form, w.asStaff); a.Status != http.StatusUnauthorized || b.Status != http.StatusUnauthorized {
				t.Errorf("with an old proof at %s: %d and %d", path, a.Status, b.Status)
			}
		}
		w.is(w.super, role.Member)
		w.is(w.staff, "")
		if w.Count("SELECT count(*) FROM audit_event") != before {
			t.Error("something was done")
		}
	})
}

func TestASuperuserDeletesATenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const at, why = "/console/tenants/acme/delete/", "they asked us in writing"
		acme := w.Tenant("acme", w.person.ID)
		w.Tenant("other", w.person.ID)
		w.Join(acme, w.super.ID, "editor")
		w.Exec("INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at) VALUES ($1, 'a.example', 'x', 1), ($1, 'b.example', 'x', 1), ($1, 'c.example', 'x', 1)", acme.ID)
		w.Exec("INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, 'clerk', '', 1)", acme.ID)
		w.shows(w.client.Page("/console/tenants/acme/", w.asSuper), 200, at)
		page := w.client.Page(at, w.asSuper)
		w.shows(page, 200, "Delete this organisation for good?", "Type acme to go on", "<dt>Members</dt><dd>2</dd>", "<dt>Roles of its own</dt><dd>1</dd>", "<dt>Invitations</dt><dd>0</dd>", "<dt>Domains</dt><dd>3</dd>",
			"gatehouse tenant delete --slug=acme --reason=Reason acme", "curl -X DELETE")
		w.shows(w.client.Submit(at, url.Values{"slug": {"<acme>"}, "reason": {why}}, w.asSuper), 400, "not the short name", `href="#slug"`, `value="&lt;acme&gt;"`, why, `role="alert"`)
		w.shows(w.client.Submit(at, url.Values{"slug": {"acme"}, "reason": {"because"}}, w.asSuper), 400, "10 to 300 characters", `href="#reason"`, `value="acme"`, ">because</textarea>")

		given := url.Values{"slug": {" acme "}, "reason": {why}}
		w.hides(w.client.Page("/console/tenants/acme/", w.asStaff), at)
		for who, as := range map[string]domaintest.Option{"its owner": w.asPerson, "an operator": w.asStaff} {
			if a, b := w.client.Page(at, as), w.client.Submit(at, given, as); a.Status != http.StatusForbidden || b.Status != http.StatusForbidden {
				t.Errorf("%s: %d and %d", who, a.Status, b.Status)
			}
		}
		if a := w.client.Submit(at, given, w.asSuper, domaintest.Header("Origin", "https://evil.example.net"), domaintest.Header("Sec-Fetch-Site", "cross-site")); a.Status != http.StatusForbidden {
			t.Errorf("from elsewhere: %d", a.Status)
		}
		w.must(w.Clock.Advance(domaintest.Fresh + time.Minute))
		if a, b := w.client.Page(at, w.asSuper), w.client.Submit(at, given, w.asSuper); a.Status != http.StatusUnauthorized || b.Status != http.StatusUnauthorized {
			t.Errorf("with an old proof: %d and %d", a.Status, b.Status)
		}
		if w.Count("SELECT count(*) FROM tenant") != 2 {
			t.Fatal("a refused request deleted something")
		}

		again := w.as(w.super)
		w.leads(w.client.Submit(at, given, again), "/console/tenants/?done=tenant_deleted")
		w.shows(w.client.Page("/console/tenants/?done=tenant_deleted", again), 200, "The organisation is deleted.", "/console/tenants/other/")
		w.shows(w.client.Submit(at, given, again), 404, "There is no such organisation")
		if w.Count("SELECT count(*) FROM tenant") != 1 || w.Count("SELECT count(*) FROM account WHERE active") != 3 {
			t.Error("more or less was deleted")
		}
		if got := w.Audited("tenant.deleted"); !slices.Equal(got, []string{why}) {
			t.Errorf("audited %q", got)
		}
	})
}
