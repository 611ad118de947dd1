package role

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Requirement 58: what a role gives and what is given directly, against every question: one permission,
// all of several, any of them, and every verb of a noun.
func TestMatrixOfRolesAndDirectPermissions(t *testing.T) {
	s := set(t, []string{"notes.read", "notes.write", "bills.pay"}, Role{Name: "editor", Permissions: verifier.Permissions{"notes.*"}}, Role{Name: "reader", Permissions: verifier.Permissions{"notes.read"}}, Role{Name: "guest"})
	all := append(s.Declared(), "notes.delete") // which nobody declared
	directs := map[string]verifier.Permissions{"none": nil, "one": {"notes.write"}, "a noun": {"bills.*"}, "two": {"notes.read", "bills.pay"}}
	for _, r := range s.Roles() {
		for name, direct := range directs {
			g := s.Grant(uuid.Nil, "acme", r.Name, nil, direct)
			for _, p := range all {
				byRole, besides := allows(r.Permissions, p), allows(direct, p)
				if g.Has(p) != (byRole || besides) || g.Permissions().Has(p) != g.Has(p) {
					t.Errorf("%s, %s: %s is %v", r.Name, name, p, g.Has(p))
				}
				want := Decision{Allowed: byRole || besides, Permission: p, Tenant: "acme", Role: r.Name, Reason: map[bool]string{true: Directly, false: NotGranted}[besides]}
				if byRole {
					want.Reason = ByRole
				}
				got := g.Explain(p)
				if rule := got.Rule; want.Allowed != allows(verifier.Permissions{rule}, p) || want.Allowed && !slices.Contains(slices.Concat(r.Permissions, direct), rule) {
					t.Errorf("%s, %s: %s by %q", r.Name, name, p, rule)
				}
				if got.Rule = ""; got != want {
					t.Errorf("%s, %s: %s is explained by %+v", r.Name, name, p, got)
				}
			}
			for _, one := range all {
				for _, other := range all {
					a, b, held := g.Has(one), g.Has(other), g.Permissions()
					if held.HasAll(one, other) != (a && b) || held.HasAny(one, other) != (a || b) {
						t.Errorf("%s, %s: of %s and %s all %v, any %v", r.Name, name, one, other, held.HasAll(one, other), held.HasAny(one, other))
					}
				}
			}
		}
	}
}

// allows decides as a reader of the documentation would.
func allows(entries []string, permission string) bool {
	return slices.ContainsFunc(entries, func(e string) bool {
		noun := permission[:slices.Index([]byte(permission), '.')]
		return e == permission || e == "*" || e == noun+".*"
	})
}

func TestWhatIsNoPermissionIsNeverHad(t *testing.T) {
	s := set(t, []string{"notes.read"})
	owner := s.Grant(uuid.Nil, "acme", Owner, nil, nil)
	for _, p := range []string{"", "*", "notes", "notes.", ".read", "notes.*", "notes.re*"} {
		if owner.Has(p) || owner.Explain(p).Allowed {
			t.Errorf("an owner has %q", p)
		}
	}
	var nobody Grant
	if nobody.Has("notes.read") || nobody.Covers("notes.read") || nobody.Explain("notes.read").Allowed || len(nobody.Permissions()) != 0 {
		t.Error("the zero Grant may do something")
	}
}

