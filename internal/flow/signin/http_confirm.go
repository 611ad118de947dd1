package signin

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (s *Service) showConfirm(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	return s.writeConfirm(w, r, http.StatusOK, query.Get("method"), proveView{Form: ui.NewForm(r), Next: query.Get("next")})
}

func (s *Service) writeConfirm(w http.ResponseWriter, r *http.Request, status int, wanted string, v proveView) error {
	by := session.VisitFromContext(r.Context())
	methods, err := s.Again(r.Context(), by.Bearer())
	if err != nil {
		return err
	}
	_, v.Mailed, err = web.FromContext(r.Context()).Cookie(confirmCookie)
	if err != nil {
		return err
	}
	v.Action, v.Confirm, v.Name, v.Address = confirmPath, true, by.Account.Email, by.Account.Email
	v.choose(methods, wanted)
	if v.Method == factor.Passkey {
		ask, err := s.ChallengeReproof(r.Context(), by.Bearer())
		if err != nil {
			return err
		}
		v.Ask = *ask
	}
	return s.writeProve(w, r, status, v)
}

func (s *Service) postConfirm(w http.ResponseWriter, r *http.Request) error {
	q, in := web.FromContext(r.Context()), proofIn(r)
	if in.Method == factor.EmailCode {
		token, _, err := q.Cookie(confirmCookie)
		if err != nil {
			return err
		}
		in.Ticket = token
	}
	cookie, err := s.ConfirmPage(r.Context(), session.VisitFromContext(r.Context()), in)
	v := proveView{Form: ui.NewForm(r, "password", "code"), Next: r.PostForm.Get("next")}
	if err != nil {
		if !v.fail(in.Method, err) {
			return err
		}
		return s.writeConfirm(w, r, web.StatusFor(w, err), in.Method, v)
	}
	if err := errors.Join(q.ClearCookie(confirmCookie), s.setCookie(q, cookie)); err != nil {
		return err
	}
	http.Redirect(w, r, after(q, v.Next), http.StatusSeeOther)
	return nil
}

// postConfirmMail mails a code to whoever has nothing better to prove themselves with.
func (s *Service) postConfirmMail(w http.ResponseWriter, r *http.Request) error {
	next := r.PostForm.Get("next")
	token, err := s.MailReproof(r.Context(), session.VisitFromContext(r.Context()).Bearer())
	if err == nil {
		if err := web.FromContext(r.Context()).SetBrowserCookie(confirmCookie, token); err != nil {
			return err
		}
		http.Redirect(w, r, withQuery(confirmPath, map[string]string{"next": onward(r, next), "done": "signin.done.code_sent"}), http.StatusSeeOther)
		return nil
	}
	v := proveView{Form: ui.NewForm(r), Next: next}
	if !v.Form.Fail(err) {
		return err
	}
	return s.writeConfirm(w, r, web.StatusFor(w, err), factor.EmailCode, v)
}
