package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// adds gives a tenant of the account a domain.
func (w *world) adds(to *tenant.Tenant, domain string) *tenant.Domain {
	w.t.Helper()
	d, err := w.service.AddDomain(context.Background(), tenant.By(w.account.ID), to.ID, domain)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) verifies(to *tenant.Tenant, domain string) error {
	_, err := w.service.VerifyDomain(context.Background(), tenant.By(w.account.ID), to.ID, domain)
	return err
}

// verified reports whether a tenant has shown a domain to be its own.
func (w *world) verified(of *tenant.Tenant, domain string) bool {
	w.t.Helper()
	return w.Count(`SELECT count(*) FROM tenant_domain WHERE tenant_id = $1 AND domain = $2 AND verified_at IS NOT NULL`, of.ID, domain) == 1
}

func TestADomainIsAddedShownAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		a := w.asks(w.me, acme, post, "/tenants/acme/domains/", `{"domain":" Example.COM."}`)
		done(t, a, http.StatusCreated)
		if a.JSON["domain"] != "example.com" || a.JSON["verified_at"] != nil || a.JSON["checked_at"] != nil ||
			a.JSON["record"] != "_gatehouse-challenge.example.com" || a.JSON["file"] != "https://example.com/.well-known/gatehouse-challenge.txt" {
			t.Errorf("added %s", a.Text)
		}
		if again := w.asks(w.me, acme, post, "/tenants/acme/domains/", `{"domain":"example.com"}`); again.Status != http.StatusCreated || again.JSON["challenge"] != a.JSON["challenge"] {
			t.Errorf("added again: %d %s", again.Status, again.Text)
		}
		missing := w.asks(w.me, acme, post, "/tenants/acme/domains/example.com/verify/", "")
		refused(t, missing, http.StatusConflict, "domain_unproven")
		if f := fields(missing); f["record"] != "challenge_absent" || f["file"] != "challenge_absent" {
			t.Errorf("it says %s", missing.Text)
		}
		w.site.publish(&tenant.Domain{Domain: "example.com", Challenge: a.JSON["challenge"].(string)})
		for range 2 {
			shown := w.asks(w.me, acme, post, "/tenants/acme/domains/example.com/verify/", "")
			done(t, shown, http.StatusOK)
			if shown.JSON["verified_at"] == nil || shown.JSON["checked_at"] == nil {
				t.Errorf("shown: %s", shown.Text)
			}
		}
		if list := w.asks(w.me, acme, get, "/tenants/acme/domains/", ""); len(list.JSON["domains"].([]any)) != 1 {
			t.Errorf("listed %s", list.Text)
		}
		done(t, w.asks(w.me, acme, remove, "/tenants/acme/domains/EXAMPLE.com/", ""), http.StatusNoContent)
		for _, name := range []string{"example.com", "example.org", "com", "%00", "..example.com"} {
			a := w.asks(w.me, acme, remove, "/tenants/acme/domains/"+name+"/", "")
			if a.Status != http.StatusNotFound {
				t.Errorf("remove %s: answered %d %s", name, a.Status, a.Text)
			}
			if a := w.asks(w.me, acme, post, "/tenants/acme/domains/"+name+"/verify/", ""); a.Status != http.StatusNotFound {
				t.Errorf("verify %s: answered %d %s", name, a.Status, a.Text)
			}
		}
		for _, text := range []string{"", "com", "localhost", "192.0.2.1", "a.example/x", "ex\\u0430mple.com", "https://example.com"} {
			if a := w.asks(w.me, acme, post, "/tenants/acme/domains/", `{"domain":"`+text+`"}`); a.Status != http.StatusBadRequest || fields(a)["domain"] == "" {
				t.Errorf("add %q: answered %d %s", text, a.Status, a.Text)
			}
		}
		var kinds []string
		for _, k := range []string{"domain.added", "domain.verified", "domain.lost", "domain.removed"} {
			kinds = append(kinds, fmt.Sprint(k, " ", len(w.Audited(k))))
		}
		if fmt.Sprint(kinds) != "[domain.added 1 domain.verified 1 domain.lost 0 domain.removed 1]" {
			t.Errorf("audited %v", kinds)
		}
	})
}

