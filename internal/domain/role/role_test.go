package role

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

func set(t *testing.T, declared []string, roles ...Role) *Set {
	t.Helper()
	s, err := NewSet(declared, roles)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBuiltInRolesHoldWhatTheirNamesSay(t *testing.T) {
	s := set(t, []string{"notes.read"})
	all := s.Declared()
	for name, may := range map[string]func(permission string) bool{
		Owner:  func(string) bool { return true },
		Admin:  func(p string) bool { return p != DeleteTenant && p != "notes.read" },
		Member: func(p string) bool { return p == ReadTenant },
	} {
		r, ok := s.Find(name)
		if !ok || !r.Common {
			t.Fatalf("there is no %s", name)
		}
		for _, p := range all {
			if r.Permissions.Has(p) != may(p) {
				t.Errorf("%s and %s: %v", name, p, r.Permissions.Has(p))
			}
		}
	}
	if names := s.Roles(); len(names) != 3 || names[0].Name != Owner {
		t.Errorf("roles %v", names)
	}
	if _, ok := s.Find("editor"); ok {
		t.Error("there is one that nobody made")
	}
}

func TestConfiguredRolesAreNewOrAddToThose(t *testing.T) {
	s := set(t, []string{"notes.read", "notes.write"}, Role{Name: "editor", Permissions: verifier.Permissions{"notes.*", "members.read"}}, Role{Name: Member, Permissions: verifier.Permissions{"notes.read"}}, Role{Name: "guest"})
	for name, want := range map[string]string{"editor": "notes.* members.read", Member: "tenant.read notes.read", "guest": ""} {
		if r, ok := s.Find(name); !ok || Join(r.Permissions) != want || !r.Common {
			t.Errorf("%s: %q", name, Join(r.Permissions))
		}
	}
	s.Roles()[0].Name = "changed"
	if _, ok := s.Find(Owner); !ok {
		t.Error("its reader changed it")
	}
	if other := set(t, nil); slices.ContainsFunc(other.Roles(), func(r Role) bool { return r.Permissions.Has("notes.read") && r.Name != Owner }) {
		t.Error("two sets share a role")
	}
}

func TestNewSetReportsEveryProblem(t *testing.T) {
	for _, declared := range []string{"", "notes", "notes.*", "*", "*.read", "Notes.read", "notes.Read", "notes read", "notes.read.all", ".read", "notes.", "nötes.read", "1notes.read", "tenant.read", "tenant.fly", "members.fly", "roles.fly", "audit.fly", "notes." + strings.Repeat("x", 64)} {
		if _, err := NewSet([]string{"bills.pay", declared}, nil); err == nil || !strings.Contains(err.Error(), "permission ") {
			t.Errorf("%q is declared: %v", declared, err)
		}
	}
	for name, r := range map[string]Role{
		"owner":           {Name: Owner, Permissions: verifier.Permissions{"notes.read"}},
		"upper case":      {Name: "Editor"},
		"one letter":      {Name: "e"},
		"none":            {},
		"too long":        {Name: strings.Repeat("e", 33)},
		"everything":      {Name: "editor", Permissions: verifier.Permissions{Everything}},
		"not declared":    {Name: "editor", Permissions: verifier.Permissions{"bills.pay"}},
		"no such noun":    {Name: "editor", Permissions: verifier.Permissions{"bills.*"}},
		"half a noun":     {Name: "editor", Permissions: verifier.Permissions{"note.*"}},
		"entering":        {Name: "editor", Permissions: verifier.Permissions{Enter}},
		"too many":        {Name: "editor", Permissions: slices.Repeat(verifier.Permissions{"notes.read"}, MaxEntries+1)},
		"several at once": {Name: "editor", Permissions: verifier.Permissions{"notes.read notes.write"}},
	} {
		if _, err := NewSet([]string{"notes.read", "notes.write"}, []Role{r}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	_, err := NewSet([]string{"one", "two"}, []Role{{Name: "X"}, {Name: Owner}})
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not every problem: %v", err)
	}
}

func TestOnlyWhatIsDeclaredCanBeGiven(t *testing.T) {
	s := set(t, []string{"notes.read", "notes.write"})
	for entry, ok := range map[string]bool{
		"notes.read": true, "notes.*": true, "tenant.delete": true, "members.*": true, "audit.read": true, "bills.pay": true, "bills.*": true,
		"bills.read": false, "note.*": false, "notes.delete": false, "*": false, "": false, "notes": false, "notes.r*": false, "tenant.enter": false, "audit.write": false,
	} {
		if err := s.Check(entry, []string{"bills.pay"}); (err == nil) != ok {
			t.Errorf("%q: %v", entry, err)
		}
	}
	if err := s.Check("bills.*", nil); err == nil {
		t.Error("a noun that nobody declared can be given")
	}
}

func TestPermissionsAreReadAsTheyWereStored(t *testing.T) {
	for _, p := range []verifier.Permissions{{}, {"notes.read"}, {"members.*", "notes.read"}} {
		for _, stored := range []any{Join(p), []byte(Join(p))} {
			got := verifier.Permissions{"before"}
			if err := Stored(&got).Scan(stored); err != nil || got == nil || !slices.Equal(got, p) {
				t.Errorf("%v became %v, %v", p, got, err)
			}
		}
	}
	got := verifier.Permissions{"before"}
	if err := Stored(&got).Scan(nil); err != nil || got != nil {
		t.Errorf("nothing became %v, %v", got, err)
	}
	if err := Stored(&got).Scan(7); err == nil {
		t.Errorf("a number became %v", got)
	}
}
