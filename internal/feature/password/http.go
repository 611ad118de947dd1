package password

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this feature answers.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Post("/password/change/", web.SignedIn, web.JSON(s.handleChange)).Says("Change the password; all other sessions end"),
	}
}

type changeRequest struct {
	Body struct {
		Old string `json:"old_password" maxLength:"65536"`
		New string `json:"new_password" maxLength:"65536"`
	}
}

type changeResponse struct {
	Body struct {
		Detail string `json:"detail"`
	}
}

func (s *Service) handleChange(ctx context.Context, in *changeRequest) (*changeResponse, error) {
	if err := s.Change(ctx, session.FromContext(ctx), in.Body.Old, in.Body.New); err != nil {
		return nil, err
	}
	var out changeResponse
	out.Body.Detail = "Your password is changed. Everywhere else you are signed out."
	return &out, nil
}
