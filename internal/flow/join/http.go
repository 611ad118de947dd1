package join

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this flow answers under the mount.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Post("/invitations/accept/", web.SignedIn, web.JSON(s.handleAccept)).Says("Join the tenant that the mailed token is an invitation to, with the account of that address"),
		web.Post("/invitations/sign-up/", web.Public, web.JSON(s.handleSignUp)).Says("Make the account of an invited address and join; also where registration is closed").Answers(http.StatusCreated),
	}
}

type acceptRequest struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"1024"`
	}
}

// tenantJSON names a tenant that somebody joined.
type tenantJSON struct {
	ID   uuid.UUID `json:"id"`
	Slug string    `json:"slug"`
	Name string    `json:"name"`
}

func named(o *invitation.Open) tenantJSON {
	return tenantJSON{ID: o.Tenant.ID, Slug: o.Tenant.Slug, Name: o.Tenant.Name}
}

type acceptResponse struct {
	Body struct {
		Tenant tenantJSON `json:"tenant"`
		Role   string     `json:"role"`
	}
}

func (s *Service) handleAccept(ctx context.Context, in *acceptRequest) (*acceptResponse, error) {
	o, err := s.Accept(ctx, session.FromContext(ctx).AccountID, in.Body.Token, web.FromContext(ctx).Address)
	if err != nil {
		return nil, err
	}
	var out acceptResponse
	out.Body.Tenant, out.Body.Role = named(o), o.Role
	return &out, nil
}

type signUpRequest struct {
	Body struct {
		Token      string         `json:"token" minLength:"1" maxLength:"1024"`
		Password   string         `json:"password" maxLength:"65536"`
		FullName   string         `json:"full_name" maxLength:"255"`
		Phone      *string        `json:"phone,omitempty" maxLength:"20"`
		Username   string         `json:"username,omitempty" maxLength:"1024"`
		Locale     *string        `json:"locale,omitempty" maxLength:"35" doc:"Language tag (BCP 47) of mails"`
		Attributes map[string]any `json:"attributes,omitempty" doc:"Custom members as declared"`
	}
}

type signUpResponse struct {
	Body struct {
		Email  string     `json:"email"`
		Tenant tenantJSON `json:"tenant"`
		Role   string     `json:"role"`
		Detail string     `json:"detail"`
	}
}

func (s *Service) handleSignUp(ctx context.Context, in *signUpRequest) (*signUpResponse, error) {
	b := in.Body
	a, o, err := s.SignUp(ctx, Registration{Token: b.Token, Password: b.Password, Username: b.Username, Address: web.FromContext(ctx).Address,
		Profile: account.Change{FullName: &b.FullName, Phone: b.Phone, Locale: b.Locale, Attributes: b.Attributes}})
	if err != nil {
		return nil, err
	}
	var out signUpResponse
	out.Body.Email, out.Body.Tenant, out.Body.Role = a.Email, named(o), o.Role
	out.Body.Detail = "Your account is ready, and you belong to the organisation. You can sign in now."
	return &out, nil
}
