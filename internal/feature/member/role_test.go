package member_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

func (w *world) roles(method, name, body, by string) (status int, code string, json map[string]any) {
	w.t.Helper()
	path := "/tenants/acme/roles/"
	if name != "" {
		path += name + "/"
	}
	a := w.Call(method, path, body, w.as(by, w.acme))
	return a.Status, a.Code, a.JSON
}

func TestRolesAreMadeChangedAndDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if status, code, json := w.roles(http.MethodPost, "", `{"name":"auditor","permissions":["members.read","audit.read","members.read"]}`, "admin"); status != http.StatusCreated || json["name"] != "auditor" || json["members"] != 0.0 || json["common"] != false || json["assignable"] != true {
			t.Fatalf("made: %d %s %v", status, code, json)
		}
		w.give("member", "auditor")
		if m, err := w.members.Get(t.Context(), w.acme.ID, w.subject("member")); err != nil || !m.Has("audit.read") || m.Has("notes.read") {
			t.Errorf("what a member of it may: %v", err)
		}
		if status, _, json := w.roles(http.MethodPatch, "auditor", `{"permissions":["audit.read"]}`, "admin"); status != http.StatusOK || json["members"] != 1.0 {
			t.Errorf("changed: %d %v", status, json)
		}
		if m, err := w.members.Get(t.Context(), w.acme.ID, w.subject("member")); err != nil || m.Has("members.read") {
			t.Errorf("what a member of it may now: %v", err)
		}
		if status, code, _ := w.roles(http.MethodDelete, "auditor", "", "admin"); status != http.StatusConflict || code != "role_in_use" {
			t.Errorf("deleted in use: %d %s", status, code)
		}
		w.give("member", "member")
		if status, code, _ := w.roles(http.MethodDelete, "auditor", "", "admin"); status != http.StatusNoContent {
			t.Errorf("deleted: %d %s", status, code)
		}
		for _, kind := range []string{"role.created", "role.changed", "role.deleted"} {
			if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = $1 AND tenant_id = $2 AND actor = $3 AND account_id IS NULL`, kind, w.acme.ID, w.people["admin"].ID.String()); n != 1 {
				t.Errorf("%d of %s", n, kind)
			}
		}
		if len(w.mailed()) == 0 {
			t.Error("the member was not told of their role")
		}
	})
}

func TestRolesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ownRole("mine")
		for body, want := range map[string]string{
			`{"name":"owner","permissions":[]}`: "role_exists", `{"name":"editor","permissions":[]}`: "role_exists", `{"name":"mine","permissions":[]}`: "role_exists",
			`{"name":"Mine","permissions":[]}`: "role_name_invalid", `{"name":"a","permissions":[]}`: "role_name_invalid", `{"name":"","permissions":[]}`: "role_name_invalid", `{"name":"ro le","permissions":[]}`: "role_name_invalid",
			`{"name":"rоle","permissions":[]}`: "role_name_invalid", `{"name":"new","permissions":["bills.pay"]}`: "permission_unknown", `{"name":"new","permissions":["*"]}`: "permission_unknown", `{"name":"new"}`: "fields_invalid",
		} {
			if status, code, _ := w.roles(http.MethodPost, "", body, "owner"); code != want {
				t.Errorf("%s: %d %s", body, status, code)
			}
		}
		for name, want := range map[string]string{"owner": "role_common", "admin": "role_common", "editor": "role_common", "nothing": "role_not_found", "OWNER": "role_not_found"} {
			if status, code, _ := w.roles(http.MethodPatch, name, `{"permissions":[]}`, "owner"); code != want {
				t.Errorf("change %s: %d %s", name, status, code)
			}
			if status, code, _ := w.roles(http.MethodDelete, name, "", "owner"); code != want {
				t.Errorf("delete %s: %d %s", name, status, code)
			}
		}
	})
}

// A tenant's roles are its own: another of the same name holds something else.
func TestRolesEndAtTheTenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.ownRole("clerk", "notes.read")
		if _, err := w.members.SetRole(ctx, w.by("g-owner"), w.globex.ID, w.subject("g-member"), "clerk"); code(err) != "role_unknown" {
			t.Errorf("the other's role: %v", err)
		}
		if _, err := w.members.CreateRole(ctx, w.by("g-owner"), w.globex.ID, "clerk", []string{"tenant.manage"}); err != nil {
			t.Fatal(err)
		}
		w.give("member", "clerk")
		if m, err := w.members.Get(ctx, w.acme.ID, w.subject("member")); err != nil || m.Has("tenant.manage") || !m.Has("notes.read") {
			t.Errorf("%+v, %v", m, err)
		}
		if err := w.members.DeleteRole(ctx, w.by("g-owner"), w.globex.ID, "clerk"); err != nil {
			t.Errorf("in use by the other: %v", err)
		}
		if _, err := w.members.ChangeRole(ctx, w.by("g-owner"), w.globex.ID, "clerk", nil); code(err) != "role_not_found" {
			t.Errorf("the other's: %v", err)
		}
	})
}

// The configuration may come to declare a role that a tenant made for itself: all tenants of these tests have
// an editor that holds notes.*.
func TestATenantsOwnRoleKeepsItsMeaningBesideOneOfTheConfiguration(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.Exec(`INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, 'editor', 'notes.read', 0)`, w.acme.ID)
		may := func(of *tenant.Tenant, name string) verifier.Permissions {
			m, err := w.members.Get(ctx, of.ID, w.subject(name))
			if err != nil {
				t.Fatal(err)
			}
			return m.Permissions()
		}
		if got := may(w.acme, "editor"); !slices.Equal(got, verifier.Permissions{"notes.read"}) {
			t.Errorf("who has it may %v", got)
		}
		if got := may(w.globex, "g-editor"); !slices.Equal(got, verifier.Permissions{"notes.*"}) {
			t.Errorf("who has that of the configuration may %v", got)
		}
		for name, want := range map[string]bool{"notes.read": true, "notes.write": false} {
			if d, err := w.members.Explain(ctx, w.acme.ID, w.subject("editor"), name); err != nil || d.Allowed != want {
				t.Errorf("%s is explained by %+v, %v", name, d, err)
			}
		}
		all, err := w.members.Roles(ctx, w.acme.ID)
		if err != nil {
			t.Fatal(err)
		}
		listed := 0
		for _, one := range all {
			if one.Name == "editor" {
				listed++
				if one.Common || !slices.Equal(one.Permissions, verifier.Permissions{"notes.read"}) {
					t.Errorf("listed as %+v", one)
				}
			}
		}
		if listed != 1 {
			t.Errorf("listed %d times", listed)
		}
		if _, err := w.members.CreateRole(ctx, w.by("owner"), w.acme.ID, "editor", nil); code(err) != "role_exists" {
			t.Errorf("made once more: %v", err)
		}
		if _, err := w.members.ChangeRole(ctx, w.by("admin"), w.acme.ID, "editor", []string{"audit.read"}); code(err) != "role_escalation" {
			t.Errorf("changed by who does not have all of it: %v", err)
		}
		if _, err := w.members.ChangeRole(ctx, w.by("owner"), w.acme.ID, "editor", []string{"audit.read"}); err != nil {
			t.Errorf("changed: %v", err)
		}
		if got := may(w.acme, "editor"); !slices.Equal(got, verifier.Permissions{"audit.read"}) {
			t.Errorf("changed, who has it may %v", got)
		}
		// Whoever deletes it makes its name mean the other one, which an invitation may promise.
		w.give("editor", "member")
		if err := w.members.DeleteRole(ctx, w.by("admin"), w.acme.ID, "editor"); code(err) != "role_escalation" {
			t.Errorf("deleted by who may not give what its name means then: %v", err)
		}
		if err := w.members.DeleteRole(ctx, w.by("owner"), w.acme.ID, "editor"); err != nil {
			t.Errorf("deleted: %v", err)
		}
		w.give("editor", "editor")
		if got := may(w.acme, "editor"); !slices.Equal(got, verifier.Permissions{"notes.*"}) {
			t.Errorf("when it is gone, who has that of the configuration may %v", got)
		}
	})
}

func TestARoleThatPeopleJoinAsIsInUse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ownRole("guest")
		w.Exec(`UPDATE tenant SET join_role = 'guest' WHERE id = $1`, w.acme.ID)
		if err := w.members.DeleteRole(t.Context(), w.by("owner"), w.acme.ID, "guest"); code(err) != "role_in_use" {
			t.Error(err)
		}
	})
}

func TestATenantMakesAtMostFiftyRoles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 50 {
			w.ownRole("role-" + strconv.Itoa(i))
		}
		if _, err := w.members.CreateRole(t.Context(), w.by("owner"), w.acme.ID, "one-more", nil); code(err) != "roles_too_many" {
			t.Error(err)
		}
		if all, err := w.members.Roles(t.Context(), w.acme.ID); err != nil || len(all) != 54 {
			t.Errorf("%d roles, %v", len(all), err)
		}
		if _, err := w.members.CreateRole(t.Context(), w.by("g-owner"), w.globex.ID, "first", nil); err != nil {
			t.Errorf("another tenant: %v", err)
		}
	})
}

// Whoever is given a role just when it is deleted has one that there is.
func TestARoleIsNotDeletedWhileItIsGiven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for range 20 {
			w.give("member", "member")
			w.Exec(`DELETE FROM tenant_role`)
			w.ownRole("brief", "notes.read")
			codes := atOnce(
				func() error { return w.members.DeleteRole(ctx, w.by("owner"), w.acme.ID, "brief") },
				func() error {
					_, err := w.members.SetRole(ctx, w.by("owner"), w.acme.ID, w.subject("member"), "brief")
					return err
				})
			given, there := w.role("member", w.acme) == "brief", w.Count(`SELECT count(*) FROM tenant_role`) == 1
			switch {
			case given != there:
				t.Fatalf("given %v, there %v: %q", given, there, codes)
			case given && !slices.Equal(codes, []string{"role_in_use", ""}), !given && !slices.Equal(codes, []string{"", "role_unknown"}):
				t.Fatalf("given %v: %q", given, codes)
			}
		}
	})
}

func TestTheListOfRolesSaysWhatCanBeGiven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ownRole("large", "tenant.delete")
		w.ownRole("small")
		want := map[string]string{"owner": "owner admin member editor large small", "admin": "admin member small"}
		for who, assignable := range want {
			_, _, json := w.roles(http.MethodGet, "", "", who)
			var names []string
			for _, one := range json["roles"].([]any) {
				r := one.(map[string]any)
				if r["assignable"] == true {
					names = append(names, r["name"].(string))
				}
				if n := map[string]float64{"owner": 1, "admin": 1, "editor": 1, "member": 1}[r["name"].(string)]; r["members"] != n {
					t.Errorf("%s: %v members", r["name"], r["members"])
				}
			}
			if got := strings.Join(names, " "); got != assignable {
				t.Errorf("%s: %s", who, got)
			}
			all := json["assignable"].([]any)
			if owner := who == "owner"; slices.Contains(all, any("notes.*")) != owner || slices.Contains(all, any("tenant.delete")) != owner || !slices.Contains(all, any("members.manage")) || slices.Contains(all, any("members.*")) != owner || slices.Contains(all, any("*")) {
				t.Errorf("%s: %v", who, all)
			}
		}
		m, err := w.members.Get(t.Context(), w.acme.ID, w.subject("editor"))
		if err != nil {
			t.Fatal(err)
		}
		if _, permissions, err := w.members.Assignable(t.Context(), w.acme.ID, m.Grant); err != nil || !slices.Equal(permissions, []string{"notes.*", "notes.read", "notes.write"}) {
			t.Errorf("an editor: %v, %v", permissions, err)
		}
	})
}

func TestExplainAgreesWithTheDecisionAndSaysWhy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.ownRole("clerk", "notes.read", "members.*")
		w.give("member", "clerk", "notes.write")
		w.Exec(`UPDATE membership SET permissions = 'bills.pay' WHERE account_id = $1`, w.people["admin"].ID) // withdrawn since
		for _, c := range []struct{ who, permission, reason, rule, role string }{
			{"owner", "notes.read", "granted_by_role", "*", "owner"},
			{"owner", "bills.pay", "granted_by_role", "*", "owner"},
			{"admin", "members.manage", "granted_by_role", "members.manage", "admin"},
			{"admin", "tenant.delete", "not_granted", "", "admin"},
			{"admin", "bills.pay", "granted_directly", "bills.pay", "admin"},
			{"admin", "bills.read", "permission_not_declared", "", "admin"},
			{"editor", "notes.read", "granted_by_role", "notes.*", "editor"},
			{"member", "members.read", "granted_by_role", "members.*", "clerk"},
			{"member", "notes.write", "granted_directly", "notes.write", "clerk"},
			{"member", "tenant.read", "not_granted", "", "clerk"},
			{"member", "tenant.enter", "granted_by_role", "tenant.enter", "clerk"},
			{"g-owner", "tenant.enter", "not_a_member", "", ""},
			{"g-owner", "notes.read", "not_a_member", "", ""},
			{"outsider", "notes.read", "not_a_member", "", ""},
		} {
			d, err := w.members.Explain(t.Context(), w.acme.ID, w.subject(c.who), c.permission)
			if err != nil || d.Reason != c.reason || d.Rule != c.rule || d.Role != c.role || d.Allowed != (c.rule != "") || d.Tenant != "acme" || d.Permission != c.permission {
				t.Errorf("%s %s: %+v, %v", c.who, c.permission, d, err)
			}
			if m, err := w.members.Get(t.Context(), w.acme.ID, w.subject(c.who)); err == nil && c.permission != "tenant.enter" && m.Has(c.permission) != d.Allowed {
				t.Errorf("%s %s: decided otherwise", c.who, c.permission)
			}
		}
		for _, bad := range []string{"notes.*", "*", "notes", "", "notes.read.all", "Notes.read"} {
			if _, err := w.members.Explain(t.Context(), w.acme.ID, w.subject("owner"), bad); code(err) != "permission_unknown" {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

func TestExplainForStaffSaysWhatStandsBefore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		says := func(tenantName, subject, reason string) {
			t.Helper()
			d, err := w.members.ExplainFor(t.Context(), tenantName, subject, "notes.read")
			if err != nil || d.Allowed || d.Reason != reason || d.Rule != "" {
				t.Errorf("%+v, %v, want %s", d, err, reason)
			}
		}
		says("acme", "nobody", "not_a_member")
		says("acme", "\xff", "not_a_member")
		says(w.acme.ID.String(), w.subject("g-owner"), "not_a_member")
		w.Exec(`UPDATE account SET active = FALSE WHERE id = $1`, w.people["owner"].ID)
		says("acme", w.subject("owner"), "account_inactive")
		w.Exec(`UPDATE tenant SET active = FALSE`)
		says("acme", w.subject("owner"), "tenant_suspended")
		says("acme", "nobody", "tenant_suspended")
		for _, name := range []string{"nowhere", w.people["owner"].ID.String(), "", "\xff"} {
			if _, err := w.members.ExplainFor(t.Context(), name, w.subject("owner"), "notes.read"); code(err) != "tenant_not_found" {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

func TestPeopleExplainThemselvesAndReadersOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := "/tenants/acme/explain/?permission=notes.write"
		if a := w.Call(http.MethodGet, path, "", w.as("member", w.acme)); a.Status != http.StatusOK || a.JSON["allowed"] != false || a.JSON["reason"] != "not_granted" || a.JSON["role"] != "member" {
			t.Errorf("oneself: %s", a.Text)
		}
		if a := w.Call(http.MethodGet, path+"&account="+w.subject("member"), "", w.as("member", w.acme)); a.Status != http.StatusOK {
			t.Errorf("oneself by name: %s", a.Text)
		}
		a := w.Call(http.MethodGet, path+"&account="+w.subject("editor"), "", w.as("member", w.acme))
		refused(t, "another", a, http.StatusForbidden, "permission_required")
		if a := w.Call(http.MethodGet, path+"&account="+w.subject("editor"), "", w.as("admin", w.acme)); a.Status != http.StatusOK || a.JSON["rule"] != "notes.*" {
			t.Errorf("by an admin: %s", a.Text)
		}
		for _, query := range []string{"?permission=notes.read&permission=notes.write", "?permission=notes.read&acount=x", "?permission=%FF", "?%zz"} {
			refused(t, query, w.Call(http.MethodGet, "/tenants/acme/explain/"+query, "", w.as("admin", w.acme)), http.StatusBadRequest, "query_invalid")
		}
	})
}

func TestPermissionsAreThoseThatTheMemberHas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.give("member", "editor", "members.read", "tenant.read")
		a := w.Call(http.MethodGet, "/tenants/acme/permissions/", "", w.as("member", w.acme))
		if got := a.JSON["permissions"].([]any); a.JSON["role"] != "editor" || a.JSON["tenant"] != "acme" || !slices.Equal(got, []any{"members.read", "notes.*", "tenant.read"}) {
			t.Errorf("%s", a.Text)
		}
		w.ownRole("nothing")
		w.give("member", "nothing")
		if a := w.Call(http.MethodGet, "/tenants/acme/permissions/", "", w.as("member", w.acme)); a.Status != http.StatusOK || len(a.JSON["permissions"].([]any)) != 0 {
			t.Errorf("none: %s", a.Text)
		}
	})
}
