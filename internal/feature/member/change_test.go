package member_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

func TestAChangeIsAuditedAndToldToWhomItConcerns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.patch("admin", w.acme, "member", `{"role":"admin","permissions":["members.read","audit.read"]}`)
		if a.Status != http.StatusOK || a.JSON["role"] != "admin" || a.JSON["account"] != w.subject("member") || a.JSON["email"] != "member@example.com" || a.JSON["full_name"] != "Jo Doe" || a.JSON["is_active"] != true || a.JSON["joined_at"] == nil {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if got, ok := a.JSON["permissions"].([]any); !ok || !slices.Equal(got, []any{"audit.read", "members.read"}) {
			t.Errorf("permissions %v", a.JSON["permissions"])
		}
		mails := w.mailed()
		if want := w.says(letter.TenantRoleChanged); !slices.Equal(mails["member@example.com"], []string{want}) || len(mails) != 1 {
			t.Errorf("told %v", mails)
		}
		page, _, err := audit.List(t.Context(), w.DB.DB, audit.Filter{Tenant: w.acme.ID, Kind: "member.", Limit: 10})
		if err != nil || len(page) != 2 {
			t.Fatalf("%d events, %v", len(page), err)
		}
		for _, e := range page {
			detail := map[string]map[string]string{
				"member.role_changed":        {"from": "member", "to": "admin", "by": "member"},
				"member.permissions_changed": {"from": "", "to": "audit.read members.read", "by": "member"},
			}[e.Kind]
			if e.AccountID != w.people["member"].ID || e.Source.Actor != w.people["admin"].ID.String() || len(detail) == 0 || len(detail) != len(e.Detail) || e.Detail["to"] != detail["to"] || e.Detail["by"] != "member" || e.Detail["from"] != detail["from"] {
				t.Errorf("%+v", e)
			}
		}
		if other, _, err := audit.List(t.Context(), w.DB.DB, audit.Filter{Tenant: w.globex.ID, Limit: 10}); err != nil || len(other) != 0 {
			t.Errorf("the other tenant has %d events, %v", len(other), err)
		}
		// The same once more is no change.
		w.patch("admin", w.acme, "member", `{"role":"admin","permissions":["members.read","audit.read"]}`)
		w.patch("admin", w.acme, "member", `{}`)
		if n := len(w.Audited("member.role_changed")) + len(w.Audited("member.permissions_changed")); n != 2 || len(w.mailed()) != 0 {
			t.Errorf("%d events", n)
		}
		if a := w.patch("admin", w.acme, "member", `{"permissions":[]}`); a.Status != http.StatusOK || len(a.JSON["permissions"].([]any)) != 0 {
			t.Errorf("none: %s", a.Text)
		}
	})
}

func TestWhoeverBecomesAnOwnerIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.patch("owner", w.acme, "member", `{"role":"owner"}`)
		if mails := w.mailed(); !slices.Equal(mails["member@example.com"], []string{w.says(letter.TenantOwner)}) {
			t.Errorf("told %v", mails)
		}
	})
}

