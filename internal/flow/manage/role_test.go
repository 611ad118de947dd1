package manage

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// single is the name of a role with one permission, and with seeing what that changes.
func single(permission string) string { return strings.ReplaceAll(permission, ".", "-") }

// eachRole is each with a role for every permission of staff.
func eachRole(t *testing.T, fn func(t *testing.T, w world)) {
	var all []role.Role
	for _, p := range role.StaffPermissions() {
		noun, _, _ := strings.Cut(p, ".")
		allowed := verifier.Permissions{p}
		if slices.Contains(role.StaffPermissions(), noun+".read") {
			allowed = append(allowed, noun+".read")
		}
		if noun == "permissions" {
			allowed = append(allowed, role.StaffReadTenants)
		}
		all = append(all, role.Role{Name: single(p), Permissions: allowed})
	}
	roles, err := role.NewStaff(all)
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, w world) {
		w.Service.Roles = roles
		fn(t, w)
	})
}

// needed is what staff need for each deed, superusers' own left out.
var needed = map[string]string{
	"disable": "accounts.manage", "enable": "accounts.manage", "sign out": "accounts.manage", "send reset": "accounts.manage", "unlock": "accounts.manage", "cancel": "accounts.manage",
	"attributes":    "accounts.manage",
	"end a session": "sessions.end", "retry": "mails.manage", "discard": "mails.manage", "export": "audit.read",
}

// duties are the deeds, and what else staff change or take away.
func (w world) duties() map[string]func(by Actor, of *account.Account) error {
	all := map[string]func(Actor, *account.Account) error{
		"end a session": func(by Actor, of *account.Account) error {
			return w.EndSession(w.ctx, by, w.World.Session(of.ID).SessionID)
		},
		"retry":   func(by Actor, _ *account.Account) error { return w.RetryMail(w.ctx, by, uuid.New()) },
		"discard": func(by Actor, _ *account.Account) error { return w.DiscardMail(w.ctx, by, uuid.New()) },
		"export":  func(by Actor, _ *account.Account) error { return w.ExportAudit(w.ctx, by, AuditQuery{}, io.Discard) },
	}
	for name, deed := range w.deeds() {
		all[name] = func(by Actor, of *account.Account) error { return deed(by, of.Subject) }
	}
	return all
}

// names reports whether a refusal names a permission.
func names(err error, permission string) bool {
	f, ok := fault.From(err)
	return ok && errors.Is(err, role.ErrDenied) && f.Next.Permission == permission
}

// Every duty with every role, asked by who says that they may do everything: the database is believed.
func TestEveryDutyNeedsItsPermissionAtTheMomentItIsDone(t *testing.T) {
	eachRole(t, func(t *testing.T, w world) {
		s := w.staff(t)
		lie := Actor{ID: s.member.ID, Staff: true, Superuser: true, permissions: verifier.Permissions(role.StaffPermissions())}
		for _, permission := range append(role.StaffPermissions(), "no role", "gone") {
			as := map[string]string{"no role": "", "gone": "gone"}[permission]
			if strings.Contains(permission, ".") {
				as = single(permission)
			}
			w.Exec("UPDATE account SET staff_role = $2 WHERE id = $1", s.member.ID, as)
			w.Exec("UPDATE account SET active = TRUE WHERE id = $1", s.person.ID)
			w.Clock.Advance(time.Hour) // what staff ask for is limited
			for name, duty := range w.duties() {
				err := duty(lie, s.person)
				switch want := needed[name]; {
				case want == "":
					if !errors.Is(err, ErrDenied) {
						t.Errorf("with %s, %s: %v", permission, name, err)
					}
				case w.Service.Roles.May(as, false, want):
					if err != nil && !errors.Is(err, jobs.ErrNotFound) && !errors.Is(err, ErrInactive) {
						t.Errorf("with %s, %s: %v", permission, name, err)
					}
				case !names(err, want):
					t.Errorf("with %s, %s: %v", permission, name, err)
				}
			}
		}
	})
}

