package team_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/page/team"
)

func TestMembersAreFoundByAddressNameAndRole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE profile SET full_name = 'Ann Other', name_key = 'ann other' WHERE account_id = $1", w.admin.ID)
		for query, want := range map[string][]string{
			"": {"owner", "admin", "member"}, "?prefix=own": {"owner"}, "?prefix=ann": {"admin"}, "?role=member": {"member"}, "?prefix=str": nil,
		} {
			text := w.open(w.owner, base+"members/"+query).main().text()
			for _, name := range []string{"owner", "admin", "member", "stranger"} {
				if got := strings.Contains(text, name+"@example.com"); got != slices.Contains(want, name) {
					t.Errorf("%q shows %s: %v", query, name, got)
				}
			}
			if want == nil && !strings.Contains(text, "Nobody matches") {
				t.Errorf("%q says\n%s", query, text)
			}
		}
		if d := w.open(w.owner, base+"members/?prefix=own&role=owner"); d.value("prefix") != "own" || d.value("role") != "owner" {
			t.Error("it forgot what was asked")
		}
		w.refused(w.Page(base+"members/?after=x", domaintest.As(w.owner.in)), http.StatusBadRequest, "", "page before")
	})
}

func TestARoleAndPermissionsAreGiven(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.open(w.owner, memberPath(w.member)+"change/")
		on, all := d.ticked("permission[]")
		if d.value("role") != role.Member || len(on) != 0 || !slices.Contains(all, "notes.write") || !slices.Contains(all, "notes.*") || !slices.Contains(d.options("role"), role.Owner) {
			t.Errorf("it offers %v and %v, with %v chosen", d.options("role"), all, on)
		}
		a := w.send(w.owner, memberPath(w.member)+"change/", "role", "editor", "permission[]", "audit.read", "permission[]", "members.read")
		text := w.did(w.owner, a, memberPath(w.member), "The member's role and permissions are saved.").main().text()
		if !strings.Contains(text, "editor") || !strings.Contains(text, "notes.*") || !strings.Contains(text, "audit.read") || w.roleOf(w.member) != "editor" {
			t.Errorf("it shows\n%s", text)
		}
		d = w.open(w.owner, memberPath(w.member)+"change/")
		if on, _ := d.ticked("permission[]"); !slices.Equal(on, []string{"audit.read", "members.read"}) || d.value("role") != "editor" {
			t.Errorf("chosen are %v", on)
		}
		w.did(w.owner, w.send(w.owner, memberPath(w.member)+"change/", "role", "editor"), memberPath(w.member), "saved")
		if on, _ := w.open(w.owner, memberPath(w.member)+"change/").ticked("permission[]"); len(on) != 0 {
			t.Errorf("what was unticked stays: %v", on)
		}
	})
}

func TestWhatCannotBeGivenIsBlamedAndTheRestKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := memberPath(w.member) + "change/"
		d := w.refused(w.send(w.owner, path, "role", "nothing", "permission[]", "audit.read"), http.StatusBadRequest, "role", "no such role")
		if on, _ := d.ticked("permission[]"); !slices.Equal(on, []string{"audit.read"}) {
			t.Errorf("it forgot %v", on)
		}
		d = w.refused(w.send(w.owner, path, "role", "admin", "permission[]", "rockets.launch"), http.StatusBadRequest, "permissions", "no such permission")
		if d.value("role") != role.Admin || w.roleOf(w.member) != role.Member {
			t.Errorf("chosen is %q, stored %q", d.value("role"), w.roleOf(w.member))
		}
	})
}

func TestNobodyIsOfferedToGiveWhatTheyLack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d := w.open(w.admin, memberPath(w.member)+"change/")
		_, all := d.ticked("permission[]")
		if slices.Contains(d.options("role"), role.Owner) || slices.Contains(d.options("role"), "editor") || slices.Contains(all, "notes.write") || slices.Contains(all, "tenant.delete") {
			t.Errorf("an admin is offered %v and %v", d.options("role"), all)
		}
		for _, form := range [][]string{{"role", role.Owner}, {"role", "editor"}, {"role", "member", "permission[]", "tenant.delete"}} {
			w.refused(w.send(w.admin, memberPath(w.member)+"change/", form...), http.StatusForbidden, "", "no more than what you have yourself")
		}
		owner := w.open(w.admin, memberPath(w.owner)).main()
		if links := owner.links(); slices.Contains(links, memberPath(w.owner)+"change/") || slices.Contains(links, memberPath(w.owner)+"remove/") || !strings.Contains(owner.text(), "may do more here than you") {
			t.Errorf("an admin is led from the owner's page to %v", links)
		}
		for _, end := range []string{"change/", "remove/"} {
			if a := w.Page(memberPath(w.owner)+end, domaintest.As(w.admin.in)); a.Status != http.StatusForbidden {
				t.Errorf("%s: answered %d", end, a.Status)
			}
			if a := w.send(w.admin, memberPath(w.owner)+end, "role", "member"); a.Status != http.StatusForbidden {
				t.Errorf("%s, sent: answered %d", end, a.Status)
			}
		}
		if w.roleOf(w.owner) != role.Owner || w.roleOf(w.member) != role.Member {
			t.Error("a role changed")
		}
	})
}

