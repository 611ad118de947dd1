package member

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this feature answers. A {account} is the account's id, as tokens and the API name
// it; {tenant} is a slug or an id.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/tenants/{tenant}/members/", web.MemberToken, web.JSON(s.handleList)).Needs(role.ReadMembers).Says("Members, those who joined first in front; query: prefix, role, after, limit"),
		web.Get("/tenants/{tenant}/members/{account}/", web.MemberToken, web.JSON(s.handleGet)).Needs(role.ReadMembers).Says("One member"),
		web.Patch("/tenants/{tenant}/members/{account}/", web.MemberToken, web.JSON(s.handleSet)).Needs(role.ManageMembers).Freshly().Says("Give a member another role, other permissions besides it, or other attributes"),
		web.Delete("/tenants/{tenant}/members/{account}/", web.MemberToken, web.JSON(s.handleRemove)).Needs(role.ManageMembers).Freshly().Says("Remove a member").Answers(http.StatusNoContent),
		web.Post("/tenants/{tenant}/leave/", web.SignedIn, web.JSON(s.handleLeave)).Says("Leave a tenant, whatever it asks of whoever comes in; with a token of that tenant or of none").Answers(http.StatusNoContent),
		web.Post("/tenants/{tenant}/transfer/", web.MemberToken, web.JSON(s.handleTransfer)).Needs(role.DeleteTenant).Freshly().Says("Make another member the owner and become an admin").Answers(http.StatusNoContent),
		web.Post("/tenants/{tenant}/join/", web.SignedIn, web.JSON(s.handleJoin)).Says("Join the tenant that has shown that your address's domain is its own"),
		web.Get("/tenants/{tenant}/me/", web.MemberToken, web.JSON(s.handleMe)).Needs(role.Enter).Says("Yourself as a member"),
		web.Patch("/tenants/{tenant}/me/", web.MemberToken, web.JSON(s.handleSetMe)).Needs(role.Enter).Says("Change your attributes as a member; those left out stay as they are"),
		web.Get("/tenants/{tenant}/permissions/", web.MemberToken, web.JSON(s.handlePermissions)).Needs(role.Enter).Says("What you may do, whole also where a token is too small for it"),
		web.Get("/tenants/{tenant}/explain/", web.MemberToken, web.JSON(s.handleExplain)).Needs(role.Enter).Says("Whether a member may do something, and why; query: permission, account"),
		web.Get("/tenants/{tenant}/roles/", web.MemberToken, web.JSON(s.handleRoles)).Needs(role.ReadRoles).Says("Roles, and what you may give"),
		web.Post("/tenants/{tenant}/roles/", web.MemberToken, web.JSON(s.handleCreateRole)).Needs(role.ManageRoles).Freshly().Says("Make a role").Answers(http.StatusCreated),
		web.Patch("/tenants/{tenant}/roles/{role}/", web.MemberToken, web.JSON(s.handleChangeRole)).Needs(role.ManageRoles).Freshly().Says("Give a role, and everybody who has it, other permissions"),
		web.Delete("/tenants/{tenant}/roles/{role}/", web.MemberToken, web.JSON(s.handleDeleteRole)).Needs(role.ManageRoles).Freshly().Says("Delete a role that nobody has").Answers(http.StatusNoContent),
	}
}

// asker is the tenant of a request, and who asks, as they act in it.
func asker(ctx context.Context) (id tenant.ID, by tenant.Actor) {
	m := tenant.FromContext(ctx)
	return m.Tenant.ID, tenant.By(m.AccountID)
}

type memberRequest struct {
	Account string `path:"account"`
}

type memberResponse struct{ Body JSON }

func shown(m *Member, err error) (*memberResponse, error) {
	if err != nil {
		return nil, err
	}
	return &memberResponse{m.JSON()}, nil
}

type listResponse struct {
	Body struct {
		Members []JSON `json:"members"`
		Next    string `json:"next" doc:"What after= takes for the next page; empty at the end"`
	}
}

func (s *Service) handleList(ctx context.Context, _ *struct{}) (*listResponse, error) {
	id, _ := asker(ctx)
	q, err := web.ReadQuery(ctx, "prefix", "role", "after", "limit")
	if err != nil {
		return nil, err
	}
	page, err := s.List(ctx, id, Query{Prefix: q.Get("prefix"), Role: q.Get("role"), After: q.Get("after"), Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	var out listResponse
	out.Body.Members, out.Body.Next = []JSON{}, page.Next
	for _, m := range page.Members {
		out.Body.Members = append(out.Body.Members, m.JSON())
	}
	return &out, nil
}

func (s *Service) handleGet(ctx context.Context, in *memberRequest) (*memberResponse, error) {
	id, _ := asker(ctx)
	return shown(s.Get(ctx, id, in.Account))
}

type setRequest struct {
	Account string `path:"account"`
	Body    ChangeJSON
}

func (s *Service) handleSet(ctx context.Context, in *setRequest) (*memberResponse, error) {
	id, by := asker(ctx)
	return shown(s.Set(ctx, by, id, in.Account, in.Body.Change()))
}

func (s *Service) handleMe(ctx context.Context, _ *struct{}) (*memberResponse, error) {
	id, _ := asker(ctx)
	return shown(s.Get(ctx, id, session.FromContext(ctx).Subject))
}

type setMeRequest struct {
	Body struct {
		Attributes map[string]any `json:"attributes,omitempty" doc:"Custom members as declared; null removes one"`
	}
}

func (s *Service) handleSetMe(ctx context.Context, in *setMeRequest) (*memberResponse, error) {
	id, by := asker(ctx)
	return shown(s.SetOwn(ctx, by, id, session.FromContext(ctx).Subject, in.Body.Attributes, ""))
}

func (s *Service) handleRemove(ctx context.Context, in *memberRequest) (*struct{}, error) {
	id, by := asker(ctx)
	return nil, s.Remove(ctx, by, id, in.Account)
}

func (s *Service) handleLeave(ctx context.Context, in *tenantRequest) (*struct{}, error) {
	by := session.FromContext(ctx)
	m, err := s.Belongs(ctx, by.AccountID, in.Tenant)
	if err != nil {
		return nil, err
	}
	// Whoever is shown a token of one tenant must not take its holder out of the others by it.
	if by.TenantID != "" && by.TenantID != m.Tenant.ID.String() {
		return nil, tenant.ErrNotMember
	}
	return nil, s.Leave(ctx, by.AccountID, m.Tenant.ID)
}

type transferRequest struct {
	Body struct {
		Account string `json:"account" minLength:"1" maxLength:"255" doc:"The id of the member who becomes the owner"`
	}
}

func (s *Service) handleTransfer(ctx context.Context, in *transferRequest) (*struct{}, error) {
	id, by := asker(ctx)
	return nil, s.Transfer(ctx, by, id, in.Body.Account)
}

type tenantRequest struct {
	Tenant string `path:"tenant"`
}

type tenantResponse struct{ Body tenant.JSON }

func (s *Service) handleJoin(ctx context.Context, in *tenantRequest) (*tenantResponse, error) {
	t, err := s.Join(ctx, session.FromContext(ctx).AccountID, in.Tenant)
	if err != nil {
		return nil, err
	}
	return &tenantResponse{t.JSON()}, nil
}
