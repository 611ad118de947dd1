package recovery

import (
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// askedCookie holds the address that a browser asked about, for as long as people wait for a mail.
// So the next page can name it, whether or not it has an account, and nobody can make our page
// name another by a link.
const (
	askedCookie = "gatehouse-forgot"
	askedLife   = 30 * time.Minute
)

// forgotView is what the pages show that ask for an address, and that follow.
type forgotView struct {
	Form    *ui.Form
	Email   string // empty: not known to this browser
	Minutes int
	SignIn  string
}

func (s *Service) forgot(form *ui.Form, email string) forgotView {
	return forgotView{Form: form, Email: email, Minutes: int(s.cfg.Lifetime.Minutes()), SignIn: s.cfg.SignInURL}
}

func (s *Service) showForgot(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, http.StatusOK, "forgot", s.forgot(ui.NewForm(r), ""))
}

// postForgot says the same for every address.
func (s *Service) postForgot(w http.ResponseWriter, r *http.Request) error {
	q, email := web.FromContext(r.Context()), r.PostForm.Get("email")
	if err := s.Request(r.Context(), email, q.Address); err != nil {
		return s.forgotAgain(w, r, err)
	}
	to, err := account.ParseEmail(email)
	if err != nil {
		return err
	}
	if err := q.SetCookie(askedCookie, base64.RawURLEncoding.EncodeToString([]byte(to.Typed)), askedLife); err != nil {
		return err
	}
	http.Redirect(w, r, askedPath, http.StatusSeeOther)
	return nil
}

func (s *Service) forgotAgain(w http.ResponseWriter, r *http.Request, why error) error {
	form := ui.NewForm(r, "email")
	if errors.Is(why, account.ErrEmail) {
		form.Add("email", account.ErrEmail.Code, account.ErrEmail.Detail)
	} else if !form.Fail(why) {
		return why
	}
	return s.write(w, r, web.StatusFor(w, why), "forgot", s.forgot(form, ""))
}

func (s *Service) showAsked(w http.ResponseWriter, r *http.Request) error {
	email := askedFor(r)
	form := &ui.Form{Values: map[string]string{"email": email}}
	return s.write(w, r, http.StatusOK, "asked", s.forgot(form, email))
}

// askedFor returns the address that this browser last asked about; empty: none is known.
func askedFor(r *http.Request) string {
	value, _, err := web.FromContext(r.Context()).Cookie(askedCookie)
	if err != nil {
		return "" // it may not be read here, so it is not known
	}
	typed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return ""
	}
	email, err := account.ParseEmail(string(typed))
	if err != nil {
		return ""
	}
	return email.Typed
}
