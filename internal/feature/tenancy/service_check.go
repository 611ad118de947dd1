package tenancy

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// CheckDomains looks again at verified domains that nobody has looked at for a day, a few of them, those
// that wait longest first. A look by which the challenge is nowhere, and at least one place answered, is
// missed; by the last of tenant.MaxMissed in a row in which both answered, and of tenant.MaxHalfMissed where
// one was silent, a domain is the tenant's no more. It is for periodic work; instances that do it at the same
// moment share the domains.
//
// Looks that find nothing at all say more of who looks than of the domains, so they are judged together: a
// run that finds none, and none of some others that it then compares with, counts nothing and warns.
func (s *Service) CheckDomains(ctx context.Context) error {
	patience, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	now := s.DB.Now()
	var domains []*tenant.Domain
	for range checks {
		d, err := tenant.TakeDue(ctx, s.DB, now.Add(-checkEvery))
		if errors.Is(err, tenant.ErrDomainNotFound) {
			break
		}
		if err != nil {
			return err
		}
		domains = append(domains, d)
	}
	proofs := s.prove(patience, domains)
	if len(domains) > 0 && !slices.ContainsFunc(proofs, Proof.Holds) {
		others, err := tenant.SampleVerified(ctx, s.DB, now, checkBlind)
		if err != nil {
			return err
		}
		looked := len(domains) + len(others)
		if looked >= checkBlind && !slices.ContainsFunc(s.prove(patience, others), Proof.Holds) {
			return s.blind(ctx, looked)
		}
	}
	var all []error
	for i, d := range domains {
		all = append(all, s.checked(ctx, d, proofs[i]))
	}
	return errors.Join(all...)
}

// blind tells whoever runs the service that a run found nothing; one that was cut short could not have.
func (s *Service) blind(ctx context.Context, looked int) error {
	if ctx.Err() == nil {
		s.Logger.WarnContext(ctx, "the daily look found none of the verified domains that it looked for, so it counts nothing; "+
			"check that this server's DNS resolver answers truly and that it reaches sites on port 443", "looked", looked)
	}
	return ctx.Err()
}

// prove looks at domains, a few at once: one that is silent holds up no other.
func (s *Service) prove(ctx context.Context, domains []*tenant.Domain) []Proof {
	proofs := make([]Proof, len(domains))
	room := make(chan struct{}, checkWidth)
	var looks sync.WaitGroup
	for i, d := range domains {
		room <- struct{}{}
		looks.Go(func() {
			defer func() { <-room }()
			proofs[i] = s.Prover.Prove(ctx, d)
		})
	}
	looks.Wait()
	return proofs
}

// checked writes down what was found of a domain by nobody's order. Where somebody has looked themselves
// meanwhile, or the domain was removed, that counts.
func (s *Service) checked(ctx context.Context, looked *tenant.Domain, proof Proof) error {
	if !proof.Holds() && !proof.Missing() {
		return nil
	}
	err := s.DB.In(db.Tenant(looked.TenantID)).InTx(ctx, func(tx *db.Tx) error {
		t, err := tenant.Lock(ctx, tx, looked.TenantID)
		if err != nil {
			return err
		}
		d, err := tenant.FindDomain(ctx, tx, looked.TenantID, looked.Domain)
		if err != nil || !d.Verified() || !d.TriedAt.Equal(looked.TriedAt) {
			return err
		}
		if proof.Holds() {
			return tenant.MarkVerified(ctx, tx, d)
		}
		if err := tenant.MarkMissing(ctx, tx, d, proof.Absent()); err != nil {
			return err
		}
		switch {
		case !d.Verified():
			return s.lost(ctx, tx, tenant.Actor{}, t, d, true)
		case d.Missed == 1:
			return s.missing(ctx, tx, t, d)
		default:
			return nil
		}
	})
	if errors.Is(err, tenant.ErrNotFound) || errors.Is(err, tenant.ErrDomainNotFound) {
		return nil
	}
	return err
}
