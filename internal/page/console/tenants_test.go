package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

func (w *world) govern() *govern.Service {
	often := func(name string) ratelimit.Limit { return ratelimit.Limit{Name: name, Burst: 100, Per: time.Hour} }
	tenants, err := tenancy.New(tenancy.Config{Create: tenancy.ByStaff, PerAccount: often("tenants"), Origin: domaintest.Origin, DomainsPage: domaintest.Origin + "/account/tenants/{tenant}/domains/"},
		tenancy.Deps{DB: w.DB.DB, Roles: w.Roles, Limiter: w.Limiter, Letters: w.Letters, Prover: w.proven})
	w.must(err)
	invitations, err := invitation.New(invitation.Config{Lifetime: time.Hour, Link: domaintest.Origin + "/?token={token}", PerTenant: often("invitations"), PerMailbox: often("invited")},
		invitation.Deps{DB: w.DB.DB, Roles: w.Roles, Keys: w.Keys, Limiter: w.Limiter, Letters: w.Letters})
	w.must(err)
	schema, err := account.NewSchema([]account.Attribute{{Name: "cost_centre", Type: "string", ReadOnly: true}, {Name: "level", Type: "number"}})
	w.must(err)
	return govern.New(govern.Deps{DB: w.DB.DB, Roles: w.Roles, Tenancy: tenants, Invitations: invitations,
		Members: member.New(member.Deps{DB: w.DB.DB, Roles: w.Roles, Limiter: w.Limiter, Letters: w.Letters, Schema: schema})})
}

// ranked makes a member of staff with a role.
func (w *world) ranked(role string) domaintest.Option {
	a := w.Account(role+"@staff.example.com", "")
	w.Exec("UPDATE account SET staff = TRUE, staff_role = $2 WHERE id = $1", a.ID, role)
	return w.as(a)
}

var listedTenant = regexp.MustCompile(`<th scope="row"><a href="/console/tenants/([a-z0-9-]+)/">`)

func TestTenantsAreSearchedAndPaged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.shows(w.client.Page("/console/tenants/", w.asStaff), 200, "There are no organisations yet.", "/console/tenants/~new/")
		for i := range 52 {
			w.Tenant(fmt.Sprintf("acme-%02d", i), w.person.ID)
		}
		found := func(query string) (all []string) {
			t.Helper()
			page := w.client.Page("/console/tenants/"+query, w.asStaff)
			w.shows(page, 200)
			for _, m := range listedTenant.FindAllStringSubmatch(page.Text, -1) {
				all = append(all, m[1])
			}
			return all
		}
		if got := found(""); len(got) != 50 || got[0] != "acme-51" {
			t.Errorf("the newest: %d, %q", len(got), got)
		}
		if next := link(nextPage, w.client.Page("/console/tenants/", w.asStaff).Text); !slices.Equal(found(strings.TrimPrefix(next, "/console/tenants/")), []string{"acme-01", "acme-00"}) {
			t.Errorf("the second page at %q", next)
		}
		if got := found("?by=slug&prefix=acme-4&status=active"); len(got) != 10 || got[0] != "acme-40" {
			t.Errorf("by slug: %q", got)
		}
		w.shows(w.client.Page("/console/tenants/?prefix=nobody", w.asStaff), 200, "No organisation matches this", "gatehouse tenant list nobody", issuer+"/admin/tenants/?prefix=nobody")
		w.shows(w.client.Page("/console/tenants/?by=color", w.asStaff), 400, `role="alert"`)
		auditor := w.ranked("auditor")
		page := w.client.Page("/console/tenants/", auditor)
		w.shows(page, 200, "acme-51")
		w.hides(page, "/console/tenants/~new/")
	})
}

func TestStaffMakeATenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const path = "/console/tenants/~new/"
		w.shows(w.client.Page(path, w.asStaff), 200, "First owner", "gatehouse tenant create --owner=Id Name")
		for problem, form := range map[string]url.Values{
			"There is no such account": {"name": {"Acme Works"}, "owner": {"nobody@example.com"}},
			"A name has 2 to 80":       {"name": {"x"}, "slug": {"acme"}, "owner": {"jo@example.com"}},
			"A short name has":         {"name": {"Acme Works"}, "slug": {"-"}, "owner": {"jo@example.com"}},
		} {
			w.shows(w.client.Submit(path, form, w.asStaff), w.client.Submit(path, form, w.asStaff).Status, problem, `role="alert"`)
		}
		if n := w.Count("SELECT count(*) FROM tenant"); n != 0 {
			t.Fatalf("%d were made", n)
		}
		w.leads(w.client.Submit(path, url.Values{"name": {"Acme Works"}, "owner": {" JO@example.com "}}, w.asStaff), "/console/tenants/acme-works/?done=tenant_created")
		w.shows(w.client.Page("/console/tenants/acme-works/?done=tenant_created", w.asStaff), 200, "The organisation is made.", "Acme Works", "jo@example.com", "<code>owner</code>")
		if got := w.Audited("tenant.created"); len(got) != 1 {
			t.Errorf("audited %q", got)
		}
	})
}

func TestATenantIsShownWhole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		other := w.Tenant("other", w.super.ID)
		w.Join(acme, w.staff.ID, "editor")
		w.Exec("UPDATE tenant SET name = '<b>Acme', second_factor = TRUE, max_age_ms = 3600000, max_idle_ms = 1800000, radius = 17, font = 'serif', no_password = TRUE, email_domains = 'example.com', join_role = 'member' WHERE id = $1", acme.ID)
		w.Exec("UPDATE membership SET permissions = 'notes.read' WHERE account_id = $1", w.staff.ID)
		w.Exec("INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at, verified_at, checked_at) VALUES ($1, 'acme.example', 'x', 1, 2, 2), ($1, 'claimed.example', 'x', 1, NULL, NULL)", acme.ID)
		for i, email := range []string{"waits@example.com", "late@example.com"} {
			w.Exec(`INSERT INTO invitation (id, tenant_id, email, email_key, role, locale, token_hash, invited_by, sent, created_at, expires_at)
				VALUES ($1, $2, $3, $3, 'member', 'en', $4, $5, 1, CAST($6 AS BIGINT), CAST($7 AS BIGINT))`, uuid.New(), acme.ID, email, []byte(email), w.person.ID, w.Now(), w.Now().Add(time.Hour-time.Duration(i)*2*time.Hour))
		}
		page := w.client.Page("/console/tenants/acme/", w.asStaff)
		w.shows(page, 200, "&lt;b&gt;Acme", acme.ID.String(), "60 minutes ago", "after 30 minutes", "<dd>17</dd>", "<code>serif</code>", "Password</dd>", "<code>example.com</code>", "<code>acme.example</code>", "Verified", "Not verified",
			"jo@example.com", "<code>owner</code>", "staff@example.com", "<code>editor</code>", "<code>notes.read</code>", "waits@example.com", "Waiting", "late@example.com", "Expired",
			path(w.person, ""), "/console/audit/?tenant="+acme.ID.String(), "/console/tenants/acme/suspend/", "/console/tenants/acme/members/add/", "gatehouse tenant show acme", issuer+"/admin/tenants/acme/")
		w.hides(page, "super@example.com", "/console/tenants/acme/resume/", "<b>Acme")
		w.hides(w.client.Page("/console/tenants/acme/?prefix=staff", w.asStaff), ">jo@example.com")
		w.shows(w.client.Page("/console/tenants/acme/?prefix=staff", w.asStaff), 200, "staff@example.com")
		w.shows(w.client.Page("/console/tenants/acme/?after=x", w.asStaff), 400, `role="alert"`)
		w.shows(w.client.Page("/console/tenants/"+other.ID.String()+"/", w.asStaff), 200, "super@example.com", "No invitation is waiting.", "It has no domains.")
		auditor := w.client.Page("/console/tenants/acme/", w.ranked("auditor"))
		w.shows(auditor, 200, "jo@example.com")
		w.hides(auditor, "/console/tenants/acme/suspend/", "/console/tenants/acme/members/add/")
		for _, nobody := range []string{"nobody/", "ACME/", "nobody/explain/", "nobody/suspend/", "nobody/members/add/"} {
			w.shows(w.client.Page("/console/tenants/"+nobody, w.asStaff), 404, "There is no such organisation")
		}
	})
}

