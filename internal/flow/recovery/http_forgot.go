package recovery

import (
	_ "embed"
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

//go:embed pages/forgot.html
var forgotText string

//go:embed pages/forgot_done.html
var forgotDoneText string

var (
	forgotBody     = ui.Parse(forgotText)
	forgotDoneBody = ui.Parse(forgotDoneText)
)

// forgotView is what the page shows.
type forgotView struct{ Email, Problem string }

func (s *Service) showForgot(w http.ResponseWriter, _ *http.Request) error {
	return s.write(w, http.StatusOK, "Forgot your password?", forgotBody, forgotView{})
}

// postForgot says the same for every address.
func (s *Service) postForgot(w http.ResponseWriter, r *http.Request) error {
	email := r.PostForm.Get("email")
	err := s.Request(r.Context(), email, web.FromContext(r.Context()).Address)
	if errors.Is(err, account.ErrEmail) {
		return s.write(w, web.StatusOf(account.ErrEmail), "Forgot your password?", forgotBody, forgotView{email, account.ErrEmail.Detail})
	}
	if err != nil {
		return err
	}
	return s.write(w, http.StatusAccepted, "Check your mail", forgotDoneBody, forgotView{Email: email})
}
