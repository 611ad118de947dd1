package survive

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// pace is how far the simulated year goes at a time: longer than finished jobs are kept, shorter
// than sessions live.
const pace = 10 * 24 * time.Hour

// budgets are how many rows a table may hold after pace without traffic, whatever was before.
var budgets = map[string]int{
	"session":        3, // one for each pace in 30 days and a day of grace
	"registration":   0,
	"one_time_token": 0,
	"job":            0,
	"rate_limit":     0,
	"key_material":   6, // one of each purpose, and at times two more that sign
}

// More than a year goes by with some traffic: nobody cleans up, and no table grows.
func TestTablesStayBoundedOverAYear(t *testing.T) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, engine, 1)
			s.any(0).account("ada@example.com", password(1))
			began, each := s.now(), 0
			for step := range rounds(int(audit.Retention/pace)+4, 6) {
				before := s.count("SELECT count(*) FROM audit_event")
				traffic(t, s, step)
				each = max(each, s.count("SELECT count(*) FROM audit_event")-before)
				s.settle()
				sleepUntilSwept(t, s)
				for table, most := range budgets {
					if n := s.count("SELECT count(*) FROM " + table); n > most {
						t.Errorf("step %d: %d rows in %s, at most %d may be left", step, n, table, most)
					}
				}
			}
			if n := s.count("SELECT count(*) FROM audit_event WHERE at < $1", s.now().Add(-audit.Retention-time.Hour)); n > 0 {
				t.Errorf("%d audit events outlived their retention", n)
			}
			keysMade := 2 * int(s.now().Sub(began)/(90*24*time.Hour)+1)
			if n, most := s.count("SELECT count(*) FROM audit_event"), each*int(audit.Retention/pace+1)+keysMade; n > most {
				t.Errorf("%d audit events, at most %d may be left", n, most)
			}
			s.calm()
		})
	}
}

// traffic is what leaves rows behind: a registration nobody confirms, a sign-in, a wrong one, a
// refresh and a reset nobody confirms.
func traffic(t *testing.T, s *site, step int) {
	t.Helper()
	one := s.any(0)
	p := one.signIn("ada@example.com", password(1))
	if _, a := one.refresh(p.Refresh); a.status != http.StatusOK {
		t.Errorf("refresh answered %v", a)
	}
	if a := one.get("/me/", p.Access); a.status != http.StatusOK {
		t.Errorf("me answered %v", a)
	}
	if _, a := one.login("ada@example.com", password(2)); a.status != http.StatusUnauthorized {
		t.Errorf("login answered %v", a)
	}
	if a := one.register(fmt.Sprintf("passer-by%d@example.com", step), password(1)); a.status != http.StatusCreated {
		t.Errorf("register answered %v", a)
	}
	if a := one.askReset("ada@example.com"); a.status != http.StatusAccepted {
		t.Errorf("reset answered %v", a)
	}
}

// sleepUntilSwept lets pace go by and every sweeper do its work.
func sleepUntilSwept(t *testing.T, s *site) {
	t.Helper()
	then := s.now().Add(pace)
	s.advance(pace)
	await(t, "the sweepers", func() bool {
		return s.count("SELECT count(*) FROM job_schedule WHERE last_at < $1 OR leased_until > 0", then) == 0
	})
}
