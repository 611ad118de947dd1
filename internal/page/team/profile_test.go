package team_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

// profileOf is what is stored of somebody's attributes.
func (w *world) profileOf(p person) (text string) {
	w.t.Helper()
	w.Read(&text, "SELECT attributes FROM membership WHERE tenant_id = $1 AND account_id = $2", w.acme.ID, p.ID)
	return text
}

func TestAMemberEditsTheirOwnProfile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE membership SET attributes = '{"cost_centre":"A1"}' WHERE account_id = $1`, w.member.ID)
		own := base + "access/"
		d := w.open(w.member, own)
		if !slices.Equal(d.actions(), []string{own}) || d.field("attributes.cost_centre") != nil || !strings.Contains(d.main().text(), "Cost centre A1") || !has(d.field("attributes.badge"), "required") {
			t.Fatalf("it posts to %v and shows\n%s", d.actions(), d.main().text())
		}
		d = w.refused(w.send(w.member, own, "attributes.level", "many", "attributes.badge", "", "attributes.shift", "noon", "attributes.remote", "maybe"), http.StatusBadRequest, "attributes.level", "a number")
		for field, said := range map[string]string{"attributes.badge": "Fill in", "attributes.shift": "Choose one", "attributes.remote": "Choose one"} {
			if !strings.Contains(d.blames(field), said) {
				t.Errorf("%s is blamed for %q", field, d.blames(field))
			}
		}
		if d.value("attributes.level") != "many" || w.profileOf(w.member) != `{"cost_centre":"A1"}` {
			t.Errorf("it forgot what was typed, or stored %s", w.profileOf(w.member))
		}
		d = w.did(w.member, w.send(w.member, own, "attributes.job_title", " Clerk ", "attributes.level", "2.5", "attributes.remote", "no", "attributes.shift", "night", "attributes.badge", "7", "attributes.cost_centre", "B2"), own, "The profile is saved.")
		if got := w.profileOf(w.member); got != `{"badge":"7","cost_centre":"A1","job_title":"Clerk","level":2.5,"remote":false,"shift":"night"}` {
			t.Errorf("stored %s", got)
		}
		for field, want := range map[string]string{"attributes.job_title": "Clerk", "attributes.level": "2.5", "attributes.remote": "no", "attributes.shift": "night"} {
			if got := d.value(field); got != want {
				t.Errorf("%s shows %q", field, got)
			}
		}
		w.did(w.member, w.send(w.member, own, "attributes.job_title", "Clerk", "attributes.level", "2.5"), own, "saved")
		if n := len(w.Audited("member.profile_changed")); n != 1 {
			t.Errorf("%d events: what stays as it is is a change", n)
		}
	})
}

func TestWhoManagesMembersEditsTheirProfiles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := memberPath(w.member)
		d := w.open(w.admin, path)
		if !slices.Equal(d.actions(), []string{path}) || d.field("attributes.cost_centre") == nil || has(d.field("attributes.badge"), "required") {
			t.Fatalf("it posts to %v", d.actions())
		}
		seen := d.value("was")
		w.did(w.admin, w.send(w.admin, path, "attributes.cost_centre", "A1", "attributes.badge", "", "was", seen), path, "The profile is saved.")
		if got := w.profileOf(w.member); got != `{"cost_centre":"A1"}` {
			t.Errorf("stored %s", got)
		}
		d = w.refused(w.send(w.admin, path, "attributes.cost_centre", "B2", "was", seen), http.StatusConflict, "", "changed meanwhile")
		if d.value("attributes.cost_centre") != "A1" || d.value("was") == seen {
			t.Error("what was wished of something else is shown")
		}
		// Who may do more than they is not theirs to change, nor is anybody a plain member's.
		if d := w.open(w.admin, memberPath(w.owner)); len(d.actions()) != 0 {
			t.Errorf("an owner's page posts to %v", d.actions())
		}
		w.refused(w.send(w.admin, memberPath(w.owner), "attributes.cost_centre", "A1"), http.StatusForbidden, "", "no more than what you have yourself")
		for _, by := range []person{w.member, w.stranger} {
			if a := w.send(by, memberPath(w.admin), "attributes.cost_centre", "A1"); a.Status != http.StatusForbidden {
				t.Errorf("%s: answered %d", by.Email, a.Status)
			}
		}
		if w.profileOf(w.owner) != "{}" || w.profileOf(w.admin) != "{}" {
			t.Error("a profile changed")
		}
	})
}

func TestWhoLooksOnEditsNoProfile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE membership SET attributes = '{"badge":"7"}' WHERE account_id = $1`, w.owner.ID)
		a := w.Page(base+"access/", domaintest.LookingAs(w.owner.in))
		if d := w.whole(a); a.Status != http.StatusOK || len(d.actions()) != 0 || !strings.Contains(d.main().text(), "Badge 7") || !strings.Contains(d.main().text(), "Level Not said") {
			t.Errorf("answered %d, posts to %v\n%s", a.Status, d.actions(), d.main().text())
		}
	})
}
