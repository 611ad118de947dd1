package tenancy

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

// missing notes that the challenge of a locked tenant's verified domain was not found for the first time.
func (s *Service) missing(ctx context.Context, tx *db.Tx, t *tenant.Tenant, d *tenant.Domain) error {
	if err := s.tellOwners(ctx, tx, letter.DomainMissing, t, d); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Event{Kind: "domain.missing", TenantID: t.ID, Detail: detail(d.Domain)})
}

// lost notes that a domain is a locked tenant's no more, by a look of by's or, where by is the zero Actor, of
// nobody's, and if tell says so mails its owners.
func (s *Service) lost(ctx context.Context, tx *db.Tx, by tenant.Actor, t *tenant.Tenant, d *tenant.Domain, tell bool) error {
	if tell {
		if err := s.tellOwners(ctx, tx, letter.DomainLost, t, d); err != nil {
			return err
		}
	}
	return tenant.Record(ctx, tx, by, audit.Event{Kind: "domain.lost", TenantID: t.ID, Detail: detail(d.Domain)})
}

// tellOwners writes to whoever owns a tenant that one of its domains is missing its challenge, or is the
// tenant's no more. A suspended one's are told as well: the domain is looked at all the same, and publishing
// takes none of our pages.
func (s *Service) tellOwners(ctx context.Context, tx *db.Tx, kind string, t *tenant.Tenant, d *tenant.Domain) error {
	owners, err := ownerIDs(ctx, tx, t.ID)
	if err != nil {
		return err
	}
	c := letter.Content{
		Name: t.Name, Link: strings.ReplaceAll(s.cfg.DomainsPage, tenantMark, t.ID.String()),
		Domain: mail.Domain{Name: d.Domain, Record: d.Record(), File: d.File(), Challenge: d.Challenge},
	}
	if d.Missing() {
		c.Expires = lostAt(d)
	}
	for _, owner := range owners {
		if err := s.Letters.Write(ctx, tx, kind, owner, c); err != nil {
			return err
		}
	}
	return nil
}

// lostAt is when a domain that was missed once is lost at the earliest, if nobody looks themselves: where each
// look from now on finds it gone, and both places answer.
func lostAt(d *tenant.Domain) time.Time {
	return d.CheckedAt.Add(time.Duration(tenant.MaxMissed-d.MissedBoth) * checkEvery)
}
