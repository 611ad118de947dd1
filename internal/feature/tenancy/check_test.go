package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
)

const day = 24 * time.Hour

// later lets time go by.
func (w *world) later(d time.Duration) {
	w.t.Helper()
	if err := w.DB.Clock.Advance(d); err != nil {
		w.t.Fatal(err)
	}
}

// shows gives a tenant a domain and has it verified.
func (w *world) shows(of *tenant.Tenant, domain string) *tenant.Domain {
	w.t.Helper()
	d := w.adds(of, domain)
	w.site.publish(d)
	if err := w.verifies(of, domain); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// checks does one run of the periodic work and returns how many domains it looked at.
func (w *world) checks() (looked int) {
	w.t.Helper()
	before := w.site.before
	defer func() { w.site.before = before }()
	w.site.before = func() {
		looked++
		if before != nil {
			before()
		}
	}
	if err := w.service.CheckDomains(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return looked
}

// domain returns one of a tenant's as it is now.
func (w *world) domain(of *tenant.Tenant, name string) tenant.Domain {
	w.t.Helper()
	all, err := tenant.Domains(context.Background(), w.DB.DB, of.ID)
	i := slices.IndexFunc(all, func(d tenant.Domain) bool { return d.Domain == name })
	if err != nil || i < 0 {
		w.t.Fatalf("%v, %v", all, err)
	}
	return all[i]
}

// events counts what was written down of a tenant's domains without anybody's doing.
func (w *world) events(of *tenant.Tenant) string {
	w.t.Helper()
	count := func(kind string) int {
		return w.Count(`SELECT count(*) FROM audit_event WHERE kind = $1 AND tenant_id = $2 AND actor = 'system'`, kind, of.ID)
	}
	return fmt.Sprintf("missing %d, lost %d", count("domain.missing"), count("domain.lost"))
}

func TestAVerifiedDomainIsLookedAtOnceADay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.shows(acme, "example.com")
		w.adds(acme, "example.org") // claimed, and nobody looks there unasked
		since := w.domain(acme, "example.com").CheckedAt
		w.later(day - time.Minute)
		if n := w.checks(); n != 0 {
			t.Errorf("within a day of its proof it is looked at %d times", n)
		}
		for range 2 {
			w.later(day)
			if first, second := w.checks(), w.checks(); first != 1 || second != 0 {
				t.Errorf("a day later it is looked at %d times, and then %d", first, second)
			}
		}
		if d := w.domain(acme, "example.com"); !d.Verified() || d.CheckedAt.Sub(since) < 2*day || !d.MissingSince.IsZero() {
			t.Errorf("it is %+v", d)
		}
		if got := w.events(acme); got != "missing 0, lost 0" {
			t.Errorf("written down: %s", got)
		}
	})
}

func TestADomainIsLostOnTheThirdDayInARowWithoutItsChallenge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.account.ID)
		d := w.shows(acme, "example.com")
		other := w.adds(globex, "example.com")
		w.site.publish(other) // and the former challenge is gone
		w.later(day)
		w.checks()
		first := w.DB.Now()
		for missed := 1; missed <= 2; missed++ {
			if now := w.domain(acme, "example.com"); !now.Verified() || now.Missed != missed || first.Sub(now.MissingSince).Abs() > time.Minute {
				t.Errorf("missed %d times it is %+v", missed, now)
			}
			list := w.asks(w.me, acme, get, "/tenants/acme/domains/", "")
			if one := list.JSON["domains"].([]any)[0].(map[string]any); one["missing_since"] == nil || one["verified_at"] == nil {
				t.Errorf("it is shown as %v", one)
			}
			if got := w.events(acme); got != "missing 1, lost 0" {
				t.Errorf("missed %d times, written down: %s", missed, got)
			}
			w.later(day)
			w.checks()
		}
		now := w.domain(acme, "example.com")
		if now.Verified() || !now.MissingSince.IsZero() || w.events(acme) != "missing 1, lost 1" {
			t.Errorf("on the third day it is %+v, written down: %s", now, w.events(acme))
		}
		if list := w.asks(w.me, acme, get, "/tenants/acme/domains/", ""); list.JSON["domains"].([]any)[0].(map[string]any)["missing_since"] != nil {
			t.Errorf("it is shown as %s", list.Text)
		}
		if err := w.verifies(globex, "example.com"); err != nil {
			t.Errorf("and whose it is now: %v", err)
		}
		w.site.publish(d)
		if err := w.verifies(acme, "example.com"); !errors.Is(err, tenant.ErrDomainTaken) {
			t.Errorf("%v", err)
		}
	})
}

