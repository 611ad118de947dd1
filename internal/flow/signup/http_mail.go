package signup

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// mailedCookie holds the address that a browser asked us to mail to, for as long as people wait
// for a mail. So the next page can name it, whether or not anything is known about it here, and
// nobody can make our page name another by a link.
const (
	mailedCookie = "gatehouse-mailed"
	mailedLife   = 30 * time.Minute
)

// mailed leads to the page that says what to do next. done is the key of what was just done.
func (*Service) mailed(w http.ResponseWriter, r *http.Request, email, done string) error {
	q := web.FromContext(r.Context())
	if err := q.SetCookie(mailedCookie, base64.RawURLEncoding.EncodeToString([]byte(email)), mailedLife); err != nil {
		return err
	}
	target := checkMailPath
	if done != "" {
		target += "?done=" + done
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// mailedTo returns the address that this browser last asked us to mail to; empty: none is known.
func mailedTo(r *http.Request) string {
	value, _, err := web.FromContext(r.Context()).Cookie(mailedCookie)
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

// resendForm is the form that asks for another mail, with the address where it is known.
func (*Service) resendForm(r *http.Request) *ui.Form {
	return &ui.Form{Values: map[string]string{"email": mailedTo(r)}}
}

// checkMailView is what the page shows that follows a registration.
type checkMailView struct {
	Email  string // empty: not known to this browser
	Hours  int
	Form   *ui.Form
	SignIn string
	SignUp bool
}

func (s *Service) showCheckMail(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, http.StatusOK, "check_mail",
		checkMailView{Email: mailedTo(r), Hours: s.hours(), Form: s.resendForm(r), SignIn: s.cfg.SignInURL, SignUp: !s.cfg.Closed})
}

// resendView is what the page shows that asks for another mail.
type resendView struct {
	Form   *ui.Form
	SignIn string
}

func (s *Service) showResend(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, http.StatusOK, "resend", resendView{s.resendForm(r), s.cfg.SignInURL})
}

// postResend says the same for every address.
func (s *Service) postResend(w http.ResponseWriter, r *http.Request) error {
	email := r.PostForm.Get("email")
	err := s.Resend(r.Context(), email, web.FromContext(r.Context()).Address)
	if err != nil {
		form := ui.NewForm(r, "email")
		if !fill(form, err) {
			return err
		}
		return s.write(w, r, web.StatusFor(w, err), "resend", resendView{form, s.cfg.SignInURL})
	}
	to, err := account.ParseEmail(email)
	if err != nil {
		return err
	}
	return s.mailed(w, r, to.Typed, "signup.done.resent")
}