func TestWhyIsExplained(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.members.Set(t.Context(), tenant.ByStaff(), w.acme.ID, w.member.Subject, member.Change{Direct: &[]string{"notes.read"}})
		must(t, err)
		for path, said := range map[string]string{
			memberPath(w.member) + "?permission=tenant.read":    "The role Member holds tenant.read .",
			memberPath(w.member) + "?permission=notes.read":     "given to this member directly, by notes.read",
			memberPath(w.member) + "?permission=notes.write":    "Neither the role Member",
			memberPath(w.owner) + "?permission=notes.write":     "The role Owner holds * .",
			memberPath(w.member) + "?permission=rockets.launch": "no such permission",
		} {
			if d := w.open(w.owner, path).main(); !strings.Contains(d.text(), said) {
				t.Errorf("%s does not say %q:\n%s", path, said, d.text())
			}
		}
		d := w.open(w.member, base+"access/?permission=members.manage").main()
		if !strings.Contains(d.text(), "Not allowed") || d.value("permission") != "members.manage" || !slices.Contains(d.options("permission"), "notes.write") {
			t.Errorf("of oneself it says\n%s", d.text())
		}
		w.refused(w.Page(memberPath(w.member)+"?permission=notes.*", domaintest.As(w.owner.in)), http.StatusBadRequest, "permission", "permission")
	})
}

func TestAMemberIsRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := memberPath(w.member) + "remove/"
		if d := w.open(w.admin, path).main(); !strings.Contains(d.text(), "member@example.com") || !slices.Equal(d.actions(), []string{path}) {
			t.Errorf("it asks\n%s", d.text())
		}
		w.did(w.admin, w.send(w.admin, path), base+"members/", "The member is removed.")
		if a := w.Page(base, domaintest.As(w.member.in)); w.roleOf(w.member) != "" || a.Status != http.StatusForbidden || !w.Stands(w.member.in) {
			t.Errorf("they see %d", a.Status)
		}
		if a := w.send(w.admin, path); a.Status != http.StatusNotFound {
			t.Errorf("again: answered %d", a.Status)
		}
	})
}

func TestWhoTakesRightsFromThemselvesIsLedToWhatTheyMayStillSee(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, a := range []domaintest.Answer{w.Page(memberPath(w.admin)+"remove/", domaintest.As(w.admin.in)), w.send(w.admin, memberPath(w.admin)+"remove/")} {
			if a.Status != http.StatusSeeOther || a.Header.Get("Location") != base+"leave/" {
				t.Errorf("removing oneself: answered %d to %q", a.Status, a.Header.Get("Location"))
			}
		}
		w.did(w.admin, w.send(w.admin, memberPath(w.admin)+"change/", "role", "member"), base, "saved")
		if w.roleOf(w.admin) != role.Member {
			t.Errorf("they are %q", w.roleOf(w.admin))
		}
		w.refused(w.send(w.owner, memberPath(w.owner)+"change/", "role", "member"), http.StatusConflict, "", "last owner")
	})
}

func TestWhatCannotBeUndoneTakesTheShortName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for path, p := range map[string]person{base + "leave/": w.member, base + "delete/": w.owner, memberPath(w.member) + "transfer/": w.owner} {
			if d := w.open(p, path); d.field("typed") == nil || !strings.Contains(d.text(), "Type acme to go on") {
				t.Errorf("%s asks for\n%s", path, d.main().text())
			}
			for _, typed := range []string{"", "acm", "other"} {
				w.refused(w.send(p, path, "typed", typed), http.StatusBadRequest, "typed", "not the short name")
			}
		}
		if w.roleOf(w.member) != role.Member || w.Count("SELECT count(*) FROM tenant WHERE slug = 'acme'") != 1 {
			t.Error("something happened")
		}
	})
}

func TestOneLeavesUnlessOneIsTheLastOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.refused(w.send(w.owner, base+"leave/", "typed", "acme"), http.StatusConflict, "", "last owner")
		w.did(w.member, w.send(w.member, base+"leave/", "typed", "acme"), "/account/tenants/", "You have left.")
		if w.roleOf(w.member) != "" || w.roleOf(w.owner) != role.Owner {
			t.Error("the wrong one left")
		}
	})
}

// The only owner cannot leave: that is said before, with what to do, and nothing to send is offered.
func TestLeavingIsOfferedToWhomItIsNotRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const why = "You are its only owner."
		offered := func(p person) bool {
			at, leave := w.open(p, base), w.open(p, base+"leave/")
			offered := slices.Contains(at.links(), base+"leave/")
			for name, d := range map[string]dom{"the overview": at, "the page to leave": leave} {
				if says := strings.Contains(d.main().text(), why); says == offered {
					t.Errorf("%s: %s says why not: %v", p.Email, name, says)
				}
			}
			if asks := slices.Contains(leave.actions(), base+"leave/"); asks != offered {
				t.Errorf("%s is asked: %v", p.Email, asks)
			}
			return offered
		}
		if offered(w.owner) || !offered(w.member) {
			t.Error("it is offered to the only owner, or to no member")
		}
		w.Exec("UPDATE membership SET role = 'owner' WHERE tenant_id = $1 AND account_id = $2", w.acme.ID, w.admin.ID)
		if !offered(w.owner) {
			t.Error("it is not offered to one owner of two")
		}
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", w.admin.ID)
		if offered(w.owner) {
			t.Error("an owner whose account is disabled counts")
		}
	})
}

