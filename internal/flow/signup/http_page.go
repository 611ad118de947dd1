package signup

import (
	_ "embed"
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// PageRoutes returns the pages that mailed links lead to, outside of the mount. Looking at one
// uses nothing up: mail scanners open links.
func PageRoutes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/account/verify/", web.Public, web.Page(s.showConfirm)),
		web.Post("/account/verify/", web.Public, web.Form(s.postConfirm)),
	}
}

//go:embed pages/confirm.html
var confirmText string

//go:embed pages/confirmed.html
var confirmedText string

//go:embed pages/dead_link.html
var deadLinkText string

var (
	confirmBody   = ui.Parse(confirmText)
	confirmedBody = ui.Parse(confirmedText)
	deadLinkBody  = ui.Parse(deadLinkText)
)

// confirmView is what the page shows.
type confirmView struct {
	Token       string
	Email       string
	When        string
	Device      string
	AskPassword bool
	AskUsername bool
	Username    string
	Problems    []string
}

func view(p *pending, token string) confirmView {
	return confirmView{Token: token, Email: p.email.Typed, Device: p.device, Username: p.username,
		When: p.createdAt.Format("2 January 2006, 15:04 UTC")}
}

// showConfirm shows one button to the registering browser and asks others for the password. A
// browser that comes from a page of another origin, such as a web mailer, may not be asked for its
// cookie yet: it gets the button, and the answer to it decides.
func (s *Service) showConfirm(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	p, err := findByToken(r.Context(), s.DB, s.tokens, token, s.DB.Now())
	if errors.Is(err, letter.ErrLink) {
		return s.deadLink(w)
	}
	if err != nil {
		return err
	}
	v := view(p, token)
	browser, _, refused := web.FromContext(r.Context()).Cookie(browserCookie)
	v.AskPassword = refused == nil && !s.registeredBy(p, browser)
	return s.write(w, http.StatusOK, "Confirm your address", confirmBody, v)
}

func (s *Service) postConfirm(w http.ResponseWriter, r *http.Request) error {
	q, f := web.FromContext(r.Context()), r.PostForm
	in := Confirmation{Token: f.Get("token"), Password: f.Get("password"), Fresh: f.Get("new_password"), Username: f.Get("username")}
	in.Browser, _, _ = q.Cookie(browserCookie) // refused: then the password is asked for
	a, err := s.Confirm(r.Context(), in)
	switch {
	case errors.Is(err, letter.ErrLink):
		return s.deadLink(w)
	case err != nil:
		return s.askAgain(w, r, in, err)
	}
	if in.Browser != "" {
		if err := q.ClearCookie(browserCookie); err != nil {
			return err
		}
	}
	return s.write(w, http.StatusOK, "Your address is confirmed", confirmedBody, map[string]string{"Email": a.Email, "SignIn": s.cfg.SignInURL})
}

// askAgain shows the page once more with what was wrong, where the person can mend it.
func (s *Service) askAgain(w http.ResponseWriter, r *http.Request, in Confirmation, why error) error {
	f, ok := fault.From(why)
	if !ok {
		return why
	}
	p, err := findByToken(r.Context(), s.DB, s.tokens, in.Token, s.DB.Now())
	if errors.Is(err, letter.ErrLink) {
		return s.deadLink(w)
	}
	if err != nil {
		return err
	}
	v, status := view(p, in.Token), web.StatusOf(f)
	v.AskPassword = !s.registeredBy(p, in.Browser)
	switch {
	case errors.Is(why, password.ErrRejected) && in.Password == "":
		status = http.StatusOK // the button was shown to another browser than the registering one
	case errors.Is(why, password.ErrRejected):
		v.Problems = []string{"This is not the password that was chosen at registration."}
	case errors.Is(why, password.ErrRefused):
		for _, field := range f.Fields {
			v.Problems = append(v.Problems, field.Detail)
		}
	case errors.Is(why, account.ErrUsernameTaken), errors.Is(why, account.ErrUsername):
		v.AskUsername, v.Problems = true, []string{f.Detail}
	default:
		return why
	}
	return s.write(w, status, "Confirm your address", confirmBody, v)
}

func (s *Service) deadLink(w http.ResponseWriter) error {
	return s.write(w, web.StatusOf(letter.ErrLink), "This link is no longer good", deadLinkBody, map[string]string{"SignIn": s.cfg.SignInURL})
}

func (s *Service) write(w http.ResponseWriter, status int, title string, body ui.Body, data any) error {
	return ui.Write(w, ui.Page{Status: status, Title: title, Product: s.cfg.Product, Body: body, Data: data})
}
