package profile

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this feature answers.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/me/", web.TokenHolder, web.JSON(s.handleGet)).Says("The account of the token's holder"),
		web.Patch("/me/", web.SignedIn, web.JSON(s.handlePatch)).Says("Change the profile; members left out stay as they are"),
	}
}

type response struct{ Body account.JSON }

func answer(a *account.Account, err error) (*response, error) {
	if err != nil {
		return nil, err
	}
	return &response{a.JSON()}, nil
}

func (s *Service) handleGet(ctx context.Context, _ *struct{}) (*response, error) {
	return answer(s.Me(ctx, session.FromContext(ctx)))
}

type patchRequest struct {
	Body struct {
		FullName   *string        `json:"full_name,omitempty" maxLength:"255"`
		Phone      *string        `json:"phone,omitempty" maxLength:"20"`
		Locale     *string        `json:"locale,omitempty" maxLength:"35" doc:"Language tag (BCP 47)"`
		Attributes map[string]any `json:"attributes,omitempty" doc:"Custom members as declared; null removes one"`
	}
}

func (s *Service) handlePatch(ctx context.Context, in *patchRequest) (*response, error) {
	b := in.Body
	return answer(s.Change(ctx, session.FromContext(ctx), account.Change{FullName: b.FullName, Phone: b.Phone, Locale: b.Locale, Attributes: b.Attributes}))
}
