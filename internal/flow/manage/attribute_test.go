package manage

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
)

func TestStaffSetWhatTheOwnerCannot(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		all := w.staff(t)
		person := w.create(t, New{Email: "ada@example.com", FullName: "Ada Example", Attributes: map[string]any{"grade": 1.0}})
		set := func(change map[string]any) *account.Account {
			t.Helper()
			a, err := w.SetAttributes(w.ctx, w.ActorOf(all.member), person.Subject, change)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		set(map[string]any{"grade": 2.0})
		set(map[string]any{"grade": 2.0})
		if a, err := w.Find(w.ctx, person.Subject); err != nil || a.Profile.Attributes["grade"] != 2.0 || a.Profile.FullName != "Ada Example" {
			t.Errorf("set: %v %v", a.Profile, err)
		}
		if a := set(map[string]any{"grade": nil}); len(a.Profile.Attributes) != 0 {
			t.Errorf("removed: %v", a.Profile.Attributes)
		}
		n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'profile.changed' AND account_id = $1 AND actor = $2 AND detail = '{"members":"attributes.grade"}'`, person.ID, all.member.ID.String())
		if n != 2 {
			t.Errorf("%d events, want one for each of two changes", n)
		}
	})
}

func TestAttributesOfAnAccountMustBeDeclared(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		person := w.create(t, New{Email: "ada@example.com", Attributes: map[string]any{"grade": 1.0}})
		for _, change := range []map[string]any{{"grade": "high"}, {"rank": "high"}, {"grade": 2.0, "rank": 1.0}} {
			if _, err := w.SetAttributes(w.ctx, operator, person.Subject, change); !errors.Is(err, account.ErrProfile) {
				t.Errorf("%v: %v", change, err)
			}
		}
		if _, err := w.SetAttributes(w.ctx, operator, "nobody", map[string]any{"grade": 2.0}); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("of nobody: %v", err)
		}
		if a, err := w.Find(w.ctx, person.Subject); err != nil || a.Profile.Attributes["grade"] != 1.0 {
			t.Errorf("afterwards %v %v", a.Profile.Attributes, err)
		}
		if all := strings.Join(w.events(t, person.ID), " "); strings.Contains(all, "profile.changed") {
			t.Error(all)
		}
	})
}
