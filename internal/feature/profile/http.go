package profile

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

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
		web.Delete("/me/", web.SignedIn, web.Raw(s.handleDelete)).Says("Erase the account, at once or after a time to think again"),
		web.Post("/me/keep/", web.SignedIn, web.JSON(s.handleKeep)).Says("Keep an account that is to be erased"),
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

// handleDelete has two ways to succeed, so it answers by itself.
func (s *Service) handleDelete(w http.ResponseWriter, r *http.Request) {
	l, err := readLeaving(r)
	var at time.Time
	if err == nil {
		at, err = s.Erase(r.Context(), session.FromContext(r.Context()), l)
	}
	switch {
	case err != nil:
		web.Error(w, r, err)
	case at.IsZero():
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusAccepted)
		_ = json.MarshalEncode(jsontext.NewEncoder(w), map[string]time.Time{"erase_at": at}) // the caller may be gone
	}
}

// readLeaving takes null for a mistake, not for a member that is left out: whoever means to send a
// password, or days, and has none shall not lose an account at once.
func readLeaving(r *http.Request) (l Leaving, err error) {
	var body map[string]jsontext.Value
	if err := web.ReadJSON(r, &body); err != nil {
		return l, err
	}
	if body == nil {
		return l, web.ErrFields.WithField("", "type", "Send a JSON object.")
	}
	members := map[string]any{"password": &l.Password, "grace_days": &l.Days}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		switch to, known := members[name]; {
		case !known && members[strings.ToLower(name)] != nil:
			return l, web.ErrJSON
		case !known:
			return l, web.ErrFields.WithField("", "unknown", "There is a member that is not known.")
		case body[name].Kind() == 'n' || json.Unmarshal(body[name], to) != nil:
			return l, web.ErrFields.WithField(name, "invalid", "The value does not have the documented form.")
		}
	}
	if body["password"] != nil && l.Password == "" {
		return l, web.ErrFields.WithField("password", "too_short", "At least 1 character.")
	}
	return l, nil
}

type detailResponse struct {
	Body struct {
		Detail string `json:"detail"`
	}
}

func (s *Service) handleKeep(ctx context.Context, _ *struct{}) (*detailResponse, error) {
	if err := s.Keep(ctx, session.FromContext(ctx)); err != nil {
		return nil, err
	}
	var out detailResponse
	out.Body.Detail = "Your account stays."
	return &out, nil
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
	_ = json.MarshalEncode(jsontext.NewEncoder(w, jsontext.WithIndent("  ")), e, json.Deterministic(true))
}
