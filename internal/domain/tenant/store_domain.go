package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

const domainColumns = `domain, challenge, created_at, verified_at, checked_at, tried_at, missing_since, missed, missed_both`

func (d *Domain) dest() []any {
	return []any{&d.Domain, &d.Challenge, db.Time(&d.CreatedAt), db.Time(&d.VerifiedAt), db.Time(&d.CheckedAt), db.Time(&d.TriedAt), db.Time(&d.MissingSince), &d.Missed, &d.MissedBoth}
}

// Domains lists a tenant's domains by name, at most MaxDomains.
func Domains(ctx context.Context, d *db.DB, id ID) ([]Domain, error) {
	all := []Domain{}
	err := d.In(db.Tenant(id)).Each(ctx, `SELECT `+domainColumns+` FROM tenant_domain WHERE tenant_id = $1 ORDER BY domain`, []any{id}, func(scan func(...any) error) error {
		one := Domain{TenantID: id}
		err := scan(one.dest()...)
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tenant: domains: %w", err)
	}
	return all, nil
}

// FindDomain returns a domain of a tenant, in a transaction within its scope. domain is as ParseDomain
// spells it. It returns ErrDomainNotFound.
func FindDomain(ctx context.Context, tx *db.Tx, id ID, domain string) (*Domain, error) {
	one := Domain{TenantID: id}
	err := tx.Row(ctx, `SELECT `+domainColumns+` FROM tenant_domain WHERE tenant_id = $1 AND domain = $2`, []any{id, domain}, one.dest()...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrDomainNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("tenant: find domain: %w", err)
	}
	return &one, nil
}

// AddDomain gives a locked tenant a domain that it has yet to show to be its own. domain is as ParseDomain
// spells it, and not among the tenant's. It returns ErrDomains. Whether another tenant has the domain is
// not told to who has not shown anything.
func AddDomain(ctx context.Context, tx *db.Tx, t *Tenant, domain string) (*Domain, error) {
	var has int
	if err := tx.Row(ctx, `SELECT count(*) FROM tenant_domain WHERE tenant_id = $1`, []any{t.ID}, &has); err != nil {
		return nil, fmt.Errorf("tenant: add domain: %w", err)
	}
	if has >= MaxDomains {
		return nil, ErrDomains
	}
	d := &Domain{TenantID: t.ID, Domain: domain, Challenge: newChallenge(t.ID), CreatedAt: tx.Now}
	if _, err := tx.Exec(ctx, `INSERT INTO tenant_domain (tenant_id, domain, challenge, created_at) VALUES ($1, $2, $3, $4)`, d.TenantID, d.Domain, d.Challenge, d.CreatedAt); err != nil {
		return nil, fmt.Errorf("tenant: add domain: %w", err)
	}
	return d, nil
}

// MarkVerified notes that a locked tenant's domain was found to be its own now. Of tenants that have
// shown it at once, one gets it. It returns ErrDomainTaken; on PostgreSQL the transaction is then lost.
func MarkVerified(ctx context.Context, tx *db.Tx, d *Domain) error {
	_, err := tx.Exec(ctx, `UPDATE tenant_domain SET verified_at = COALESCE(verified_at, $3), checked_at = $3, tried_at = $3, missing_since = NULL, missed = 0, missed_both = 0 WHERE tenant_id = $1 AND domain = $2`, d.TenantID, d.Domain, tx.Now)
	if tx.Unique(err) {
		return ErrDomainTaken
	}
	if err != nil {
		return fmt.Errorf("tenant: mark verified: %w", err)
	}
	d.looked(tx.Now)
	d.MissingSince, d.Missed, d.MissedBoth = time.Time{}, 0, 0
	if !d.Verified() {
		d.VerifiedAt = tx.Now
	}
	return nil
}

// looked notes a look that had an answer.
func (d *Domain) looked(now time.Time) { d.CheckedAt, d.TriedAt = now, now }

// MarkMissing notes that a locked tenant's verified domain was found without its challenge now, in both
// places or in the one that answered. At the last of MaxMissed times in a row in both, and of MaxHalfMissed
// at all, it is unverified.
func MarkMissing(ctx context.Context, tx *db.Tx, d *Domain, both bool) error {
	missed, missedBoth := d.Missed+1, 0
	if both {
		missedBoth = d.MissedBoth + 1
	}
	if missed >= MaxHalfMissed || missedBoth >= MaxMissed {
		return MarkUnverified(ctx, tx, d)
	}
	if _, err := tx.Exec(ctx, `UPDATE tenant_domain SET checked_at = $3, tried_at = $3, missing_since = COALESCE(missing_since, $3), missed = $4, missed_both = $5 WHERE tenant_id = $1 AND domain = $2`,
		d.TenantID, d.Domain, tx.Now, missed, missedBoth); err != nil {
		return fmt.Errorf("tenant: mark missing: %w", err)
	}
	d.looked(tx.Now)
	d.Missed, d.MissedBoth = missed, missedBoth
	if !d.Missing() {
		d.MissingSince = tx.Now
	}
	return nil
}

// MarkUnverified notes that a locked tenant's domain was not, or not any more, found to be its own.
func MarkUnverified(ctx context.Context, tx *db.Tx, d *Domain) error {
	if _, err := tx.Exec(ctx, `UPDATE tenant_domain SET verified_at = NULL, checked_at = $3, tried_at = $3, missing_since = NULL, missed = 0, missed_both = 0 WHERE tenant_id = $1 AND domain = $2`, d.TenantID, d.Domain, tx.Now); err != nil {
		return fmt.Errorf("tenant: mark unverified: %w", err)
	}
	d.looked(tx.Now)
	d.VerifiedAt, d.MissingSince, d.Missed, d.MissedBoth = time.Time{}, time.Time{}, 0, 0
	return nil
}

// TakeDue returns the verified domain that was looked at longest ago, of all tenants' that were not since
// before, and notes that it is looked at now: nobody else gets it. It asks beyond any scope; what comes of
// the look is written down within the tenant's. It returns ErrDomainNotFound where none is due, and may where
// another takes one at the same moment.
func TakeDue(ctx context.Context, d *db.DB, before time.Time) (*Domain, error) {
	var one Domain
	err := d.In(db.All()).Once(ctx, `UPDATE tenant_domain SET tried_at = $1 WHERE verified_at IS NOT NULL AND tried_at <= $2 AND (tenant_id, domain) IN
			(SELECT tenant_id, domain FROM tenant_domain WHERE verified_at IS NOT NULL AND tried_at <= $2 ORDER BY tried_at LIMIT 1)
		RETURNING tenant_id, `+domainColumns, []any{d.Now(), before}, append([]any{&one.TenantID}, one.dest()...)...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrDomainNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("tenant: take due: %w", err)
	}
	return &one, nil
}

// SampleVerified returns some verified domains of all tenants, at most n and whichever, that nobody has looked
// at since before, and that are not missing. It asks beyond any scope, to compare what others show with what
// is not found; nothing is written down of them.
func SampleVerified(ctx context.Context, d *db.DB, before time.Time, n int) ([]*Domain, error) {
	var all []*Domain
	err := d.In(db.All()).Each(ctx, `SELECT tenant_id, `+domainColumns+` FROM tenant_domain
		WHERE verified_at IS NOT NULL AND tried_at < $1 AND missed = 0 ORDER BY random() LIMIT $2`, []any{before, n}, func(scan func(...any) error) error {
		one := &Domain{}
		err := scan(append([]any{&one.TenantID}, one.dest()...)...)
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tenant: sample verified: %w", err)
	}
	return all, nil
}

// RemoveDomain takes a domain from a locked tenant. It returns ErrDomainNotFound.
func RemoveDomain(ctx context.Context, tx *db.Tx, t *Tenant, domain string) error {
	n, err := tx.Exec(ctx, `DELETE FROM tenant_domain WHERE tenant_id = $1 AND domain = $2`, t.ID, domain)
	if err != nil {
		return fmt.Errorf("tenant: remove domain: %w", err)
	}
	if n == 0 {
		return ErrDomainNotFound
	}
	return nil
}

// ByDomain returns the active tenant that has shown a domain to be its own. domain is as ParseDomain
// spells it. It asks beyond any scope, so what it returns says nothing of who may come in. It returns
// ErrNotFound.
func ByDomain(ctx context.Context, d *db.DB, domain string) (*Tenant, error) {
	t, err := Holder(ctx, d, domain)
	if err == nil && !t.Active {
		return nil, ErrNotFound
	}
	return t, err
}

// Holder is ByDomain for staff: it returns a tenant that is suspended too.
func Holder(ctx context.Context, d *db.DB, domain string) (*Tenant, error) {
	return one(func(dest []any) error {
		return d.In(db.All()).Row(ctx, `SELECT `+Columns+` FROM tenant_domain o JOIN tenant t ON t.id = o.tenant_id
			WHERE o.domain = $1 AND o.verified_at IS NOT NULL`, []any{domain}, dest...)
	})
}
