package govern_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

func TestWhatStaffDoIsAuditedWithActorAndTenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := acting(t.Context(), "a member of staff")
		made, err := w.service.Create(ctx, "Beta Works", "", w.owner.Subject)
		w.must(err)
		if made.Slug != "beta-works" {
			t.Errorf("the slug is %s", made.Slug)
		}
		w.must2(w.service.Change(ctx, tenant.ByStaff(), "beta-works", func(s *tenant.Settings) { s.Slug = "beta" }))
		w.must2(w.service.AddMember(ctx, tenant.ByStaff(), "beta", w.person.Subject, role.Member))
		admin := role.Admin
		w.must2(w.service.ChangeMember(ctx, tenant.ByStaff(), "beta", w.person.Subject, member.Change{Role: &admin, Direct: &[]string{"notes.read"}}))
		w.must2(w.service.Suspend(ctx, "beta", "  the bill\n is not paid "))
		w.must2(w.service.Suspend(ctx, "beta", "the bill is still not paid"))
		w.must2(w.service.Resume(ctx, made.ID.String(), "the bill is paid now"))
		w.must(w.service.RemoveMember(ctx, "beta", w.person.Subject))
		w.must(w.service.Delete(ctx, "beta", "beta", "they asked us in writing"))
		var kinds []string
		for _, e := range append(w.events("tenant."), w.events("member.")...) {
			if e.actor != "a member of staff" || e.tenant != made.ID {
				t.Errorf("%s: by %q in %s", e.kind, e.actor, e.tenant)
			}
			kinds = append(kinds, strings.TrimSpace(e.kind+" "+e.reason))
		}
		want := []string{"tenant.created", "tenant.changed", "tenant.suspended the bill is not paid", "tenant.resumed the bill is paid now", "tenant.deleted they asked us in writing"}
		if got := kinds[:min(len(want), len(kinds))]; !slices.Equal(got, want) {
			t.Errorf("audited %q", got)
		}
		for _, kind := range []string{"member.joined", "member.role_changed", "member.permissions_changed", "member.removed"} {
			if !slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(k, kind) }) {
				t.Errorf("%s is not audited: %q", kind, kinds)
			}
		}
	})
}

