package signin

import (
	"mime"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// handleRevoke is RFC 7009: it takes a form as the RFC says, or JSON like all else here. Every
// token is answered with 200, so nothing is told about it; a storage failure is 503.
func (s *Service) handleRevoke(w http.ResponseWriter, r *http.Request) {
	token, err := revoked(r)
	if err == nil {
		err = s.Logout(r.Context(), token)
	}
	if err != nil {
		web.Error(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write([]byte("{}")) // the caller may be gone
}

func revoked(r *http.Request) (string, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			return "", web.BodyError(err)
		}
		if len(r.PostForm["token"]) != 1 {
			return "", web.ErrFields.WithField("token", "required", "Send one token.")
		}
		return r.PostForm["token"][0], nil
	case "application/json":
		var body struct {
			Token string `json:"token"`
			Hint  string `json:"token_type_hint"`
		}
		if err := web.ReadJSON(r, &body); err != nil {
			return "", err
		}
		if body.Token == "" {
			return "", web.ErrFields.WithField("token", "required", "Send one token.")
		}
		return body.Token, nil
	default:
		return "", web.ErrMediaType
	}
}
