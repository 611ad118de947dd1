package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

// mails sends what waits and returns it by who got it.
func (w *world) mails() map[string]mail.Message {
	w.t.Helper()
	w.Drain()
	got := map[string]mail.Message{}
	for _, m := range w.Mails.Take() {
		if _, twice := got[m.To]; twice {
			w.t.Errorf("%s got two mails", m.To)
		}
		got[m.To] = m
	}
	return got
}

// told returns to whom mail went, and fails where it is not about this.
func (w *world) told(about string) (who string) {
	w.t.Helper()
	var all []string
	for to, m := range w.mails() {
		if !strings.Contains(m.Subject, about) {
			w.t.Errorf("%s got %q", to, m.Subject)
		}
		all = append(all, to)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

const (
	missing = "has lost its proof"
	lost    = "is no longer verified"
)

// vanish takes what was published for a domain away, and has the daily look find that.
func (w *world) vanish(d *tenant.Domain) {
	w.t.Helper()
	w.site.publish(&tenant.Domain{Domain: d.Domain})
	w.later(day)
	w.checks()
}

func TestEveryOwnerIsToldOnceThatADomainIsMissingAndOnceThatItIsLost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		for email, as := range map[string]string{"second@example.com": role.Owner, "disabled@example.com": role.Owner, "unproven@example.com": role.Owner, "admin@example.com": role.Admin, "member@example.com": role.Member} {
			w.member(acme, email, as)
		}
		w.Tenant("globex", w.Account("elsewhere@example.com", "").ID)
		w.Exec(`UPDATE profile SET locale = 'de-AT' WHERE account_id IN (SELECT id FROM account WHERE email = 'second@example.com')`)
		w.Exec(`UPDATE account SET active = FALSE WHERE email = 'disabled@example.com'`)
		w.Exec(`UPDATE account SET email_verified = FALSE WHERE email = 'unproven@example.com'`)
		d := w.shows(acme, "example.com")
		published := []string{"\n    " + d.Record() + "\n", "\n    " + d.File() + "\n", "\n    " + d.Challenge + "\n", "\n" + w.page(acme) + "\n", "example.com", "“" + acme.Name + "”"}
		w.vanish(d)
		for _, c := range []struct{ subject, german, until string }{
			{missing, "fehlt der Nachweis", w.domain(acme, d.Domain).MissingSince.Add(2 * day).UTC().Format("until 2 January 2006, 15:04 UTC at least")},
			{lost, "ist nicht mehr bestätigt", ""},
		} {
			got := w.mails()
			en, de := got["jo@example.com"], got["second@example.com"]
			if len(got) != 2 || !strings.Contains(en.Subject, c.subject) || !strings.Contains(de.Subject, c.german) {
				t.Errorf("%d mails, %q, %q", len(got), en.Subject, de.Subject)
			}
			for _, part := range append(published, c.until) {
				if !strings.Contains(en.Text, part) {
					t.Errorf("lacks %q:\n%s", part, en.Text)
				}
			}
			if strings.Contains(en.Text, "Device") || strings.Contains(en.Text, "IP address") {
				t.Errorf("says who did it:\n%s", en.Text)
			}
			w.vanish(d)
			if got := w.mails(); len(got) != 0 {
				t.Errorf("the day after that it is %s: %v", c.subject, got)
			}
			w.vanish(d)
		}
		if got := w.mails(); len(got) != 0 {
			t.Errorf("of what was lost before: %v", got)
		}
	})
}

// page is where a tenant's owners look after its domains.
func (w *world) page(of *tenant.Tenant) string {
	return strings.ReplaceAll(w.cfg.DomainsPage, "{tenant}", of.ID.String())
}

// What the mail promises is kept to the day, by whichever answers.
func TestADomainIsLostNoSoonerThanItsOwnersAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		half bool // on the first day the site is silent
		days int
	}{"both answer": {false, 2}, "the site is silent": {true, 3}} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				acme := w.Tenant("acme", w.account.ID)
				d := w.shows(acme, "example.com")
				w.site.half = c.half
				w.vanish(d)
				w.site.half = false
				until := w.domain(acme, d.Domain).MissingSince.Add(time.Duration(c.days) * day)
				if m := w.mails()["jo@example.com"]; !strings.Contains(m.Text, until.UTC().Format("2 January 2006, 15:04 UTC at least")) {
					t.Errorf("not until %v:\n%s", until, m.Text)
				}
				for range c.days {
					if !w.verified(acme, d.Domain) {
						t.Errorf("it is lost at %v already", w.DB.Now())
					}
					w.vanish(d)
				}
				if w.verified(acme, d.Domain) || w.told(lost) != "jo@example.com" {
					t.Error("it is not lost then")
				}
			})
		})
	}
}

func TestThatADomainIsFoundAgainIsNoNewsAndThatItIsMissingAgainIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		for range 2 {
			w.vanish(d)
			if got := w.told(missing); got != "jo@example.com" {
				t.Errorf("told %q", got)
			}
			w.site.publish(d)
			w.later(day)
			w.checks()
			if got := w.mails(); len(got) != 0 {
				t.Errorf("that it is there: %v", got)
			}
		}
	})
}

