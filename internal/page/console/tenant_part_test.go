package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
)

// published is a prober to whom the domains are proven that are named.
type published map[string]bool

func (p published) Prove(_ context.Context, d *tenant.Domain) tenancy.Proof {
	if p[d.Domain] {
		return tenancy.Proof{Record: tenancy.Found}
	}
	return tenancy.Proof{Record: tenancy.Absent, File: tenancy.Absent}
}

// domain gives a tenant a domain, verified at that time; 0: it is not.
func (w *world) domain(of *tenant.Tenant, name string, verified int64) {
	w.t.Helper()
	w.Exec("INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at, verified_at) VALUES ($1, $2, 'the challenge', 1, NULLIF(CAST($3 AS BIGINT), 0))", of.ID, name, verified)
}

// invites makes an invitation that waits, and returns where its pages lie.
func (w *world) invites(to *tenant.Tenant, email string) (at string) {
	w.t.Helper()
	id := uuid.New()
	w.Exec(`INSERT INTO invitation (id, tenant_id, email, email_key, role, locale, token_hash, invited_by, sent, created_at, expires_at)
		VALUES ($1, $2, $3, $3, 'member', 'en', $4, $5, 1, CAST($6 AS BIGINT), CAST($7 AS BIGINT))`, id, to.ID, email, []byte(email), w.person.ID, w.Now(), w.Now().Add(time.Hour))
	return "/console/tenants/acme/invitations/" + id.String() + "/"
}

const onDomain = "/console/tenants/acme/domains/acme.example/"

func TestStaffSettleWhoseADomainIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, other := w.Tenant("acme", w.person.ID), w.Tenant("other", w.super.ID)
		w.domain(acme, "acme.example", 2)
		w.domain(other, "acme.example", 0)
		w.Exec("UPDATE tenant_domain SET missing_since = $2, missed = 1 WHERE tenant_id = $1", acme.ID, w.Now())
		w.shows(w.client.Page("/console/tenants/acme/", w.asStaff), 200, "Proof missing</", "Proof missing since", onDomain+"verify/", onDomain+"remove/")

		// The other has published its own, and staff are led to who has the domain.
		w.proven["acme.example"] = true
		there := "/console/tenants/other/domains/acme.example/"
		w.shows(w.client.Page(there+"verify/", w.asStaff), 200, "Look for the proof again?", "Not verified", "Verified for", `<a href="/console/tenants/acme/">`, "_gatehouse-challenge.acme.example", "the challenge",
			"gatehouse tenant verify-domain other acme.example", "curl -X POST", issuer+"/admin/tenants/other/domains/acme.example/verify/")
		w.shows(w.client.Submit(there+"verify/", nil, w.asStaff), 409, "Another organisation has shown", `role="alert"`)

		delete(w.proven, "acme.example")
		lost := w.client.Submit(onDomain+"verify/", nil, w.asStaff)
		w.shows(lost, 409, "The DNS has no such record", "The site has no such file", `role="alert"`, "Not verified")
		w.hides(lost, "Verified for")
		w.proven["acme.example"] = true
		w.leads(w.client.Submit(there+"verify/", nil, w.asStaff), "/console/tenants/other/?done=domain_verify")
		w.shows(w.client.Page("/console/tenants/other/?done=domain_verify", w.asStaff), 200, "the domain is verified")
		if a, b := w.Audited("domain.lost"), w.Audited("domain.verified"); len(a) != 1 || len(b) != 1 {
			t.Errorf("audited %q and %q", a, b)
		}
	})
}

func TestStaffRemoveADomainForAReason(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const at, why = onDomain + "remove/", "another has shown it"
		acme := w.Tenant("acme", w.person.ID)
		w.domain(acme, "acme.example", 2)
		w.domain(w.Tenant("other", w.super.ID), "acme.example", 0)
		w.shows(w.client.Page(at, w.asStaff), 200, "Remove this domain?", "gatehouse tenant remove-domain --reason=Reason acme acme.example", "curl -X DELETE", issuer+"/admin/tenants/acme/domains/acme.example/")
		w.shows(w.client.Submit(at, url.Values{"reason": {"because"}}, w.asStaff), 400, "10 to 300 characters", `href="#reason"`, ">because</textarea>")
		w.leads(w.client.Submit(at, url.Values{"reason": {why}}, w.asStaff), "/console/tenants/acme/?done=domain_remove")
		w.shows(w.client.Page("/console/tenants/acme/?done=domain_remove", w.asStaff), 200, "The domain is removed.", "It has no domains.")
		if got := w.Audited("domain.removed"); !slices.Equal(got, []string{why}) || w.Count("SELECT count(*) FROM tenant_domain") != 1 {
			t.Errorf("audited %q, or another's was removed", got)
		}
		for _, a := range []domaintest.Answer{w.client.Page(at, w.asStaff), w.client.Submit(at, url.Values{"reason": {why}}, w.asStaff), w.client.Submit(onDomain+"verify/", nil, w.asStaff)} {
			w.shows(a, 404, "no such domain")
		}
		w.shows(w.client.Page("/console/tenants/nobody/domains/acme.example/remove/", w.asStaff), 404, "There is no such organisation")
	})
}