// What the members of a tenant's own role may do is decided in the tenant: a file that nobody there has seen
// gives and takes nothing.
func TestATenantsOwnRoleKeepsItsMeaning(t *testing.T) {
	s := set(t, []string{"notes.read", "notes.write"}, Role{Name: "clerk", Permissions: verifier.Permissions{"notes.write"}})
	own := verifier.Permissions{"notes.read"}
	if g := s.Grant(uuid.Nil, "acme", "guide", own, nil); !g.Has("notes.read") {
		t.Error("its permissions do not count")
	}
	if g := s.Grant(uuid.Nil, "acme", "clerk", own, nil); !g.Has("notes.read") || g.Has("notes.write") {
		t.Errorf("beside one of the configuration it gives %v", g.Permissions())
	}
	if g := s.Grant(uuid.Nil, "acme", "clerk", verifier.Permissions{}, nil); len(g.Permissions()) != 0 {
		t.Errorf("one that holds nothing gives %v", g.Permissions())
	}
	if g := s.Grant(uuid.Nil, "globex", "clerk", nil, nil); !g.Has("notes.write") {
		t.Error("where a tenant has none, that of the configuration does not count")
	}
	for _, name := range []string{Owner, Admin, Member} {
		common, _ := s.Find(name)
		if r, ok := s.Resolve(name, own); !ok || !r.Common || !slices.Equal(r.Permissions, common.Permissions) {
			t.Errorf("%s means %v", name, r.Permissions)
		}
	}
	if r, ok := s.Resolve("clerk", own); !ok || r.Common || r.Name != "clerk" {
		t.Errorf("it is %+v", r)
	}
	if r, ok := s.Resolve("gone", nil); ok {
		t.Errorf("there is %+v", r)
	}
	if g := s.Grant(uuid.Nil, "acme", "gone", nil, verifier.Permissions{"audit.read"}); g.Has("notes.read") || !g.Has("audit.read") {
		t.Error("a role that is gone gives something, or takes away")
	}
}

// Nobody gives more than they have: an entry, a role, or command over whoever has it.
func TestNobodyGivesMoreThanTheyHave(t *testing.T) {
	grants := map[string]verifier.Permissions{
		"owner": {Everything}, "wildcard": {"notes.*", "members.manage"}, "single": {"notes.read", "notes.write", "members.manage"}, "nothing": nil,
	}
	for entry, givers := range map[string][]string{
		"notes.read": {"owner", "single", "wildcard"}, "notes.*": {"owner", "wildcard"}, "members.manage": {"owner", "single", "wildcard"}, "members.*": {"owner"},
		"notes.delete": {"owner", "wildcard"}, "tenant.delete": {"owner"}, Everything: {"owner"},
	} {
		for name, held := range grants {
			other := Grant{FromRole: verifier.Permissions{entry}}
			otherDirect := Grant{Direct: verifier.Permissions{entry}}
			want := slices.Contains(givers, name)
			for by, g := range map[string]Grant{"by role": {FromRole: held}, "directly": {Direct: held}, "by both": {FromRole: held[:len(held)/2], Direct: held[len(held)/2:]}} {
				if g.Covers(entry) != want || g.Gives(Role{Permissions: verifier.Permissions{entry}}) != want || g.Commands(other) != want || g.Commands(otherDirect) != want {
					t.Errorf("%s, %s, and %s: covers %v, gives %v, commands %v and %v, want %v", name, by, entry, g.Covers(entry), g.Gives(Role{Permissions: verifier.Permissions{entry}}), g.Commands(other), g.Commands(otherDirect), want)
				}
			}
		}
	}
	single := Grant{FromRole: grants["single"]}
	if single.Gives(Role{Permissions: verifier.Permissions{"notes.read", "audit.read"}}) || single.Commands(Grant{FromRole: verifier.Permissions{"notes.read"}, Direct: verifier.Permissions{"audit.read"}}) {
		t.Error("one of two is enough")
	}
	if !single.Gives(Role{Name: "guest"}) || !single.Commands(Grant{Role: "guest"}) {
		t.Error("nothing cannot be given")
	}
}

func TestAGrantNamesEachPermissionOnce(t *testing.T) {
	g := Grant{FromRole: verifier.Permissions{"notes.write", "notes.read"}, Direct: verifier.Permissions{"notes.read", "audit.read"}}
	if got := g.Permissions(); !slices.Equal(got, verifier.Permissions{"audit.read", "notes.read", "notes.write"}) {
		t.Errorf("%v", got)
	}
	if g.FromRole[0] != "notes.write" {
		t.Error("its reader sorted it")
	}
}
