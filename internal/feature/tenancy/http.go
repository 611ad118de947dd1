package tenancy

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this feature answers. A {tenant} is a slug or an id.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/tenants/", web.SignedIn, web.JSON(s.handleMine)).Says("The tenants one belongs to, and whether one can make others"),
		web.Post("/tenants/", web.SignedIn, web.JSON(s.handleCreate)).Says("Make a tenant and become its owner").Answers(http.StatusCreated),
		web.Get("/tenants/{tenant}/", web.MemberToken, web.JSON(s.handleGet)).Needs(role.ReadTenant).Says("A tenant and its policy"),
		web.Patch("/tenants/{tenant}/", web.MemberToken, web.JSON(s.handleChange)).Needs(role.ManageTenant).Freshly().Says("Change a tenant's names and policy; members left out stay as they are"),
		web.Delete("/tenants/{tenant}/", web.MemberToken, web.JSON(s.handleDelete)).Needs(role.DeleteTenant).Freshly().Says("Delete a tenant for good; its members are told").Answers(http.StatusNoContent),
		web.Get("/tenants/{tenant}/domains/", web.MemberToken, web.JSON(s.handleDomains)).Needs(role.ReadTenant).Says("The domains that a tenant says are its own"),
		web.Post("/tenants/{tenant}/domains/", web.MemberToken, web.JSON(s.handleAddDomain)).Needs(role.ManageTenant).Freshly().Says("Add a domain; the answer says what to publish").Answers(http.StatusCreated),
		web.Post("/tenants/{tenant}/domains/{domain}/verify/", web.MemberToken, web.JSON(s.handleVerifyDomain)).Needs(role.ManageTenant).Freshly().Says("Look for the challenge of a domain"),
		web.Delete("/tenants/{tenant}/domains/{domain}/", web.MemberToken, web.JSON(s.handleRemoveDomain)).Needs(role.ManageTenant).Freshly().Says("Remove a domain").Answers(http.StatusNoContent),
		web.Get("/tenants/{tenant}/audit/", web.MemberToken, web.JSON(s.handleEvents)).Needs(role.ReadAudit).Says("What happened in a tenant, the newest first; query: after, limit"),
	}
}

type mineResponse struct {
	Body struct {
		Tenants   []tenant.MembershipJSON `json:"tenants"`
		MayCreate bool                    `json:"may_create" doc:"Whether one can make tenants"`
	}
}

func (s *Service) handleMine(ctx context.Context, _ *struct{}) (*mineResponse, error) {
	by := session.FromContext(ctx)
	mine, err := s.Mine(ctx, by.AccountID)
	if err != nil {
		return nil, err
	}
	out := &mineResponse{}
	out.Body.Tenants = make([]tenant.MembershipJSON, len(mine))
	for i, m := range mine {
		out.Body.Tenants[i] = m.JSON()
	}
	out.Body.MayCreate, err = s.may(ctx, by.AccountID)
	return out, err
}

type createRequest struct {
	Body struct {
		Name string `json:"name" maxLength:"320"`
		Slug string `json:"slug,omitempty" maxLength:"48" doc:"Left out: made from the name"`
	}
}

type tenantResponse struct{ Body tenant.JSON }

func answer(t *tenant.Tenant, err error) (*tenantResponse, error) {
	if err != nil {
		return nil, err
	}
	return &tenantResponse{t.JSON()}, nil
}

func (s *Service) handleCreate(ctx context.Context, in *createRequest) (*tenantResponse, error) {
	return answer(s.Create(ctx, session.FromContext(ctx), in.Body.Name, in.Body.Slug))
}

func (s *Service) handleGet(ctx context.Context, _ *struct{}) (*tenantResponse, error) {
	return answer(&tenant.FromContext(ctx).Tenant, nil)
}

// ChangeJSON is what the API takes to change a tenant. Members left out stay as they are.
type ChangeJSON struct {
	Name   *string           `json:"name,omitempty" maxLength:"320"`
	Slug   *string           `json:"slug,omitempty" maxLength:"48" doc:"The former one is kept from others"`
	Color  *string           `json:"color,omitempty" maxLength:"7"`
	Radius *int              `json:"radius,omitempty" minimum:"0" maximum:"24" doc:"Pixels; 0: as the service has it"`
	Font   *string           `json:"font,omitempty" maxLength:"16" doc:"system, humanist, rounded, serif or mono; empty: as the service has it"`
	Policy *PolicyChangeJSON `json:"policy,omitempty"`
}

