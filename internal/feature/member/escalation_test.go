package member_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
)

// Nobody gives, changes or takes away more than they have themselves, by whatever way. The lead has
// members.manage, roles.manage and two single permissions; the boss is an admin with a wildcard besides.
func TestEscalationIsRefusedAuditedAndChangesNothing(t *testing.T) {
	type try func(w *world, ctx context.Context, by tenant.Actor) error
	setRole := func(whom, to string) try {
		return func(w *world, ctx context.Context, by tenant.Actor) error {
			_, err := w.members.SetRole(ctx, by, w.acme.ID, w.subject(whom), to)
			return err
		}
	}
	direct := func(whom string, entries ...string) try {
		return func(w *world, ctx context.Context, by tenant.Actor) error {
			_, err := w.members.SetPermissions(ctx, by, w.acme.ID, w.subject(whom), entries)
			return err
		}
	}
	remove := func(whom string) try {
		return func(w *world, ctx context.Context, by tenant.Actor) error {
			return w.members.Remove(ctx, by, w.acme.ID, w.subject(whom))
		}
	}
	create := func(entries ...string) try {
		return func(w *world, ctx context.Context, by tenant.Actor) error {
			_, err := w.members.CreateRole(ctx, by, w.acme.ID, "fresh", entries)
			return err
		}
	}
	change := func(name string, entries ...string) try {
		return func(w *world, ctx context.Context, by tenant.Actor) error {
			_, err := w.members.ChangeRole(ctx, by, w.acme.ID, name, entries)
			return err
		}
	}
	drop := func(name string) try {
		return func(w *world, ctx context.Context, by tenant.Actor) error {
			return w.members.DeleteRole(ctx, by, w.acme.ID, name)
		}
	}
	tries := map[string]struct {
		by  string
		try try
	}{
		"an admin makes somebody an owner":                      {"admin", setRole("member", "owner")},
		"an admin makes themselves an owner":                    {"admin", setRole("admin", "owner")},
		"an admin demotes an owner":                             {"admin", setRole("owner", "member")},
		"an admin removes an owner":                             {"admin", remove("owner")},
		"an admin changes an owner's permissions":               {"admin", direct("owner", "notes.read")},
		"an admin gives what only owners have":                  {"admin", direct("member", "tenant.delete")},
		"an admin gives themselves what only owners have":       {"admin", direct("admin", "tenant.delete")},
		"an admin gives a role with notes":                      {"admin", setRole("member", "editor")},
		"an admin demotes an editor, who may do more of notes":  {"admin", setRole("editor", "member")},
		"an admin removes one who has a permission besides":     {"admin", remove("boss")},
		"the lead gives a wildcard for single permissions":      {"lead", direct("member", "notes.*")},
		"the lead gives members.* for members.manage":           {"lead", direct("member", "members.*")},
		"the lead gives themselves a wildcard":                  {"lead", direct("lead", "notes.*")},
		"the lead gives one of several that they lack":          {"lead", direct("member", "notes.read", "members.read")},
		"the lead makes somebody an admin":                      {"lead", setRole("member", "admin")},
		"the lead makes themselves an admin":                    {"lead", setRole("lead", "admin")},
		"the lead takes a wildcard away":                        {"lead", direct("editor")},
		"the lead removes an admin":                             {"lead", remove("admin")},
		"the lead makes a role of what they lack":               {"lead", create("members.read")},
		"the lead makes a role of a wildcard":                   {"lead", create("notes.*")},
		"the lead adds to a role what they lack":                {"lead", change("small", "notes.read", "members.read")},
		"the lead adds to their own role":                       {"lead", change("lead", "members.manage", "roles.manage", "notes.read", "notes.write", "tenant.manage")},
		"the lead takes from a role what they lack":             {"lead", change("large", "notes.read")},
		"the lead deletes a role that holds more":               {"lead", drop("large")},
		"the boss gives a wildcard for all that there is of it": {"boss", direct("member", "roles.*")},
		"an admin gives a role made by an owner that has more":  {"admin", setRole("member", "large")},
		"the lead sets their own role back to one with more":    {"lead", setRole("lead", "large")},
		"an admin transfers what they can't: delete is granted": {"deleter", func(w *world, ctx context.Context, by tenant.Actor) error {
			return w.members.Transfer(ctx, by, w.acme.ID, w.subject("member"))
		}},
	}
	each(t, func(t *testing.T, w *world) {
		w.ownRole("lead", "members.manage", "roles.manage", "notes.read", "notes.write")
		w.ownRole("small", "notes.read")
		w.ownRole("large", "notes.*", "tenant.delete")
		for _, name := range []string{"lead", "boss", "deleter"} {
			w.World.Join(w.acme, w.person(name).ID, "member")
		}
		w.give("lead", "lead")
		w.give("boss", "admin", "notes.*", "roles.manage")
		w.give("deleter", "admin", "tenant.delete")
		w.mailed()
		before := w.snapshot()
		for name, try := range tries {
			w.Clock.Advance(15 * time.Minute) // or one alike was written down a moment ago
			audited := len(w.Audited("member.change_refused")) + len(w.Audited("role.change_refused"))
			if err := try.try(w, t.Context(), w.by(try.by)); code(err) != "role_escalation" {
				t.Errorf("%s: %v", name, err)
			}
			if n := len(w.Audited("member.change_refused")) + len(w.Audited("role.change_refused")); n != audited+1 {
				t.Errorf("%s: %d events", name, n-audited)
			}
		}
		if after := w.snapshot(); after != before {
			t.Errorf("changed:\n%s\nto\n%s", before, after)
		}
		if mails := w.mailed(); len(mails) != 0 {
			t.Errorf("told %v", mails)
		}
	})
}