func TestATenantHasOnlySoManyDomains(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for i := range tenant.MaxDomains {
			w.adds(acme, fmt.Sprintf("a%d.example", i))
		}
		refused(t, w.asks(w.me, acme, post, "/tenants/acme/domains/", `{"domain":"b.example"}`), http.StatusBadRequest, "domains_too_many")
		w.adds(acme, "a7.example") // it is there
	})
}

// Claims stand in nobody's way; of those who have shown it, the first has it.
func TestADomainIsOfTheFirstToShowIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.account.ID)
		hers, his := w.adds(acme, "example.com"), w.adds(globex, "example.com")
		w.site.publish(hers)
		if err := w.verifies(globex, "example.com"); !errors.Is(err, tenancy.ErrDomainUnproven) {
			t.Errorf("by another's challenge: %v", err)
		}
		if err := w.verifies(acme, "example.com"); err != nil {
			t.Fatal(err)
		}
		if err := w.verifies(globex, "example.com"); !errors.Is(err, tenancy.ErrDomainUnproven) {
			t.Errorf("whoever has shown nothing is told that it is taken: %v", err)
		}
		w.site.publish(his)
		refused(t, w.asks(w.me, globex, post, "/tenants/globex/domains/example.com/verify/", ""), http.StatusConflict, "domain_taken")
		if reasons := w.Audited("domain.verify_refused"); fmt.Sprint(reasons) != "[domain_taken]" || w.verified(globex, "example.com") {
			t.Errorf("audited %v", reasons)
		}
		// The former owner's challenge is gone: looking again says so, and sets the domain free.
		if err := w.verifies(acme, "example.com"); !errors.Is(err, tenancy.ErrDomainUnproven) || w.verified(acme, "example.com") {
			t.Errorf("looked at again: %v", err)
		}
		if err := w.verifies(globex, "example.com"); err != nil || !w.verified(globex, "example.com") {
			t.Errorf("shown by its owner: %v", err)
		}
		if len(w.Audited("domain.lost")) != 1 {
			t.Error("that it was lost leaves no trace")
		}
	})
}

// A tenant that has used up its looks is looked at all the same, or nobody could settle a dispute.
func TestStaffLookAtDomainsAtAnyTimeAndSayWhyTheyRemoveThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, staff, acme := context.Background(), tenant.ByStaff(), w.Tenant("acme", w.account.ID)
		w.shows(acme, "example.com")
		for range 19 {
			if err := w.verifies(acme, "example.com"); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.verifies(acme, "example.com"); !errors.Is(err, ratelimit.ErrLimited) {
			t.Fatalf("the bound is not reached: %v", err)
		}
		for range 2 {
			if d, err := w.service.VerifyDomain(ctx, staff, acme.ID, "example.com"); err != nil || !d.Verified() {
				t.Errorf("looked at by staff: %v, %v", d, err)
			}
		}
		delete(w.site.published, "example.com")
		if _, err := w.service.VerifyDomain(ctx, staff, acme.ID, "example.com"); !errors.Is(err, tenancy.ErrDomainUnproven) || w.verified(acme, "example.com") {
			t.Errorf("looked at by staff without the challenge: %v", err)
		}
		if err := w.service.RemoveDomain(ctx, staff, acme.ID, "example.com", "another has shown it"); err != nil {
			t.Fatal(err)
		}
		if got := w.Audited("domain.removed"); fmt.Sprint(got) != "[another has shown it]" {
			t.Errorf("audited %q", got)
		}
	})
}

