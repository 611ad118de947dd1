package profile_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

func TestTheLastOwnerOfOthersDoesNotLeave(t *testing.T) {
	for _, body := range []string{`{"password":"` + pass + `"}`, `{"password":"` + pass + `","grace_days":7}`} {
		t.Run(body, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				ann := w.Account("ann@example.com", "")
				alone, acme := w.Tenant("alone", w.account.ID), w.Tenant("acme", w.account.ID)
				w.Join(acme, ann.ID, "admin")
				a := w.leave(body, w.me)
				if a.Status != http.StatusConflict || a.Code != "last_owner" || strings.Contains(a.Text, "acme") || strings.Contains(a.Text, acme.ID.String()) {
					t.Errorf("answered %d %s", a.Status, a.Text)
				}
				if got := w.Audited("account.erase_refused"); !slices.Equal(got, []string{"last_owner"}) {
					t.Errorf("audited %q", got)
				}
				if w.left() == 0 || !w.Stands(w.me) || !w.eraseAt(w.account.ID).IsZero() || w.Count("SELECT count(*) FROM tenant WHERE id IN ($1, $2)", alone.ID, acme.ID) != 2 {
					t.Error("something was done")
				}
				w.Exec("UPDATE membership SET role = 'owner' WHERE account_id = $1", ann.ID)
				if a := w.leave(body, w.me); a.Status >= 400 {
					t.Errorf("with another owner: %d %s", a.Status, a.Text)
				}
			})
		})
	}
}

func TestATenantWithoutOthersGoesWithItsOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.Account("ann@example.com", "")
		alone, acme, other := w.Tenant("alone", w.account.ID), w.Tenant("acme", ann.ID), w.Tenant("other", ann.ID)
		w.Join(acme, w.account.ID, "owner")
		w.Join(other, w.account.ID, "member")
		if a := w.erase(pass, w.me); a.Status != http.StatusNoContent || w.left() != 0 {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if w.Count("SELECT count(*) FROM tenant WHERE id = $1", alone.ID) != 0 || w.Count("SELECT count(*) FROM tenant") != 2 {
			t.Error("the wrong tenants are left")
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'tenant.deleted' AND tenant_id = $1 AND reason = 'account_erased'", alone.ID); n != 1 || len(w.Audited("tenant.deleted")) != 1 {
			t.Errorf("%d of its deletion", n)
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'member.left' AND tenant_id IN ($1, $2) AND account_id = $3 AND reason = 'account_erased'", acme.ID, other.ID, w.account.ID); n != 2 || len(w.Audited("tenant.ownerless")) != 0 {
			t.Errorf("%d events in what is left", n)
		}
	})
}

func TestWhoIsDueGoesAlsoAsTheLastOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		alone, acme, left := w.Tenant("alone", w.account.ID), w.Tenant("acme", w.account.ID), w.Tenant("left", w.Account("bo@example.com", "").ID)
		w.Join(left, w.account.ID, "owner")
		w.plan(t, "7")
		w.Join(acme, w.Account("ann@example.com", "").ID, "admin") // since
		w.Clock.Advance(7 * 24 * time.Hour)
		if n := w.due(t); n != 1 || w.left() != 0 {
			t.Fatalf("%d were erased", n)
		}
		if w.Count("SELECT count(*) FROM tenant WHERE id = $1", alone.ID) != 0 || w.Count("SELECT count(*) FROM membership WHERE tenant_id = $1", acme.ID) != 1 {
			t.Error("the wrong tenants are left")
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'tenant.ownerless' AND tenant_id = $1 AND account_id = $2 AND actor = 'system'", acme.ID, w.account.ID); n != 1 || len(w.Audited("tenant.ownerless")) != 1 {
			t.Errorf("%d events", n)
		}
	})
}

// Two owners who erase their accounts at once: one of them is the last.
func TestOneOfTwoOwnersWhoEraseAtOnceStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		hash, err := passHash()
		if err != nil {
			t.Fatal(err)
		}
		member := w.Account("member@example.com", "")
		for _, slug := range []string{"one", "two", "three", "four"} {
			a, b := w.Account(slug+"-a@example.com", hash), w.Account(slug+"-b@example.com", hash)
			in := w.Tenant(slug, a.ID)
			w.Join(in, b.ID, "owner")
			w.Join(in, member.ID, "member")
			var work, proved sync.WaitGroup
			proved.Add(2)
			w.meanwhile = func() {
				proved.Done()
				proved.Wait()
			}
			errs := make([]error, 2)
			for i, who := range []tenant.ID{a.ID, b.ID} {
				by := w.Session(who)
				work.Go(func() { _, errs[i] = w.service.Erase(context.Background(), by, profile.Leaving{Password: pass}) })
			}
			work.Wait()
			if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), tenant.ErrLastOwner) {
				t.Errorf("answered %v", errs)
			}
			if n := w.Count("SELECT count(*) FROM membership WHERE tenant_id = $1 AND role = 'owner'", in.ID); n != 1 {
				t.Errorf("%d owners are left", n)
			}
		}
	})
}

