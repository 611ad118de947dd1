package recovery

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this flow answers under the mount.
func Routes(s *Service) []web.Route {
	return append([]web.Route{
		web.Post("/password/reset/", web.Public, web.JSON(s.handleRequest)).Says("Ask for a link to choose a new password").Answers(http.StatusAccepted),
		web.Post("/password/reset/confirm/", web.Public, web.JSON(s.handleConfirm)).Says("Choose a new password with the mailed token; all sessions end"),
		web.Post("/not-me/", web.Public, web.JSON(s.handleNotMe)).Says("End a session that its owner was told of by mail, with the token of that mail"),
	}, factorRoutes(s)...)
}

type resetRequest struct {
	Body struct {
		Email string `json:"email" maxLength:"1024"`
	}
}

type detailResponse struct {
	Body struct {
		Detail string `json:"detail"`
	}
}

func detail(text string) *detailResponse {
	var out detailResponse
	out.Body.Detail = text
	return &out
}

func (s *Service) handleRequest(ctx context.Context, in *resetRequest) (*detailResponse, error) {
	if err := s.Request(ctx, in.Body.Email, web.FromContext(ctx).Address); err != nil {
		return nil, err
	}
	return detail("If this address has an account, we have sent a mail with a link."), nil
}

type confirmRequest struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"1024"`
		Password string `json:"new_password" maxLength:"65536"`
	}
}

func (s *Service) handleConfirm(ctx context.Context, in *confirmRequest) (*detailResponse, error) {
	err := s.Confirm(ctx, Confirmation{Token: in.Body.Token, Password: in.Body.Password, Address: web.FromContext(ctx).Address})
	if err != nil {
		return nil, err
	}
	return detail("Your password is changed and you are signed out everywhere. Sign in with the new one."), nil
}
