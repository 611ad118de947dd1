package recovery

import (
	"embed"
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Where the pages lie.
const (
	forgotPath  = "/account/forgot/"
	askedPath   = "/account/forgot/done/"
	resetPath   = "/account/reset/"
	changedPath = "/account/reset/done/"
	notMePath   = "/account/not-me/"
)

//go:embed pages locales
var files embed.FS

// Pages are this flow's templates and texts.
func Pages() ui.Set { return ui.Set{Name: "recovery", Files: files} }

// PageRoutes returns the pages of this flow, outside of the mount. Looking at one that a mailed
// link leads to uses nothing up: mail scanners open links.
func PageRoutes(s *Service) []web.Route {
	return append([]web.Route{
		web.Get(forgotPath, web.Public, web.Page(s.showForgot)),
		web.Post(forgotPath, web.Public, web.Form(s.postForgot)),
		web.Get(askedPath, web.Public, web.Page(s.showAsked)),
		web.Get(resetPath, web.Public, web.Page(s.showReset)),
		web.Post(resetPath, web.Public, web.Form(s.postReset)),
		web.Get(changedPath, web.Public, web.Page(s.showChanged)),
		web.Get(notMePath, web.Public, web.Page(s.showNotMe)),
		web.Post(notMePath, web.Public, web.Form(s.postNotMe)),
	}, factorPageRoutes(s)...)
}

// resetView is what the page behind the mailed link shows.
type resetView struct {
	Token string
	Email string
	Login string // what a password manager shall save the password under
	Least int    // characters of a password
	Form  *ui.Form
}

func (s *Service) showReset(w http.ResponseWriter, r *http.Request) error {
	return s.ask(w, r, http.StatusOK, resetView{Token: r.URL.Query().Get("token"), Form: ui.NewForm(r)})
}

func (s *Service) postReset(w http.ResponseWriter, r *http.Request) error {
	q, f := web.FromContext(r.Context()), r.PostForm
	in := Confirmation{Token: f.Get("token"), Password: f.Get("new_password"), Address: q.Address}
	err := s.Confirm(r.Context(), in)
	if errors.Is(err, letter.ErrLink) {
		return s.deadLink(w, r, in.Token)
	}
	if err != nil {
		v := resetView{Token: in.Token, Form: ui.NewForm(r, "new_password")}
		if !v.Form.Fail(err) {
			return err
		}
		return s.ask(w, r, web.StatusFor(w, err), v)
	}
	if _, found, err := q.Cookie(askedCookie); err == nil && found {
		if err := q.ClearCookie(askedCookie); err != nil {
			return err
		}
	}
	http.Redirect(w, r, changedPath, http.StatusSeeOther)
	return nil
}

// ask shows the form, if the link is still good.
func (s *Service) ask(w http.ResponseWriter, r *http.Request, status int, v resetView) error {
	t, err := findByToken(r.Context(), s.DB, s.tokens, v.Token, s.DB.Now())
	if errors.Is(err, letter.ErrLink) {
		return s.deadLink(w, r, v.Token)
	}
	if err != nil {
		return err
	}
	v.Email, v.Login, v.Least = t.account.Email, s.login(&t.account), max(s.Policy.MinLength, password.MinLength)
	return s.write(w, r, status, "reset", v)
}

// login is what people sign in to an account by, and password managers keep its password under.
func (s *Service) login(a *account.Account) string {
	if s.cfg.ByUsername && a.Username != "" {
		return a.Username
	}
	return a.Email
}

// deadView is what the page shows behind a link that is not good.
type deadView struct {
	Used   bool     // the password was changed with it
	Form   *ui.Form // asks for another mail
	SignIn string
}

func (s *Service) deadLink(w http.ResponseWriter, r *http.Request, token string) error {
	was, err := used(r.Context(), s.DB, s.tokens, purpose, token)
	if err != nil {
		return err
	}
	form := &ui.Form{Values: map[string]string{"email": askedFor(r)}}
	return s.write(w, r, web.StatusOf(letter.ErrLink), "dead_link", deadView{Used: was, Form: form, SignIn: s.cfg.SignInURL})
}

func (s *Service) showChanged(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, http.StatusOK, "changed", struct{ SignIn string }{s.cfg.SignInURL})
}

func (s *Service) write(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	return s.UI.Write(w, r, ui.Page{Status: status, Name: "recovery/" + name, Data: data})
}