func TestARefusedDutyChangesNothing(t *testing.T) {
	eachRole(t, func(t *testing.T, w world) {
		s := w.staff(t)
		theirs := w.World.Session(s.person.ID)
		w.Exec("UPDATE account SET staff_role = 'auditor' WHERE id = $1", s.member.ID)
		found, err := w.Find(w.ctx, s.member.Subject)
		if err != nil {
			t.Fatal(err)
		}
		auditor, was := w.ActorOf(found), w.ActorOf(s.member)
		for who, by := range map[string]Actor{"an auditor": auditor, "an auditor who was more": was} {
			for name, duty := range w.duties() {
				if name == "export" {
					continue // that is an auditor's
				}
				want := role.ErrDenied
				if needed[name] == "" {
					want = ErrDenied
				}
				w.refused(t, who+": "+name, want, func() error {
					if name == "end a session" {
						return w.EndSession(w.ctx, by, theirs.SessionID)
					}
					return duty(by, s.person)
				})
			}
		}
		before := w.state(t)
		for _, action := range BulkActions() {
			if _, err := w.Bulk(w.ctx, auditor, action, []string{s.person.Subject, "nobody"}); !names(err, role.StaffManageAccounts) {
				t.Errorf("an auditor: bulk %s: %v", action, err)
			}
			all, err := w.Bulk(w.ctx, was, action, []string{s.person.Subject})
			if err != nil || len(all) != 1 || !names(all[0].Err, role.StaffManageAccounts) {
				t.Errorf("an auditor who was more: bulk %s: %+v, %v", action, all, err)
			}
		}
		if w.state(t) != before || !w.Stands(theirs) {
			t.Error("something was done")
		}
	})
}

// Who may not act learns not even whether there is somebody to act upon.
func TestARefusalTellsNobodyWhoThereIs(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		w.Exec("UPDATE account SET staff_role = 'auditor' WHERE id = $1", s.member.ID)
		found, err := w.Find(w.ctx, s.member.Subject)
		if err != nil {
			t.Fatal(err)
		}
		for name, deed := range w.deeds() {
			want := role.ErrDenied
			if needed[name] == "" {
				want = ErrDenied
			}
			w.refused(t, name, want, func() error { return deed(w.ActorOf(found), "nobody") })
		}
		w.refused(t, "end a session", role.ErrDenied, func() error { return w.EndSession(w.ctx, w.ActorOf(found), uuid.New()) })
		w.refused(t, "retry", role.ErrDenied, func() error { return w.RetryMail(w.ctx, w.ActorOf(found), uuid.New()) })
	})
}

func TestReadingNeedsThePermissionToo(t *testing.T) {
	eachRole(t, func(t *testing.T, w world) {
		s := w.staff(t)
		w.World.Session(s.person.ID)
		reads := map[string]func(Actor) error{
			"accounts.read": func(by Actor) error { _, err := w.Search(w.ctx, by, Query{}); return err },
			"sessions.read": func(by Actor) error { _, err := w.Sessions(w.ctx, by, SessionQuery{}); return err },
			"audit.read":    func(by Actor) error { _, err := w.Audit(w.ctx, by, AuditQuery{}); return err },
			"mails.read":    func(by Actor) error { _, err := w.Service.Mails(w.ctx, by, MailQuery{}); return err },
		}
		for _, p := range role.StaffPermissions() {
			by := Actor{ID: s.member.ID, Staff: true, permissions: w.Service.Roles.Permissions(single(p))}
			for permission, read := range reads {
				if err := read(by); by.May(permission) != (err == nil) || err != nil && !names(err, permission) {
					t.Errorf("with %s, what needs %s: %v", p, permission, err)
				}
			}
			if _, err := w.Detail(w.ctx, by, s.person.Subject); by.May("accounts.read") != (err == nil) || err != nil && !names(err, "accounts.read") {
				t.Errorf("with %s, everything about a person: %v", p, err)
			}
			// What there is nothing of is told from what may not be seen.
			by.permissions = append(slices.Clone(by.permissions), "accounts.read")
			d, err := w.Detail(w.ctx, by, s.person.Subject)
			if err != nil || (d.Sessions != nil) != by.May("sessions.read") || (d.Events != nil) != by.May("audit.read") || (d.Mails != nil) != by.May("mails.read") {
				t.Errorf("with %s: %+v, %v", p, d, err)
			}
		}
		for name, by := range map[string]Actor{"nobody": {}, "a person": w.ActorOf(s.person), "who has a role and no rank": {permissions: verifier.Permissions(role.StaffPermissions())}} {
			for permission, read := range reads {
				if err := read(by); !errors.Is(err, ErrDenied) {
					t.Errorf("%s, what needs %s: %v", name, permission, err)
				}
			}
			if _, err := w.Detail(w.ctx, by, s.person.Subject); !errors.Is(err, ErrDenied) {
				t.Errorf("%s, everything about a person: %v", name, err)
			}
		}
	})
}

