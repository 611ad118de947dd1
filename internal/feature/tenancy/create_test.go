package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

func (w *world) creates(body string) domaintest.Answer {
	w.t.Helper()
	return w.Call(post, "/tenants/", body, domaintest.Bearer(w.me))
}

func TestWhoMakesATenantOwnsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.creates(`{"name":"  Café  Zoë "}`)
		done(t, a, http.StatusCreated)
		if a.JSON["slug"] != "cafe-zoe" || a.JSON["name"] != "Café Zoë" || a.JSON["is_active"] != true {
			t.Errorf("made %s", a.Text)
		}
		mine := w.Call(get, "/tenants/", "", domaintest.Bearer(w.me))
		done(t, mine, http.StatusOK)
		listed := mine.JSON["tenants"].([]any)
		if len(listed) != 1 || mine.JSON["may_create"] != true {
			t.Fatalf("listed %s", mine.Text)
		}
		if one := listed[0].(map[string]any); one["role"] != "owner" || one["slug"] != "cafe-zoe" || one["id"] != a.JSON["id"] || one["joined_at"] == nil {
			t.Errorf("listed %s", mine.Text)
		}
		var actor, detail string
		var about account.ID
		w.Read(&actor, `SELECT actor FROM audit_event WHERE kind = 'tenant.created' AND tenant_id = (SELECT id FROM tenant)`)
		w.Read(&detail, `SELECT detail FROM audit_event WHERE kind = 'tenant.created'`)
		w.Read(&about, `SELECT account_id FROM audit_event WHERE kind = 'tenant.created'`)
		if actor != "self" || detail != `{"slug":"cafe-zoe"}` || about != w.account.ID {
			t.Errorf("audited by %s about %s: %s", actor, about, detail)
		}
		if other := w.Call(get, "/tenants/", "", domaintest.Bearer(w.Session(w.Account("al@example.com", "").ID))); len(other.JSON["tenants"].([]any)) != 0 {
			t.Errorf("another's list: %s", other.Text)
		}
	})
}

func TestWhatCannotBeANameMakesNoTenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for body, want := range map[string][2]string{
			`{"name":"x","slug":"acme"}`:                               {"name", "tenant_name_invalid"},
			`{"name":"Acme","slug":"Acme"}`:                            {"slug", "tenant_slug_invalid"},
			`{"name":"Acme","slug":"adm1n"}`:                           {"slug", "tenant_slug_invalid"},
			`{"name":"\u0410cme","slug":"acme"}`:                       {"name", "tenant_name_invalid"},
			`{"name":"日本"}`:                                            {"slug", "tenant_slug_invalid"},
			`{"slug":"acme"}`:                                          {"name", "required"},
			`{"name":"` + strings.Repeat("a", 321) + `"}`:              {"name", "too_long"},
			`{"name":"Acme","is_active":false}`:                        {"is_active", "unknown"},
			`{"name":"Acme","id":"` + w.account.ID.String() + `"}`:     {"id", "unknown"},
			`{"name":"Acme","slug":"` + strings.Repeat("a", 49) + `"}`: {"slug", "too_long"},
		} {
			a := w.creates(body)
			if a.Status != http.StatusBadRequest || fields(a)[want[0]] != want[1] {
				t.Errorf("%s: answered %d %s", body, a.Status, a.Text)
			}
		}
		if n := w.Count(`SELECT (SELECT count(*) FROM tenant) + (SELECT count(*) FROM tenant_slug) + (SELECT count(*) FROM audit_event WHERE kind = 'tenant.created')`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

func TestCreationIsForWhomTheConfigurationSays(t *testing.T) {
	eachWith(t, tenancy.ByStaff, func(t *testing.T, w *world) {
		refused(t, w.creates(`{"name":"Acme"}`), http.StatusForbidden, "tenant_creation_closed")
		w.Exec(`UPDATE account SET staff = TRUE, superuser = TRUE`)
		refused(t, w.creates(`{"name":"Acme"}`), http.StatusForbidden, "tenant_creation_closed")
		if a := w.Call(get, "/tenants/", "", domaintest.Bearer(w.me)); a.JSON["may_create"] != false {
			t.Errorf("listed %s", a.Text)
		}
		made, err := w.service.CreateFor(t.Context(), w.account, "Acme", "")
		if err != nil || made.Slug != "acme" {
			t.Fatal(made, err)
		}
		if mine, err := w.service.Mine(t.Context(), w.account.ID); err != nil || len(mine) != 1 || mine[0].Grant.Role != role.Owner {
			t.Errorf("%+v, %v", mine, err)
		}
		if _, err := w.service.CreateFor(t.Context(), &account.Account{}, "Globex", ""); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("for nobody: %v", err)
		}
	})
	whole := tenancy.Config{Create: tenancy.ByAnyone, PerAccount: ratelimit.Limit{Name: "x", Burst: 1, Per: time.Hour}, Origin: domaintest.Origin, DomainsPage: domaintest.Origin + "/{tenant}/"}
	for missing, leave := range map[string]func(c *tenancy.Config){
		"who makes tenants": func(c *tenancy.Config) { c.Create = "" },
		"a limit":           func(c *tenancy.Config) { c.PerAccount = ratelimit.Limit{} },
		"an origin":         func(c *tenancy.Config) { c.Origin = "" },
		"a tenant's page":   func(c *tenancy.Config) { c.DomainsPage = domaintest.Origin },
	} {
		cfg := whole
		leave(&cfg)
		if _, err := tenancy.New(cfg, tenancy.Deps{}); err == nil {
			t.Errorf("a configuration without %s is taken", missing)
		}
	}
}

func TestCreationAsksForAConfirmedAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE account SET email_verified = FALSE`)
		refused(t, w.creates(`{"name":"Acme"}`), http.StatusForbidden, "tenant_creation_unverified")
		if a := w.Call(get, "/tenants/", "", domaintest.Bearer(w.me)); a.JSON["may_create"] != false {
			t.Errorf("listed %s", a.Text)
		}
		w.Exec(`UPDATE account SET email_verified = TRUE, active = FALSE`)
		if _, err := w.service.Create(t.Context(), w.me, "Acme", ""); !errors.Is(err, session.ErrEnded) {
			t.Errorf("a disabled account: %v", err)
		}
		w.Exec(`DELETE FROM account`)
		if _, err := w.service.Create(t.Context(), w.me, "Acme", ""); !errors.Is(err, session.ErrEnded) {
			t.Errorf("an account that is gone: %v", err)
		}
		if w.Count(`SELECT count(*) FROM tenant`) != 0 {
			t.Error("there is a tenant")
		}
	})
}

func TestAnAccountMakesOnlySoManyTenants(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 30 { // mistakes are free
			w.creates(`{"name":"x"}`)
		}
		for _, name := range []string{"Acme", "Globex", "Initech"} {
			done(t, w.creates(`{"name":"`+name+`"}`), http.StatusCreated)
		}
		a := w.creates(`{"name":"Umbrella"}`)
		refused(t, a, http.StatusTooManyRequests, "rate_limited")
		if a.Header.Get("Retry-After") == "" {
			t.Error("it is not said when to come back")
		}
	})
}

func TestOnlySoManyNamesOfOthersAreFoundOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Tenant("acme", w.Account("al@example.com", "").ID)
		for i := range 20 {
			slug, code := "acme", "tenant_slug_taken"
			if i%2 > 0 {
				slug, code = "another", "tenant_name_taken"
			}
			refused(t, w.creates(fmt.Sprintf(`{"name":"acme","slug":"%s"}`, slug)), http.StatusConflict, code)
		}
		refused(t, w.creates(`{"name":"acme"}`), http.StatusTooManyRequests, "rate_limited")
		if w.Count(`SELECT count(*) FROM tenant_slug`) != 1 {
			t.Error("a refused tenant keeps its slug")
		}
	})
}

func TestOfAccountsThatMakeATenantAtOnceOneGetsTheSlug(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var all []func() error
		for i, slug := range []string{"acme", "acrne", "ac-me", "acme", "acme"} {
			by := w.Session(w.Account(fmt.Sprintf("u%d@example.com", i), "").ID)
			all = append(all, func() error {
				_, err := w.service.Create(context.Background(), by, fmt.Sprintf("Acme %d", i), slug)
				return err
			})
		}
		won := 0
		for _, err := range together(all...) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, tenant.ErrSlugTaken):
				t.Error(err)
			}
		}
		rows := w.Count(`SELECT (SELECT count(*) FROM tenant) + (SELECT count(*) FROM membership) + (SELECT count(*) FROM tenant_slug) + (SELECT count(*) FROM audit_event WHERE kind = 'tenant.created')`)
		if won != 1 || rows != 4 {
			t.Errorf("%d got it, %d rows", won, rows)
		}
	})
}

func TestATenantIsMadeWholeOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n := 1; ; n++ {
			var err error
			if reached := w.FailAt(n, func() { _, err = w.service.CreateFor(t.Context(), w.account, "Acme", "") }); !reached {
				break
			}
			if !errors.Is(err, domaintest.ErrBroken) {
				t.Errorf("statement %d failed: %v", n, err)
			}
			if rows := w.Count(`SELECT (SELECT count(*) FROM tenant) + (SELECT count(*) FROM membership) + (SELECT count(*) FROM tenant_slug) + (SELECT count(*) FROM audit_event)`); rows != 0 {
				t.Fatalf("statement %d failed, and %d rows are left", n, rows)
			}
		}
		if w.Count(`SELECT count(*) FROM membership`) != 1 {
			t.Error("it was never made")
		}
	})
}

// An account that is erased while it makes a tenant leaves none behind that nobody owns.
func TestAnErasedAccountLeavesNoTenantBehind(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 8 {
			who := w.Account(fmt.Sprintf("u%d@example.com", i), "")
			by := w.Session(who.ID)
			came := together(
				func() error {
					_, err := w.service.Create(context.Background(), by, fmt.Sprintf("Acme %d", i), fmt.Sprintf("%cacme", 'a'+i))
					return err
				},
				func() error { return w.erase(who.ID) })
			if came[0] != nil && !errors.Is(came[0], session.ErrEnded) {
				t.Errorf("round %d: %v", i, came[0])
			}
			if came[1] != nil && !errors.Is(came[1], tenant.ErrLastOwner) {
				t.Errorf("round %d: %v", i, came[1])
			}
			if (came[0] == nil) == (came[1] == nil) {
				t.Errorf("round %d: made: %v, erased: %v", i, came[0], came[1])
			}
		}
		if n := w.Count(`SELECT count(*) FROM tenant t WHERE NOT EXISTS (SELECT 1 FROM membership m WHERE m.tenant_id = t.id)`); n != 0 {
			t.Errorf("%d tenants are nobody's", n)
		}
	})
}
