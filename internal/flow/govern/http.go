package govern

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/member"
	"github.com/gatehouse-auth/gatehouse/internal/feature/tenancy"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns the admin API of tenants. A {tenant} is a slug or an id, an {account} the account's id,
// as tokens and the API name it.
func Routes(s *Service) []web.Route {
	const one = "/admin/tenants/{tenant}/"
	return []web.Route{
		web.Get("/admin/tenants/", web.StaffToken, web.JSON(s.handleSearch)).Needs(role.StaffReadTenants).Says("Look tenants up; query: by, prefix, status, after, limit"),
		web.Post("/admin/tenants/", web.StaffToken, web.JSON(s.handleCreate)).Needs(role.StaffManageTenants).Says("Make a tenant for an account").Answers(http.StatusCreated),
		web.Get(one, web.StaffToken, web.JSON(s.handleDetail)).Needs(role.StaffReadTenants).Says("A tenant, its settings and domains"),
		web.Patch(one, web.StaffToken, web.JSON(s.handleChange)).Needs(role.StaffManageTenants).Freshly().Says("Change a tenant's settings"),
		web.Delete(one, web.SuperuserToken, web.JSON(s.handleDelete)).Says("Delete a tenant with all that is in it").Answers(http.StatusNoContent),
		web.Post(one+"suspend/", web.StaffToken, web.JSON(because(s.Suspend))).Needs(role.StaffManageTenants).Freshly().Says("Keep a tenant's members out"),
		web.Post(one+"resume/", web.StaffToken, web.JSON(because(s.Resume))).Needs(role.StaffManageTenants).Freshly().Says("Let a suspended tenant's members in again"),
		web.Get(one+"members/", web.StaffToken, web.JSON(s.handleMembers)).Needs(role.StaffReadTenants).Says("Who belongs to a tenant; query: prefix, role, after, limit"),
		web.Post(one+"members/", web.StaffToken, web.JSON(s.handleAdd)).Needs(role.StaffManageTenants).Freshly().Says("Make an account a member, without asking it").Answers(http.StatusCreated),
		web.Get(one+"members/{account}/", web.StaffToken, web.JSON(s.handleMember)).Needs(role.StaffReadTenants).Says("One member"),
		web.Patch(one+"members/{account}/", web.StaffToken, web.JSON(s.handleChangeMember)).Needs(role.StaffManageTenants).Freshly().Says("Give a member another role, other permissions of their own, or other attributes"),
		web.Delete(one+"members/{account}/", web.StaffToken, web.JSON(s.handleRemove)).Needs(role.StaffManageTenants).Freshly().Says("End a membership").Answers(http.StatusNoContent),
		web.Get(one+"invitations/", web.StaffToken, web.JSON(s.handleInvitations)).Needs(role.StaffReadTenants).Says("Invitations that were not accepted yet, by address; query: after, limit"),
		web.Delete(one+"invitations/{id}/", web.StaffToken, web.JSON(s.handleRevoke)).Needs(role.StaffManageTenants).Freshly().Says("Make an invitation's link worthless").Answers(http.StatusNoContent),
		web.Post(one+"domains/{domain}/verify/", web.StaffToken, web.JSON(s.handleVerifyDomain)).Needs(role.StaffManageTenants).Freshly().Says("Look again for the challenge of a domain"),
		web.Delete(one+"domains/{domain}/", web.StaffToken, web.JSON(s.handleRemoveDomain)).Needs(role.StaffManageTenants).Freshly().Says("Remove a domain").Answers(http.StatusNoContent),
		web.Get(one+"explain/", web.StaffToken, web.JSON(s.handleExplain)).Needs(role.StaffReadTenants).Says("Whether an account may do something in a tenant, and why; query: account, permission"),
		web.Get("/admin/permissions/", web.StaffToken, web.JSON(s.handlePermissions)).Needs(role.StaffReadTenants).Says("What roles can hold"),
		web.Post("/admin/permissions/", web.StaffToken, web.JSON(s.handleDeclare)).Needs(role.StaffManagePermissions).Says("Declare a permission, or describe it anew").Answers(http.StatusNoContent),
		web.Delete("/admin/permissions/{permission}/", web.StaffToken, web.JSON(s.handleWithdraw)).Needs(role.StaffManagePermissions).Says("Withdraw a permission that was declared while running").Answers(http.StatusNoContent),
	}
}

// caller is the member of staff who holds the token.
func caller(ctx context.Context) tenant.Actor {
	return tenant.ByOfficer(session.FromContext(ctx).AccountID)
}

