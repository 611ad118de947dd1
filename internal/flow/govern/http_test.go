package govern_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
)

// requests are one of each kind; {owner} is acme's, {account} belongs to no tenant, {invitation} waits in acme, which claims
// acme.example. reads are for auditors too, supreme ones
// for superusers alone.
var requests = []struct {
	method, path, body string
	reads, supreme     bool
}{
	{"GET", "/admin/tenants/", "", true, false},
	{"POST", "/admin/tenants/", `{"name":"Other","owner":"{account}"}`, false, false},
	{"GET", "/admin/tenants/acme/", "", true, false},
	{"PATCH", "/admin/tenants/acme/", `{"color":"#123456"}`, false, false},
	{"POST", "/admin/tenants/acme/suspend/", `{"reason":"the bill is not paid"}`, false, false},
	{"POST", "/admin/tenants/acme/resume/", `{"reason":"the bill is paid now"}`, false, false},
	{"GET", "/admin/tenants/acme/members/", "", true, false},
	{"POST", "/admin/tenants/acme/members/", `{"account":"{account}","role":"admin"}`, false, false},
	{"GET", "/admin/tenants/acme/members/{owner}/", "", true, false},
	{"PATCH", "/admin/tenants/acme/members/{account}/", `{"role":"editor"}`, false, false},
	{"DELETE", "/admin/tenants/acme/members/{account}/", "", false, false},
	{"GET", "/admin/tenants/acme/invitations/", "", true, false},
	{"DELETE", "/admin/tenants/acme/invitations/{invitation}/", "", false, false},
	{"POST", "/admin/tenants/acme/domains/acme.example/verify/", "", false, false},
	{"DELETE", "/admin/tenants/acme/domains/acme.example/", `{"reason":"another has shown it"}`, false, false},
	{"GET", "/admin/tenants/acme/explain/?account={account}&permission=notes.read", "", true, false},
	{"GET", "/admin/permissions/", "", true, false},
	{"POST", "/admin/permissions/", `{"name":"files.read"}`, false, false},
	{"DELETE", "/admin/permissions/files.read/", "", false, false},
	{"DELETE", "/admin/tenants/acme/", `{"slug":"acme","reason":"they asked us in writing"}`, false, true},
}

func TestTheAdminAPIOfTenantsIsForStaffWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if len(requests) != len(govern.Routes(w.service)) {
			t.Error("there is a route that this test does not know")
		}
		invited := w.invites("guest@example.com")
		w.claims("acme.example")
		state := func() string {
			return fmt.Sprint(w.Count("SELECT count(*) FROM tenant_domain WHERE verified_at IS NULL"), w.Count("SELECT count(*) FROM invitation WHERE revoked_at IS NULL"), w.Count("SELECT count(*) FROM tenant WHERE active AND color = ''"), w.Count("SELECT count(*) FROM membership"), w.Count("SELECT count(*) FROM declared_permission"))
		}
		before := state()
		of := strings.NewReplacer("{owner}", w.owner.Subject, "{account}", w.person.Subject, "{invitation}", invited).Replace
		for _, r := range requests {
			if a := w.client.Call(r.method, of(r.path), of(r.body)); a.Status != http.StatusUnauthorized {
				t.Errorf("anonymous %s %s: %d", r.method, r.path, a.Status)
			}
			// The owner of a tenant is nobody here.
			if a := w.call(w.byOwner, r.method, of(r.path), of(r.body)); a.Status != http.StatusForbidden || a.Code != "access_denied" {
				t.Errorf("an owner's %s %s: %d %s", r.method, r.path, a.Status, a.Code)
			}
			if a := w.call(w.byAuditor, r.method, of(r.path), of(r.body)); r.reads != (a.Status == http.StatusOK) || !r.reads && a.Status != http.StatusForbidden {
				t.Errorf("an auditor's %s %s: %d %s", r.method, r.path, a.Status, a.Code)
			}
		}
		if a := w.call(w.byOperator, "DELETE", "/admin/tenants/acme/", `{"slug":"acme","reason":"they asked us in writing"}`); a.Status != http.StatusForbidden {
			t.Errorf("an operator deletes a tenant: %d", a.Status)
		}
		if state() != before {
			t.Fatal("a refused request changed something")
		}
		for _, r := range requests {
			by := w.byOperator
			if r.supreme {
				by = w.byRoot
			}
			if a := w.call(by, r.method, of(r.path), of(r.body)); a.Status >= 300 {
				t.Errorf("%s %s: %d %s", r.method, r.path, a.Status, a.Text)
			}
		}
		if w.Count("SELECT count(*) FROM tenant WHERE slug = 'acme'") != 0 {
			t.Error("the tenant is still there")
		}
	})
}

