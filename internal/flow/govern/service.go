package govern

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/cursor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Query looks tenants up. Empty members take their defaults.
type Query struct {
	By     string // name (default) or slug
	Prefix string // how it begins
	Status string // all (default), active or suspended
	After  string
	Limit  int // see web.PageSize
}

// Page is a part of a list of tenants.
type Page struct {
	Tenants []*tenant.Tenant
	// Next asks for what follows, as After of the same question; empty at the end.
	Next string
}

// Search returns tenants: the newest first without a prefix, else in the order of what is looked at.
// It returns tenant.ErrSearch and web.ErrQuery.
func (s *Service) Search(ctx context.Context, q Query) (page Page, err error) {
	if q.By == "" {
		q.By = string(tenant.NameColumn)
	}
	if q.Status == "" {
		q.Status = string(tenant.All)
	}
	question := cursor.Of("tenants", q.By, q.Status, q.Prefix)
	after, err := question.Read(q.After)
	if err != nil {
		return page, err
	}
	asked := tenant.Query{By: tenant.Column(q.By), Prefix: q.Prefix, Status: tenant.Status(q.Status), Limit: web.PageSize(q.Limit)}
	if after != nil {
		asked.After = &tenant.Place{Key: after.Key, Created: after.At, ID: after.ID}
	}
	found, next, err := tenant.Search(ctx, s.DB, asked)
	if err != nil {
		return page, err
	}
	page.Tenants = found
	if next != nil {
		page.Next = question.Write(cursor.Place{ID: next.ID, At: next.Created, Key: next.Key})
	}
	return page, nil
}

// Create makes a tenant whose owner is the account with this subject. An empty slug is made from the
// name. It returns account.ErrNotFound, and what tenancy.CreateFor returns.
func (s *Service) Create(ctx context.Context, name, slug, owner string) (*tenant.Tenant, error) {
	a, err := s.findAccount(ctx, owner)
	if err != nil {
		return nil, err
	}
	return s.Tenancy.CreateFor(ctx, a, name, slug)
}

// Detail is what is known of a tenant itself.
type Detail struct {
	*tenant.Tenant
	Domains []tenant.Domain
}

// Detail returns what is known of the tenant with this slug or id. It returns tenant.ErrNotFound.
func (s *Service) Detail(ctx context.Context, name string) (*Detail, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	domains, err := s.Tenancy.Domains(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return &Detail{t, domains}, nil
}

// Change changes settings of a tenant. by is as at AddMember. It returns tenant.ErrNotFound and what
// tenancy.Change returns.
func (s *Service) Change(ctx context.Context, by tenant.Actor, name string, change func(*tenant.Settings)) (*tenant.Tenant, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Tenancy.Change(ctx, by, t.ID, change)
}

// findFor returns the tenant of a deed that staff say why of, and the reason as the audit keeps it. It
// returns audit.ErrReason and tenant.ErrNotFound.
func (s *Service) findFor(ctx context.Context, name, reason string) (*tenant.Tenant, string, error) {
	reason, err := audit.Reason(reason)
	if err != nil {
		return nil, "", err
	}
	t, err := s.Find(ctx, name)
	return t, reason, err
}

// Suspend keeps the members of a tenant out, from their next request on: nothing is lost. The audit
// keeps the reason. It returns tenant.ErrNotFound and audit.ErrReason; suspending again changes nothing.
func (s *Service) Suspend(ctx context.Context, name, reason string) (*tenant.Tenant, error) {
	return s.setActive(ctx, name, false, reason)
}

// Resume lets the members of a suspended tenant in again. It returns what Suspend returns.
func (s *Service) Resume(ctx context.Context, name, reason string) (*tenant.Tenant, error) {
	return s.setActive(ctx, name, true, reason)
}

func (s *Service) setActive(ctx context.Context, name string, active bool, reason string) (*tenant.Tenant, error) {
	t, reason, err := s.findFor(ctx, name, reason)
	if err != nil {
		return nil, err
	}
	return s.Tenancy.SetActive(ctx, t.ID, active, reason)
}

// VerifyDomain looks again at a domain of a tenant: where others say that it is theirs, say. It returns
// tenant.ErrNotFound and what tenancy.VerifyDomain returns.
func (s *Service) VerifyDomain(ctx context.Context, name, domain string) (*tenant.Domain, error) {
	t, err := s.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.Tenancy.VerifyDomain(ctx, tenant.ByStaff(), t.ID, domain)
}

// RemoveDomain takes a domain from a tenant. The audit keeps the reason. It returns audit.ErrReason,
// tenant.ErrNotFound and what tenancy.RemoveDomain returns.
func (s *Service) RemoveDomain(ctx context.Context, name, domain, reason string) error {
	t, reason, err := s.findFor(ctx, name, reason)
	if err != nil {
		return err
	}
	return s.Tenancy.RemoveDomain(ctx, tenant.ByStaff(), t.ID, domain, reason)
}

// Size returns how much is deleted with a tenant.
func (s *Service) Size(ctx context.Context, id tenant.ID) (tenancy.Size, error) {
	return s.Tenancy.Size(ctx, id)
}

// Delete removes a tenant with all that is in it, and tells its members. typed is its slug once more; the
// audit keeps the reason. It returns audit.ErrReason, tenant.ErrNotFound and what tenancy.Delete returns.
func (s *Service) Delete(ctx context.Context, name, typed, reason string) error {
	t, reason, err := s.findFor(ctx, name, reason)
	if err != nil {
		return err
	}
	return s.Tenancy.Delete(ctx, tenant.ByStaff(), t.ID, typed, reason)
}