// PolicyChangeJSON is the part of it that is about the policy.
type PolicyChangeJSON struct {
	SecondFactor  *bool    `json:"second_factor,omitempty"`
	MaxAge        *int64   `json:"max_age,omitempty" minimum:"0" maximum:"34560000" doc:"Seconds; 0: as the service has it"`
	MaxIdle       *int64   `json:"max_idle,omitempty" minimum:"0" maximum:"34560000" doc:"Seconds; 0: as the service has it"`
	RefuseMethods []string `json:"refuse_methods,omitempty" enum:"password,passkey,email" maxItems:"3"`
	EmailDomains  []string `json:"email_domains,omitempty" maxItems:"20"`
	JoinRole      *string  `json:"join_role,omitempty" maxLength:"32"`
}

// Apply is what Change is to do.
func (c ChangeJSON) Apply(to *tenant.Settings) {
	set(&to.Name, c.Name)
	set(&to.Slug, c.Slug)
	set(&to.Color, c.Color)
	set(&to.Radius, c.Radius)
	set(&to.Font, c.Font)
	if c.Policy != nil {
		c.Policy.apply(&to.Policy)
	}
}

func (c *PolicyChangeJSON) apply(to *tenant.Policy) {
	set(&to.SecondFactor, c.SecondFactor)
	set(&to.JoinRole, c.JoinRole)
	if c.MaxAge != nil {
		to.MaxAge = time.Duration(*c.MaxAge) * time.Second
	}
	if c.MaxIdle != nil {
		to.MaxIdle = time.Duration(*c.MaxIdle) * time.Second
	}
	if m := c.RefuseMethods; m != nil {
		to.NoPassword, to.NoPasskey, to.NoMail = slices.Contains(m, tenant.PasswordMethod), slices.Contains(m, tenant.PasskeyMethod), slices.Contains(m, tenant.EmailMethod)
	}
	if c.EmailDomains != nil {
		to.EmailDomains = c.EmailDomains
	}
}

// set takes over what is given.
func set[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

type changeRequest struct{ Body ChangeJSON }

func (s *Service) handleChange(ctx context.Context, in *changeRequest) (*tenantResponse, error) {
	return answer(s.Change(ctx, actorOf(ctx), tenant.FromContext(ctx).Tenant.ID, in.Body.Apply))
}

type deleteRequest struct {
	Body struct {
		Slug string `json:"slug" maxLength:"48" doc:"Of the tenant, once more"`
	}
}

func (s *Service) handleDelete(ctx context.Context, in *deleteRequest) (*struct{}, error) {
	return nil, s.Delete(ctx, actorOf(ctx), tenant.FromContext(ctx).Tenant.ID, in.Body.Slug, "")
}

// actorOf is the member whom the edge has let in.
func actorOf(ctx context.Context) tenant.Actor {
	return tenant.By(tenant.FromContext(ctx).AccountID).Through(session.FromContext(ctx).SessionID)
}

type eventJSON struct {
	ID      string            `json:"id"`
	At      time.Time         `json:"at"`
	Kind    string            `json:"kind"`
	Account string            `json:"account" doc:"Whom it concerns; empty: nobody"`
	Email   string            `json:"email" doc:"Theirs, while they are a member"`
	By      string            `json:"by" doc:"Who did it: an account, staff or system"`
	ByEmail string            `json:"by_email" doc:"Theirs, while they are a member"`
	Address string            `json:"address"`
	Device  string            `json:"device" doc:"What the caller said they use"`
	Reason  string            `json:"reason"`
	Detail  map[string]string `json:"detail"`
}

type eventsResponse struct {
	Body struct {
		Events []eventJSON `json:"events"`
		Next   string      `json:"next" doc:"What after= takes for the next page; empty at the end. A page may be short and not be the last"`
	}
}

func (s *Service) handleEvents(ctx context.Context, _ *struct{}) (*eventsResponse, error) {
	q, err := web.ReadQuery(ctx, "after", "limit")
	if err != nil {
		return nil, err
	}
	page, next, err := s.Events(ctx, tenant.FromContext(ctx).Tenant.ID, q.Get("after"), q.Limit)
	if err != nil {
		return nil, err
	}
	out := &eventsResponse{}
	out.Body.Next, out.Body.Events = next, make([]eventJSON, len(page))
	for i, e := range page {
		out.Body.Events[i] = eventJSON{ID: e.ID.String(), At: e.At.UTC(), Kind: e.Kind, Account: e.Subject, Email: e.Email, By: e.By, ByEmail: e.ByEmail,
			Address: e.Address, Device: e.Device, Reason: e.Reason, Detail: e.Detail}
	}
	return out, nil
}
