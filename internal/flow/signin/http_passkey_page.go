package signin

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// beginPasskey is where the script of the sign-in page asks what to ask a passkey: a path of the API.
func (s *Service) beginPasskey() string {
	issuer, err := url.Parse(s.cfg.Issuer)
	if err != nil {
		return ""
	}
	return issuer.Path + "/passkeys/login/begin/"
}

// postPasskey takes what the script of the sign-in page got from a passkey.
func (s *Service) postPasskey(w http.ResponseWriter, r *http.Request) error {
	f := r.PostForm
	b, err := s.browser(web.FromContext(r.Context()))
	if err != nil {
		return err
	}
	cookie, err := s.PasskeyPage(r.Context(), f.Get("ticket"), []byte(f.Get("credential")), b, f.Get("remember") != "")
	v := signInView{Form: ui.NewForm(r, "remember"), Next: f.Get("next")}
	switch {
	case err == nil:
		return s.arrive(w, r, cookie, v.Next)
	case unfinished(err):
		return toSecond(w, r, err, v.Next)
	case errors.Is(err, ErrStep), errors.Is(err, ticket.ErrRejected):
		v.Form.Add("", passkey.ErrRejected.Code, passkey.ErrRejected.Detail)
	case !v.Form.Fail(err):
		return err
	}
	return s.writeSignIn(w, r, web.StatusFor(w, err), v)
}
