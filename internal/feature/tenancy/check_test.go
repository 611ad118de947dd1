package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
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

// Whoever buys a domain and runs no site on it is not held up for ever by who had it before.
func TestADomainWhoseSiteIsSilentIsLostOnTheFourteenthDayInARow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		w.site.publish(&tenant.Domain{Domain: d.Domain})
		w.site.half = true
		// Days on which both places answer come between, and two of them are not enough; a day on which
		// neither does counts for nothing.
		for day14 := 1; day14 <= 14; day14++ {
			if day14 == 6 {
				w.site.silent = true
				w.later(day)
				w.checks()
				w.site.silent = false
			}
			if now := w.domain(acme, d.Domain); !now.Verified() || now.Missed != day14-1 || now.Missing() != (day14 > 1) {
				t.Fatalf("before day %d it is %+v", day14, now)
			}
			w.site.half = day14 != 3 && day14 != 4 && day14 != 8
			w.later(day)
			w.checks()
		}
		if w.verified(acme, d.Domain) || w.events(acme) != "missing 1, lost 1" {
			t.Errorf("written down: %s", w.events(acme))
		}
	})
}

func TestThreeDaysOnWhichBothAnswerAreEnoughAfterHalfSilentOnes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		w.site.publish(&tenant.Domain{Domain: d.Domain})
		for _, half := range []bool{true, false, false, false} {
			if !w.verified(acme, d.Domain) {
				t.Error("it is lost too soon")
			}
			w.site.half = half
			w.later(day)
			w.checks()
		}
		if w.verified(acme, d.Domain) {
			t.Error("half an answer once puts it off for long")
		}
	})
}

func TestADomainIsNotMissedWhereOnePlaceHasItAndTheOtherIsSilent(t *testing.T) {
	for _, p := range []tenancy.Proof{{Record: tenancy.Found}, {File: tenancy.Found}, {}} {
		if p.Missing() || p.Absent() {
			t.Errorf("%+v is missing", p)
		}
	}
	for _, p := range []tenancy.Proof{{Record: tenancy.Absent}, {File: tenancy.Absent}} {
		if !p.Missing() || p.Absent() {
			t.Errorf("%+v is not missing, or in both", p)
		}
	}
}

// looks runs a day's looks with what finds is published, and returns what was warned of.
func (w *world) looks(find func(d *tenant.Domain) bool) string {
	w.t.Helper()
	var warned strings.Builder
	deps := w.service.Deps
	deps.Prover = misses(func(d *tenant.Domain) bool { return !find(d) })
	deps.Logger = slog.New(slog.NewTextHandler(&warned, nil))
	s, err := tenancy.New(w.cfg, deps)
	if err != nil {
		w.t.Fatal(err)
	}
	w.later(day)
	if err := s.CheckDomains(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return warned.String()
}

func nothing(*tenant.Domain) bool { return false }

// A resolver that denies everything would take every domain of everybody.
func TestARunThatFindsNothingAtAllCountsNothingAndWarns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for i := range 5 {
			w.adds(acme, fmt.Sprintf("a%02d.example", i))
		}
		w.Exec(`UPDATE tenant_domain SET verified_at = 1`)
		for range 15 {
			if warned := w.looks(nothing); strings.Count(warned, "\n") != 1 || !strings.Contains(warned, "resolver") || !strings.Contains(warned, "looked=5") {
				t.Fatalf("warned of %q", warned)
			}
		}
		if n := w.Count(`SELECT count(*) FROM tenant_domain WHERE missed = 0 AND missing_since IS NULL AND verified_at IS NOT NULL`); n != 5 || w.events(acme) != "missing 0, lost 0" {
			t.Errorf("%d are as they were, written down: %s", n, w.events(acme))
		}
		warned := w.looks(func(d *tenant.Domain) bool { return d.Domain == "a03.example" })
		if n := w.Count(`SELECT count(*) FROM tenant_domain WHERE missed = 1`); n != 4 || warned != "" {
			t.Errorf("where one is found, of the others %d are missed, warned of %q", n, warned)
		}
	})
}

func TestOfFewDomainsEachIsMissedByItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for i := range 4 {
			w.adds(acme, fmt.Sprintf("a%02d.example", i))
		}
		w.Exec(`UPDATE tenant_domain SET verified_at = 1`)
		warned := w.looks(nothing)
		if n := w.Count(`SELECT count(*) FROM tenant_domain WHERE missed = 1`); n != 4 || warned != "" {
			t.Errorf("%d are missed, warned of %q", n, warned)
		}
	})
}

