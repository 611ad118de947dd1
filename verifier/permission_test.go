package verifier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

func TestPermissionsMatrix(t *testing.T) {
	type asked map[string]bool
	for _, c := range []struct {
		held []string
		has  asked
	}{
		{nil, asked{"notes.read": false, "*": false, "": false}},
		{[]string{""}, asked{"": false, "notes.read": false, ".": false}},
		{[]string{"notes.read"}, asked{
			"notes.read": true, "notes.write": false, "note.read": false, "notes.rea": false, "notes.reads": false, "notes": false, "notes.": false, ".read": false,
			"Notes.read": false, "notes.READ": false, "notes.*": false, "*": false, " notes.read": false, "notes.read ": false,
		}},
		{[]string{"notes.*"}, asked{
			"notes.read": true, "notes.x": true, "notes.": false, "notes": false, "notes.*": false, "note.read": false, "notess.read": false, "xnotes.read": false, "*": false, "notes.r*": false,
		}},
		{[]string{"*"}, asked{"notes.read": true, "a.b": true, "notes": false, "": false, "*": false, "notes.*": false, "*.read": false, ".": false}},
		{[]string{"bills.pay", "notes.*", "notes.read"}, asked{"bills.pay": true, "bills.read": false, "notes.read": true, "notes.drop": true}},
		// What no permission looks like allows nothing beyond itself.
		{[]string{"notes.**", "**", "*.read", "*.*", "notes*", "notes", ".*", "n.*"}, asked{"notes.read": false, "bills.read": false, "n.read": true}},
	} {
		p := verifier.Permissions(c.held)
		for permission, want := range c.has {
			entry, granted := p.Grants(permission)
			if got := p.Has(permission); got != want || granted != want || granted != slices.Contains(c.held, entry) && want {
				t.Errorf("%q has %q: %v, by %q", c.held, permission, got, entry)
			}
			if p.HasAll(permission) != want || p.HasAny(permission) != want {
				t.Errorf("%q: HasAll or HasAny of %q alone is not what Has says", c.held, permission)
			}
		}
	}
}

func TestPermissionsAllAndAny(t *testing.T) {
	p := verifier.Permissions{"notes.*", "bills.pay"}
	for _, c := range []struct {
		asked    []string
		all, any bool
	}{
		{nil, false, false}, // nothing asked is nothing decided
		{[]string{"notes.read", "bills.pay"}, true, true},
		{[]string{"notes.read", "bills.read"}, false, true},
		{[]string{"bills.read", "notes.read"}, false, true},
		{[]string{"bills.read", "users.read"}, false, false},
		{[]string{"notes.read", ""}, false, true},
	} {
		if all, either := p.HasAll(c.asked...), p.HasAny(c.asked...); all != c.all || either != c.any {
			t.Errorf("%q: all %v, any %v", c.asked, all, either)
		}
	}
}

func TestPermissionsNameTheEntryThatAllows(t *testing.T) {
	p := verifier.Permissions{"bills.pay", "notes.*", "notes.read", "*"}
	for permission, want := range map[string]string{"bills.pay": "bills.pay", "notes.read": "notes.*", "users.read": "*"} {
		if entry, ok := p.Grants(permission); !ok || entry != want {
			t.Errorf("%s is allowed by %q", permission, entry)
		}
	}
}

func TestPermissionsCoverWhatTheyHold(t *testing.T) {
	for _, c := range []struct {
		held  []string
		entry string
		want  bool
	}{
		{nil, "notes.read", false},
		{[]string{"notes.read"}, "notes.read", true},
		{[]string{"notes.read", "notes.write"}, "notes.*", false}, // a verb may be declared tomorrow
		{[]string{"notes.*"}, "notes.*", true},
		{[]string{"notes.*"}, "notes.read", true},
		{[]string{"notes.*"}, "*", false},
		{[]string{"notes.*"}, "bills.*", false},
		{[]string{"*"}, "*", true},
		{[]string{"*"}, "notes.*", true},
		{[]string{"*"}, "notes.read", true},
	} {
		if got := verifier.Permissions(c.held).Covers(c.entry); got != c.want {
			t.Errorf("%q covers %q: %v", c.held, c.entry, got)
		}
	}
}

// FuzzPermissions compares the evaluator with its rules written down plainly.
func FuzzPermissions(f *testing.F) {
	f.Add("notes.* bills.pay *", "notes.read")
	f.Add("notes.read", "notes.*")
	f.Add(". .* *.*", "a.b.c")
	f.Fuzz(func(t *testing.T, held, permission string) {
		p := verifier.Permissions(strings.Split(held, " "))
		noun, verb, dotted := strings.Cut(permission, ".")
		want := dotted && noun != "" && verb != "" && !strings.Contains(permission, "*") &&
			(slices.Contains(p, permission) || slices.Contains(p, noun+".*") || slices.Contains(p, "*"))
		if got := p.Has(permission); got != want {
			t.Errorf("%q has %q: %v", p, permission, got)
		}
		if p.Has(permission) && !p.Covers(permission) {
			t.Errorf("%q has %q and does not cover it", p, permission)
		}
	})
}

func TestPermissionsAllocateNothing(t *testing.T) {
	p := fiftyPermissions()
	if n := testing.AllocsPerRun(100, func() { p.HasAll("noun49.verb49", "noun0.verb0") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// fiftyPermissions are as many as a token may carry, of common length.
func fiftyPermissions() verifier.Permissions {
	p := make(verifier.Permissions, 50)
	for i := range p {
		p[i] = fmt.Sprintf("noun%d.verb%d", i, i)
	}
	return p
}
