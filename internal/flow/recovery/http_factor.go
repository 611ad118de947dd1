package recovery

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func factorRoutes(s *Service) []web.Route {
	return []web.Route{
		web.Post("/recovery/factor/", web.Public, web.JSON(s.handleAsk)).Says("Ask for the removal of lost second factors, with the token of a sign-in whose first step was right").Answers(http.StatusAccepted),
		web.Get("/recovery/factor/", web.SignedIn, web.JSON(s.handlePending)).Says("What was asked for, by whom and until when it can be cancelled"),
		web.Delete("/recovery/factor/", web.SignedIn, web.JSON(s.handleCancel)).Says("Cancel it").Answers(http.StatusNoContent),
		web.Post("/recovery/factor/cancel/", web.Public, web.JSON(s.handleCancelByLink)).Says("Cancel it with the mailed token"),
		web.Post("/recovery/factor/finish/", web.Public, web.JSON(s.handleFinish)).Says("Remove all second factors with the mailed token and the password; all sessions end"),
	}
}

type askRequest struct {
	Body struct {
		Step string `json:"mfa_token" minLength:"1" maxLength:"1024"`
	}
}

type askResponse struct {
	Body struct {
		Detail  string    `json:"detail"`
		ReadyAt time.Time `json:"ready_at" doc:"When the link is mailed that does it"`
	}
}

func (s *Service) handleAsk(ctx context.Context, in *askRequest) (*askResponse, error) {
	w, err := s.Ask(ctx, in.Body.Step)
	if err != nil {
		return nil, err
	}
	var out askResponse
	out.Body.Detail, out.Body.ReadyAt = "We have told every address of yours. We mail you a link when the time is over; until then you can cancel it.", w.ReadyAt
	return &out, nil
}

type pendingResponse struct {
	Body struct {
		AskedAt time.Time `json:"asked_at"`
		ReadyAt time.Time `json:"ready_at" doc:"From when on it can be done"`
		Device  string    `json:"device" doc:"Of whoever asked, by their own claim"`
		Address string    `json:"address" doc:"Network address of whoever asked"`
	}
}

func (s *Service) handlePending(ctx context.Context, _ *struct{}) (*pendingResponse, error) {
	w, err := s.Pending(ctx, session.FromContext(ctx).AccountID)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, factor.ErrNoRecovery
	}
	var out pendingResponse
	out.Body.AskedAt, out.Body.ReadyAt, out.Body.Device, out.Body.Address = w.AskedAt, w.ReadyAt, w.Device, w.Address
	return &out, nil
}

func (s *Service) handleCancel(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, s.Cancel(ctx, session.FromContext(ctx))
}

type tokenRequest struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"1024"`
	}
}

func (s *Service) handleCancelByLink(ctx context.Context, in *tokenRequest) (*detailResponse, error) {
	if err := s.CancelByLink(ctx, in.Body.Token, web.FromContext(ctx).Address); err != nil {
		return nil, err
	}
	return detail("Your second factors stay as they are. If it was not you who asked, choose a new password: somebody else knows yours."), nil
}

type finishRequest struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"1024"`
		Password string `json:"password" maxLength:"65536"`
	}
}

func (s *Service) handleFinish(ctx context.Context, in *finishRequest) (*detailResponse, error) {
	err := s.Finish(ctx, Removal{Token: in.Body.Token, Password: in.Body.Password, Address: web.FromContext(ctx).Address})
	if err != nil {
		return nil, err
	}
	return detail("All second factors are removed and you are signed out everywhere. Sign in and set up a new one."), nil
}