type tenantRequest struct {
	Tenant string `path:"tenant"`
}

type tenantResponse struct{ Body tenant.JSON }

func answer(t *tenant.Tenant, err error) (*tenantResponse, error) {
	if err != nil {
		return nil, err
	}
	return &tenantResponse{t.JSON()}, nil
}

type tenantsResponse struct {
	Body struct {
		Tenants []tenant.JSON `json:"tenants"`
		Next    string        `json:"next" doc:"What after= takes for the next page; empty at the end"`
	}
}

func (s *Service) handleSearch(ctx context.Context, _ *struct{}) (*tenantsResponse, error) {
	q, err := web.ReadQuery(ctx, "by", "prefix", "status", "after", "limit")
	if err != nil {
		return nil, err
	}
	page, err := s.Search(ctx, Query{By: q.Get("by"), Prefix: q.Get("prefix"), Status: q.Get("status"), After: q.Get("after"), Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	var out tenantsResponse
	out.Body.Tenants, out.Body.Next = listed(page.Tenants, (*tenant.Tenant).JSON), page.Next
	return &out, nil
}

type createRequest struct {
	Body struct {
		Name  string `json:"name" maxLength:"400"`
		Slug  string `json:"slug,omitempty" maxLength:"400" doc:"In paths; without it made from the name"`
		Owner string `json:"owner" maxLength:"255" doc:"An account's id"`
	}
}

func (s *Service) handleCreate(ctx context.Context, in *createRequest) (*tenantResponse, error) {
	return answer(s.Create(ctx, in.Body.Name, in.Body.Slug, in.Body.Owner))
}

type detailResponse struct{ Body DetailJSON }

func (s *Service) handleDetail(ctx context.Context, in *tenantRequest) (*detailResponse, error) {
	d, err := s.Detail(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	return &detailResponse{d.JSON()}, nil
}

type changeRequest struct {
	Tenant string `path:"tenant"`
	Body   tenancy.ChangeJSON
}

func (s *Service) handleChange(ctx context.Context, in *changeRequest) (*tenantResponse, error) {
	return answer(s.Change(ctx, caller(ctx), in.Tenant, in.Body.Apply))
}

type deleteRequest struct {
	Tenant string `path:"tenant"`
	Body   struct {
		Slug   string `json:"slug" maxLength:"400" doc:"The tenant's slug once more"`
		Reason string `json:"reason" maxLength:"2000" doc:"10 to 300 characters, for the audit"`
	}
}

func (s *Service) handleDelete(ctx context.Context, in *deleteRequest) (*struct{}, error) {
	return nil, s.Delete(ctx, in.Tenant, in.Body.Slug, in.Body.Reason)
}

type reasonRequest struct {
	Tenant string `path:"tenant"`
	Body   struct {
		Reason string `json:"reason" maxLength:"2000" doc:"10 to 300 characters, for the audit"`
	}
}

// because adapts what is done to a tenant for a reason.
func because(deed func(ctx context.Context, name, reason string) (*tenant.Tenant, error)) func(context.Context, *reasonRequest) (*tenantResponse, error) {
	return func(ctx context.Context, in *reasonRequest) (*tenantResponse, error) {
		return answer(deed(ctx, in.Tenant, in.Body.Reason))
	}
}

type memberResponse struct{ Body member.JSON }

func shown(m *member.Member, err error) (*memberResponse, error) {
	if err != nil {
		return nil, err
	}
	return &memberResponse{m.JSON()}, nil
}

type membersResponse struct {
	Body struct {
		Members []member.JSON `json:"members"`
		Next    string        `json:"next"`
	}
}

func (s *Service) handleMembers(ctx context.Context, in *tenantRequest) (*membersResponse, error) {
	q, err := web.ReadQuery(ctx, "prefix", "role", "after", "limit")
	if err != nil {
		return nil, err
	}
	page, err := s.Members(ctx, in.Tenant, member.Query{Prefix: q.Get("prefix"), Role: q.Get("role"), After: q.Get("after"), Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	var out membersResponse
	out.Body.Members, out.Body.Next = listed(page.Members, func(m member.Member) member.JSON { return m.JSON() }), page.Next
	return &out, nil
}

type addRequest struct {
	Tenant string `path:"tenant"`
	Body   struct {
		Account string `json:"account" maxLength:"255" doc:"Its id"`
		Role    string `json:"role" maxLength:"64"`
	}
}

func (s *Service) handleAdd(ctx context.Context, in *addRequest) (*memberResponse, error) {
	return shown(s.AddMember(ctx, caller(ctx), in.Tenant, in.Body.Account, in.Body.Role))
}

type changeMemberRequest struct {
	Tenant  string `path:"tenant"`
	Account string `path:"account"`
	Body    member.ChangeJSON
}

func (s *Service) handleChangeMember(ctx context.Context, in *changeMemberRequest) (*memberResponse, error) {
	return shown(s.ChangeMember(ctx, caller(ctx), in.Tenant, in.Account, in.Body.Change()))
}

type memberRequest struct {
	Tenant  string `path:"tenant"`
	Account string `path:"account"`
}

func (s *Service) handleMember(ctx context.Context, in *memberRequest) (*memberResponse, error) {
	return shown(s.FindMember(ctx, in.Tenant, in.Account))
}

func (s *Service) handleRemove(ctx context.Context, in *memberRequest) (*struct{}, error) {
	return nil, s.RemoveMember(ctx, in.Tenant, in.Account)
}

type invitationsResponse struct {
	Body struct {
		Invitations []invitation.JSON `json:"invitations"`
		Next        string            `json:"next"`
	}
}

func (s *Service) handleInvitations(ctx context.Context, in *tenantRequest) (*invitationsResponse, error) {
	q, err := web.ReadQuery(ctx, "after", "limit")
	if err != nil {
		return nil, err
	}
	page, next, err := s.Invitations(ctx, in.Tenant, q.Get("after"), q.Limit)
	if err != nil {
		return nil, err
	}
	var out invitationsResponse
	out.Body.Invitations, out.Body.Next = listed(page, func(i invitation.Invitation) invitation.JSON { return i.JSON(s.DB.Now()) }), next
	return &out, nil
}

type invitationRequest struct {
	Tenant string `path:"tenant"`
	ID     string `path:"id"`
}

func (s *Service) handleRevoke(ctx context.Context, in *invitationRequest) (*struct{}, error) {
	return nil, s.RevokeInvitation(ctx, in.Tenant, in.ID)
}

type domainRequest struct {
	Tenant string `path:"tenant"`
	Domain string `path:"domain"`
}

type domainResponse struct{ Body tenant.DomainJSON }

func (s *Service) handleVerifyDomain(ctx context.Context, in *domainRequest) (*domainResponse, error) {
	d, err := s.VerifyDomain(ctx, in.Tenant, in.Domain)
	if err != nil {
		return nil, err
	}
	return &domainResponse{d.JSON()}, nil
}

type removeDomainRequest struct {
	Tenant string `path:"tenant"`
	Domain string `path:"domain"`
	Body   struct {
		Reason string `json:"reason" maxLength:"2000" doc:"10 to 300 characters, for the audit"`
	}
}

func (s *Service) handleRemoveDomain(ctx context.Context, in *removeDomainRequest) (*struct{}, error) {
	return nil, s.RemoveDomain(ctx, in.Tenant, in.Domain, in.Body.Reason)
}

type decisionResponse struct{ Body role.Decision }

func (s *Service) handleExplain(ctx context.Context, in *tenantRequest) (*decisionResponse, error) {
	q, err := web.ReadQuery(ctx, "account", "permission")
	if err != nil {
		return nil, err
	}
	d, err := s.Explain(ctx, in.Tenant, q.Get("account"), q.Get("permission"))
	return &decisionResponse{d}, err
}

type permissionsResponse struct {
	Body struct {
		Permissions []PermissionJSON `json:"permissions" doc:"By name"`
	}
}

func (s *Service) handlePermissions(ctx context.Context, _ *struct{}) (*permissionsResponse, error) {
	all, err := s.Permissions(ctx)
	if err != nil {
		return nil, err
	}
	var out permissionsResponse
	out.Body.Permissions = listed(all, Permission.JSON)
	return &out, nil
}

type declareRequest struct {
	Body struct {
		Name        string `json:"name" maxLength:"100" doc:"noun.verb, such as notes.write"`
		Description string `json:"description,omitempty" maxLength:"1000" doc:"At most 200 characters"`
	}
}

func (s *Service) handleDeclare(ctx context.Context, in *declareRequest) (*struct{}, error) {
	return nil, s.Declare(ctx, in.Body.Name, in.Body.Description)
}

type withdrawRequest struct {
	Permission string `path:"permission"`
}

func (s *Service) handleWithdraw(ctx context.Context, in *withdrawRequest) (*struct{}, error) {
	return nil, s.Withdraw(ctx, in.Permission)
}
