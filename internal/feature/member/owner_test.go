package member_test

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// atOnce runs both as close to each other as it can, and returns what became of them.
func atOnce(one, other func() error) (codes []string) {
	var ready, work sync.WaitGroup
	ready.Add(2)
	errs := make([]error, 2)
	for i, fn := range []func() error{one, other} {
		work.Go(func() {
			ready.Done()
			ready.Wait()
			errs[i] = fn()
		})
	}
	work.Wait()
	return []string{code(errs[0]), code(errs[1])}
}

func TestOneOfTwoAdminsWhoRemoveEachOtherAtOnceStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 20 {
			a, b := w.person("a"+strconv.Itoa(i)), w.person("b"+strconv.Itoa(i))
			w.World.Join(w.acme, a.ID, "admin")
			w.World.Join(w.acme, b.ID, "admin")
			codes := atOnce(
				func() error { return w.members.Remove(t.Context(), tenant.By(a.ID), w.acme.ID, b.Subject) },
				func() error { return w.members.Remove(t.Context(), tenant.By(b.ID), w.acme.ID, a.Subject) })
			slices.Sort(codes)
			if !slices.Equal(codes, []string{"", "tenant_required"}) {
				t.Fatalf("answered %q", codes)
			}
			if n := w.Count(`SELECT count(*) FROM membership WHERE account_id IN ($1, $2)`, a.ID, b.ID); n != 1 {
				t.Fatalf("%d of them stay", n)
			}
		}
		if removed, failed := w.Audited("member.removed"), w.Audited("member.change_refused"); len(removed) != 20 || len(failed) != 20 || failed[0] != "tenant_required" {
			t.Errorf("%d removals and %d refusals are audited", len(removed), len(failed))
		}
	})
}

func TestATenantNeverLosesItsLastOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, acme := t.Context(), w.acme.ID
		demote := func(by, whom string) func() error {
			return func() error {
				_, err := w.members.SetRole(ctx, w.by(by), acme, w.subject(whom), "admin")
				return err
			}
		}
		leave := func(who string) func() error {
			return func() error { return w.members.Leave(ctx, w.people[who].ID, acme) }
		}
		remove := func(by, whom string) func() error {
			return func() error { return w.members.Remove(ctx, w.by(by), acme, w.subject(whom)) }
		}
		transfer := func(by, to string) func() error {
			return func() error { return w.members.Transfer(ctx, w.by(by), acme, w.subject(to)) }
		}
		second := w.person("second")
		for name, both := range map[string][2]func() error{
			"demote each other":              {demote("owner", "second"), demote("second", "owner")},
			"demote themselves":              {demote("owner", "owner"), demote("second", "second")},
			"remove each other":              {remove("owner", "second"), remove("second", "owner")},
			"leave":                          {leave("owner"), leave("second")},
			"one leaves, the other demotes":  {leave("owner"), demote("second", "second")},
			"transfer to each other":         {transfer("owner", "second"), transfer("second", "owner")},
			"transfer to one who is removed": {transfer("owner", "editor"), remove("second", "editor")},
			"one transfers, the other goes":  {transfer("owner", "second"), leave("second")},
		} {
			for range 6 {
				w.Exec(`DELETE FROM membership WHERE tenant_id = $1`, acme)
				w.World.Join(w.acme, w.people["owner"].ID, "owner")
				w.World.Join(w.acme, second.ID, "owner")
				w.World.Join(w.acme, w.people["editor"].ID, "editor")
				codes := atOnce(both[0], both[1])
				if w.owners(w.acme) == 0 {
					t.Fatalf("%s: answered %q, and nobody owns it", name, codes)
				}
				for _, c := range codes {
					if !slices.Contains([]string{"", "last_owner", "role_escalation", "permission_required", "tenant_required", "member_not_found"}, c) {
						t.Errorf("%s: answered %q", name, codes)
					}
				}
			}
		}
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.snapshot()
		refused(t, "leave", w.Call(http.MethodPost, "/tenants/acme/leave/", "", w.as("owner", w.acme)), http.StatusConflict, "last_owner")
		refused(t, "demote", w.patch("owner", w.acme, "owner", `{"role":"admin"}`), http.StatusConflict, "last_owner")
		refused(t, "remove", w.Call(http.MethodDelete, "/tenants/acme/members/"+w.subject("owner")+"/", "", w.as("owner", w.acme)), http.StatusConflict, "last_owner")
		for what, err := range map[string]error{
			"staff demote": func() error {
				_, err := w.members.SetRole(t.Context(), tenant.ByStaff(), w.acme.ID, w.subject("owner"), "member")
				return err
			}(),
			"staff remove": w.members.Remove(t.Context(), tenant.ByStaff(), w.acme.ID, w.subject("owner")),
		} {
			if code(err) != "last_owner" {
				t.Errorf("%s: %v", what, err)
			}
		}
		if after := w.snapshot(); after != before {
			t.Errorf("changed:\n%s\nto\n%s", before, after)
		}
		if got := w.Audited("member.change_refused"); len(got) != 2 || got[0] != "last_owner" || got[1] != "last_owner" {
			t.Errorf("audited %q", got)
		}
	})
}

