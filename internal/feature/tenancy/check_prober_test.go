package tenancy

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
		s, err := New(Config{Create: ByStaff, PerAccount: ratelimit.Limit{Name: "tenant.create", Burst: 3, Per: time.Hour}, Origin: domaintest.Origin, DomainsPage: domaintest.Origin + "/account/tenants/{tenant}/domains/"},
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
			{"the site is broken", broken.Store, 2},
			{"the name server is", func(on bool) {
				w.set(func() { w.fail = map[bool]dnsmessage.Type{true: dnsmessage.TypeTXT}[on] })
			}, 3},
			{"both are", func(on bool) {
				broken.Store(on)
				w.set(func() { w.fail = map[bool]dnsmessage.Type{true: dnsmessage.TypeTXT}[on] })
			}, 3},
			{"neither has it still", nil, 4},
			{"nor on the day after", nil, 5},
			{"nor on the third", nil, 0},
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
			if err != nil || all[0].Missed != c.missed || all[0].Verified() != (i < 6) {
				t.Errorf("%s: %+v, %v", c.what, all, err)
			}
		}
	})
}

// silence is a prober that no place answers.
type silence struct {
	mu           sync.Mutex
	asking, most int
}

func (p *silence) Prove(context.Context, *tenant.Domain) Proof {
	p.ask(1)
	defer p.ask(-1)
	time.Sleep(2 * lookTime)
	return Proof{}
}

func (p *silence) ask(more int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking += more
	p.most = max(p.most, p.asking)
}

func TestSilentDomainsHoldUpNoOtherForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &silence{}
		began := time.Now()
		proofs := (&Service{Deps: Deps{Prover: p}}).prove(t.Context(), make([]*tenant.Domain, checks+checkBlind))
		if took := time.Since(began); len(proofs) != checks+checkBlind || took > checkTime/2 {
			t.Errorf("%d looks took %v", len(proofs), took)
		}
		if p.most != checkWidth {
			t.Errorf("%d at once", p.most)
		}
	})
}
