package identifier

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this feature answers.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Post("/me/email/", web.FreshToken, web.JSON(s.handleAsk)).Says("Ask for another address; a mail to it asks to confirm it").Answers(http.StatusAccepted),
		web.Post("/me/email/confirm/", web.Public, web.JSON(s.handleChange)).Says("Confirm a new address with the mailed token"),
		web.Post("/me/email/undo/", web.Public, web.JSON(s.handleUndo)).Says("Give an account its former address back with the mailed token; all sessions end"),
		web.Post("/me/username/", web.FreshToken, web.JSON(s.handleUsername)).Says("Take another user name"),
	}
}

type askRequest struct {
	Body struct {
		Email string `json:"email" maxLength:"1024"`
	}
}

type detailResponse struct {
	Body struct {
		Detail string `json:"detail"`
	}
}

func (s *Service) handleAsk(ctx context.Context, in *askRequest) (*detailResponse, error) {
	if err := s.AskEmail(ctx, session.FromContext(ctx), in.Body.Email, web.FromContext(ctx).Address); err != nil {
		return nil, err
	}
	var out detailResponse
	out.Body.Detail = "We have sent a mail to the new address. Follow its link to go on."
	return &out, nil
}

type tokenRequest struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"1024"`
	}
}

type emailResponse struct {
	Body struct {
		Email  string `json:"email" doc:"The address that the account has now"`
		Detail string `json:"detail"`
	}
}

func (s *Service) handleChange(ctx context.Context, in *tokenRequest) (*emailResponse, error) {
	return s.redeemed(ctx, Change, in, "This is the address of your account now.")
}

func (s *Service) handleUndo(ctx context.Context, in *tokenRequest) (*emailResponse, error) {
	return s.redeemed(ctx, Undo, in, "Your account has this address again, and you are signed out everywhere. Choose a new password.")
}

func (s *Service) redeemed(ctx context.Context, p Purpose, in *tokenRequest, detail string) (*emailResponse, error) {
	email, err := s.Redeem(ctx, p, in.Body.Token, web.FromContext(ctx).Address)
	if err != nil {
		return nil, err
	}
	var out emailResponse
	out.Body.Email, out.Body.Detail = email, detail
	return &out, nil
}

type usernameRequest struct {
	Body struct {
		Username string `json:"username" maxLength:"1024"`
	}
}

type accountResponse struct{ Body account.JSON }

func (s *Service) handleUsername(ctx context.Context, in *usernameRequest) (*accountResponse, error) {
	a, err := s.ChangeUsername(ctx, session.FromContext(ctx), in.Body.Username)
	if err != nil {
		return nil, err
	}
	return &accountResponse{a.JSON()}, nil
}
