package invitation_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
)

func TestAcceptingMakesAMember(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		_, token := w.invites("Guest@example.com", role.Admin)
		for range 3 { // looking uses nothing up
			o, err := w.Find(t.Context(), token)
			if err != nil || o.Tenant.Name != "acme" || o.Role != role.Admin || o.Email != "Guest@example.com" || o.By != "Jo Doe" || !o.For("guest@example.com") {
				t.Fatalf("found %v", err)
			}
		}
		if err := w.accepts(token, guest); err != nil || w.role(w.acme, guest) != role.Admin {
			t.Fatalf("accepted: %v", err)
		}
		for _, kind := range []string{"invitation.accepted", "member.joined"} {
			if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = $1 AND tenant_id = $2 AND account_id = $3", kind, w.acme.ID, guest.ID); n != 1 {
				t.Errorf("%d events %s", n, kind)
			}
		}
		if err := w.accepts(token, guest); !errors.Is(err, letter.ErrLink) {
			t.Errorf("twice: %v", err)
		}
	})
}

func TestParallelAcceptsMakeOneMembership(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		_, token := w.invites("guest@example.com", role.Member)
		o, err := w.Find(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		results := make([]error, 64)
		for i := range results {
			wait.Go(func() { results[i] = w.takes(o, guest) })
		}
		wait.Wait()
		won := 0
		for _, err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, letter.ErrLink):
				t.Errorf("lost with %v", err)
			}
		}
		if n := w.Count("SELECT count(*) FROM membership WHERE tenant_id = $1 AND account_id = $2", w.acme.ID, guest.ID); won != 1 || n != 1 || len(w.Audited("member.joined")) != 1 {
			t.Errorf("%d won, %d memberships", won, n)
		}
	})
}

func TestForwardedInvitationsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stranger, unproven := w.Account("stranger@example.com", ""), w.Account("guest@example.com", "")
		_, token := w.invites("guest@example.com", role.Member)
		if err := w.accepts(token, stranger); !errors.Is(err, invitation.ErrForeign) || w.role(w.acme, stranger) != "" {
			t.Errorf("another account: %v", err)
		}
		w.Exec("UPDATE account SET email_verified = FALSE WHERE id = $1", unproven.ID)
		if err := w.accepts(token, unproven); !errors.Is(err, invitation.ErrForeign) || w.role(w.acme, unproven) != "" {
			t.Errorf("the address, unconfirmed: %v", err)
		}
		if got := w.Audited("invitation.refused"); !slices.Equal(got, []string{"foreign_address", "address_not_confirmed"}) {
			t.Errorf("audited %q", got)
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'invitation.refused' AND tenant_id = $1 AND account_id IN ($2, $3)", w.acme.ID, stranger.ID, unproven.ID); n != 2 {
			t.Error("not of the tenant, or not of who tried")
		}
		w.Exec("UPDATE account SET email_verified = TRUE WHERE id = $1", unproven.ID)
		if err := w.accepts(token, unproven); err != nil {
			t.Errorf("the refusals used it up: %v", err)
		}
	})
}

func TestInvitationsExpire(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		_, token := w.invites("guest@example.com", role.Member)
		o, err := w.Find(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		w.Clock.Advance(lifetime - time.Minute)
		if _, err := w.Find(t.Context(), token); err != nil {
			t.Errorf("before its time: %v", err)
		}
		w.Clock.Advance(time.Minute)
		w.dead(token, guest)
		if err := w.takes(o, guest); !errors.Is(err, letter.ErrLink) {
			t.Errorf("looked at before: %v", err)
		}
	})
}