func TestWhatStaffDoToDomainsAndInvitationsIsTheirs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := acting(t.Context(), "a member of staff")
		w.claims("acme.example")
		w.must2(w.service.VerifyDomain(ctx, "acme", "acme.example"))
		w.must(w.service.RemoveDomain(ctx, "acme.example", "ACME.example", "  another has\n shown it "))
		w.must(w.service.RevokeInvitation(ctx, "acme", w.invites("guest@example.com")))
		for kind, reason := range map[string]string{"domain.verified": "", "domain.removed": "another has shown it", "invitation.revoked": ""} {
			if got := w.events(kind); !slices.Equal(got, []event{{kind, "a member of staff", reason, w.acme.ID}}) {
				t.Errorf("audited %+v", got)
			}
		}
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE actor = 'a member of staff' AND detail LIKE '%"by":"member"%'`); n != 0 {
			t.Error("it is said to be a member's doing")
		}
	})
}

func TestASuspendedTenantLetsNobodyIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		enter := func() error {
			_, err := tenant.Enter(t.Context(), w.DB.DB, w.Roles, w.owner.ID, "acme")
			return err
		}
		w.must(enter())
		suspended, err := w.service.Suspend(t.Context(), "acme", "the bill is not paid")
		if err != nil || suspended.Active || !errors.Is(enter(), tenant.ErrNotMember) {
			t.Errorf("suspended: %v, %v", err, enter())
		}
		resumed, err := w.service.Resume(t.Context(), "acme", "the bill is paid now")
		if err != nil || !resumed.Active || enter() != nil {
			t.Errorf("resumed: %v, %v", err, enter())
		}
		if !w.Stands(w.byOwner) {
			t.Error("the owner was signed out")
		}
	})
}

// A tenant whose last owner is gone for good is handed to another.
func TestStaffNameAnOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.must2(w.service.AddMember(t.Context(), tenant.ByStaff(), "acme", w.person.Subject, role.Owner))
		w.must(w.service.RemoveMember(t.Context(), "acme", w.owner.Subject))
		if err := w.service.RemoveMember(t.Context(), "acme", w.person.Subject); !errors.Is(err, tenant.ErrLastOwner) {
			t.Errorf("the last owner: %v", err)
		}
		page, err := w.service.Members(t.Context(), "acme", member.Query{})
		if err != nil || len(page.Members) != 1 || page.Members[0].Subject != w.person.Subject || page.Members[0].Role != role.Owner {
			t.Errorf("members: %+v, %v", page, err)
		}
	})
}

func TestDeletingWantsTheSlugOnceMoreAndAReason(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const why = "they asked us in writing"
		for _, typed := range []string{"", "ACME", w.acme.ID.String()} {
			if err := w.service.Delete(t.Context(), "acme", typed, why); !errors.Is(err, tenancy.ErrTyped) {
				t.Errorf("%q: %v", typed, err)
			}
		}
		for _, reason := range []string{"", "because", strings.Repeat("x", 301)} {
			if err := w.service.Delete(t.Context(), "acme", "acme", reason); !errors.Is(err, audit.ErrReason) {
				t.Errorf("because of %q: %v", reason, err)
			}
		}
		w.must(w.service.Delete(t.Context(), w.acme.ID.String(), "acme", why))
		if _, err := w.service.Find(t.Context(), "acme"); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestPermissionsAreDeclaredWhileRunning(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := acting(t.Context(), "a member of staff")
		give := func() error {
			_, err := w.service.ChangeMember(ctx, tenant.ByStaff(), "acme", w.owner.Subject, member.Change{Direct: &[]string{"files.read"}})
			return err
		}
		if err := give(); !errors.Is(err, role.ErrPermission) {
			t.Errorf("given before it was declared: %v", err)
		}
		w.must(w.service.Declare(ctx, "files.read", " See <files> "))
		w.must(give())
		for range 2 { // an application declares its own whenever it starts
			w.must(w.service.Declare(ctx, "files.read", "See files"))
		}
		w.must(w.service.Declare(ctx, "notes.read", "See notes"))
		if got := w.events("permission."); len(got) != 3 || got[0].actor != "a member of staff" {
			t.Errorf("audited %+v", got)
		}
		all, err := w.service.Permissions(ctx)
		w.must(err)
		var got []string
		for _, p := range all {
			if p.Source != govern.BuiltIn {
				got = append(got, fmt.Sprint(p.Name, " ", p.Source, " ", p.Description, " ", !p.DeclaredAt.IsZero()))
			}
		}
		if want := []string{"files.read declared See files true", "notes.read configuration See notes true", "notes.write configuration  false"}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		w.must(w.service.Withdraw(ctx, "files.read"))
		if err := w.service.Withdraw(ctx, "files.read"); !errors.Is(err, govern.ErrUndeclared) {
			t.Errorf("withdrawn twice: %v", err)
		}
		if got := w.events("permission.withdrawn"); len(got) != 1 {
			t.Errorf("audited %+v", got)
		}
	})
}

func TestDeclaringRefusesWhatIsNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, name := range []string{"", "files", "files.*", "*", "Files.read", "tenant.read", "members.cook", "a.b.c", "files.read ", "files.\x00", strings.Repeat("a", 60) + ".read"} {
			if err := w.service.Declare(t.Context(), name, ""); !errors.Is(err, role.ErrPermission) {
				t.Errorf("%q: %v", name, err)
			}
			if err := w.service.Withdraw(t.Context(), name); !errors.Is(err, govern.ErrUndeclared) {
				t.Errorf("withdrawing %q: %v", name, err)
			}
		}
		for _, text := range []string{strings.Repeat("ä", 201), "two\nlines", "\xff", "a\x00b", "a\u202eb"} {
			if err := w.service.Declare(t.Context(), "files.read", text); !errors.Is(err, govern.ErrDescription) {
				t.Errorf("described as %q: %v", text, err)
			}
		}
		w.must(w.service.Declare(t.Context(), "files.read", strings.Repeat("ä", 200)))
		// One more than can be is one too many; describing one that is there is not.
		var rows []string
		for i := range govern.MaxDeclared - 1 {
			rows = append(rows, fmt.Sprintf("('n%04d.read', '', 1)", i))
		}
		w.Exec("INSERT INTO declared_permission (name, description, created_at) VALUES " + strings.Join(rows, ", "))
		if err := w.service.Declare(t.Context(), "files.write", ""); !errors.Is(err, govern.ErrTooMany) {
			t.Errorf("one too many: %v", err)
		}
		w.must(w.service.Declare(t.Context(), "files.read", "See files"))
		if n := w.Count("SELECT count(*) FROM declared_permission"); n != govern.MaxDeclared {
			t.Errorf("%d are declared", n)
		}
	})
}

// Deleting any tenant is for superusers. Staff who could make themselves its owner, or somebody who is in
// league with them, could do so all the same.
func TestStaffNameNoOwnerWhereThereIsOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const members, refused = "/admin/tenants/acme/members/", "403 ownership_protected"
		w.Exec("INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, 'boss', 'notes.read tenant.delete', 1)", w.acme.ID)
		send := func(by session.Bearer, method, path, body string) string {
			a := w.call(by, method, path, body)
			return strings.TrimSpace(fmt.Sprint(a.Status, " ", a.Code))
		}
		is := func(by session.Bearer, method, path, body, want string) {
			t.Helper()
			if got := send(by, method, path, body); got != want {
				t.Errorf("%s %s %s: %s, want %s", method, path, body, got, want)
			}
		}
		for _, as := range []string{"owner", "boss"} {
			is(w.byOperator, "POST", members, `{"account":"`+w.person.Subject+`","role":"`+as+`"}`, refused)
		}
		w.Join(w.acme, w.person.ID, role.Member)
		one := members + w.person.Subject + "/"
		for _, change := range []string{`{"role":"owner"}`, `{"role":"boss"}`, `{"permissions":["tenant.delete"]}`, `{"permissions":["notes.read","tenant.*"]}`, `{"role":"admin","permissions":["tenant.delete"]}`} {
			is(w.byOperator, "PATCH", one, change, refused)
		}
		is(w.byOperator, "PATCH", "/admin/tenants/acme/", `{"policy":{"join_role":"boss"}}`, refused)
		if m, err := w.service.Member(t.Context(), w.acme.ID, w.person.Subject); err != nil || m.Role != role.Member || len(m.Direct) != 0 {
			t.Errorf("refused, and they are %+v, %v", m, err)
		}
		for _, kind := range []string{"member.change_refused", "tenant.change_refused"} {
			if got := w.events(kind); len(got) == 0 || got[0].reason != "ownership_protected" || got[0].tenant != w.acme.ID {
				t.Errorf("%s: %+v", kind, got)
			}
		}
		// What lets nobody delete it is theirs as before, also for who can already.
		is(w.byOperator, "PATCH", one, `{"role":"admin","permissions":["notes.read"]}`, "200")
		is(w.byOperator, "PATCH", "/admin/tenants/acme/", `{"policy":{"join_role":"member"}}`, "200")
		is(w.byRoot, "PATCH", one, `{"role":"boss"}`, "200")
		is(w.byOperator, "PATCH", one, `{"permissions":["tenant.delete"]}`, "200")
		is(w.byOperator, "PATCH", one, `{"role":"owner"}`, refused)
		is(w.byRoot, "PATCH", one, `{"role":"owner"}`, "200")
		is(w.byOperator, "PATCH", one, `{"role":"admin","permissions":[]}`, "200")

		// A tenant that lost its owners is why staff may name one.
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", w.owner.ID)
		is(w.byOperator, "PATCH", one, `{"role":"owner"}`, "200")
		other := w.Account("other@example.com", "")
		is(w.byOperator, "POST", members, `{"account":"`+other.Subject+`","role":"owner"}`, refused)
		is(w.byRoot, "POST", members, `{"account":"`+other.Subject+`","role":"owner"}`, "201")
	})
}

func TestStaffChangeNothingOfTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for by, want := range map[*session.Bearer]string{&w.byOperator: "403 own_membership", &w.byRoot: ""} {
			var a *account.Account
			w.must(w.DB.InTx(t.Context(), func(tx *db.Tx) (err error) {
				a, err = account.Find(t.Context(), tx, by.AccountID)
				return err
			}))
			for _, owned := range []string{"TRUE", "FALSE"} { // whether there is an owner or not
				w.Exec("UPDATE account SET active = "+owned+" WHERE id = $1", w.owner.ID)
				one := "/admin/tenants/acme/members/" + a.Subject + "/"
				for _, change := range [][3]string{{"POST", "/admin/tenants/acme/members/", `{"account":"` + a.Subject + `","role":"member"}`}, {"PATCH", one, `{"role":"admin"}`}, {"PATCH", one, `{"permissions":["notes.read"]}`}} {
					if change[0] == "PATCH" && w.Count("SELECT count(*) FROM membership WHERE account_id = $1", a.ID) == 0 {
						w.Join(w.acme, a.ID, role.Member)
					}
					answer := w.call(*by, change[0], change[1], change[2])
					if got := strings.TrimSpace(fmt.Sprint(answer.Status, " ", answer.Code)); want == "" && answer.Status >= 300 || want != "" && got != want {
						t.Errorf("%s %s %s: %s, want %q", change[0], change[1], change[2], got, want)
					}
				}
				w.must(w.service.RemoveMember(t.Context(), "acme", a.Subject))
			}
		}
		if got := w.events("member.change_refused"); len(got) == 0 || got[0].reason != "own_membership" {
			t.Errorf("audited %+v", got)
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'member.role_changed'"); n != 2 {
			t.Errorf("roles changed %d times", n)
		}
	})
}

// Nobody is nobody: an actor that a route forgot to name may do nothing.
func TestAnOfficerWithoutAnAccountMayDoNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if _, err := w.service.AddMember(t.Context(), tenant.ByOfficer(account.ID{}), "acme", w.person.Subject, role.Member); !errors.Is(err, tenant.ErrPermission) {
			t.Errorf("added: %v", err)
		}
	})
}