func TestARoleIsGivenAndWhoeverHasItSignsInAnew(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		yes, no := true, false
		as := func(name string) *string { return &name }
		for i, step := range []struct {
			r            Rank
			role         string
			staff, super bool
			stands       bool
		}{
			{Rank{Staff: &yes}, "operator", true, false, false}, // unless somebody says another
			{Rank{Role: as("support")}, "support", true, false, false},
			{Rank{Role: as("support")}, "support", true, false, true}, // is already
			{Rank{Staff: &yes}, "support", true, false, true},
			{Rank{Superuser: &yes}, "support", true, true, false},
			{Rank{Superuser: &no}, "support", true, false, false}, // not more than before
			{Rank{Staff: &no}, "", false, false, false},
			{Rank{Staff: &yes, Role: as("auditor")}, "auditor", true, false, false},
			{Rank{Staff: &no}, "", false, false, false},
			{Rank{Superuser: &yes, Role: as("auditor")}, "auditor", true, true, false},
		} {
			mine := w.World.Session(s.person.ID)
			a, err := w.SetRank(w.ctx, w.ActorOf(s.root), s.person.Subject, step.r)
			if err != nil || a.Staff != step.staff || a.Superuser != step.super || a.StaffRole != step.role || w.Stands(mine) != step.stands {
				t.Errorf("step %d: %+v, stands %t, %v", i, a, w.Stands(mine), err)
			}
			found, err := w.Find(w.ctx, s.person.Subject)
			if err != nil || found.StaffRole != step.role {
				t.Errorf("step %d: stored %q, %v", i, found.StaffRole, err)
			}
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'account.rank_changed' AND actor = $1 AND detail LIKE '%\"role\":\"support\"%'", s.root.ID.String()); n != 3 {
			t.Errorf("support was audited %d times", n)
		}
	})
}

func TestARoleThatCannotBeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		yes, no := true, false
		for _, name := range []string{"", "king", "Operator", "operator ", "*", "accounts.*", "superuser", strings.Repeat("a", 5000), "\x00"} {
			w.refused(t, "the role "+name[:min(len(name), 10)], role.ErrStaffRole, func() error {
				_, err := w.SetRank(w.ctx, operator, s.member.Subject, Rank{Staff: &yes, Role: &name})
				return err
			})
			if name != "" {
				w.refused(t, "an account with the role "+name[:min(len(name), 10)], role.ErrStaffRole, func() error {
					_, err := w.Create(w.ctx, New{Email: "new@example.com", Staff: true, StaffRole: name})
					return err
				})
			}
		}
		support := "support"
		for what, r := range map[string]Rank{"a person's role": {Role: &support}, "the role of who is no longer staff": {Staff: &no, Role: &support}} {
			w.refused(t, what, ErrRank, func() error { _, err := w.SetRank(w.ctx, operator, s.person.Subject, r); return err })
		}
		w.refused(t, "an account with a role and no rank", ErrRank, func() error {
			_, err := w.Create(w.ctx, New{Email: "new@example.com", StaffRole: support})
			return err
		})
		for _, by := range []Actor{w.ActorOf(s.member), w.ActorOf(s.colleague), {}} {
			w.refused(t, "staff giving a role", ErrDenied, func() error { _, err := w.SetRank(w.ctx, by, s.member.Subject, Rank{Role: &support}); return err })
		}
		if a := w.create(t, New{Email: "new@example.com", Staff: true, StaffRole: support}); a.StaffRole != support {
			t.Errorf("made with %q", a.StaffRole)
		}
		if a := w.create(t, New{Email: "other@example.com", Superuser: true}); a.StaffRole != role.Operator {
			t.Errorf("made with %q", a.StaffRole)
		}
	})
}