// A token is good for the tenant that it names and was sent by, and is found through that alone.
func TestTokensOfOneTenantAreNothingInAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		globex := w.Tenant("globex", w.owner.ID)
		_, token := w.invites("guest@example.com", role.Member)
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "giv_"))
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []uuid.UUID{globex.ID, uuid.Nil, uuid.Max, uuid.Must(uuid.NewV7())} {
			copy(raw, id[:])
			forged := "giv_" + base64.RawURLEncoding.EncodeToString(raw)
			w.dead(forged, guest)
		}
		// Even where the row of the other tenant has the very hash.
		w.Exec("UPDATE invitation SET tenant_id = $1", globex.ID)
		w.dead(token, guest)
		if n := w.Count("SELECT count(*) FROM membership WHERE account_id = $1", guest.ID); n != 0 {
			t.Errorf("%d memberships", n)
		}
	})
}

// An invitation is worth what its inviter may give when it is accepted.
func TestInvitationsDieWithTheRightsOfTheirInviter(t *testing.T) {
	for name, c := range map[string]struct {
		as     string
		lose   func(w *world)
		reason string
	}{
		"removed":  {role.Member, func(w *world) { w.Exec("DELETE FROM membership WHERE account_id = $1", w.admin.ID) }, invitation.InviterGone},
		"disabled": {role.Member, func(w *world) { w.Exec("UPDATE account SET active = FALSE WHERE id = $1", w.admin.ID) }, invitation.InviterGone},
		"demoted":  {role.Member, func(w *world) { w.Exec("UPDATE membership SET role = 'member' WHERE account_id = $1", w.admin.ID) }, invitation.InviterMayNot},
		"may not give it": {role.Admin, func(w *world) {
			w.ownRole("inviter", "tenant.read members.invite")
			w.Exec("UPDATE membership SET role = 'inviter' WHERE account_id = $1", w.admin.ID)
		}, invitation.InviterMayNot},
		"the role grew":    {"helper", func(w *world) { w.ownRole("helper", "tenant.read tenant.delete") }, invitation.InviterMayNot},
		"the role is gone": {"helper", func(w *world) { w.Exec("DELETE FROM tenant_role") }, invitation.RoleGone},
		"the domain is gone": {role.Member, func(w *world) {
			w.change(w.acme, func(s *tenant.Settings) { s.Policy.EmailDomains = []string{"example.net"} })
		}, invitation.DomainRefused},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				guest := w.Account("guest@example.com", "")
				w.ownRole("helper", "tenant.read")
				i, token := w.invitesAs(tenant.By(w.admin.ID), "guest@example.com", c.as)
				o, err := w.Find(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				c.lose(w)
				w.dead(token, guest)
				if waiting, err := w.Waiting(t.Context(), guest); err != nil || len(waiting) != 0 {
					t.Errorf("waits: %v, %v", waiting, err)
				}
				if err := w.takes(o, guest); !errors.Is(err, letter.ErrLink) || w.role(w.acme, guest) != "" {
					t.Errorf("looked at before: %v", err)
				}
				if got := w.Audited("invitation.refused"); !slices.Equal(got, []string{c.reason}) {
					t.Errorf("audited %q", got)
				}
				page, _, err := w.List(t.Context(), w.acme.ID, "", 10)
				if err != nil || len(page) != 1 || page[0].ID != i.ID || page[0].Void != c.reason || page[0].Status(w.Now()) != invitation.IsVoid {
					t.Errorf("listed %v, %v", page, err)
				}
			})
		})
	}
}

// All tenants of these tests have an editor that holds notes.*, which no admin may give.
func TestInvitationsPromiseTheTenantsOwnRoleBesideOneOfTheConfiguration(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		w.ownRole("editor", "tenant.read")
		_, token := w.invitesAs(tenant.By(w.admin.ID), "guest@example.com", "editor")
		if waiting, err := w.Waiting(t.Context(), guest); err != nil || len(waiting) != 1 {
			t.Errorf("waits: %v, %v", waiting, err)
		}
		w.Exec("DELETE FROM tenant_role")
		w.dead(token, guest) // what its name means now is more than its inviter may give
		w.ownRole("editor", "tenant.read")
		if err := w.accepts(token, guest); err != nil || w.role(w.acme, guest) != "editor" {
			t.Errorf("accepted: %v", err)
		}
	})
}