// Somebody must be able to say whose a domain is where the one who lost it points its site at nothing.
func TestStaffNeedOnePlaceThatAnswersToTakeADomainAndMembersBoth(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, staff, acme := context.Background(), tenant.ByStaff(), w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		looks := func() error {
			_, err := w.service.VerifyDomain(ctx, staff, acme.ID, "example.com")
			return err
		}
		w.site.half = true
		if err := looks(); err != nil || !w.verified(acme, "example.com") {
			t.Errorf("the challenge is there: %v", err)
		}
		w.site.publish(&tenant.Domain{Domain: d.Domain})
		w.site.silent = true
		if err := looks(); !errors.Is(err, tenancy.ErrDomainUnproven) || !w.verified(acme, "example.com") {
			t.Errorf("nothing answers: %v", err)
		}
		w.site.silent = false
		if err := w.verifies(acme, "example.com"); !errors.Is(err, tenancy.ErrDomainUnproven) || !w.verified(acme, "example.com") || w.domain(acme, "example.com").Missed != 0 {
			t.Errorf("a member looked, and one place is silent: %v", err)
		}
		if err := looks(); !errors.Is(err, tenancy.ErrDomainUnproven) || w.verified(acme, "example.com") {
			t.Errorf("staff looked, and one place is silent: %v", err)
		}
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'domain.lost' AND tenant_id = $1`, acme.ID); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestASilentNetworkTakesNoDomainAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.site.publish(w.adds(acme, "example.com"))
		if err := w.verifies(acme, "example.com"); err != nil {
			t.Fatal(err)
		}
		w.site.silent = true
		a := w.asks(w.me, acme, post, "/tenants/acme/domains/example.com/verify/", "")
		refused(t, a, http.StatusConflict, "domain_unproven")
		if f := fields(a); f["record"] != "dns_unreachable" || f["file"] != "site_unreachable" {
			t.Errorf("it says %s", a.Text)
		}
		if !w.verified(acme, "example.com") {
			t.Error("the domain is lost")
		}
	})
}

func TestOfTenantsThatShowADomainAtOnceOneGetsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var all []func() error
		for _, slug := range []string{"acme", "globex", "initech", "umbrella"} {
			one := w.Tenant(slug, w.account.ID)
			w.adds(one, "example.com")
			all = append(all, func() error {
				_, err := everything(w).VerifyDomain(context.Background(), tenant.By(w.account.ID), one.ID, "example.com")
				return err
			})
		}
		won := 0
		for _, err := range together(all...) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, tenant.ErrDomainTaken):
				t.Error(err)
			}
		}
		if shown := w.Count(`SELECT count(*) FROM tenant_domain WHERE verified_at IS NOT NULL`); won != 1 || shown != 1 || len(w.Audited("domain.verified")) != 1 || len(w.Audited("domain.verify_refused")) != 3 {
			t.Errorf("%d got it, %d have it", won, shown)
		}
	})
}

// everything is the feature where every challenge is found.
func everything(w *world) *tenancy.Service {
	deps := w.service.Deps
	deps.Prover = found{}
	s, err := tenancy.New(w.cfg, deps)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

type found struct{}

func (found) Prove(context.Context, *tenant.Domain) tenancy.Proof {
	return tenancy.Proof{File: tenancy.Found}
}

// While a site is asked, much can happen: what is written down is asked for again.
func TestWhatChangesWhileASiteIsAskedWins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		me := tenant.By(w.account.ID)
		w.Join(acme, w.Account("al@example.com", "").ID, "owner")
		w.site.publish(w.adds(acme, "example.com"))
		w.site.before = func() {
			if err := w.service.RemoveDomain(context.Background(), me, acme.ID, "example.com", ""); err != nil {
				t.Error(err)
			}
		}
		if err := w.verifies(acme, "example.com"); !errors.Is(err, tenant.ErrDomainNotFound) {
			t.Errorf("removed meanwhile: %v", err)
		}
		w.site.publish(w.adds(acme, "example.com"))
		again := w.site.before
		w.site.before = func() { again(); w.adds(acme, "example.com") }
		if err := w.verifies(acme, "example.com"); !errors.Is(err, tenant.ErrDomainNotFound) || w.verified(acme, "example.com") {
			t.Errorf("added again meanwhile, with another challenge: %v", err)
		}
		w.site.publish(w.adds(acme, "example.org"))
		w.site.before = func() { w.Exec(`DELETE FROM membership WHERE account_id = $1`, w.account.ID) }
		if err := w.verifies(acme, "example.org"); !errors.Is(err, tenant.ErrNotMember) || w.verified(acme, "example.org") {
			t.Errorf("thrown out meanwhile: %v", err)
		}
	})
}

func TestOnlySoManyLooksAtSites(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.account.ID)
		asked := 0
		w.site.before = func() { asked++ }
		w.adds(acme, "example.com")
		w.adds(acme, "example.org")
		w.adds(globex, "example.com")
		for range 20 {
			if err := w.verifies(acme, "example.com"); !errors.Is(err, tenancy.ErrDomainUnproven) {
				t.Fatal(err)
			}
		}
		if err := w.verifies(acme, "example.org"); !errors.Is(err, ratelimit.ErrLimited) {
			t.Errorf("another domain of the tenant: %v", err)
		}
		if err := w.verifies(globex, "example.com"); !errors.Is(err, tenancy.ErrDomainUnproven) {
			t.Errorf("another tenant is kept from the same site: %v", err)
		}
		if asked != 21 {
			t.Errorf("sites were asked %d times", asked)
		}
		w.site.before = nil
		stranger := w.Session(w.Account("eve@example.com", "").ID)
		if _, err := w.service.VerifyDomain(t.Context(), tenant.By(stranger.AccountID), globex.ID, "example.com"); !errors.Is(err, tenant.ErrNotMember) {
			t.Errorf("a stranger: %v", err)
		}
	})
}

// Whoever shows a domain lets its people join, and gives them the role that they join as.
func TestNobodyShowsADomainWhosePeopleGetMoreThanTheyHave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		keeper := w.member(acme, "pat@example.com", role.Member)
		w.lets(acme, keeper, role.ManageTenant)
		joinAs := func(name string) {
			if _, err := w.service.Change(t.Context(), tenant.By(w.account.ID), acme.ID, func(s *tenant.Settings) { s.Policy.JoinRole = name }); err != nil {
				t.Fatal(err)
			}
		}
		shows := func() error {
			_, err := everything(w).VerifyDomain(t.Context(), tenant.By(keeper.AccountID), acme.ID, "example.com")
			return err
		}
		w.adds(acme, "example.com")
		joinAs("admin")
		if err := shows(); !errors.Is(err, role.ErrEscalation) || w.verified(acme, "example.com") {
			t.Errorf("a domain whose people join as admins: %v", err)
		}
		if reasons := w.Audited("domain.verify_refused"); fmt.Sprint(reasons) != "[role_escalation]" {
			t.Errorf("audited %v", reasons)
		}
		refused(t, w.asks(keeper, acme, patch, "/tenants/acme/", `{"policy":{"email_domains":["example.com"]}}`), http.StatusForbidden, "role_escalation")
		joinAs("member")
		if err := shows(); err != nil {
			t.Errorf("one whose people join as members: %v", err)
		}
		done(t, w.asks(keeper, acme, patch, "/tenants/acme/", `{"policy":{"email_domains":["example.com"]}}`), http.StatusOK)
		joinAs("admin")
		if err := shows(); err != nil {
			t.Errorf("looking at it again: %v", err)
		}
		w.Exec(`UPDATE tenant SET join_role = 'gone'`)
		w.Exec(`UPDATE tenant_domain SET verified_at = NULL`)
		if err := shows(); err != nil {
			t.Errorf("where nobody can join any more: %v", err)
		}
	})
}
