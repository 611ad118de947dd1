// Package govern is what staff do with tenants: find, make, suspend and delete them, look after who
// belongs to them and what domains they have, say why somebody may do something there or not, and declare
// what roles can hold. The console, the admin API, the command line and the library come here.
//
// Whoever calls it has been asked what they may: routes name a permission of staff. What holds for
// tenants is decided where tenants' own admins are held to it, in feature/tenancy and feature/member; staff
// pass there as tenant.ByStaff, and where they are held to more than their permission as tenant.ByOfficer. Each change is one transaction with its audit event, whose actor is
// that of the context's audit.Source.
package govern

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Failures a caller can act on, besides those of the packages tenant, tenancy and member.
var (
	ErrDescription = fault.New(fault.Invalid, "permission_description_invalid", "A description has at most 200 characters on one line.")
	ErrUndeclared  = fault.New(fault.NotFound, "permission_not_declared", "This permission was not declared while running. Those of the configuration are changed there.")
	ErrTooMany     = fault.New(fault.Conflict, "declarations_too_many", "At most 500 permissions can be declared while running.")
)

// Limits.
const (
	// MaxDeclared is how many permissions can be declared while running: what verifiers look up stays
	// well below what they read at most.
	MaxDeclared = 500
	// maxDescription is how long a permission's description can be, in characters.
	maxDescription = 200
)

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB          *db.DB
	Roles       *role.Set
	Tenancy     *tenancy.Service
	Members     *member.Service
	Invitations *invitation.Service
}

// Service governs tenants. It is safe for concurrent use.
type Service struct{ Deps }

// New returns a Service.
func New(deps Deps) *Service { return &Service{deps} }

// Find returns the tenant with this slug or id, or that has shown this domain to be its own: no slug has a
// dot, and every domain has one. It returns tenant.ErrNotFound.
func (s *Service) Find(ctx context.Context, name string) (*tenant.Tenant, error) {
	if domain, err := tenant.ParseDomain(name); err == nil {
		return tenant.Holder(ctx, s.DB, domain)
	}
	if _, err := uuid.Parse(name); err != nil && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, tenant.ErrNotFound
	}
	return tenant.FindByName(ctx, s.DB, name)
}

// findAccount returns the account with this subject. What cannot be one is nobody's.
func (s *Service) findAccount(ctx context.Context, subject string) (a *account.Account, err error) {
	if subject == "" || len(subject) > 255 || strings.ContainsFunc(subject, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, account.ErrNotFound
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		a, err = account.FindBySubject(ctx, tx, subject)
		return err
	})
	return a, err
}

// inMember says of which member of the request a refusal speaks, where it has no field of its own.
func inMember(err error, name string) error {
	f, ok := fault.From(err)
	if !ok || len(f.Fields) > 0 || f.Kind != fault.Invalid {
		return err
	}
	return f.WithField(name, f.Code, f.Detail)
}