// A role may hold as little as it likes: its members see the organisation's name and their own role, and
// can leave.
func TestWhoseRoleAllowsNothingSeesThemselvesAndCanLeave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish()
		w.Exec("UPDATE membership SET role = 'writer' WHERE tenant_id = $1 AND account_id = $2", w.acme.ID, w.member.ID)
		d := w.open(w.member, base)
		if text := d.main().text(); !strings.Contains(text, "writer") || !strings.Contains(text, "acme") {
			t.Errorf("it shows\n%s", text)
		}
		for _, path := range []string{base + "access/", base + "leave/"} {
			if !slices.Contains(d.links(), path) {
				t.Errorf("it does not lead to %s", path)
			}
			w.open(w.member, path)
		}
		w.did(w.member, w.send(w.member, base+"leave/", "typed", "acme"), "/account/tenants/", "You have left.")
	})
}

func TestOwnershipIsHandedOver(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := memberPath(w.admin) + "transfer/"
		if !slices.Contains(w.open(w.owner, memberPath(w.admin)).links(), path) || slices.Contains(w.open(w.owner, memberPath(w.owner)).links(), memberPath(w.owner)+"transfer/") {
			t.Error("it is not offered, or to oneself")
		}
		if a := w.send(w.admin, path, "typed", "acme"); a.Status != http.StatusForbidden {
			t.Errorf("an admin may: %d", a.Status)
		}
		w.did(w.owner, w.send(w.owner, path, "typed", " acme "), base, "Ownership is handed over.")
		if w.roleOf(w.owner) != role.Admin || w.roleOf(w.admin) != role.Owner {
			t.Errorf("they are %q and %q", w.roleOf(w.owner), w.roleOf(w.admin))
		}
	})
}

func TestAnOrganisationIsDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.did(w.owner, w.send(w.owner, base+"delete/", "typed", "acme"), "/account/tenants/", "The organisation is deleted.")
		if w.Count("SELECT count(*) FROM tenant WHERE slug = 'acme'") != 0 || w.Count("SELECT count(*) FROM tenant WHERE slug = 'other'") != 1 {
			t.Error("it is there, or another is gone")
		}
	})
}

// A person may go whatever the organisation asks of whoever comes in, and the list leads there.
func TestOneLeavesWhatLetsOneNotIn(t *testing.T) {
	for name, spoil := range map[string]string{"suspended": "UPDATE tenant SET active = FALSE", "a second factor": "UPDATE tenant SET second_factor = TRUE", "another way": "UPDATE tenant SET no_password = TRUE"} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.Exec(spoil)
				if led := slices.Contains(w.open(w.member, team.Path).links(), base+"leave/"); !led {
					t.Errorf("they are led there: %v", led)
				}
				w.open(w.member, base+"leave/")
				w.did(w.member, w.send(w.member, base+"leave/", "typed", "acme"), team.Path, "You have left.")
				for _, at := range []string{"/account/tenants/other/leave/", "/account/tenants/nowhere/leave/"} {
					if a := w.send(w.member, at, "typed", "other"); a.Status != http.StatusForbidden {
						t.Errorf("%s: answered %d", at, a.Status)
					}
				}
			})
		})
	}
}

// A form says all that a member is to be, so one that was opened before somebody else changed them would
// undo that.
func TestAFormAboutAMemberWhoChangedIsShownAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		path := memberPath(w.member) + "change/"
		first := w.open(w.owner, path).value("was")
		w.did(w.owner, w.send(w.owner, path, "role", "editor", "permission[]", "audit.read", "was", first), memberPath(w.member), "saved")
		d := w.refused(w.send(w.owner, path, "role", "admin", "permission[]", "members.read", "was", first), http.StatusConflict, "", "was changed meanwhile")
		if on, _ := d.ticked("permission[]"); !slices.Equal(on, []string{"audit.read"}) || d.value("role") != "editor" || w.roleOf(w.member) != "editor" {
			t.Errorf("it shows %q and %v, stored is %q", d.value("role"), on, w.roleOf(w.member))
		}
		second := d.value("was")
		if wrong := w.refused(w.send(w.owner, path, "role", "nothing", "was", second), http.StatusBadRequest, "role", "no such role"); first == "" || first == second || wrong.value("was") != second {
			t.Errorf("made of %q, then %q, then %q", first, second, wrong.value("was"))
		}
		w.did(w.owner, w.send(w.owner, path, "role", "admin", "was", second), memberPath(w.member), "saved")
	})
}
