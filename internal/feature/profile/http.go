package profile

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns what this feature answers.
func Routes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/me/", web.TokenHolder, web.JSON(s.handleGet)).Says("The account of the token's holder"),
		web.Patch("/me/", web.SignedIn, web.JSON(s.handlePatch)).Says("Change the profile; members left out stay as they are"),
		web.Delete("/me/", web.SignedIn, web.JSON(s.handleDelete)).Says("Erase the account; asks for its password").Answers(http.StatusNoContent),
		web.Get("/me/export/", web.SignedIn, web.Raw(s.handleExport)).Says("All that is held about the account, as a file"),
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

type deleteRequest struct {
	Body struct {
		Password string `json:"password" maxLength:"65536"`
	}
}

type emptyResponse struct{}

func (s *Service) handleDelete(ctx context.Context, in *deleteRequest) (*emptyResponse, error) {
	return nil, s.Erase(ctx, session.FromContext(ctx), in.Body.Password)
}

func (s *Service) handleExport(w http.ResponseWriter, r *http.Request) {
	e, err := s.Export(r.Context(), session.FromContext(r.Context()))
	if err != nil {
		web.Error(w, r, err)
		return
	}
	WriteExport(w, e)
}

// WriteExport sends an export as a file to keep.
func WriteExport(w http.ResponseWriter, e *Export) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="account.json"`)
	// Half a file is not whole JSON, so whoever gets one sees it; there is nobody left to tell.
	_ = json.MarshalWrite(w, e, json.Deterministic(true), jsontext.WithIndent("  "))
}