func TestInvitationsGoWithTheAccountOfTheirInviterAndThoseOfStaffStay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest, second := w.Account("guest@example.com", ""), w.Account("second@example.com", "")
		_, token := w.invitesAs(tenant.By(w.admin.ID), "guest@example.com", role.Member)
		_, staffs := w.invitesAs(tenant.ByStaff(), "second@example.com", role.Owner)
		w.Exec("DELETE FROM account WHERE id = $1", w.admin.ID)
		w.dead(token, guest)
		if err := w.accepts(staffs, second); err != nil || w.role(w.acme, second) != role.Owner {
			t.Errorf("one of staff: %v", err)
		}
	})
}

// Whoever sends it again stands in for it.
func TestResendingMakesItTheResendersInvitation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		i, _ := w.invitesAs(tenant.By(w.admin.ID), "guest@example.com", role.Member)
		w.Exec("DELETE FROM membership WHERE account_id = $1", w.admin.ID)
		if _, err := w.Resend(t.Context(), tenant.By(w.owner.ID), w.acme.ID, i.ID); err != nil {
			t.Fatal(err)
		}
		o, err := w.Waiting(t.Context(), guest)
		if err != nil || len(o) != 1 || w.takes(&o[0], guest) != nil {
			t.Errorf("waits %v, %v", o, err)
		}
	})
}

func TestSuspendedTenantsTakeNobodyIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		i, token := w.invites("guest@example.com", role.Member)
		o, err := w.Find(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		w.setActive(false)
		w.dead(token, guest)
		if err := w.takes(o, guest); !errors.Is(err, letter.ErrLink) {
			t.Errorf("looked at before: %v", err)
		}
		_, send := w.Send(t.Context(), tenant.By(w.owner.ID), w.acme.ID, "other@example.com", role.Member, "")
		if err := w.Revoke(t.Context(), tenant.By(w.owner.ID), w.acme.ID, i.ID); !errors.Is(err, tenant.ErrNotMember) || !errors.Is(send, tenant.ErrNotMember) {
			t.Errorf("members of a suspended tenant: %v, %v", send, err)
		}
		w.setActive(true)
		if err := w.accepts(token, guest); err != nil {
			t.Errorf("resumed: %v", err)
		}
	})
}

func TestDeletedTenantsTakeNobodyIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		_, token := w.invites("guest@example.com", role.Member)
		o, err := w.Find(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		w.Exec("DELETE FROM tenant WHERE id = $1", w.acme.ID)
		w.dead(token, guest)
		if err := w.takes(o, guest); !errors.Is(err, letter.ErrLink) {
			t.Errorf("looked at before: %v", err)
		}
	})
}

func TestWhoJoinedOtherwiseNeedsNoInvitation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		_, token := w.invites("guest@example.com", role.Admin)
		w.Join(w.acme, guest.ID, role.Member)
		if err := w.accepts(token, guest); !errors.Is(err, tenant.ErrMember) || w.role(w.acme, guest) != role.Member {
			t.Errorf("accepted: %v, as %s", err, w.role(w.acme, guest))
		}
	})
}

func TestAcceptingHappensWholeOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		guest := w.Account("guest@example.com", "")
		_, token := w.invites("guest@example.com", role.Member)
		for n := 1; ; n++ {
			var err error
			if !w.FailAt(n, func() { err = w.accepts(token, guest) }) {
				if err != nil || w.role(w.acme, guest) != role.Member {
					t.Errorf("at last: %v", err)
				}
				return
			}
			if err == nil || w.role(w.acme, guest) != "" || w.open() != 1 || len(w.Audited("member.joined")) != 0 {
				t.Fatalf("statement %d failed: %v, %q, %d open", n, err, w.role(w.acme, guest), w.open())
			}
		}
	})
}
