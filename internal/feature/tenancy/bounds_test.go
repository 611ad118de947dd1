package tenancy_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// renames changes the slug of a tenant.
func (w *world) renames(by tenant.Actor, of *tenant.Tenant, slug string) error {
	_, err := w.service.Change(w.t.Context(), by, of.ID, func(s *tenant.Settings) { s.Slug = slug })
	return err
}

func TestAnAdminsGuessesKeepNobodyElseFromChanging(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.Tenant("globex", w.Account("al@example.com", "").ID)
		pat := w.member(acme, "pat@example.com", role.Admin)
		for range 20 {
			if err := w.renames(tenant.By(pat.AccountID), acme, "globex"); !errors.Is(err, tenant.ErrSlugTaken) {
				t.Fatal(err)
			}
		}
		if err := w.renames(tenant.By(pat.AccountID), acme, "initech"); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("one guess more: %v", err)
		}
		if _, err := w.service.Create(t.Context(), pat, "Initech", "initech"); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("one guess more, by making one: %v", err)
		}
		if err := w.renames(tenant.By(w.account.ID), acme, "globex"); !errors.Is(err, tenant.ErrSlugTaken) {
			t.Errorf("the owner: %v", err)
		}
		_, err := w.service.Change(t.Context(), tenant.By(pat.AccountID), acme.ID, func(s *tenant.Settings) { s.Color = "#000000" })
		if err != nil {
			t.Errorf("what finds nothing out: %v", err)
		}
		for range 25 {
			if err := w.renames(tenant.ByStaff(), acme, "globex"); !errors.Is(err, tenant.ErrSlugTaken) {
				t.Fatalf("staff: %v", err)
			}
		}
	})
}

func TestATenantKeepsOnlySoManySlugsFromOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, by := w.Tenant("acme", w.account.ID), tenant.By(w.account.ID)
		w.Tenant("globex", w.Account("al@example.com", "").ID)
		for range 6 { // which keep nothing
			if err := w.renames(by, acme, "globex"); !errors.Is(err, tenant.ErrSlugTaken) {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			if err := w.renames(by, acme, fmt.Sprintf("name-%c", 'a'+i)); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		pat := w.member(acme, "pat@example.com", role.Admin)
		for _, one := range []tenant.Actor{by, tenant.By(pat.AccountID)} {
			if err := w.renames(one, acme, "name-f"); !errors.Is(err, ratelimit.ErrLimited) {
				t.Errorf("a sixth: %v", err)
			}
		}
		if err := w.renames(tenant.ByStaff(), acme, "name-f"); err != nil {
			t.Errorf("staff: %v", err)
		}
		if n := w.Count(`SELECT count(*) FROM tenant_slug WHERE tenant_id = $1`, acme.ID); n != 7 {
			t.Errorf("it keeps %d", n)
		}
	})
}

// Whoever sets a policy goes on to be let in by it; over the API as on the pages.
func TestNobodySetsAPolicyThatKeepsThemOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for body, field := range map[string]string{
			`{"policy":{"second_factor":true}}`:             "second_factor",
			`{"policy":{"refuse_methods":["password"]}}`:    "methods",
			`{"name":"x2","policy":{"second_factor":true}}`: "second_factor",
		} {
			a := w.asks(w.me, acme, patch, "/tenants/acme/", body)
			if refused(t, a, http.StatusBadRequest, "would_lock_out"); fields(a)[field] != "would_lock_out" {
				t.Errorf("%s: %s", body, a.Text)
			}
		}
		w.Exec(`UPDATE session SET auth_time = auth_time - 301000`)
		shorter := func(s *tenant.Settings) { s.Policy.MaxAge = 5 * time.Minute }
		if _, err := w.service.Change(t.Context(), tenant.By(w.account.ID).Through(w.me.SessionID), acme.ID, shorter); !errors.Is(err, tenancy.ErrLockOut) {
			t.Errorf("a shorter age: %v", err)
		}
		// It was left for an hour, though it is used now.
		w.Exec(`UPDATE session SET idled_ms = 3600000`)
		_, err := w.service.Change(t.Context(), tenant.By(w.account.ID).Through(w.me.SessionID), acme.ID, func(s *tenant.Settings) { s.Policy.MaxIdle = time.Hour })
		if f, ok := fault.From(err); !ok || !errors.Is(err, tenancy.ErrLockOut) || f.Fields[0].Field != "max_idle" {
			t.Errorf("less than it was left for: %v", err)
		}
		if got := w.now(acme.ID); fmt.Sprint(*got) != fmt.Sprint(*acme) {
			t.Errorf("it is %+v", got)
		}
		w.Exec(`UPDATE session SET auth_time = auth_time + 301000`)
		done(t, w.asks(w.me, acme, patch, "/tenants/acme/", `{"policy":{"max_age":3600,"max_idle":3601,"refuse_methods":["email","passkey"]}}`), http.StatusOK)
		w.Exec(`UPDATE session SET aal = 2`)
		done(t, w.asks(w.me, acme, patch, "/tenants/acme/", `{"policy":{"second_factor":true}}`), http.StatusOK)
	})
}

func TestDomainsAreAddedOnlySoOftenInADay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, by := w.Tenant("acme", w.account.ID), tenant.By(w.account.ID)
		for range 60 { // the one that is there
			w.adds(acme, "example.com")
		}
		for range 49 {
			w.adds(acme, "example.org")
			if err := w.service.RemoveDomain(t.Context(), by, acme.ID, "example.org", ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.service.AddDomain(t.Context(), by, acme.ID, "example.org"); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("a fifty-first: %v", err)
		}
	})
}

func TestDomainsAskForAFreshProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.adds(acme, "example.com")
		w.Exec(`UPDATE session SET auth_time = auth_time - 600000`)
		refused(t, w.asks(w.me, acme, post, "/tenants/acme/domains/", `{"domain":"example.org"}`), http.StatusUnauthorized, "proof_stale")
		refused(t, w.asks(w.me, acme, post, "/tenants/acme/domains/example.com/verify/", ""), http.StatusUnauthorized, "proof_stale")
		refused(t, w.asks(w.me, acme, remove, "/tenants/acme/domains/example.com/", ""), http.StatusUnauthorized, "proof_stale")
	})
}

func TestPoliciesAreListedToWhoMayReadThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.grows(acme, "guest")
		guest := w.member(acme, "pat@example.com", "guest")
		w.Exec(`UPDATE tenant SET email_domains = 'example.com'`)
		policy := func(by domaintest.Option) any {
			a := w.Call(get, "/tenants/", "", by)
			done(t, a, http.StatusOK)
			one := a.JSON["tenants"].([]any)[0].(map[string]any)
			if one["slug"] != "acme" || one["name"] != "acme" || one["color"] != "" || one["created_at"] == nil || one["is_active"] == nil || one["role"] == "" {
				t.Errorf("listed %s", a.Text)
			}
			return one["policy"]
		}
		if policy(domaintest.Bearer(w.me)) == nil {
			t.Error("the owner is not shown it")
		}
		if p := policy(domaintest.Bearer(guest)); p != nil {
			t.Errorf("who may not read the tenant is shown %v", p)
		}
		w.Exec(`UPDATE tenant SET active = FALSE`)
		if p := policy(domaintest.Bearer(w.me)); p != nil {
			t.Errorf("of a suspended one is shown %v", p)
		}
	})
}
