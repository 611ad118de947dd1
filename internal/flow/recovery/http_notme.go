package recovery

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

type notMeRequest struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"1024"`
	}
}

func (s *Service) handleNotMe(ctx context.Context, in *notMeRequest) (*detailResponse, error) {
	again, err := s.NotMe(ctx, in.Body.Token, web.FromContext(ctx).Address)
	switch {
	case err != nil:
		return nil, err
	case again:
		return detail("You told us already: that session has ended. Choose a new password if you have not."), nil
	default:
		return detail("That session has ended. Choose a new password."), nil
	}
}

// notMeView is what the page shows that asks whether a sign-in is to be disowned.
type notMeView struct {
	Token string
	At    time.Time
	scene
	Place place.Place
}

// disownedView is what it shows once that was done. A new password can only be asked for by mail:
// whoever holds an old mail must not get the account with it.
type disownedView struct {
	At       time.Time // when it was done
	Email    string    // where a link can be sent; empty: nowhere
	Moved    bool      // the account has another address than the mail went to
	Password bool      // there is one, or there may be a first
	SignIn   string
}

func (s *Service) showNotMe(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	t, err := findNotMe(r.Context(), s.DB, s.notMe, token)
	if errors.Is(err, letter.ErrLink) {
		return s.deadNotMe(w, r)
	}
	if err != nil {
		return err
	}
	if !t.used.IsZero() {
		return s.write(w, r, http.StatusOK, "disowned", disownedView{At: t.used, Email: t.email, Moved: t.email == "", Password: t.password || s.cfg.WithoutPassword, SignIn: s.cfg.SignInURL})
	}
	seen, err := findScene(r.Context(), s.DB, t)
	if err != nil {
		return err
	}
	return s.write(w, r, http.StatusOK, "not_me", notMeView{Token: token, At: t.at, scene: seen, Place: s.Places.Find(seen.Address)})
}

func (s *Service) postNotMe(w http.ResponseWriter, r *http.Request) error {
	token := r.PostForm.Get("token")
	_, err := s.NotMe(r.Context(), token, web.FromContext(r.Context()).Address)
	if errors.Is(err, letter.ErrLink) {
		return s.deadNotMe(w, r)
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, notMePath+"?token="+url.QueryEscape(token), http.StatusSeeOther)
	return nil
}

func (s *Service) deadNotMe(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, web.StatusOf(letter.ErrLink), "not_me_dead", struct{ SignIn string }{s.cfg.SignInURL})
}