// Domains come due at all hours, a run may have one of them; and who lets all of theirs go at once, so that
// no run has any other, keeps none.
func TestWhatIsNotFoundIsComparedWithOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme, globex := w.Tenant("acme", w.account.ID), w.Tenant("globex", w.account.ID)
		for i := range 6 {
			w.adds(acme, fmt.Sprintf("a%02d.example", i))
		}
		// b00 and b01 were looked for within the day and are there; b02 was missed then, and says nothing.
		for i := range 3 {
			w.adds(globex, fmt.Sprintf("b%02d.example", i))
		}
		at := func(due, fresh string) {
			now := w.DB.Now()
			w.Exec(`UPDATE tenant_domain SET verified_at = 1, missed = 0, missing_since = NULL, tried_at = $1`, now.Add(time.Hour))
			w.Exec(`UPDATE tenant_domain SET tried_at = $1 WHERE domain LIKE $2`, now.Add(-day), due)
			w.Exec(`UPDATE tenant_domain SET missed = 1 WHERE domain = 'b02.example'`)
			if fresh != "" { // all else is out of sight: as if it had been looked for just now by another server
				w.Exec(`UPDATE tenant_domain SET tried_at = $1 WHERE domain NOT LIKE $2 AND domain NOT LIKE $3`, now.Add(3*day), due, fresh)
			}
		}
		missed := func(of *tenant.Tenant) int {
			return w.Count(`SELECT count(*) FROM tenant_domain WHERE missed = 1 AND tenant_id = $1 AND domain <> 'b02.example'`, of.ID)
		}

		at("a00%", "") // one is due, and the network is blind
		if warned := w.looks(nothing); missed(acme) != 0 || !strings.Contains(warned, "looked=6") {
			t.Errorf("a blind run of one counts %d, warned of %q", missed(acme), warned)
		}
		at("a%", "b%") // all of one tenant's are due and gone, those of another are there
		if warned := w.looks(func(d *tenant.Domain) bool { return d.Domain == "b01.example" }); missed(acme) != 6 || missed(globex) != 0 || warned != "" {
			t.Errorf("of a tenant that let all go %d are missed, of the other %d, warned of %q", missed(acme), missed(globex), warned)
		}
		at("none%", "b%") // none is due
		asked := false
		if warned := w.looks(func(*tenant.Domain) bool { asked = true; return false }); asked || warned != "" {
			t.Errorf("where none is due it asks (%v) or warns %q", asked, warned)
		}
		at("a%", "b02%") // what was missed already is no witness
		if warned := w.looks(func(d *tenant.Domain) bool { return d.Domain == "b02.example" }); missed(acme) != 0 || !strings.Contains(warned, "looked=6") {
			t.Errorf("%d are missed, warned of %q", missed(acme), warned)
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
		var mu sync.Mutex
		var looked []string
		deps := w.service.Deps
		deps.Prover = sees(func(d *tenant.Domain) {
			mu.Lock()
			defer mu.Unlock()
			looked = append(looked, d.Domain)
		})
		s, err := tenancy.New(w.cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{20, 24, 24} {
			err := s.CheckDomains(t.Context())
			due := slices.Clone(all[:want]) // in whatever order: it looks at several at once
			slices.Sort(due)
			slices.Sort(looked)
			if err != nil || !slices.Equal(looked, due) {
				t.Errorf("looked at %v, %v, want %v", looked, err, due)
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
		w.Exec(`UPDATE tenant_domain SET verified_at = 1`)
		var mu sync.Mutex
		looks := map[string]int{}
		var all []func() error
		for range 3 {
			deps := w.service.Deps
			deps.Prover = sees(func(d *tenant.Domain) {
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
		if n := w.Count(`SELECT count(*) FROM tenant_domain WHERE checked_at = tried_at`); n != 15 {
			t.Errorf("what was found of %d is written down", n)
		}
	})
}

// misses finds the challenges that it says it does not miss.
type misses func(d *tenant.Domain) bool

func (m misses) Prove(_ context.Context, d *tenant.Domain) tenancy.Proof {
	if !m(d) {
		return tenancy.Proof{Record: tenancy.Found}
	}
	return tenancy.Proof{Record: tenancy.Absent, File: tenancy.Absent}
}

// While a site is asked, much can happen: whoever has done something themselves meanwhile knows better.
func TestWhatHappensWhileADomainIsCheckedCounts(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(w *world, of *tenant.Tenant)
		verified  bool
	}{
		"removed": {func(w *world, of *tenant.Tenant) {
			if err := w.service.RemoveDomain(context.Background(), tenant.By(w.account.ID), of.ID, "example.com", ""); err != nil {
				w.t.Error(err)
			}
		}, false},
		"added again": {func(w *world, of *tenant.Tenant) {
			if err := w.service.RemoveDomain(context.Background(), tenant.By(w.account.ID), of.ID, "example.com", ""); err != nil {
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
		w.site.silent = true // as the prober sees it, whose questions end with ctx
		w.site.before = cancel
		if err := w.service.CheckDomains(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if !w.verified(acme, "example.com") || !w.verified(acme, "example.org") || w.events(acme) != "missing 0, lost 0" {
			t.Errorf("written down: %s", w.events(acme))
		}
	})
}

func TestACheckThatIsCutShortDoesNotTakeItselfForBlind(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for i := range 6 {
			w.adds(acme, fmt.Sprintf("a%02d.example", i))
		}
		w.Exec(`UPDATE tenant_domain SET verified_at = 1`)
		w.Exec(`UPDATE tenant_domain SET tried_at = $1 WHERE domain <> 'a00.example'`, w.DB.Now().Add(-time.Hour))
		ctx, cancel := context.WithCancel(t.Context())
		var warned strings.Builder
		deps := w.service.Deps
		deps.Logger = slog.New(slog.NewTextHandler(&warned, nil))
		deps.Prover = misses(func(d *tenant.Domain) bool {
			if d.Domain != "a00.example" { // it is comparing
				cancel()
			}
			return true
		})
		s, err := tenancy.New(w.cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CheckDomains(ctx); !errors.Is(err, context.Canceled) || warned.Len() != 0 {
			t.Errorf("%v, warned of %q", err, &warned)
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