func TestRemovedMembersAreToldAndAreNobodyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if a := w.Call(http.MethodDelete, "/tenants/acme/members/"+w.subject("editor")+"/", "", w.as("admin", w.acme)); a.Code != "role_escalation" {
			t.Errorf("an editor by an admin who has no notes: %d %s", a.Status, a.Code)
		}
		if a := w.Call(http.MethodDelete, "/tenants/acme/members/"+w.subject("admin")+"/", "", w.as("owner", w.acme)); a.Status != http.StatusNoContent {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if mails := w.mailed(); !slices.Equal(mails["admin@example.com"], []string{w.says(letter.TenantRemoved)}) || len(mails) != 1 {
			t.Errorf("told %v", mails)
		}
		refused(t, "their token", w.Call(http.MethodGet, "/tenants/acme/members/", "", w.as("admin", w.acme)), http.StatusForbidden, "tenant_required")
		if !w.Stands(w.people["admin"].session) {
			t.Error("the session ended, which is theirs")
		}
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'member.removed' AND account_id = $1 AND actor = $2 AND tenant_id = $3`, w.people["admin"].ID, w.people["owner"].ID.String(), w.acme.ID); n != 1 {
			t.Errorf("%d events", n)
		}
		if w.role("g-admin", w.globex) != "admin" {
			t.Error("the other tenant lost one")
		}
	})
}

func TestWhoLosesTheRightLosesItAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.patch("owner", w.acme, "admin", `{"role":"member"}`)
		refused(t, "read", w.Call(http.MethodGet, "/tenants/acme/members/", "", w.as("admin", w.acme)), http.StatusForbidden, "permission_required")
		if _, err := w.members.SetRole(t.Context(), w.by("admin"), w.acme.ID, w.subject("member"), "member"); code(err) != "permission_required" {
			t.Error(err)
		}
	})
}

func TestWhoLeavesIsAMemberNoMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if a := w.Call(http.MethodPost, "/tenants/acme/leave/", "", w.as("member", w.acme)); a.Status != http.StatusNoContent || w.role("member", w.acme) != "" {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
		if a := w.Call(http.MethodDelete, "/tenants/acme/members/"+w.subject("admin")+"/", "", w.as("admin", w.acme)); a.Status != http.StatusNoContent || w.role("admin", w.acme) != "" {
			t.Errorf("oneself removed: answered %d %s", a.Status, a.Text)
		}
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'member.left' AND tenant_id = $1 AND account_id IN ($2, $3)`, w.acme.ID, w.people["member"].ID, w.people["admin"].ID); n != 2 || len(w.Audited("member.removed")) != 0 {
			t.Errorf("%d events", n)
		}
		if len(w.mailed()) != 0 {
			t.Error("they were told")
		}
		if err := w.members.Leave(t.Context(), w.people["member"].ID, w.acme.ID); code(err) != "tenant_required" {
			t.Errorf("again: %v", err)
		}
		if err := w.members.Leave(t.Context(), w.people["g-member"].ID, w.acme.ID); code(err) != "tenant_required" || w.role("g-member", w.globex) != "member" {
			t.Errorf("another's: %v", err)
		}
	})
}

func TestChangesAskForAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ownRole("unused")
		before := w.snapshot()
		w.Clock.Advance(domaintest.Fresh + time.Minute)
		for _, a := range actions {
			fresh := a.method == http.MethodPatch && a.path != "/tenants/{t}/me/" || a.method == http.MethodDelete || a.method == http.MethodPost && (a.path == "/tenants/{t}/transfer/" || a.path == "/tenants/{t}/roles/")
			if fresh {
				refused(t, a.method+" "+a.path, w.call(a, "acme", w.subject("member"), w.as("owner", w.acme)), http.StatusUnauthorized, "proof_stale")
			}
		}
		if after := w.snapshot(); after != before {
			t.Error("something changed")
		}
	})
}

func TestStaffAddWhoDidNotAsk(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, acme, staff := t.Context(), w.acme.ID, tenant.ByStaff()
		m, err := w.members.Add(ctx, staff, acme, w.subject("outsider"), "editor")
		if err != nil || m.Role != "editor" || !m.Has("notes.read") || m.Subject != w.subject("outsider") {
			t.Fatalf("%+v, %v", m, err)
		}
		for what, try := range map[string]struct{ subject, as, code string }{
			"again": {w.subject("outsider"), "member", "member_already"}, "nobody": {"nobody", "member", "account_not_found"}, "no text": {"\xff", "member", "account_not_found"}, "no role": {w.subject("g-owner"), "nothing", "role_unknown"},
		} {
			if _, err := w.members.Add(ctx, staff, acme, try.subject, try.as); code(err) != try.code {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'member.joined' AND tenant_id = $1 AND account_id = $2 AND detail = '{"role":"editor","through":"staff"}'`, acme, w.people["outsider"].ID); n != 1 {
			t.Errorf("%d events", n)
		}
		w.Exec(`UPDATE tenant SET email_domains = 'example.org'`)
		if _, err := w.members.Add(ctx, staff, acme, w.subject("g-owner"), "member"); code(err) != "email_domain_refused" {
			t.Errorf("a foreign address: %v", err)
		}
		w.Exec(`UPDATE tenant SET email_domains = 'example.com'`)
		w.Exec(`UPDATE account SET email_verified = FALSE WHERE id = $1`, w.people["g-owner"].ID)
		if _, err := w.members.Add(ctx, staff, acme, w.subject("g-owner"), "member"); code(err) != "email_domain_refused" {
			t.Errorf("an address that is not verified: %v", err)
		}
	})
}