// What one has, one can give, and take away from who has no more.
func TestWhatIsCoveredCanBeGiven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, acme := t.Context(), w.acme.ID
		w.ownRole("lead", "members.manage", "roles.manage", "notes.*")
		w.World.Join(w.acme, w.person("lead").ID, "lead")
		by := w.by("lead")
		if m, err := w.members.SetPermissions(ctx, by, acme, w.subject("editor"), []string{"notes.write", "notes.read", "notes.read"}); err != nil || !slices.Equal(m.Direct, []string{"notes.read", "notes.write"}) {
			t.Errorf("single ones of a wildcard: %v", err)
		}
		if _, err := w.members.CreateRole(ctx, by, acme, "reader", []string{"notes.read"}); err != nil {
			t.Error(err)
		}
		if m, err := w.members.SetRole(ctx, by, acme, w.subject("editor"), "reader"); err != nil || m.Role != "reader" {
			t.Error(err)
		}
		if _, err := w.members.ChangeRole(ctx, by, acme, "reader", []string{"notes.*"}); err != nil {
			t.Error(err)
		}
		if err := w.members.Remove(ctx, by, acme, w.subject("editor")); err != nil || w.role("editor", w.acme) != "" {
			t.Error(err)
		}
		// Of their own: a colleague.
		w.World.Join(w.acme, w.person("second").ID, "lead")
		if _, err := w.members.SetRole(ctx, by, acme, w.subject("second"), "reader"); err != nil {
			t.Error(err)
		}
		if _, err := w.members.SetRole(ctx, w.by("owner"), acme, w.subject("admin"), "owner"); err != nil || w.owners(w.acme) != 2 {
			t.Error(err)
		}
	})
}

