package recovery

import (
	_ "embed"
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// PageRoutes returns the pages of this flow, outside of the mount. Looking at one that a mailed
// link leads to uses nothing up: mail scanners open links.
func PageRoutes(s *Service) []web.Route {
	return []web.Route{
		web.Get("/account/reset/", web.Public, web.Page(s.showReset)),
		web.Post("/account/reset/", web.Public, web.Form(s.postReset)),
		web.Get("/account/forgot/", web.Public, web.Page(s.showForgot)),
		web.Post("/account/forgot/", web.Public, web.Form(s.postForgot)),
	}
}

//go:embed pages/reset.html
var resetText string

//go:embed pages/reset_done.html
var doneText string

//go:embed pages/dead_link.html
var deadLinkText string

var (
	resetBody    = ui.Parse(resetText)
	doneBody     = ui.Parse(doneText)
	deadLinkBody = ui.Parse(deadLinkText)
)

// resetView is what the page shows.
type resetView struct {
	Token    string
	Email    string
	Problems []string
}

func (s *Service) showReset(w http.ResponseWriter, r *http.Request) error {
	return s.ask(w, r, http.StatusOK, resetView{Token: r.URL.Query().Get("token")})
}

func (s *Service) postReset(w http.ResponseWriter, r *http.Request) error {
	in := Confirmation{Token: r.PostForm.Get("token"), Password: r.PostForm.Get("new_password"), Address: web.FromContext(r.Context()).Address}
	err := s.Confirm(r.Context(), in)
	f, _ := fault.From(err)
	switch {
	case err == nil:
		return s.write(w, http.StatusOK, "Your password is changed", doneBody, map[string]string{"SignIn": s.cfg.SignInURL})
	case errors.Is(err, letter.ErrLink):
		return s.deadLink(w)
	case errors.Is(err, password.ErrRefused):
		v := resetView{Token: in.Token}
		for _, field := range f.Fields {
			v.Problems = append(v.Problems, field.Detail)
		}
		return s.ask(w, r, web.StatusOf(f), v)
	default:
		return err
	}
}

// ask shows the form, if the link is still good.
func (s *Service) ask(w http.ResponseWriter, r *http.Request, status int, v resetView) error {
	t, err := findByToken(r.Context(), s.DB, s.tokens, v.Token, s.DB.Now())
	if errors.Is(err, letter.ErrLink) {
		return s.deadLink(w)
	}
	if err != nil {
		return err
	}
	v.Email = t.account.Email
	return s.write(w, status, "Choose a new password", resetBody, v)
}

func (s *Service) deadLink(w http.ResponseWriter) error {
	return s.write(w, web.StatusOf(letter.ErrLink), "This link is no longer good", deadLinkBody, map[string]string{"SignIn": s.cfg.SignInURL})
}

func (s *Service) write(w http.ResponseWriter, status int, title string, body ui.Body, data any) error {
	return ui.Write(w, ui.Page{Status: status, Title: title, Product: s.cfg.Product, Body: body, Data: data})
}
