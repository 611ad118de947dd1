package member

import (
	"cmp"
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

type permissionsResponse struct {
	Body struct {
		Tenant      string   `json:"tenant" doc:"The slug"`
		Role        string   `json:"role"`
		Permissions []string `json:"permissions" doc:"All that you may do, by your role and besides: noun.verb, noun.* for every verb, * for everything"`
	}
}

func (s *Service) handlePermissions(ctx context.Context, _ *struct{}) (*permissionsResponse, error) {
	m := tenant.FromContext(ctx)
	var out permissionsResponse
	out.Body.Tenant, out.Body.Role, out.Body.Permissions = m.Tenant.Slug, m.Grant.Role, append([]string{}, m.Grant.Permissions()...)
	return &out, nil
}

type explainResponse struct{ Body role.Decision }

func (s *Service) handleExplain(ctx context.Context, _ *struct{}) (*explainResponse, error) {
	m, own := tenant.FromContext(ctx), session.FromContext(ctx).Subject
	q, err := web.ReadQuery(ctx, "permission", "account")
	if err != nil {
		return nil, err
	}
	who := cmp.Or(q.Get("account"), own)
	if who != own {
		if err := m.Allow(role.ReadMembers); err != nil {
			return nil, err
		}
	}
	d, err := s.Explain(ctx, m.Tenant.ID, who, q.Get("permission"))
	if err != nil {
		return nil, err
	}
	return &explainResponse{d}, nil
}

type rolesResponse struct {
	Body struct {
		Roles      []RoleJSON `json:"roles"`
		Assignable []string   `json:"assignable" doc:"The permissions that you may give, noun.* among them"`
	}
}

func (s *Service) handleRoles(ctx context.Context, _ *struct{}) (*rolesResponse, error) {
	m := tenant.FromContext(ctx)
	all, err := s.Roles(ctx, m.Tenant.ID)
	if err != nil {
		return nil, err
	}
	_, permissions, err := s.Assignable(ctx, m.Tenant.ID, m.Grant)
	if err != nil {
		return nil, err
	}
	var out rolesResponse
	out.Body.Roles, out.Body.Assignable = []RoleJSON{}, permissions
	for _, r := range all {
		out.Body.Roles = append(out.Body.Roles, r.JSON(m.Grant))
	}
	return &out, nil
}

type roleResponse struct{ Body RoleJSON }

// definedRole shows a role to whoever has just said what it holds.
func definedRole(ctx context.Context, r *RoleInfo, err error) (*roleResponse, error) {
	if err != nil {
		return nil, err
	}
	return &roleResponse{r.JSON(tenant.FromContext(ctx).Grant)}, nil
}

type createRoleRequest struct {
	Body struct {
		Name        string   `json:"name" maxLength:"64"`
		Permissions []string `json:"permissions" nullable:"false"`
	}
}

func (s *Service) handleCreateRole(ctx context.Context, in *createRoleRequest) (*roleResponse, error) {
	id, by := asker(ctx)
	r, err := s.CreateRole(ctx, by, id, in.Body.Name, in.Body.Permissions)
	return definedRole(ctx, r, err)
}

type changeRoleRequest struct {
	Role string `path:"role"`
	Body struct {
		Permissions []string `json:"permissions" nullable:"false" doc:"In place of those there are"`
	}
}

func (s *Service) handleChangeRole(ctx context.Context, in *changeRoleRequest) (*roleResponse, error) {
	id, by := asker(ctx)
	r, err := s.ChangeRole(ctx, by, id, in.Role, in.Body.Permissions)
	return definedRole(ctx, r, err)
}

type roleRequest struct {
	Role string `path:"role"`
}

func (s *Service) handleDeleteRole(ctx context.Context, in *roleRequest) (*struct{}, error) {
	id, by := asker(ctx)
	return nil, s.DeleteRole(ctx, by, id, in.Role)
}