func TestADomainThatIsFoundAgainIsMissedAnew(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		gone := func(days int) {
			w.site.publish(&tenant.Domain{Domain: d.Domain})
			for range days {
				w.later(day)
				w.checks()
			}
			if now := w.domain(acme, d.Domain); now.Missed != days {
				t.Errorf("after %d days it is %+v", days, now)
			}
		}
		gone(2)
		w.site.publish(d)
		w.later(day)
		w.checks() // by the daily look
		gone(2)
		w.site.publish(d)
		if err := w.verifies(acme, d.Domain); err != nil { // by hand
			t.Fatal(err)
		}
		gone(2)
		if !w.verified(acme, d.Domain) || w.events(acme) != "missing 3, lost 0" {
			t.Errorf("written down: %s", w.events(acme))
		}
	})
}

func TestASilentDayNeitherCountsNorForgives(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		w.site.silent = true
		for range 5 {
			w.later(day)
			if n := w.checks(); n != 1 {
				t.Errorf("a silent place is asked %d times in a day", n)
			}
		}
		if now := w.domain(acme, d.Domain); !now.Verified() || now.Missed != 0 || !now.MissingSince.IsZero() {
			t.Errorf("it is %+v", now)
		}
		w.site.publish(&tenant.Domain{Domain: d.Domain})
		for _, silent := range []bool{false, true, false, true, false} {
			if !w.verified(acme, d.Domain) {
				t.Error("it is lost too soon")
			}
			w.site.silent = silent
			w.later(day)
			w.checks()
		}
		if w.verified(acme, d.Domain) {
			t.Error("silence forgives")
		}
	})
}

func TestARunLooksAtAFewThatWaitLongest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.account.ID)
		var all []string
		for i := range 24 {
			of, name := acme, fmt.Sprintf("a%02d.example", i)
			if i%2 == 1 {
				of = globex
			}
			w.adds(of, name)
			w.Exec(`UPDATE tenant_domain SET verified_at = 1, tried_at = $2 WHERE domain = $1`, name, 1000-i) // the last was looked at longest ago
			all = append(all, name)
		}
		slices.Reverse(all)
		w.Exec(`UPDATE tenant SET active = FALSE WHERE id = $1`, globex.ID) // it has its domains nevertheless
		var looked []string
		deps := w.service.Deps
		deps.Prover = sees(func(d *tenant.Domain) { looked = append(looked, d.Domain) })
		s, err := tenancy.New(w.cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{20, 24, 24} {
			if err := s.CheckDomains(t.Context()); err != nil || !slices.Equal(looked, all[:want]) {
				t.Errorf("looked at %v, %v, want %v", looked, err, all[:want])
			}
		}
	})
}

// sees finds every challenge, and tells of each look.
type sees func(d *tenant.Domain)

func (s sees) Prove(_ context.Context, d *tenant.Domain) tenancy.Proof {
	s(d)
	return tenancy.Proof{Record: tenancy.Found}
}

func TestInstancesThatCheckAtOnceShareTheDomains(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for i := range 15 {
			w.adds(acme, fmt.Sprintf("a%02d.example", i))
		}
		w.Exec(`UPDATE tenant_domain SET verified_at = 1, challenge = 'gone'`)
		var mu sync.Mutex
		looks := map[string]int{}
		var all []func() error
		for range 3 {
			deps := w.service.Deps
			deps.Prover = misses(func(d *tenant.Domain) {
				mu.Lock()
				defer mu.Unlock()
				looks[d.Domain]++
			})
			s, err := tenancy.New(w.cfg, deps)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, func() error { return s.CheckDomains(context.Background()) })
		}
		for range 15 { // one that another took a domain from leaves the rest to its next run
			for _, err := range together(all...) {
				if err != nil {
					t.Error(err)
				}
			}
		}
		if len(looks) != 15 {
			t.Errorf("looked at %v", looks)
		}
		for name, n := range looks {
			if n != 1 {
				t.Errorf("%s was looked at %d times", name, n)
			}
		}
		if n := w.Count(`SELECT count(*) FROM tenant_domain WHERE missed = 1 AND verified_at IS NOT NULL`); n != 15 || w.events(acme) != "missing 15, lost 0" {
			t.Errorf("%d are missed once, written down: %s", n, w.events(acme))
		}
	})
}

