package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
)

// was returns what a form says that it was made of.
func was(a domaintest.Answer) string {
	_, rest, _ := strings.Cut(a.Text, `name="was" value="`)
	mark, _, _ := strings.Cut(rest, `"`)
	return mark
}

func TestStaffSetAttributesOfAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		at := path(w.person, "attributes/")
		w.shows(w.client.Page(path(w.person, ""), w.asStaff), 200, `href="`+at+`"`, "<dt>Grade</dt><dd>None</dd>")
		form := w.client.Page(at, w.asStaff)
		w.shows(form, 200, `name="attributes.grade"`, `<option value="night">`)
		a := w.client.Submit(at, url.Values{"was": {was(form)}, "attributes.grade": {"seven"}, "attributes.shift": {"dusk"}}, w.asStaff)
		w.shows(a, http.StatusBadRequest, "seven", `href="#attributes.grade"`, `href="#attributes.shift"`)
		w.leads(w.client.Submit(at, url.Values{"was": {was(form)}, "attributes.grade": {"7"}, "attributes.shift": {"night"}}, w.asStaff), path(w.person, "?done=attributes"))
		w.shows(w.client.Page(path(w.person, "?done=attributes"), w.asStaff), 200, "The attributes are saved.", "<dt>Grade</dt><dd><bdi>7</bdi></dd>", "<bdi>night</bdi>")
		if all := w.Audited("profile.changed"); len(all) != 1 {
			t.Errorf("audited %q", all)
		}
		// What somebody else wrote meanwhile stays.
		stale := w.client.Submit(at, url.Values{"was": {was(form)}, "attributes.grade": {"8"}, "attributes.shift": {""}}, w.asStaff)
		w.shows(stale, http.StatusConflict, `value="7"`)
		w.leads(w.client.Submit(at, url.Values{"was": {was(stale)}, "attributes.grade": {""}, "attributes.shift": {"night"}}, w.asStaff), path(w.person, "?done=attributes"))
		w.shows(w.client.Page(path(w.person, ""), w.asStaff), 200, "<dt>Grade</dt><dd>None</dd>", "<bdi>night</bdi>")
	})
}

func TestAttributesAreForWhoManagesAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, a := range []domaintest.Answer{w.client.Page(path(w.super, "attributes/"), w.asStaff), w.client.Submit(path(w.super, "attributes/"), url.Values{"attributes.grade": {"7"}}, w.asStaff)} {
			if a.Status != http.StatusForbidden && a.Status != http.StatusConflict {
				t.Errorf("of a superuser: %d", a.Status)
			}
		}
		w.becomes("auditor")
		w.hides(w.client.Page(path(w.person, ""), w.asStaff), path(w.person, "attributes/"))
		if a := w.client.Page(path(w.person, "attributes/"), w.asStaff); a.Status != http.StatusForbidden {
			t.Errorf("an auditor: %d", a.Status)
		}
		w.becomes(role.Operator)
		w.must(w.Clock.Advance(domaintest.Fresh + time.Minute))
		if a := w.client.Submit(path(w.person, "attributes/"), url.Values{"attributes.grade": {"7"}}, w.asStaff); a.Status != http.StatusUnauthorized || !strings.Contains(a.Text, "proof_stale") {
			t.Errorf("with an old proof: %d", a.Status)
		}
		if n := len(w.Audited("profile.changed")); n != 0 {
			t.Errorf("%d changes", n)
		}
	})
}

func TestAnAccountIsShownWithItsOrganisations(t *testing.T) {
	eachRole(t, []role.Role{{Name: "desk", Permissions: []string{role.StaffReadAccounts}}}, func(t *testing.T, w *world) {
		w.shows(w.client.Page(path(w.person, ""), w.asStaff), 200, "This account belongs to no organisation.")
		acme := w.Tenant("acme", w.super.ID)
		w.Exec("UPDATE tenant SET name = 'Acme & Co' WHERE id = $1", acme.ID)
		w.Join(acme, w.person.ID, role.Admin)
		w.shows(w.client.Page(path(w.person, ""), w.asStaff), 200, `<a href="/console/tenants/acme/"><bdi>Acme &amp; Co</bdi></a>`, "<code>admin</code>")
		w.becomes("desk")
		desk := w.client.Page(path(w.person, ""), w.asStaff)
		w.hides(desk, "Acme", "no organisation")
	})
}

func TestStaffSetAttributesOfAMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.super.ID)
		w.Join(acme, w.person.ID, role.Member)
		at := "/console/tenants/acme/members/" + w.person.Subject + "/change/"
		form := w.client.Page(at, w.asStaff)
		w.shows(form, 200, `name="attributes.cost_centre"`, `name="attributes.level"`)
		a := w.client.Submit(at, url.Values{"was": {was(form)}, "role": {role.Admin}, "attributes.cost_centre": {"4711"}, "attributes.level": {"high"}}, w.asStaff)
		w.shows(a, http.StatusBadRequest, `href="#attributes.level"`, `value="4711"`, `value="high"`)
		w.leads(w.client.Submit(at, url.Values{"was": {was(form)}, "role": {role.Member}, "attributes.cost_centre": {"4711"}, "attributes.level": {"2"}}, w.asStaff), "/console/tenants/acme/?done=member_changed")
		w.shows(w.client.Page(at, w.asStaff), 200, `value="4711"`, `value="2"`)
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'member.profile_changed' AND tenant_id = $1 AND account_id = $2 AND detail = '{"members":"attributes.cost_centre attributes.level"}'`, acme.ID, w.person.ID); n != 1 {
			t.Errorf("%d events", n)
		}
		var as string
		w.Read(&as, "SELECT role FROM membership WHERE tenant_id = $1 AND account_id = $2", acme.ID, w.person.ID)
		if as != role.Member {
			t.Errorf("the role is %s", as)
		}
	})
}