func TestStaffSuspendAndResumeATenantForAReason(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Tenant("acme", w.person.ID)
		enters := func() bool {
			_, err := tenant.Enter(context.Background(), w.DB.DB, w.Roles, w.person.ID, "acme")
			return err == nil
		}
		for _, step := range []struct {
			deed, ask, told string
			in              bool
		}{{"suspend", "Suspend this organisation?", "nobody comes in", false}, {"resume", "Resume this organisation?", "Members can come in again", true}} {
			ask, given := "/console/tenants/acme/"+step.deed+"/", url.Values{"reason": {"what the " + step.deed + " was for"}}
			w.shows(w.client.Page(ask, w.asStaff), 200, step.ask, "gatehouse tenant "+step.deed+" --reason=Reason acme", issuer+"/admin/tenants/acme/"+step.deed+"/")
			w.shows(w.client.Submit(ask, url.Values{"reason": {"because"}}, w.asStaff), 400, "10 to 300 characters", "because", `role="alert"`)
			for who, as := range map[string]domaintest.Option{"a person": w.asPerson, "support": w.ranked("support")} {
				if a, b := w.client.Page(ask, as), w.client.Submit(ask, given, as); a.Status != http.StatusForbidden || b.Status != http.StatusForbidden {
					t.Errorf("%s: %d and %d", who, a.Status, b.Status)
				}
			}
			w.Exec("DELETE FROM account WHERE email_key = 'support@staff.example.com'")
			if enters() == step.in {
				t.Fatal("a refused request changed something")
			}
			for range 2 {
				w.leads(w.client.Submit(ask, given, w.asStaff), "/console/tenants/acme/?done=tenant_"+step.deed)
			}
			if enters() != step.in {
				t.Errorf("%s: comes in: %v", step.deed, !step.in)
			}
			w.shows(w.client.Page("/console/tenants/acme/?done=tenant_"+step.deed, w.asStaff), 200, step.told)
			kind := map[string]string{"suspend": "tenant.suspended", "resume": "tenant.resumed"}[step.deed]
			if got := w.Audited(kind); len(got) != 1 || got[0] != given.Get("reason") {
				t.Errorf("audited %q", got)
			}
		}
	})
}

func TestAnOldProofSuspendsNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Tenant("acme", w.person.ID)
		w.Clock.Advance(domaintest.Fresh + time.Minute)
		for path, form := range map[string]url.Values{"suspend/": {"reason": {"the bill is not paid"}}, "members/add/": {"account": {"staff@example.com"}, "role": {role.Owner}}} {
			if a := w.client.Submit("/console/tenants/acme/"+path, form, w.asStaff); a.Status != http.StatusUnauthorized {
				t.Errorf("%s: %d", path, a.Status)
			}
		}
		if w.Count("SELECT count(*) FROM tenant WHERE active") != 1 || w.Count("SELECT count(*) FROM membership") != 1 {
			t.Error("something changed")
		}
	})
}

func TestStaffAddAnOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		const add = "/console/tenants/acme/members/add/"
		w.shows(w.client.Page(add, w.asStaff), 200, `value="member" selected`, `value="owner"`, `value="editor"`, "gatehouse tenant add-member acme Id member")
		w.shows(w.client.Submit(add, url.Values{"account": {"nobody"}, "role": {role.Owner}}, w.asStaff), 404, "There is no such account", `value="nobody"`)
		w.shows(w.client.Submit(add, url.Values{"account": {"jo@example.com"}, "role": {role.Member}}, w.asStaff), 409, "member already")
		w.shows(w.client.Submit(add, url.Values{"account": {"super@example.com"}, "role": {"king"}}, w.asStaff), 400, "no such role")
		given := url.Values{"account": {"super@example.com"}, "role": {role.Owner}}
		w.shows(w.client.Submit(add, given, w.asStaff), 403, "This organisation has an owner", `href="#role"`, `value="super@example.com"`)
		w.shows(w.client.Submit(add, url.Values{"account": {"staff@example.com"}, "role": {role.Member}}, w.asStaff), 403, "Staff cannot change what they may do", `role="alert"`)
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", w.person.ID)
		w.leads(w.client.Submit(add, given, w.asStaff), "/console/tenants/acme/?done=member_added")
		m, err := tenant.Enter(context.Background(), w.DB.DB, w.Roles, w.super.ID, "acme")
		if err != nil || m.Grant.Role != role.Owner || m.Tenant.ID != acme.ID {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

func TestADecisionIsExplained(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		w.Join(acme, w.super.ID, "editor")
		page := w.client.Page("/console/tenants/acme/explain/", w.asStaff)
		w.shows(page, 200, "May somebody do this?", "gatehouse tenant explain acme Id tenant.read")
		w.hides(page, `role="alert"`, `id="answer"`)
		for query, texts := range map[string][]string{
			"?account=super%40example.com&permission=notes.read":    {"Yes</h2>", "granted_by_role", "<code>editor</code>", "<code>notes.*</code>"},
			"?account=super%40example.com&permission=members.read":  {"No</h2>", "not_granted"},
			"?account=staff%40example.com&permission=notes.read":    {"No</h2>", "not_a_member", "The account is no member"},
			"?account=super%40example.com&permission=files.explode": {"No</h2>", "permission_not_declared"},
		} {
			w.shows(w.client.Page("/console/tenants/acme/explain/"+query, w.asStaff), 200, texts...)
		}
		w.shows(w.client.Page("/console/tenants/acme/explain/?account=nobody&permission=notes.read", w.asStaff), 404, "There is no such account", `role="alert"`)
		w.shows(w.client.Page("/console/tenants/acme/explain/?account=jo%40example.com&permission=notes", w.asStaff), 400, "A permission is noun.verb", `role="alert"`)
	})
}