// misses finds no challenge, and tells of each look.
type misses func(d *tenant.Domain)

func (m misses) Prove(_ context.Context, d *tenant.Domain) tenancy.Proof {
	m(d)
	return tenancy.Proof{Record: tenancy.Absent, File: tenancy.Absent}
}

// While a site is asked, much can happen: whoever has done something themselves meanwhile knows better.
func TestWhatHappensWhileADomainIsCheckedCounts(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(w *world, of *tenant.Tenant)
		verified  bool
	}{
		"removed": {func(w *world, of *tenant.Tenant) {
			if err := w.service.RemoveDomain(context.Background(), tenant.By(w.account.ID), of.ID, "example.com"); err != nil {
				w.t.Error(err)
			}
		}, false},
		"added again": {func(w *world, of *tenant.Tenant) {
			if err := w.service.RemoveDomain(context.Background(), tenant.By(w.account.ID), of.ID, "example.com"); err != nil {
				w.t.Error(err)
			}
			w.adds(of, "example.com")
		}, false},
		"shown by hand": {func(w *world, of *tenant.Tenant) {
			w.later(time.Second)
			if _, err := everything(w).VerifyDomain(context.Background(), tenant.By(w.account.ID), of.ID, "example.com"); err != nil {
				w.t.Error(err)
			}
		}, true},
		"the tenant is gone": {func(w *world, of *tenant.Tenant) { w.Exec(`DELETE FROM tenant WHERE id = $1`, of.ID) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				acme := w.Tenant("acme", w.account.ID)
				w.shows(acme, "example.com")
				w.site.publish(&tenant.Domain{Domain: "example.com"})
				w.later(day)
				w.Exec(`UPDATE tenant_domain SET missed = 2`)
				w.site.before = func() { w.site.before = nil; c.meanwhile(w, acme) }
				w.checks()
				if w.verified(acme, "example.com") != c.verified || w.events(acme) != "missing 0, lost 0" {
					t.Errorf("verified %v, written down: %s", !c.verified, w.events(acme))
				}
			})
		})
	}
}

// A server that stops in the middle of a look has seen nothing.
func TestACheckThatIsCutShortTakesNoDomainAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.shows(acme, "example.com")
		w.shows(acme, "example.org")
		w.later(day)
		ctx, cancel := context.WithCancel(t.Context())
		asked := 0
		w.site.silent = true // as the prober sees it, whose questions end with ctx
		w.site.before = func() { asked++; cancel() }
		if err := w.service.CheckDomains(ctx); !errors.Is(err, context.Canceled) || asked != 1 {
			t.Errorf("asked %d, %v", asked, err)
		}
		if !w.verified(acme, "example.com") || !w.verified(acme, "example.org") || w.events(acme) != "missing 0, lost 0" {
			t.Errorf("written down: %s", w.events(acme))
		}
	})
}

func TestWhoReadsTheAuditSeesThatADomainIsMissing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.shows(acme, "example.com")
		w.site.publish(&tenant.Domain{Domain: "example.com"})
		w.later(day)
		w.checks()
		a := w.asks(w.me, acme, get, "/tenants/acme/audit/", "")
		done(t, a, http.StatusOK)
		newest := a.JSON["events"].([]any)[0].(map[string]any)
		if newest["kind"] != "domain.missing" || newest["by"] != "system" || newest["detail"].(map[string]any)["domain"] != "example.com" {
			t.Errorf("it says %v", newest)
		}
	})
}
