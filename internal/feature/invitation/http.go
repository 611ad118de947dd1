package invitation

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this feature answers to the members of a tenant.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/tenants/{tenant}/invitations/", web.MemberToken, web.JSON(s.handleList)).Needs(role.ReadMembers).Says("Invitations that were not accepted yet, by address; query: after, limit"),
		web.Post("/tenants/{tenant}/invitations/", web.MemberToken, web.JSON(s.handleSend)).Needs(role.Invite).Freshly().Says("Invite an address by mail; who is invited already gets another link").Answers(http.StatusCreated),
		web.Post("/tenants/{tenant}/invitations/{id}/resend/", web.MemberToken, web.JSON(s.handleResend)).Needs(role.Invite).Freshly().Says("Mail another link; the former one is worth nothing any more"),
		web.Delete("/tenants/{tenant}/invitations/{id}/", web.MemberToken, web.JSON(s.handleRevoke)).Needs(role.Invite).Says("Make an invitation's link worthless").Answers(http.StatusNoContent),
	}
}

// JSON is an invitation as the API shows it.
type JSON struct {
	ID        uuid.UUID `json:"id"`
	Email     string    `json:"email"`
	Role      string    `json:"role"`
	InvitedBy string    `json:"invited_by" doc:"The name of who sent it last; empty when that is no member"`
	Sent      int       `json:"sent" doc:"How many mails"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Status    string    `json:"status" doc:"open, expired, or void: its inviter may not give it any more, or the tenant does not admit the address"`
}

// JSON returns the invitation as the API shows it.
func (i *Invitation) JSON(now time.Time) JSON {
	return JSON{ID: i.ID, Email: i.Email, Role: i.Role, InvitedBy: i.By, Sent: i.Sent, CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt, Status: i.Status(now)}
}

type invitationResponse struct{ Body JSON }

func (s *Service) answer(i *Invitation, err error) (*invitationResponse, error) {
	if err != nil {
		return nil, err
	}
	return &invitationResponse{i.JSON(s.DB.Now())}, nil
}

// caller is who asks, and about which tenant.
func caller(ctx context.Context) (tenant.Actor, tenant.ID) {
	return tenant.By(session.FromContext(ctx).AccountID), tenant.FromContext(ctx).Tenant.ID
}

type tenantRequest struct {
	Tenant string `path:"tenant" doc:"Slug or id"`
}

type listResponse struct {
	Body struct {
		Invitations []JSON `json:"invitations"`
		Next        string `json:"next" doc:"What after= takes for the next page; empty at the end"`
	}
}

func (s *Service) handleList(ctx context.Context, _ *tenantRequest) (*listResponse, error) {
	q, err := web.ReadQuery(ctx, "after", "limit")
	if err != nil {
		return nil, err
	}
	_, id := caller(ctx)
	page, next, err := s.List(ctx, id, q.Get("after"), q.Limit)
	if err != nil {
		return nil, err
	}
	var out listResponse
	out.Body.Invitations, out.Body.Next = make([]JSON, len(page)), next
	for i := range page {
		out.Body.Invitations[i] = page[i].JSON(s.DB.Now())
	}
	return &out, nil
}

type sendRequest struct {
	Tenant string `path:"tenant" doc:"Slug or id"`
	Body   struct {
		Email  string `json:"email" maxLength:"1024"`
		Role   string `json:"role" maxLength:"64" doc:"One that you could give"`
		Locale string `json:"locale,omitempty" maxLength:"35" doc:"Language tag (BCP 47) of the mail"`
	}
}

func (s *Service) handleSend(ctx context.Context, in *sendRequest) (*invitationResponse, error) {
	by, id := caller(ctx)
	return s.answer(s.Send(ctx, by, id, in.Body.Email, in.Body.Role, in.Body.Locale))
}

type invitationRequest struct {
	Tenant string `path:"tenant" doc:"Slug or id"`
	ID     string `path:"id"`
}

func (s *Service) handleResend(ctx context.Context, in *invitationRequest) (*invitationResponse, error) {
	which, err := uuid.Parse(in.ID)
	if err != nil {
		return nil, ErrNotFound
	}
	by, id := caller(ctx)
	return s.answer(s.Resend(ctx, by, id, which))
}

func (s *Service) handleRevoke(ctx context.Context, in *invitationRequest) (*struct{}, error) {
	which, err := uuid.Parse(in.ID)
	if err != nil {
		return nil, ErrNotFound
	}
	by, id := caller(ctx)
	return nil, s.Revoke(ctx, by, id, which)
}