func TestTransferMakesAnotherTheOwnerAndTellsBoth(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		body := `{"account":"` + w.subject("editor") + `"}`
		if a := w.Call(http.MethodPost, "/tenants/acme/transfer/", body, w.as("owner", w.acme)); a.Status != http.StatusNoContent || a.Text != "" {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if w.role("editor", w.acme) != "owner" || w.role("owner", w.acme) != "admin" {
			t.Errorf("%s and %s", w.role("editor", w.acme), w.role("owner", w.acme))
		}
		mails := w.mailed()
		if !slices.Equal(mails["editor@example.com"], []string{w.says(letter.TenantOwner)}) || !slices.Equal(mails["owner@example.com"], []string{w.says(letter.TenantRoleChanged)}) || len(mails) != 2 {
			t.Errorf("told %v", mails)
		}
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'ownership.transferred' AND account_id = $1 AND actor = $2 AND tenant_id = $3`, w.people["editor"].ID, w.people["owner"].ID.String(), w.acme.ID); n != 1 {
			t.Errorf("%d events", n)
		}
		refused(t, "again", w.Call(http.MethodPost, "/tenants/acme/transfer/", body, w.as("owner", w.acme)), http.StatusForbidden, "permission_required")
	})
}

func TestOnlyOwnersTransfer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.give("admin", "admin", "tenant.delete")
		body := `{"account":"` + w.subject("editor") + `"}`
		refused(t, "an admin who may delete", w.Call(http.MethodPost, "/tenants/acme/transfer/", body, w.as("admin", w.acme)), http.StatusForbidden, "role_escalation")
		own := `{"account":"` + w.subject("admin") + `"}`
		refused(t, "to themselves", w.Call(http.MethodPost, "/tenants/acme/transfer/", own, w.as("admin", w.acme)), http.StatusForbidden, "role_escalation")
		if w.owners(w.acme) != 1 || w.role("owner", w.acme) != "owner" {
			t.Error("it has changed hands")
		}
		theirs := `{"account":"` + w.subject("owner") + `"}`
		if a := w.Call(http.MethodPost, "/tenants/acme/transfer/", theirs, w.as("owner", w.acme)); a.Status != http.StatusNoContent || w.role("owner", w.acme) != "owner" {
			t.Errorf("an owner to themselves: %d", a.Status)
		}
	})
}

func TestStaffNameAnOwnerBesides(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if err := w.members.Transfer(t.Context(), tenant.ByStaff(), w.acme.ID, w.subject("admin")); err != nil {
			t.Fatal(err)
		}
		if w.role("admin", w.acme) != "owner" || w.role("owner", w.acme) != "owner" {
			t.Errorf("%s and %s", w.role("admin", w.acme), w.role("owner", w.acme))
		}
	})
}

// A tenant that is left to somebody who cannot sign in is left to nobody.
func TestNobodyWhoIsDisabledBecomesAnOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE account SET active = FALSE WHERE id IN ($1, $2)`, w.people["editor"].ID, w.people["outsider"].ID)
		refused(t, "transfer", w.Call(http.MethodPost, "/tenants/acme/transfer/", `{"account":"`+w.subject("editor")+`"}`, w.as("owner", w.acme)), http.StatusConflict, "member_inactive")
		refused(t, "role", w.patch("owner", w.acme, "editor", `{"role":"owner"}`), http.StatusConflict, "member_inactive")
		if _, err := w.members.Add(t.Context(), tenant.ByStaff(), w.acme.ID, w.subject("outsider"), "owner"); code(err) != "member_inactive" {
			t.Errorf("add: %v", err)
		}
		if w.owners(w.acme) != 1 {
			t.Error("one is")
		}
	})
}

// The account of the last owner may be erased: then nobody is kept in the tenant, and staff find it another.
func TestATenantThatNobodyOwnsHoldsNobodyBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`DELETE FROM account WHERE id = $1`, w.people["owner"].ID)
		if a := w.Call(http.MethodPost, "/tenants/acme/leave/", "", w.as("member", w.acme)); a.Status != http.StatusNoContent {
			t.Errorf("leave: %d %s", a.Status, a.Text)
		}
		w.give("editor", "member")
		refused(t, "an admin makes themselves its owner", w.patch("admin", w.acme, "admin", `{"role":"owner"}`), http.StatusForbidden, "role_escalation")
		if err := w.members.Transfer(t.Context(), tenant.ByStaff(), w.acme.ID, w.subject("admin")); err != nil || w.role("admin", w.acme) != "owner" {
			t.Errorf("staff name an owner: %v", err)
		}
		refused(t, "and that one is held", w.Call(http.MethodPost, "/tenants/acme/leave/", "", w.as("admin", w.acme)), http.StatusConflict, "last_owner")
	})
}
