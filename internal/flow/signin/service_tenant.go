package signin

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// enterTenant returns the membership that the tokens of a sign-in are to be for, nil where none was asked
// for. It is asked when all is proven, so that nobody learns who belongs where by less. What a tenant
// demands besides is asked for, or set up, on the way.
func (s *Service) enterTenant(ctx context.Context, p *proven, g goal, methods []string, level authn.AAL) (*tenant.Membership, error) {
	if g.Tenant == "" {
		return nil, nil
	}
	m, err := tenant.Enter(ctx, s.DB, s.Roles, p.account.ID, g.Tenant)
	if errors.Is(err, tenant.ErrNotMember) {
		return nil, s.notMember(ctx, p.account.ID, uuid.Nil, uuid.Nil)
	}
	if err != nil {
		return nil, err
	}
	weak := m.Tenant.Policy.SecondFactor && level < authn.AAL2
	switch {
	case m.Tenant.Policy.Refuses(methods):
		return nil, unmet(m.Tenant.Policy, methods, level, 0)
	case weak && p.held.Strong():
		return nil, s.ask(ctx, p, g, ErrMFA, p.held.Again())
	case weak:
		return nil, s.askToEnrol(ctx, p, g)
	}
	return m, nil
}

// TenantToken makes an access token of a session for one of the tenants that its account belongs to, by
// slug or id, for an audience (empty: the session's). The session and its refresh token stay as they are, so that one
// session has tokens of several tenants side by side. It returns ErrNotMember, tenant.ErrPolicy with how to
// go on, ErrBound where the bearer's own token is for another tenant, and ErrAudience.
func (s *Service) TenantToken(ctx context.Context, by session.Bearer, name, audience string) (*TenantAccess, error) {
	if audience != "" {
		if _, err := s.audience(audience); err != nil {
			return nil, err
		}
	}
	now := s.DB.Now()
	row, m, err := session.EnterTenant(ctx, s.DB, s.Roles, by, name, now)
	if errors.Is(err, tenant.ErrNotMember) {
		return nil, s.notMember(ctx, by.AccountID, by.SessionID, uuid.Nil)
	}
	if err != nil {
		return nil, err
	}
	// Whoever is shown a token of one tenant must not get into the others of its holder by it.
	if by.TenantID != "" && by.TenantID != m.Tenant.ID.String() {
		return nil, ErrBound
	}
	if p := m.Tenant.Policy; !p.Admits(row.Methods, row.Level, now.Sub(row.AuthTime), row.Unused) {
		return nil, unmet(p, row.Methods, row.Level, row.Unused)
	}
	if audience != "" {
		row.Audience = audience
	}
	access, life, err := s.access(ctx, row, by.Subject, m.Grant, now)
	if err != nil {
		return nil, err
	}
	return &TenantAccess{Access: access, Expires: life, Tenant: m}, nil
}

// TenantAccess is an access token for one tenant.
type TenantAccess struct {
	Access  string
	Expires time.Duration // from now
	Tenant  *tenant.Membership
}

// notMember leaves the trace of a refusal, the first of several, and returns it.
func (s *Service) notMember(ctx context.Context, accountID, sessionID, tenantID uuid.UUID) error {
	if !s.noted.First("tenant:"+accountID.String()+tenantID.String(), s.DB.Now()) {
		return ErrNotMember
	}
	e := audit.Event{Kind: "tenant.refused", AccountID: accountID, SessionID: sessionID, TenantID: tenantID, Reason: "not_a_member"}
	if err := audit.RecordAlone(ctx, s.DB, e); err != nil {
		return err
	}
	return ErrNotMember
}

// unmet says what a tenant asks for that a session has not proven. One that was left unused is older than
// that, so that a proof within the time lets it in again.
func unmet(p tenant.Policy, methods []string, level authn.AAL, unused time.Duration) error {
	next := fault.Next{MaxAge: p.MaxAge}
	if p.Forgets(unused) && (p.MaxAge == 0 || p.MaxIdle < p.MaxAge) {
		next.MaxAge = p.MaxIdle
	}
	if p.SecondFactor && level < authn.AAL2 {
		next.Level = authn.AAL2.ACR()
	}
	if p.Refuses(methods) {
		for way, refused := range map[string]bool{factor.Password: p.NoPassword, factor.Passkey: p.NoPasskey, factor.EmailCode: p.NoMail} {
			if !refused {
				next.Methods = append(next.Methods, way)
			}
		}
		slices.Sort(next.Methods)
	}
	return tenant.ErrPolicy.WithNext(next)
}