func TestOnlyDeclaredPermissionsAreGiven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for body, want := range map[string]string{
			`{"permissions":["bills.pay"]}`: "permission_unknown", `{"permissions":["bills.*"]}`: "permission_unknown", `{"permissions":["*"]}`: "permission_unknown",
			`{"permissions":["notes"]}`: "permission_unknown", `{"permissions":["notes.read notes.write"]}`: "permission_unknown", `{"permissions":["Notes.read"]}`: "permission_unknown",
			`{"permissions":[""]}`: "permission_unknown", `{"permissions":["notes.*.*"]}`: "permission_unknown", `{"permissions":"notes.read"}`: "fields_invalid",
			`{"permissions":["notes.` + strings.Repeat("x", 70) + `"]}`: "permission_unknown",
			`{"role":"nobody"}`: "role_unknown", `{"role":""}`: "role_unknown", `{"role":"OWNER"}`: "role_unknown", `{"role":"` + strings.Repeat("x", 65) + `"}`: "fields_invalid",
		} {
			refused(t, body, w.patch("owner", w.acme, "member", body), http.StatusBadRequest, want)
		}
		w.Exec(`INSERT INTO declared_permission (name, description, created_at) VALUES ('bills.pay', '', 1)`)
		for _, entry := range []string{"bills.pay", "bills.*"} {
			if a := w.patch("owner", w.acme, "member", `{"permissions":["`+entry+`"]}`); a.Status != http.StatusOK {
				t.Errorf("%s once it is declared: %d %s", entry, a.Status, a.Text)
			}
		}
		// Withdrawn, it stays where it is and can be given to nobody else.
		w.Exec(`DELETE FROM declared_permission`)
		if a := w.patch("owner", w.acme, "member", `{"permissions":["bills.*","notes.read"]}`); a.Status != http.StatusOK {
			t.Errorf("kept: %d %s", a.Status, a.Text)
		}
		refused(t, "to another", w.patch("owner", w.acme, "editor", `{"permissions":["bills.*"]}`), http.StatusBadRequest, "permission_unknown")
	})
}

func TestAMemberHasAtMostSoManyPermissions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		entries := make([]string, 101)
		for i := range entries {
			entries[i] = "bills.v" + strings.Repeat("i", i)
			if len(entries[i]) > 64 {
				entries[i] = "bills.w" + strings.Repeat("i", i-50)
			}
			w.Exec(`INSERT INTO declared_permission (name, description, created_at) VALUES ($1, '', 1)`, entries[i])
		}
		_, err := w.members.SetPermissions(t.Context(), w.by("owner"), w.acme.ID, w.subject("member"), entries)
		if code(err) != "permissions_too_many" {
			t.Errorf("101: %v", err)
		}
		if _, err := w.members.SetPermissions(t.Context(), w.by("owner"), w.acme.ID, w.subject("member"), append(entries[1:], entries[1:]...)); err != nil {
			t.Errorf("100, twice: %v", err)
		}
		if _, err := w.members.CreateRole(t.Context(), w.by("owner"), w.acme.ID, "large", entries); code(err) != "permissions_too_many" {
			t.Errorf("a role with 101: %v", err)
		}
	})
}

// Role and permissions change together or not at all.
func TestAChangeIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.snapshot()
		refused(t, "half of it is not there", w.patch("owner", w.acme, "member", `{"role":"editor","permissions":["bills.pay"]}`), http.StatusBadRequest, "permission_unknown")
		to, direct := "editor", []string{"members.read"}
		var err error
		for n := 1; ; n++ {
			if !w.FailAt(n, func() {
				_, err = w.members.Set(t.Context(), w.by("owner"), w.acme.ID, w.subject("member"), member.Change{Role: &to, Direct: &direct})
			}) {
				break
			}
			if after := w.snapshot(); err == nil || after != before {
				t.Fatalf("statement %d: %v, changed to\n%s", n, err, after)
			}
			if mails := w.mailed(); len(mails) != 0 {
				t.Fatalf("statement %d: told %v", n, mails)
			}
		}
		if err != nil || w.role("member", w.acme) != "editor" {
			t.Errorf("in the end: %v", err)
		}
	})
}