func TestPermissionsAreDeclaredInTheConsole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const path = "/console/permissions/"
		w.shows(w.client.Page(path, w.asStaff), 200, "<code>tenant.read</code>", "See the organisation", "<code>notes.read</code>", "The configuration", "gatehouse permission list")
		w.shows(w.client.Submit(path, url.Values{"name": {"files"}, "description": {"<b>"}}, w.asStaff), 400, `role="alert"`, `value="files"`, "&lt;b&gt;")
		w.leads(w.client.Submit(path, url.Values{"name": {"files.read"}, "description": {"See <files>"}}, w.asStaff), path+"?done=permission_declared")
		w.shows(w.client.Page(path+"?done=permission_declared", w.asStaff), 200, "<code>files.read</code>", "See &lt;files&gt;", `value="files.read"`)
		auditor := w.ranked("auditor")
		page := w.client.Page(path, auditor)
		w.shows(page, 200, "<code>files.read</code>")
		w.hides(page, `value="files.read"`, `name="description"`)
		if a := w.client.Submit(path+"withdraw/", url.Values{"name": {"files.read"}}, auditor); a.Status != http.StatusForbidden {
			t.Errorf("an auditor: %d", a.Status)
		}
		for range 2 {
			w.leads(w.client.Submit(path+"withdraw/", url.Values{"name": {"files.read"}}, w.asStaff), path+"?done=permission_withdrawn")
		}
		if w.Count("SELECT count(*) FROM declared_permission") != 0 || len(w.Audited("permission.withdrawn")) != 1 {
			t.Error("not withdrawn, or twice")
		}
	})
}

func TestTheAuditOfOneTenantIsAFilter(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		w.because("/console/tenants/acme/suspend/", "the bill is not paid")
		w.Exec("INSERT INTO audit_event (id, at, kind, actor, address, device, request_id, reason, detail) VALUES ($1, 1, 'key.created', 'system', '', '', '', 'elsewhere', '{}')", uuid.New())
		for _, name := range []string{"acme", acme.ID.String()} {
			page := w.client.Page("/console/audit/?tenant="+name, w.asStaff)
			w.shows(page, 200, "tenant.suspended", "the bill is not paid", "/console/tenants/"+acme.ID.String()+"/", "gatehouse audit list --tenant="+name, issuer+"/admin/audit/?tenant="+name)
			w.hides(page, "elsewhere")
		}
		w.shows(w.client.Page("/console/audit/?tenant=nobody", w.asStaff), 404, `role="alert"`)
	})
}

// because posts a form with a reason, which must be taken.
func (w *world) because(path, reason string) {
	w.t.Helper()
	if a := w.client.Submit(path, url.Values{"reason": {reason}}, w.asStaff); a.Status != http.StatusSeeOther {
		w.t.Fatalf("%s: %d %s", path, a.Status, content(a))
	}
}