func TestStaffFindATenantByItsDomain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		w.domain(acme, "acme.example", 2)
		w.domain(acme, "claimed.example", 0)
		w.Exec("UPDATE tenant SET active = FALSE WHERE id = $1", acme.ID)
		w.shows(w.client.Page("/console/tenants/acme.example/", w.asStaff), 200, acme.ID.String())
		w.shows(w.client.Page("/console/tenants/claimed.example/", w.asStaff), 404, "There is no such organisation")
	})
}

func TestStaffRevokeAnInvitation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		at, stays := w.invites(acme, "mistake@example.com")+"revoke/", w.invites(acme, "guest@example.com")
		w.shows(w.client.Page("/console/tenants/acme/", w.asStaff), 200, at, stays+"revoke/")
		id := strings.Split(at, "/")[5]
		w.shows(w.client.Page(at, w.asStaff), 200, "Revoke this invitation?", "mistake@example.com", "gatehouse tenant revoke-invitation acme "+id, "curl -X DELETE", issuer+"/admin/tenants/acme/invitations/"+id+"/")
		w.leads(w.client.Submit(at, nil, w.asStaff), "/console/tenants/acme/?done=invitation_revoke")
		page := w.client.Page("/console/tenants/acme/?done=invitation_revoke", w.asStaff)
		w.shows(page, 200, "The invitation is revoked.", "guest@example.com")
		w.hides(page, "mistake@example.com")
		if got := w.Audited("invitation.revoked"); len(got) != 1 {
			t.Errorf("audited %q", got)
		}
		for _, gone := range []string{at, "/console/tenants/acme/invitations/nobody/revoke/", strings.Replace(stays, "acme", "other", 1) + "revoke/"} {
			for _, a := range []domaintest.Answer{w.client.Page(gone, w.asStaff), w.client.Submit(gone, nil, w.asStaff)} {
				w.shows(a, 404, "no such")
			}
		}
	})
}

func TestDomainsAndInvitationsAreChangedByWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.person.ID)
		w.domain(acme, "acme.example", 2)
		reason := url.Values{"reason": {"another has shown it"}}
		forms := map[string]url.Values{onDomain + "verify/": {}, onDomain + "remove/": reason, w.invites(acme, "guest@example.com") + "revoke/": {}}
		before, auditor := w.Count("SELECT count(*) FROM audit_event"), w.ranked("auditor")
		for who, as := range map[string]domaintest.Option{"the tenant's owner": w.asPerson, "support": w.ranked("support"), "an auditor": auditor} {
			for path, form := range forms {
				if a, b := w.client.Page(path, as), w.client.Submit(path, form, as); a.Status != http.StatusForbidden || b.Status != http.StatusForbidden {
					t.Errorf("%s at %s: %d and %d", who, path, a.Status, b.Status)
				}
			}
		}
		w.hides(w.client.Page("/console/tenants/acme/", auditor), "/domains/", "/invitations/")
		w.must(w.Clock.Advance(domaintest.Fresh + time.Minute))
		for path, form := range forms {
			if a, b := w.client.Page(path, w.asStaff), w.client.Submit(path, form, w.asStaff); a.Status != http.StatusUnauthorized || b.Status != http.StatusUnauthorized {
				t.Errorf("with an old proof at %s: %d and %d", path, a.Status, b.Status)
			}
		}
		if w.Count("SELECT count(*) FROM tenant_domain WHERE verified_at IS NOT NULL") != 1 || w.Count("SELECT count(*) FROM invitation WHERE revoked_at IS NULL") != 1 || w.Count("SELECT count(*) FROM audit_event") != before {
			t.Error("something was done")
		}
	})
}