func TestStaffSetAttributesOfMembers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		at := "/admin/tenants/acme/members/" + w.owner.Subject + "/"
		held := func(what string, a domaintest.Answer) {
			if got, _ := a.JSON["attributes"].(map[string]any); a.Status != http.StatusOK || len(got) != 1 || got["cost_centre"] != "A1" {
				t.Errorf("%s: answered %d %s", what, a.Status, a.Text)
			}
		}
		held("set", w.call(w.byOperator, "PATCH", at, `{"attributes":{"cost_centre":"A1"}}`))
		if a := w.call(w.byOperator, "PATCH", at, `{"attributes":{"cost_centre":1,"shoe":43}}`); a.Code != "profile_invalid" || len(a.JSON["errors"].([]any)) != 2 {
			t.Errorf("wrong: answered %d %s", a.Status, a.Text)
		}
		held("seen", w.call(w.byAuditor, "GET", at, ""))
		if a := w.call(w.byAuditor, "GET", "/admin/tenants/acme/members/"+w.person.Subject+"/", ""); a.Code != "member_not_found" {
			t.Errorf("who is no member: answered %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byAuditor, "GET", "/admin/tenants/nowhere/members/"+w.owner.Subject+"/", ""); a.Code != "tenant_not_found" {
			t.Errorf("nowhere: answered %d %s", a.Status, a.Text)
		}
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'member.profile_changed' AND tenant_id = $1 AND account_id = $2 AND detail = '{"members":"attributes.cost_centre"}'`, w.acme.ID, w.owner.ID); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestTenantsAreSearched(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, slug := range []string{"beta-one", "beta-two", "beta-three"} {
			w.Tenant(slug, w.owner.ID)
		}
		w.must2(w.service.Suspend(t.Context(), "beta-two", "the bill is not paid"))
		for query, want := range map[string][]string{
			"":                              {"beta-three", "beta-two", "beta-one", "acme"},
			"?prefix=BETA":                  {"beta-one", "beta-three", "beta-two"},
			"?by=slug&prefix=beta-t":        {"beta-three", "beta-two"},
			"?status=suspended":             {"beta-two"},
			"?status=active&prefix=beta":    {"beta-one", "beta-three"},
			"?by=slug&prefix=nobody":        nil,
			"?prefix=%25":                   nil,
			"?status=suspended&prefix=acme": nil,
		} {
			if got := slugs(w.call(w.byAuditor, "GET", "/admin/tenants/"+query, "")); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		// A cursor leads through the whole list, and answers to its own question alone.
		var got []string
		after := ""
		for range 4 {
			a := w.call(w.byAuditor, "GET", "/admin/tenants/?limit=1&after="+url.QueryEscape(after), "")
			got = append(got, slugs(a)...)
			after, _ = a.JSON["next"].(string)
			if len(got) == 1 {
				for _, other := range []string{"?prefix=b&after=" + after, "?status=active&after=" + after, "?by=slug&after=" + after, "?after=" + after + "A", "?after=AAAA", "?after=" + strings.Repeat("A", 3000)} {
					if a := w.call(w.byAuditor, "GET", "/admin/tenants/"+other, ""); a.Status != http.StatusBadRequest || a.Code != "query_invalid" {
						t.Errorf("%.40s: %d %s", other, a.Status, a.Code)
					}
				}
			}
		}
		if !slices.Equal(got, []string{"beta-three", "beta-two", "beta-one", "acme"}) || after != "" {
			t.Errorf("page by page: %q, then %q", got, after)
		}
		for _, bad := range []string{"?by=color", "?status=nice", "?limit=0", "?limit=201", "?nmae=acme", "?prefix=a&prefix=b", "?prefix=%00", "?prefix=%ff"} {
			if a := w.call(w.byAuditor, "GET", "/admin/tenants/"+bad, ""); a.Status != http.StatusBadRequest {
				t.Errorf("%s: %d", bad, a.Status)
			}
		}
	})
}

func (w *world) must2(_ any, err error) {
	w.t.Helper()
	w.must(err)
}

func TestTheAPISaysWhatIsWrong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Join(w.acme, w.person.ID, role.Member)
		w.Tenant("other", w.owner.ID)
		invited := w.invites("guest@example.com")
		w.claims("acme.example")
		for _, one := range []struct {
			method, path, body string
			status             int
			code               string
		}{
			{"POST", "/admin/tenants/", `{"name":"Other","owner":"nobody"}`, 404, "account_not_found"},
			{"POST", "/admin/tenants/", `{"name":"Other","owner":"not ascii ä"}`, 404, "account_not_found"},
			{"POST", "/admin/tenants/", `{"name":"Other","slug":"acme","owner":"` + w.person.Subject + `"}`, 409, "tenant_slug_taken"},
			{"POST", "/admin/tenants/", `{"name":"x","owner":"` + w.person.Subject + `"}`, 400, ""},
			{"GET", "/admin/tenants/nobody/", "", 404, "tenant_not_found"},
			{"GET", "/admin/tenants/ACME/", "", 404, "tenant_not_found"},
			{"GET", "/admin/tenants/%C3%A4/", "", 404, "tenant_not_found"},
			{"GET", "/admin/tenants/" + w.person.ID.String() + "/", "", 404, "tenant_not_found"},
			{"PATCH", "/admin/tenants/acme/", `{"slug":"x"}`, 400, "fields_invalid"},
			{"PATCH", "/admin/tenants/acme/", `{"is_active":false}`, 400, "fields_invalid"},
			{"POST", "/admin/tenants/acme/suspend/", `{"reason":"because"}`, 400, "reason_required"},
			{"POST", "/admin/tenants/acme/suspend/", `{"reason":"` + strings.Repeat("x", 301) + `"}`, 400, "reason_required"},
			{"POST", "/admin/tenants/acme/resume/", `{}`, 400, "fields_invalid"},
			{"POST", "/admin/tenants/nobody/suspend/", `{"reason":"the bill is not paid"}`, 404, "tenant_not_found"},
			{"POST", "/admin/tenants/acme/members/", `{"account":"nobody","role":"member"}`, 404, "account_not_found"},
			{"POST", "/admin/tenants/acme/members/", `{"account":"` + w.person.Subject + `","role":"member"}`, 409, "member_already"},
			{"PATCH", "/admin/tenants/acme/members/" + w.person.Subject + "/", `{"role":"king"}`, 400, "role_unknown"},
			{"PATCH", "/admin/tenants/acme/members/" + w.person.Subject + "/", `{"permissions":["files.read"]}`, 400, "permission_unknown"},
			{"PATCH", "/admin/tenants/acme/members/nobody/", `{"role":"admin"}`, 404, "member_not_found"},
			{"DELETE", "/admin/tenants/acme/members/" + w.owner.Subject + "/", "", 409, "last_owner"},
			{"GET", "/admin/tenants/nobody/invitations/", "", 404, "tenant_not_found"},
			{"GET", "/admin/tenants/acme/invitations/?prefix=a", "", 400, "query_invalid"},
			{"DELETE", "/admin/tenants/acme/invitations/x/", "", 404, "invitation_not_found"},
			{"DELETE", "/admin/tenants/acme/invitations/" + w.person.ID.String() + "/", "", 404, "invitation_not_found"},
			{"DELETE", "/admin/tenants/other/invitations/" + invited + "/", "", 404, "invitation_not_found"},
			{"POST", "/admin/tenants/acme/domains/other.example/verify/", "", 404, "domain_not_found"},
			{"DELETE", "/admin/tenants/acme/domains/other.example/", `{"reason":"another has shown it"}`, 404, "domain_not_found"},
			{"DELETE", "/admin/tenants/other/domains/acme.example/", `{"reason":"another has shown it"}`, 404, "domain_not_found"},
			{"DELETE", "/admin/tenants/acme/domains/acme.example/", `{"reason":"because"}`, 400, "reason_required"},
			{"DELETE", "/admin/tenants/acme/domains/acme.example/", `{}`, 400, "fields_invalid"},
			{"GET", "/admin/tenants/acme.example/", "", 404, "tenant_not_found"}, // it has not shown it
			{"GET", "/admin/tenants/acme/explain/?account=x&permission=notes", "", 400, "permission_unknown"},
			{"GET", "/admin/tenants/acme/explain/?account=x&permission=notes.*", "", 400, "permission_unknown"},
			{"GET", "/admin/tenants/acme/explain/?who=x", "", 400, "query_invalid"},
			{"DELETE", "/admin/tenants/acme/", `{"slug":"other","reason":"they asked us in writing"}`, 400, "tenant_slug_mismatch"},
			{"DELETE", "/admin/tenants/acme/", `{"slug":"acme"}`, 400, "fields_invalid"},
			{"DELETE", "/admin/tenants/acme/", `{"slug":"acme","reason":"because"}`, 400, "reason_required"},
			{"DELETE", "/admin/tenants/nobody/", `{"slug":"nobody","reason":"they asked us in writing"}`, 404, "tenant_not_found"},
		} {
			if a := w.call(w.byRoot, one.method, one.path, one.body); a.Status != one.status || one.code != "" && a.Code != one.code {
				t.Errorf("%s %s %s: %d %s, want %d %s", one.method, one.path, one.body, a.Status, a.Code, one.status, one.code)
			}
		}
	})
}

func TestATenantIsShownWithItsDomains(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at, verified_at) VALUES ($1, 'acme.example', 'x', 1, 2)", w.acme.ID)
		for _, name := range []string{"acme", w.acme.ID.String()} {
			a := w.call(w.byAuditor, "GET", "/admin/tenants/"+name+"/", "")
			shown, _ := a.JSON["tenant"].(map[string]any)
			domains, _ := a.JSON["domains"].([]any)
			if a.Status != http.StatusOK || shown["slug"] != "acme" || shown["is_active"] != true || len(domains) != 1 || !strings.Contains(a.Text, `"acme.example"`) {
				t.Errorf("%s: %d %s", name, a.Status, a.Text)
			}
		}
	})
}

func TestStaffLookAfterInvitationsAndDomains(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, second := w.invites("a@example.com"), w.invites("b@example.com")
		w.claims("acme.example")
		list := func(query string) (ids []string, next string) {
			a := w.call(w.byAuditor, "GET", "/admin/tenants/acme/invitations/"+query, "")
			all, _ := a.JSON["invitations"].([]any)
			for _, one := range all {
				id, _ := one.(map[string]any)["id"].(string)
				ids = append(ids, id)
			}
			next, _ = a.JSON["next"].(string)
			return ids, next
		}
		ids, next := list("?limit=1")
		rest, end := list("?limit=1&after=" + url.QueryEscape(next))
		if !slices.Equal(append(ids, rest...), []string{first, second}) || end != "" {
			t.Errorf("listed %q, then %q and %q", ids, rest, end)
		}
		for i, want := range []int{http.StatusNoContent, http.StatusNotFound} {
			if a := w.call(w.byOperator, "DELETE", "/admin/tenants/acme/invitations/"+first+"/", ""); a.Status != want {
				t.Errorf("revoked %d times: %d %s", i+1, a.Status, a.Text)
			}
		}
		if ids, _ := list(""); !slices.Equal(ids, []string{second}) {
			t.Errorf("afterwards %q", ids)
		}

		if a := w.call(w.byOperator, "POST", "/admin/tenants/acme/domains/acme.example/verify/", ""); a.Status != http.StatusOK || a.JSON["verified_at"] == nil {
			t.Errorf("looked at: %d %s", a.Status, a.Text)
		}
		w.must2(w.service.Suspend(t.Context(), "acme", "the bill is not paid"))
		if a := w.call(w.byAuditor, "GET", "/admin/tenants/ACME.example/", ""); a.Status != http.StatusOK || !strings.Contains(a.Text, w.acme.ID.String()) {
			t.Errorf("found by its domain: %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byOperator, "DELETE", "/admin/tenants/acme/domains/acme.example/", `{"reason":"another has shown it"}`); a.Status != http.StatusNoContent {
			t.Errorf("removed: %d %s", a.Status, a.Text)
		}
	})
}

func TestADecisionIsExplainedToStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		explain := func(account, permission string) string {
			a := w.call(w.byAuditor, "GET", "/admin/tenants/acme/explain/?account="+account+"&permission="+permission, "")
			return fmt.Sprint(a.JSON["allowed"], " ", a.JSON["reason"], " ", a.JSON["rule"])
		}
		if got := explain(w.owner.Subject, "notes.read"); got != "true granted_by_role *" {
			t.Errorf("an owner: %s", got)
		}
		if got := explain(w.person.Subject, "notes.read"); got != "false not_a_member <nil>" {
			t.Errorf("a stranger: %s", got)
		}
		w.Join(w.acme, w.person.ID, "editor")
		if got := explain(w.person.Subject, "notes.read"); got != "true granted_by_role notes.*" {
			t.Errorf("an editor: %s", got)
		}
		if got := explain(w.person.Subject, "members.read"); got != "false not_granted <nil>" {
			t.Errorf("what an editor may not: %s", got)
		}
		w.must2(w.service.Suspend(t.Context(), "acme", "the bill is not paid"))
		if got := explain(w.owner.Subject, "notes.read"); got != "false tenant_suspended <nil>" {
			t.Errorf("of a suspended tenant: %s", got)
		}
	})
}

func TestWhatStaffChangeAsksForAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Join(w.acme, w.person.ID, role.Member)
		invited := w.invites("guest@example.com")
		w.claims("acme.example")
		w.must(w.Clock.Advance(domaintest.Fresh + time.Minute))
		for _, one := range [][3]string{{"POST", "/admin/tenants/acme/suspend/", `{"reason":"because of a test"}`}, {"POST", "/admin/tenants/acme/resume/", `{"reason":"because of a test"}`},
			{"DELETE", "/admin/tenants/acme/members/" + w.person.Subject + "/", ""}, {"DELETE", "/admin/tenants/acme/invitations/" + invited + "/", ""},
			{"POST", "/admin/tenants/acme/domains/acme.example/verify/", ""}, {"DELETE", "/admin/tenants/acme/domains/acme.example/", `{"reason":"another has shown it"}`}, {"DELETE", "/admin/tenants/acme/", `{"slug":"acme","reason":"because of a test"}`}} {
			if a := w.call(w.byRoot, one[0], one[1], one[2]); a.Status != http.StatusUnauthorized || a.Code != "proof_stale" {
				t.Errorf("%s %s: %d %s", one[0], one[1], a.Status, a.Code)
			}
		}
	})
}
