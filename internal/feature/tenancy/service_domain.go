package tenancy

import (
	"cmp"
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Domains lists a tenant's domains by name.
func (s *Service) Domains(ctx context.Context, id tenant.ID) ([]tenant.Domain, error) {
	return tenant.Domains(ctx, s.DB, id)
}

// AddDomain gives a tenant a domain that it has yet to show to be its own, or returns the one that it has
// already. It returns what tenant.Act does, tenant.ErrDomain, tenant.ErrDomains and ratelimit.ErrLimited.
func (s *Service) AddDomain(ctx context.Context, by tenant.Actor, id tenant.ID, text string) (d *tenant.Domain, err error) {
	name, err := tenant.ParseDomain(text)
	if err != nil {
		return nil, tenant.ErrDomain.WithField("domain", tenant.ErrDomain.Code, tenant.ErrDomain.Detail)
	}
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: adds, Key: id.String()})
	if err != nil {
		return nil, err
	}
	var added bool
	err = tenant.Act(ctx, s.DB, s.Roles, id, by, role.ManageTenant, func(tx *db.Tx, t *tenant.Tenant, _ role.Grant) error {
		if d, err = tenant.FindDomain(ctx, tx, id, name); !errors.Is(err, tenant.ErrDomainNotFound) {
			added = false
			return err
		}
		if d, err = tenant.AddDomain(ctx, tx, t, name); err != nil {
			return err
		}
		added = true
		return tenant.Record(ctx, tx, by, audit.Event{Kind: "domain.added", TenantID: id, Detail: detail(d.Domain)})
	})
	if err != nil || !added {
		taken.Refund()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// VerifyDomain looks for the challenge of a tenant's domain, also of one that was shown before: where both
// places can be asked and it is gone, the domain is the tenant's no more. Where people of such domains may
// join, it is for whoever may give them the role that they join as. Whoever runs the service may look at any
// time, and to them one place that answers is enough: a tenant keeps no domain by using up the looks that
// would cost it, or by a place that is silent. It returns what tenant.Act does,
// tenant.ErrDomainNotFound, ErrDomainUnproven with what was looked for, tenant.ErrDomainTaken,
// role.ErrEscalation and ratelimit.ErrLimited.
func (s *Service) VerifyDomain(ctx context.Context, by tenant.Actor, id tenant.ID, domain string) (*tenant.Domain, error) {
	looked, err := s.findDomain(ctx, by, id, domain)
	if err != nil {
		return nil, err
	}
	if !by.Staff() {
		if _, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: looks, Key: id.String()}); err != nil {
			return nil, err
		}
	}
	proof := s.Prover.Prove(ctx, looked)
	paid, err := s.pay(ctx, by, looked, proof)
	if err != nil {
		return nil, err
	}
	var d *tenant.Domain
	err = tenant.Act(ctx, s.DB, s.Roles, id, by, role.ManageTenant, func(tx *db.Tx, t *tenant.Tenant, g role.Grant) (err error) {
		if d, err = tenant.FindDomain(ctx, tx, id, looked.Domain); err != nil {
			return err
		}
		if d.Challenge != looked.Challenge {
			return tenant.ErrDomainNotFound // removed and added again meanwhile: that one was not looked for
		}
		if proof.Holds() && !d.Verified() {
			if err := s.mayLetJoin(ctx, tx, by, t, g, t.Policy.JoinRole); err != nil {
				return err
			}
		}
		return s.settle(ctx, tx, by, t, d, proof, by.Staff() || paid != nil)
	})
	if paid != nil && (err != nil || d.Verified()) {
		paid.Refund()
	}
	if f, _ := fault.From(err); errors.Is(err, tenant.ErrDomainTaken) || errors.Is(err, role.ErrEscalation) {
		refused := audit.Event{Kind: "domain.verify_refused", TenantID: id, Reason: f.Code, Detail: detail(looked.Domain)}
		err = cmp.Or(tenant.Refuse(ctx, s.DB, &s.noted, by, refused), err)
	}
	if err == nil && !proof.Holds() {
		err = proof.refusal()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// pay charges the letters to owners that a look of a tenant's own people may bring; nil: none is due, or enough
// were sent lately.
func (s *Service) pay(ctx context.Context, by tenant.Actor, looked *tenant.Domain, proof Proof) (*ratelimit.Taken, error) {
	if by.Staff() || !looked.Verified() || !proof.Missing() {
		return nil, nil
	}
	paid, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: letters, Key: looked.TenantID.String()})
	if errors.Is(err, ratelimit.ErrLimited) {
		return nil, nil
	}
	return paid, err
}

// settle writes down what was found, and mails owners that a domain is lost if tell says so. That nothing could
// be asked changes nothing.
func (s *Service) settle(ctx context.Context, tx *db.Tx, by tenant.Actor, t *tenant.Tenant, d *tenant.Domain, proof Proof, tell bool) error {
	was := d.Verified()
	switch {
	case proof.Holds():
		if err := tenant.MarkVerified(ctx, tx, d); err != nil || was {
			return err
		}
		return tenant.Record(ctx, tx, by, audit.Event{Kind: "domain.verified", TenantID: d.TenantID, Detail: detail(d.Domain)})
	case proof.Absent(), by.Staff() && proof.Missing():
		if err := tenant.MarkUnverified(ctx, tx, d); err != nil || !was {
			return err
		}
		return s.lost(ctx, tx, by, t, d, tell)
	default:
		return nil
	}
}

// findDomain returns a domain to whoever may have it looked for.
func (s *Service) findDomain(ctx context.Context, by tenant.Actor, id tenant.ID, domain string) (d *tenant.Domain, err error) {
	err = tenant.Act(ctx, s.DB, s.Roles, id, by, role.ManageTenant, func(tx *db.Tx, _ *tenant.Tenant, _ role.Grant) error {
		name, err := tenant.ParseDomain(domain)
		if err != nil {
			return tenant.ErrDomainNotFound
		}
		d, err = tenant.FindDomain(ctx, tx, id, name)
		return err
	})
	return d, err
}

// RemoveDomain takes a domain from a tenant; reason is what staff say why, for the audit. It returns what
// tenant.Act does, and tenant.ErrDomainNotFound.
func (s *Service) RemoveDomain(ctx context.Context, by tenant.Actor, id tenant.ID, domain, reason string) error {
	return tenant.Act(ctx, s.DB, s.Roles, id, by, role.ManageTenant, func(tx *db.Tx, t *tenant.Tenant, _ role.Grant) error {
		name, err := tenant.ParseDomain(domain)
		if err != nil {
			return tenant.ErrDomainNotFound
		}
		if err := tenant.RemoveDomain(ctx, tx, t, name); err != nil {
			return err
		}
		return tenant.Record(ctx, tx, by, audit.Event{Kind: "domain.removed", TenantID: id, Reason: reason, Detail: detail(name)})
	})
}

func detail(domain string) map[string]string { return map[string]string{"domain": domain} }
