package signin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// tenantJSON is the organisation that tokens are for.
type tenantJSON struct {
	ID   string `json:"id" doc:"As in the claim tenant_id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
	Role string `json:"role" doc:"The account's there"`
}

func tenantOf(m *tenant.Membership) *tenantJSON {
	if m == nil {
		return nil
	}
	return &tenantJSON{ID: m.Tenant.ID.String(), Slug: m.Tenant.Slug, Name: m.Tenant.Name, Role: m.Grant.Role}
}

type tenantTokenRequest struct {
	Tenant string `path:"tenant"`
	Body   *struct {
		Audience string `json:"audience,omitempty" maxLength:"255" doc:"For which service; the session's if missing"`
	}
}

type tenantTokenResponse struct {
	Body struct {
		Access    string      `json:"access" doc:"An access token for that organisation; the refresh token stays"`
		TokenType string      `json:"token_type"`
		ExpiresIn int64       `json:"expires_in" doc:"Seconds"`
		Tenant    *tenantJSON `json:"tenant"`
	}
}

func (s *Service) handleTenantToken(ctx context.Context, in *tenantTokenRequest) (*tenantTokenResponse, error) {
	audience := ""
	if in.Body != nil {
		audience = in.Body.Audience
	}
	t, err := s.TenantToken(ctx, session.FromContext(ctx), in.Tenant, audience)
	if err != nil {
		return nil, err
	}
	var out tenantTokenResponse
	out.Body.Access, out.Body.TokenType, out.Body.ExpiresIn, out.Body.Tenant = t.Access, "Bearer", seconds(t.Expires), tenantOf(t.Tenant)
	return &out, nil
}
