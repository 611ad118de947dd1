package signup

import (
	"embed"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Where the pages lie.
const (
	signUpPath    = "/account/sign-up/"
	checkMailPath = "/account/check-mail/"
	resendPath    = "/account/resend/"
	verifyPath    = "/account/verify/"
	verifiedPath  = "/account/verify/done/"
)

//go:embed pages locales
var files embed.FS

// Pages are this flow's templates and texts.
func Pages() ui.Set { return ui.Set{Name: "signup", Files: files} }

// PageRoutes returns the pages of this flow, outside of the mount. Looking at one that a mailed
// link leads to uses nothing up: mail scanners open links.
func PageRoutes(s *Service) []web.Route {
	return []web.Route{
		web.Get(signUpPath, web.Public, web.Page(s.showSignUp)),
		web.Post(signUpPath, web.Public, web.Form(s.postSignUp)),
		web.Get(checkMailPath, web.Public, web.Page(s.showCheckMail)),
		web.Get(resendPath, web.Public, web.Page(s.showResend)),
		web.Post(resendPath, web.Public, web.Form(s.postResend)),
		web.Get(verifyPath, web.Public, web.Page(s.showConfirm)),
		web.Post(verifyPath, web.Public, web.Form(s.postConfirm)),
		web.Get(verifiedPath, web.Public, web.Page(s.showConfirmed)),
	}
}

// confirmView is what the page behind the mailed link shows.
type confirmView struct {
	Token       string
	Email       string
	When        time.Time
	Device      string
	Login       string // what a password manager shall save the password under
	AskPassword bool
	AskUsername bool
	ByUsername  bool // people sign in by it
	Least       int  // characters of a password
	Form        *ui.Form
	Fresh       *ui.Form // of whoever does not know the password
}

func (s *Service) view(r *http.Request, p *pending, token string) confirmView {
	v := confirmView{Token: token, Email: p.email.Typed, When: p.createdAt, Device: p.device, Login: p.email.Typed,
		ByUsername: s.cfg.UsernameRequired, Least: s.least(), Form: ui.NewForm(r, "username", "password"), Fresh: ui.NewForm(r, "username", "new_password")}
	if v.ByUsername {
		v.Login = p.username
	}
	v.Fresh.ID = "fresh"
	for _, f := range []*ui.Form{v.Form, v.Fresh} {
		if f.Values["username"] == "" {
			f.Values["username"] = p.username
		}
	}
	return v
}

// showConfirm shows one button to the registering browser and asks others for the password. A
// browser that comes from a page of another origin, such as a web mailer, may not be asked for its
// cookie unless it says that it followed a link: it gets the button, and the answer to it decides.
func (s *Service) showConfirm(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	p, err := findByToken(r.Context(), s.DB, s.tokens, token, s.DB.Now())
	if errors.Is(err, letter.ErrLink) {
		return s.deadLink(w, r)
	}
	if err != nil {
		return err
	}
	v := s.view(r, p, token)
	browser, _, refused := web.FromContext(r.Context()).Cookie(browserCookie)
	v.AskPassword = refused == nil && !s.registeredBy(p, browser)
	return s.write(w, r, http.StatusOK, "confirm", v)
}

func (s *Service) postConfirm(w http.ResponseWriter, r *http.Request) error {
	q, f := web.FromContext(r.Context()), r.PostForm
	in := Confirmation{Token: f.Get("token"), Password: f.Get("password"), Fresh: f.Get("new_password"), Username: f.Get("username")}
	in.Browser, _, _ = q.Cookie(browserCookie) // refused: then the password is asked for
	_, err := s.Confirm(r.Context(), in)
	switch {
	case errors.Is(err, letter.ErrLink):
		return s.deadLink(w, r)
	case err != nil:
		return s.askAgain(w, r, in, err)
	}
	for _, name := range []string{browserCookie, mailedCookie} {
		if _, found, err := q.Cookie(name); err != nil || !found {
			continue // two of one name: neither is taken for ours
		}
		if err := q.ClearCookie(name); err != nil {
			return err
		}
	}
	http.Redirect(w, r, verifiedPath, http.StatusSeeOther)
	return nil
}

// askAgain shows the page once more with what was wrong, where the person can mend it.
func (s *Service) askAgain(w http.ResponseWriter, r *http.Request, in Confirmation, why error) error {
	p, err := findByToken(r.Context(), s.DB, s.tokens, in.Token, s.DB.Now())
	if errors.Is(err, letter.ErrLink) {
		return s.deadLink(w, r)
	}
	if err != nil {
		return err
	}
	v := s.view(r, p, in.Token)
	v.AskPassword = !s.registeredBy(p, in.Browser)
	v.AskUsername = errors.Is(why, account.ErrUsernameTaken) || errors.Is(why, account.ErrUsername)
	form := v.Form
	if in.Fresh != "" {
		form, v.AskPassword = v.Fresh, true
	}
	switch {
	case errors.Is(why, password.ErrRejected) && in.Password == "":
		// The button was shown to another browser than the registering one.
		return s.write(w, r, http.StatusOK, "confirm", v)
	case errors.Is(why, password.ErrRejected):
		form.Add("password", password.ErrRejected.Code, s.UI.Text(s.UI.Language(r), "signup.confirm.wrong"))
	case !fill(form, why):
		return why
	}
	return s.write(w, r, web.StatusFor(w, why), "confirm", v)
}

// deadView is what the page shows behind a link that is not good.
type deadView struct {
	Form   *ui.Form // asks for another mail
	SignIn string
	SignUp bool
	Hours  int
}

func (s *Service) deadLink(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, web.StatusOf(letter.ErrLink), "dead_link",
		deadView{Form: s.resendForm(r), SignIn: s.cfg.SignInURL, SignUp: !s.cfg.Closed, Hours: s.hours()})
}

func (s *Service) showConfirmed(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, http.StatusOK, "confirmed", struct{ SignIn string }{s.cfg.SignInURL})
}

func (s *Service) write(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	return s.UI.Write(w, r, ui.Page{Status: status, Name: "signup/" + name, Data: data, Done: r.URL.Query().Get("done")})
}

// least is how many characters a password must have.
func (s *Service) least() int { return max(s.Policy.MinLength, password.MinLength) }

// hours is how long a link is good; 0: less than one.
func (s *Service) hours() int { return int(s.cfg.Lifetime.Hours()) }

// fill puts what a person can mend beside the fields. It returns false for anything else.
func fill(form *ui.Form, why error) bool {
	all := []error{why}
	if joined, ok := why.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, err := range all {
		switch {
		case errors.Is(err, account.ErrEmail):
			form.Add("email", account.ErrEmail.Code, account.ErrEmail.Detail)
		case errors.Is(err, account.ErrUsername):
			form.Add("username", account.ErrUsername.Code, account.ErrUsername.Detail)
		case errors.Is(err, account.ErrUsernameTaken):
			form.Add("username", account.ErrUsernameTaken.Code, account.ErrUsernameTaken.Detail)
		case !form.Fail(err):
			return false
		}
	}
	return true
}