// A suspended tenant's domains are looked at as well, and its owners can do something for them.
func TestOwnersOfASuspendedTenantAreToldToo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		if _, err := w.service.SetActive(t.Context(), acme.ID, false, ""); err != nil {
			t.Fatal(err)
		}
		w.vanish(d)
		if got := w.told(missing); got != "jo@example.com" {
			t.Errorf("told %q", got)
		}
		w.vanish(d)
		w.vanish(d)
		if got := w.told(lost); got != "jo@example.com" {
			t.Errorf("told %q", got)
		}
	})
}

func TestADomainThatIsLostByALookOfSomebodysIsToldOnceEvenToSeveralAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		w.site.publish(&tenant.Domain{Domain: d.Domain})
		w.site.half = true
		unproven := func(by tenant.Actor) error {
			_, err := w.service.VerifyDomain(context.Background(), by, acme.ID, d.Domain)
			if errors.Is(err, tenancy.ErrDomainUnproven) {
				return nil
			}
			return fmt.Errorf("verified: %w", err)
		}
		if err := unproven(tenant.By(w.account.ID)); err != nil || !w.verified(acme, d.Domain) {
			t.Errorf("the site is silent: %v", err)
		}
		if got := w.mails(); len(got) != 0 {
			t.Errorf("and it is told: %v", got)
		}
		for _, by := range []tenant.Actor{tenant.ByStaff(), tenant.By(w.account.ID)} {
			w.site.half = by.Staff()
			for _, err := range together(func() error { return unproven(by) }, func() error { return unproven(by) }, func() error { return unproven(by) }) {
				if err != nil {
					t.Error(err)
				}
			}
			if got := w.told(lost); got != "jo@example.com" {
				t.Errorf("told %q", got)
			}
			w.site.publish(d)
			if err := w.verifies(acme, d.Domain); err != nil {
				t.Fatal(err)
			}
			w.site.publish(&tenant.Domain{Domain: d.Domain})
		}
	})
}

// Whoever publishes and withdraws by turns, and looks each time, would have owners mailed as often as they like.
func TestLooksOfATenantsOwnMailItsOwnersTwiceADay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		lose := func(by tenant.Actor) string {
			w.site.publish(d)
			if err := w.verifies(acme, d.Domain); err != nil {
				t.Fatal(err)
			}
			w.site.publish(&tenant.Domain{Domain: d.Domain})
			if _, err := w.service.VerifyDomain(t.Context(), by, acme.ID, d.Domain); !errors.Is(err, tenancy.ErrDomainUnproven) || w.verified(acme, d.Domain) {
				t.Fatal(err)
			}
			return w.told(lost)
		}
		for n := range 4 {
			if got := lose(tenant.By(w.account.ID)); (got != "") != (n < 2) {
				t.Errorf("loss %d: told %q", n+1, got)
			}
		}
		if n := len(w.Audited("domain.lost")); n != 4 {
			t.Errorf("%d of 4 are in the audit", n)
		}
		if got := lose(tenant.ByStaff()); got != "jo@example.com" {
			t.Errorf("by staff: told %q", got)
		}
		w.later(day)
		if got := lose(tenant.By(w.account.ID)); got != "jo@example.com" {
			t.Errorf("the next day: told %q", got)
		}
	})
}

func TestServersThatCheckAtOnceTellOwnersOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		d := w.shows(acme, "example.com")
		w.site.publish(&tenant.Domain{Domain: d.Domain})
		check := func() error { return w.service.CheckDomains(context.Background()) }
		for _, about := range []string{missing, "", lost} {
			w.later(day)
			for _, err := range together(check, check, check, check) {
				if err != nil {
					t.Error(err)
				}
			}
			if got := w.told(about); (got == "jo@example.com") != (about != "") {
				t.Errorf("%q: told %q", about, got)
			}
		}
	})
}

// Whatever stops a check on its way: what was found is written down with its mails, or neither is.
func TestAStateIsWrittenDownWithItsMailsOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		acme := w.Tenant("acme", w.account.ID)
		w.member(acme, "second@example.com", role.Owner)
		d := w.shows(acme, "example.com")
		w.site.publish(&tenant.Domain{Domain: d.Domain})
		w.later(day)
		w.seals()
		failed := 0
		for n, reached := 1, true; reached; n++ {
			w.Exec(`UPDATE tenant_domain SET tried_at = 0`)
			var err error
			reached = w.FailAt(n, func() { err = w.service.CheckDomains(context.Background()) })
			if (err != nil) != reached {
				t.Fatalf("of the %d. statement that failed: %v", n, err)
			}
			if reached {
				failed++
			}
			state, letters := w.domain(acme, d.Domain).Missed, w.Count(`SELECT count(*) FROM job WHERE dead_at IS NULL AND payload IS NOT NULL`)
			if events := w.events(acme); letters != 2*state || events != fmt.Sprintf("missing %d, lost 0", state) || (state == 1) == reached {
				t.Fatalf("after the %d. statement failed: missed %d, %d letters, %s", n, state, letters, events)
			}
		}
		if failed < 8 {
			t.Errorf("%d statements were made to fail", failed)
		}
	})
}

// seals has the keys read that letters are sealed with: a server goes on with those it has when they cannot be.
func (w *world) seals() {
	w.t.Helper()
	err := w.InTx(context.Background(), func(tx *db.Tx) error {
		return w.Letters.Tell(context.Background(), tx, letter.PasswordChanged, w.account.ID)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mails()
}
