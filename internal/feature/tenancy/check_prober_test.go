package tenancy

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// The daily look with the prober that asks the Internet, at a name server and a site of this test.
func TestADomainWhoseSiteAndNameServerForgetItIsLostInDays(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		var broken atomic.Bool
		w := newWorld(t, nil, func(rw http.ResponseWriter, _ *http.Request) {
			if broken.Load() {
				rw.WriteHeader(http.StatusBadGateway)
				return
			}
			rw.WriteHeader(http.StatusNotFound)
		})
		s, err := New(Config{Create: ByStaff, PerAccount: ratelimit.Limit{Name: "tenant.create", Burst: 3, Per: time.Hour}, Origin: domaintest.Origin},
			Deps{DB: d.DB.DB, Roles: d.Roles, Limiter: d.Limiter, Letters: d.Letters, Prover: w.prober})
		if err != nil {
			t.Fatal(err)
		}
		ctx, jo := t.Context(), d.Account("jo@example.com", "").ID
		acme := d.Tenant("acme", jo)
		added, err := s.AddDomain(ctx, tenant.By(jo), acme.ID, "example.com")
		if err != nil {
			t.Fatal(err)
		}
		record := added.Record() + "."
		w.set(func() { w.txt[record] = []string{"v=spf1 -all", added.Challenge} })
		if _, err := s.VerifyDomain(ctx, tenant.By(jo), acme.ID, "example.com"); err != nil {
			t.Fatal(err)
		}
		w.set(func() { w.txt[record] = []string{"v=spf1 -all"} })
		for i, c := range []struct {
			what   string
			silent func(on bool)
			missed int
		}{
			{"neither has it", nil, 1},
			{"the site is broken", broken.Store, 1},
			{"the name server is", func(on bool) {
				w.set(func() { w.fail = map[bool]dnsmessage.Type{true: dnsmessage.TypeTXT}[on] })
			}, 1},
			{"neither has it still", nil, 2},
			{"nor on the day after", nil, 0},
		} {
			if c.silent != nil {
				c.silent(true)
			}
			if err := d.DB.Clock.Advance(24 * time.Hour); err != nil {
				t.Fatal(err)
			}
			if err := s.CheckDomains(context.Background()); err != nil {
				t.Fatal(err)
			}
			if c.silent != nil {
				c.silent(false)
			}
			all, err := s.Domains(ctx, acme.ID)
			if err != nil || all[0].Missed != c.missed || all[0].Verified() != (i < 4) {
				t.Errorf("%s: %+v, %v", c.what, all, err)
			}
		}
	})
}