// The one owner is erased while the other steps down.
func TestAnOwnerIsNotErasedWhileTheOtherStepsDown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		hash, err := passHash()
		if err != nil {
			t.Fatal(err)
		}
		w.meanwhile = nil
		for _, slug := range []string{"one", "two", "three", "four"} {
			a, b := w.Account(slug+"-a@example.com", hash), w.Account(slug+"-b@example.com", "")
			in := w.Tenant(slug, a.ID)
			w.Join(in, b.ID, "owner")
			by := w.Session(a.ID)
			var work sync.WaitGroup
			var erased, demoted error
			work.Go(func() { _, erased = w.service.Erase(context.Background(), by, profile.Leaving{Password: pass}) })
			work.Go(func() {
				demoted = w.In(db.Tenant(in.ID)).InTx(context.Background(), func(tx *db.Tx) error {
					locked, err := tenant.Lock(context.Background(), tx, in.ID)
					if err != nil {
						return err
					}
					return tenant.SetRole(context.Background(), tx, locked, b.ID, "member")
				})
			})
			work.Wait()
			if (erased == nil) == (demoted == nil) {
				t.Errorf("erased: %v, demoted: %v", erased, demoted)
			}
			if n := w.Count("SELECT count(*) FROM membership WHERE tenant_id = $1 AND role = 'owner'", in.ID); n != 1 {
				t.Errorf("%d owners are left", n)
			}
		}
	})
}

func TestExportHoldsTenantsAndWhatHappenedInThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.Account("ann@example.com", "")
		acme, globex := w.Tenant("acme", ann.ID), w.Tenant("globex", ann.ID)
		w.Join(acme, w.account.ID, "editor")
		w.Exec(`UPDATE membership SET permissions = 'audit.read notes.read', attributes = '{"former":"kept","level":7}' WHERE account_id = $1`, w.account.ID)
		w.Exec("INSERT INTO audit_event (id, at, kind, account_id, tenant_id, actor, address, device, request_id, reason, detail) VALUES ($1, 1, 'member.role_changed', $2, $3, $4, '192.0.2.77', 'Lynx', '', '', '{\"by\":\"member\"}')",
			acme.ID, w.account.ID, acme.ID, ann.ID.String())
		w.Exec("INSERT INTO audit_event (id, at, kind, account_id, tenant_id, actor, address, device, request_id, reason, detail) VALUES ($1, 1, 'member.removed', $2, $3, $4, '', '', '', '', '{\"by\":\"member\"}')",
			globex.ID, w.account.ID, globex.ID, ann.ID.String())
		a := w.export()
		if slugs, roles := list(a, "tenants", "slug"), list(a, "tenants", "role"); !slices.Equal(slugs, []any{"acme"}) || !slices.Equal(roles, []any{"editor"}) {
			t.Fatalf("tenants %v, %v", slugs, roles)
		}
		one := a.JSON["tenants"].([]any)[0].(map[string]any)
		if got, ok := one["permissions"].([]any); !ok || !slices.Equal(got, []any{"audit.read", "notes.read"}) || one["name"] != "acme" || one["id"] != acme.ID.String() || one["joined_at"] == nil {
			t.Errorf("%v", one)
		}
		if got, ok := one["attributes"].(map[string]any); !ok || len(got) != 2 || got["former"] != "kept" || got["level"] != 7.0 {
			t.Errorf("attributes %v", one["attributes"])
		}
		// Also of a tenant that they belong to no more.
		if kinds, actors := list(a, "events", "kind"), list(a, "events", "actor"); !slices.Contains(kinds, any("member.role_changed")) || !slices.Contains(kinds, any("member.removed")) || !slices.Contains(actors, any("member")) {
			t.Errorf("events %v by %v", kinds, actors)
		}
		if strings.Contains(a.Text, ann.ID.String()) || strings.Contains(a.Text, "192.0.2.77") || strings.Contains(a.Text, "Lynx") {
			t.Errorf("it says who of the others:\n%s", a.Text)
		}
	})
}
