package signup

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// signUpView is what the sign-up page shows.
type signUpView struct {
	Form             *ui.Form
	AskUsername      bool
	UsernameRequired bool
	Least            int // characters of a password
	Attributes       []account.Asked
	SignIn           string
}

func (s *Service) showSignUp(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Closed {
		return s.closed(w, r)
	}
	return s.writeSignUp(w, r, http.StatusOK, ui.NewForm(r))
}

// postSignUp registers as the API does, and leads to the same page whether or not the address
// has an account.
func (s *Service) postSignUp(w http.ResponseWriter, r *http.Request) error {
	in := s.typed(r)
	email, err := s.Register(r.Context(), in)
	switch {
	case errors.Is(err, ErrClosed):
		return s.closed(w, r)
	case err != nil:
		return s.signUpAgain(w, r, err)
	}
	if err := web.FromContext(r.Context()).SetCookie(browserCookie, in.Browser, s.cfg.Lifetime); err != nil {
		return err
	}
	return s.mailed(w, r, email, "")
}

// typed reads the form. Mails are written in the language that the page was in.
func (s *Service) typed(r *http.Request) Registration {
	f, lang := r.PostForm, s.UI.Language(r)
	name, phone := f.Get("full_name"), f.Get("phone")
	return Registration{Email: f.Get("email"), Password: f.Get("password"), Username: f.Get("username"),
		Profile: account.Change{FullName: &name, Phone: &phone, Locale: &lang, Attributes: account.Answers(s.asked(lang), f)},
		Browser: secret.NewToken(), Address: web.FromContext(r.Context()).Address}
}

func (s *Service) signUpAgain(w http.ResponseWriter, r *http.Request, why error) error {
	names := []string{"full_name", "email", "username", "password", "phone"}
	for _, a := range s.asked(s.UI.Language(r)) {
		names = append(names, a.Field)
	}
	form := ui.NewForm(r, names...)
	if !fill(form, why) {
		return why
	}
	return s.writeSignUp(w, r, web.StatusFor(w, why), form)
}

func (s *Service) writeSignUp(w http.ResponseWriter, r *http.Request, status int, form *ui.Form) error {
	return s.write(w, r, status, "sign_up", signUpView{Form: form, Least: s.least(), SignIn: s.cfg.SignInURL,
		AskUsername: s.cfg.UsernameRequired || s.cfg.UsernameOffered, UsernameRequired: s.cfg.UsernameRequired,
		Attributes: s.asked(s.UI.Language(r))})
}

// asked are the attributes that the form asks for.
func (s *Service) asked(lang string) []account.Asked {
	return account.Ask(s.UI, lang, s.UI.Text(lang, "signup.sign_up.choose"), s.Attributes)
}

func (s *Service) closed(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, web.StatusOf(ErrClosed), "closed", struct{ Code, Detail, SignIn string }{ErrClosed.Code, ErrClosed.Detail, s.cfg.SignInURL})
}