// Who had a role that is gone keeps nothing, through any change that does not name another.
func TestARoleThatIsGoneAllowsNothing(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		yes := true
		w.Exec("UPDATE account SET staff_role = 'gone' WHERE id = $1", s.member.ID)
		a, err := w.SetRank(w.ctx, operator, s.member.Subject, Rank{Staff: &yes})
		if err != nil || a.StaffRole != "gone" {
			t.Fatalf("%+v, %v", a, err)
		}
		by := w.ActorOf(a)
		for _, p := range role.StaffPermissions() {
			if by.May(p) {
				t.Errorf("it allows %s", p)
			}
		}
		w.refused(t, "unlock", role.ErrDenied, func() error { _, err := w.Unlock(w.ctx, by, s.person.Subject); return err })
	})
}

func TestTheAdminAPIShowsAndSetsStaffRoles(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		path := "/admin/accounts/" + w.person.Subject + "/"
		a := w.call(w.byRoot, "PATCH", path, `{"is_staff":true,"staff_role":"support"}`)
		if a.Status != http.StatusOK || a.JSON["staff_role"] != "support" {
			t.Errorf("%d %s", a.Status, a.Text)
		}
		if a := w.call(w.byRoot, "PATCH", path, `{"staff_role":"king"}`); a.Status != http.StatusBadRequest || a.Code != "staff_role_unknown" || !strings.Contains(a.Text, `"field":"staff_role"`) || strings.Contains(a.Text, "king") {
			t.Errorf("an unknown role: %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byRoot, "PATCH", path, `{"is_staff":false,"staff_role":"support"}`); a.Status != http.StatusBadRequest || a.Code != "rank_contradictory" {
			t.Errorf("a role without a rank: %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byRoot, "PATCH", "/admin/accounts/"+w.root.Subject+"/", `{"staff_role":"auditor"}`); a.Status != http.StatusOK || a.JSON["is_superuser"] != true {
			t.Errorf("a superuser's own role: %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byStaff, "PATCH", "/admin/accounts/"+w.member.Subject+"/", `{"staff_role":"operator"}`); a.Status != http.StatusForbidden || a.Code != "access_denied" {
			t.Errorf("staff giving themselves a role: %d %s", a.Status, a.Code)
		}
		if a := w.call(w.byStaff, "GET", "/admin/accounts/?prefix=person", ""); strings.Count(a.Text, `"staff_role":"support"`) != 1 {
			t.Errorf("the list shows %s", a.Text)
		}
	})
}

func TestTheAdminAPITellsWhatMayNotBeSeenFromWhatThereIsNot(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		path := "/admin/accounts/" + w.person.Subject + "/"
		seen := func(a domaintest.Answer) (all []string) {
			for _, part := range []string{"sessions", "events", "mails"} {
				if a.JSON[part] != nil {
					all = append(all, part)
				}
			}
			return all
		}
		if a := w.call(w.byStaff, "GET", path, ""); a.Status != http.StatusOK || len(seen(a)) != 3 {
			t.Errorf("an operator sees %v", seen(a))
		}
		w.Exec("UPDATE account SET staff_role = 'support' WHERE id = $1", w.member.ID)
		a := w.call(w.byStaff, "GET", path, "")
		if a.Status != http.StatusOK || !slices.Equal(seen(a), []string{"sessions", "mails"}) {
			t.Errorf("support sees %s", a.Text)
		}
		if a := w.call(w.byStaff, "GET", "/admin/audit/", ""); a.Status != http.StatusForbidden || a.Code != "staff_permission_required" || a.JSON["permission"] != "audit.read" {
			t.Errorf("support reads the audit: %d %s", a.Status, a.Text)
		}
		var none session.Bearer
		if a := w.client.Call("GET", path, "", domaintest.Bearer(none)); a.Status != http.StatusUnauthorized {
			t.Errorf("nobody: %d", a.Status)
		}
	})
}
