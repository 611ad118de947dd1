package tenant_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// adds gives a tenant a domain.
func adds(w *domaintest.World, to *tenant.Tenant, domain string) (d *tenant.Domain, err error) {
	err = w.DB.In(db.Tenant(to.ID)).InTx(context.Background(), func(tx *db.Tx) error {
		d, err = tenant.AddDomain(context.Background(), tx, to, domain)
		return err
	})
	return d, err
}

// marks notes that a domain was shown.
func marks(w *domaintest.World, d *tenant.Domain) error {
	return w.DB.In(db.Tenant(d.TenantID)).InTx(context.Background(), func(tx *db.Tx) error { return tenant.MarkVerified(context.Background(), tx, d) })
}

func TestADomainIsOfWhoHasShownIt(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		ctx := t.Context()
		jo := w.Account("jo@example.com", "").ID
		acme, globex := w.Tenant("acme", jo), w.Tenant("globex", jo)
		hers, err := adds(w, acme, "example.com")
		if err != nil {
			t.Fatal(err)
		}
		his, err := adds(w, globex, "example.com")
		if err != nil {
			t.Fatalf("a claim of another stands in the way: %v", err)
		}
		if hers.Challenge == his.Challenge || !strings.Contains(hers.Challenge, acme.ID.String()) {
			t.Errorf("the challenges are %s and %s", hers.Challenge, his.Challenge)
		}
		if _, err := tenant.ByDomain(ctx, w.DB.DB, "example.com"); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("a claim is enough: %v", err)
		}
		if err := marks(w, his); err != nil {
			t.Fatal(err)
		}
		if err := marks(w, hers); !errors.Is(err, tenant.ErrDomainTaken) {
			t.Errorf("two have it: %v", err)
		}
		since := his.VerifiedAt
		if err := marks(w, his); err != nil || !his.VerifiedAt.Equal(since) || his.CheckedAt.Before(since) {
			t.Errorf("shown again: since %v, looked at %v, %v", his.VerifiedAt, his.CheckedAt, err)
		}
		if found, err := tenant.ByDomain(ctx, w.DB.DB, "example.com"); err != nil || found.ID != globex.ID {
			t.Errorf("found %v, %v", found, err)
		}
		w.Within(globex.ID, func(tx *db.Tx) error { return tenant.SetActive(ctx, tx, globex, false) })
		if _, err := tenant.ByDomain(ctx, w.DB.DB, "example.com"); !errors.Is(err, tenant.ErrNotFound) {
			t.Errorf("of a suspended tenant: %v", err)
		}
		if found, err := tenant.Holder(ctx, w.DB.DB, "example.com"); err != nil || found.ID != globex.ID {
			t.Errorf("held by a suspended tenant: %v, %v", found, err)
		}
		w.Within(globex.ID, func(tx *db.Tx) error { return tenant.MarkUnverified(ctx, tx, his) })
		if err := marks(w, hers); err != nil {
			t.Errorf("given up, and still taken: %v", err)
		}
		w.Within(acme.ID, func(tx *db.Tx) error { return tenant.RemoveDomain(ctx, tx, acme, "example.com") })
		if all, err := tenant.Domains(ctx, w.DB.DB, acme.ID); err != nil || len(all) != 0 {
			t.Errorf("%v, %v", all, err)
		}
		again, err := adds(w, acme, "example.com")
		if err != nil || again.Challenge == hers.Challenge {
			t.Errorf("added again it has the challenge %s, %v", again.Challenge, err)
		}
		if all, err := tenant.Domains(ctx, w.DB.DB, globex.ID); err != nil || len(all) != 1 || all[0].Verified() || all[0].Challenge != his.Challenge {
			t.Errorf("the other's: %+v, %v", all, err)
		}
	})
}

func TestOfTenantsThatShowADomainAtOnceOneGetsIt(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		jo := w.Account("jo@example.com", "").ID
		var all []func() error
		for _, slug := range []string{"acme", "globex", "initech", "umbrella", "hooli"} {
			d, err := adds(w, w.Tenant(slug, jo), "example.com")
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, func() error { return marks(w, d) })
		}
		if won := count(t, together(all...), tenant.ErrDomainTaken); won != 1 {
			t.Errorf("%d tenants have it", won)
		}
		if n := w.Count(`SELECT count(*) FROM tenant_domain WHERE verified_at IS NOT NULL`); n != 1 {
			t.Errorf("%d rows say so", n)
		}
	})
}

func TestATenantHasOnlySoManyDomains(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		acme := w.Tenant("acme", w.Account("jo@example.com", "").ID)
		for i := range tenant.MaxDomains {
			if _, err := adds(w, acme, fmt.Sprintf("a%02d.example", i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := adds(w, acme, "b.example"); !errors.Is(err, tenant.ErrDomains) {
			t.Errorf("one more: %v", err)
		}
		if all, err := tenant.Domains(t.Context(), w.DB.DB, acme.ID); err != nil || len(all) != tenant.MaxDomains || all[3].Domain != "a03.example" {
			t.Errorf("%d, %v", len(all), err)
		}
	})
}
