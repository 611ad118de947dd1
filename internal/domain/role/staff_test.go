package role

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

func staffOf(t *testing.T, roles ...Role) *Staff {
	t.Helper()
	s, err := NewStaff(roles)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStaffMayWhatTheirRoleSays(t *testing.T) {
	s := staffOf(t, Role{Name: "post-room", Permissions: verifier.Permissions{"mails.*"}})
	for name, want := range map[string]string{
		Operator: "console.read accounts.read accounts.manage sessions.read sessions.end audit.read mails.read mails.manage templates.read templates.test keys.read " +
			"tenants.read tenants.manage permissions.manage",
		"support":   "console.read accounts.read accounts.manage sessions.read sessions.end mails.read tenants.read",
		"auditor":   "console.read accounts.read sessions.read audit.read mails.read templates.read keys.read settings.read tenants.read",
		"post-room": "console.read mails.read mails.manage",
		"":          "", "gone": "", "*": "", "accounts.*": "",
	} {
		for _, p := range append(StaffPermissions(), "accounts.erase", "*", "accounts.*", "", "accounts") {
			if got, may := s.May(name, false, p), slices.Contains(strings.Fields(want), p) || name == "support" && p == "accounts.erase"; got != may {
				t.Errorf("%q, %s: %t", name, p, got)
			}
		}
	}
	for _, name := range []string{"", "gone", "auditor"} {
		for _, p := range StaffPermissions() {
			if !s.May(name, true, p) {
				t.Errorf("a superuser with the role %q may not %s", name, p)
			}
		}
	}
}

func TestThereAreOnlyTheRolesThatWereNamed(t *testing.T) {
	s := staffOf(t, Role{Name: "desk"})
	for name, known := range map[string]bool{Operator: true, "support": true, "auditor": true, "desk": true, "": false, "Desk": false, "desk ": false, "superuser": false} {
		if err := s.Check(name); (err == nil) != known || err != nil && !errors.Is(err, ErrStaffRole) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if got := s.Roles()[0].Name; got != Operator {
		t.Errorf("the first is %q", got)
	}
}

func TestARoleOfStaffThatCannotBeMeantIsRefused(t *testing.T) {
	for name, r := range map[string]Role{
		"no name":                    {},
		"a name that is no name":     {Name: "Desk"},
		"a built-in one":             {Name: "support", Permissions: verifier.Permissions{"accounts.read"}},
		"everything":                 {Name: "desk", Permissions: verifier.Permissions{"*"}},
		"every noun":                 {Name: "desk", Permissions: verifier.Permissions{"*.read"}},
		"a noun alone":               {Name: "desk", Permissions: verifier.Permissions{"accounts"}},
		"an unknown noun":            {Name: "desk", Permissions: verifier.Permissions{"notes.*"}},
		"an unknown verb":            {Name: "desk", Permissions: verifier.Permissions{"accounts.read", "accounts.erase"}},
		"half a noun":                {Name: "desk", Permissions: verifier.Permissions{"acc*"}},
		"to change without to see":   {Name: "desk", Permissions: verifier.Permissions{"accounts.manage", "sessions.read"}},
		"to declare without to see":  {Name: "desk", Permissions: verifier.Permissions{"permissions.manage"}},
		"to end without to see":      {Name: "desk", Permissions: verifier.Permissions{"sessions.end"}},
		"a permission over a tenant": {Name: "desk", Permissions: verifier.Permissions{"members.manage"}},
	} {
		if _, err := NewStaff([]Role{r}); err == nil {
			t.Errorf("%s: %+v is taken", name, r)
		}
	}
	_, err := NewStaff([]Role{{Name: "one", Permissions: verifier.Permissions{"notes.read"}}, {Name: "two", Permissions: verifier.Permissions{"mails.manage"}}, {Name: "two"}})
	if err == nil || strings.Count(err.Error(), "staff role") != 3 {
		t.Errorf("not every problem is told: %v", err)
	}
	staffOf(t, Role{Name: "desk", Permissions: verifier.Permissions{"permissions.manage", "tenants.read", "accounts.*", "console.read"}})
}
