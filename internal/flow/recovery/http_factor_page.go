package recovery

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Where the pages about lost second factors lie.
const (
	lostPath      = "/account/recover-factor/"
	cancelPath    = "/account/recover-factor/cancel/"
	cancelledPath = "/account/recover-factor/cancel/done/"
	finishPath    = "/account/recover-factor/finish/"
	finishedPath  = "/account/recover-factor/finish/done/"
)

// stepCookie holds the ticket of a sign-in that got as far as the second step; flow/signin sets it.
const stepCookie = "gatehouse-step"

func factorPageRoutes(s *Service) []web.Route {
	return []web.Route{
		web.Get(lostPath, web.Public, web.Page(s.showLost)),
		web.Post(lostPath, web.Public, web.Form(s.postLost)),
		web.Get(cancelPath, web.Public, web.Page(s.showCancel)),
		web.Post(cancelPath, web.Public, web.Form(s.postCancel)),
		web.Get(cancelledPath, web.Public, web.Page(s.showCancelled)),
		web.Get(finishPath, web.Public, web.Page(s.showFinish)),
		web.Post(finishPath, web.Public, web.Form(s.postFinish)),
		web.Get(finishedPath, web.Public, web.Page(s.showFinished)),
	}
}

// lostView is what the page shows to who lost a second factor.
type lostView struct {
	Form    *ui.Form
	Over    bool // the sign-in that led here is, or there was none
	Support bool // only support can help
	Waiting *factor.Recovery
	Hours   int // how long they have to wait
	SignIn  string
}

func (s *Service) showLost(w http.ResponseWriter, r *http.Request) error {
	step, _, err := web.FromContext(r.Context()).Cookie(stepCookie)
	if err != nil {
		return err
	}
	lost, err := s.Lost(r.Context(), step)
	if err != nil {
		return s.lostAgain(w, r, err)
	}
	return s.writeLost(w, r, http.StatusOK, lostView{Waiting: lost.Waiting, Support: !lost.Password})
}

func (s *Service) postLost(w http.ResponseWriter, r *http.Request) error {
	step, _, err := web.FromContext(r.Context()).Cookie(stepCookie)
	if err != nil {
		return err
	}
	if _, err := s.Ask(r.Context(), step); err != nil {
		return s.lostAgain(w, r, err)
	}
	http.Redirect(w, r, lostPath, http.StatusSeeOther)
	return nil
}

// lostAgain says what keeps somebody from asking.
func (s *Service) lostAgain(w http.ResponseWriter, r *http.Request, why error) error {
	v := lostView{Form: ui.NewForm(r), Over: errors.Is(why, ticket.ErrRejected), Support: errors.Is(why, ErrPasswordless)}
	if !v.Over && !v.Support && !v.Form.Fail(why) {
		return why
	}
	return s.writeLost(w, r, web.StatusFor(w, why), v)
}

func (s *Service) writeLost(w http.ResponseWriter, r *http.Request, status int, v lostView) error {
	v.Hours, v.SignIn = int(s.cfg.FactorDelay.Hours()), s.cfg.SignInURL
	if v.Form == nil {
		v.Form = ui.NewForm(r)
	}
	return s.write(w, r, status, "factor_lost", v)
}

// cancelView asks whether a removal is to be cancelled. It does not say whose account it is: the
// mailbox may be somebody else's by now.
type cancelView struct {
	Token   string
	Form    *ui.Form
	Waiting factor.Recovery
}

func (s *Service) showCancel(w http.ResponseWriter, r *http.Request) error {
	return s.askCancel(w, r, http.StatusOK, r.URL.Query().Get("token"), ui.NewForm(r))
}

// askCancel shows the form as long as there is something to cancel.
func (s *Service) askCancel(w http.ResponseWriter, r *http.Request, status int, token string, form *ui.Form) error {
	l, err := findCancel(r.Context(), s.DB, s.cancels, token, s.DB.Now())
	if errors.Is(err, letter.ErrLink) || err == nil && l.done {
		return s.write(w, r, web.StatusOf(letter.ErrLink), "factor_cancel_dead", struct{ Done bool }{err == nil})
	}
	if err != nil {
		return err
	}
	if l.cancelled {
		return s.showCancelled(w, r)
	}
	return s.write(w, r, status, "factor_cancel", cancelView{Token: token, Form: form, Waiting: l.Recovery})
}

func (s *Service) postCancel(w http.ResponseWriter, r *http.Request) error {
	token := r.PostForm.Get("token")
	err := s.CancelByLink(r.Context(), token, web.FromContext(r.Context()).Address)
	if err == nil {
		http.Redirect(w, r, cancelledPath, http.StatusSeeOther)
		return nil
	}
	form := ui.NewForm(r)
	if !form.Fail(err) {
		return err
	}
	return s.askCancel(w, r, web.StatusFor(w, err), token, form)
}

func (s *Service) showCancelled(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, http.StatusOK, "factor_cancelled", nil)
}

// finishView asks for the password.
type finishView struct {
	Token   string
	Email   string
	Login   string // what a password manager saved the password under
	Support bool   // the account has no password: only support can help
	Form    *ui.Form
}

func (s *Service) showFinish(w http.ResponseWriter, r *http.Request) error {
	return s.askFinish(w, r, http.StatusOK, r.URL.Query().Get("token"), ui.NewForm(r))
}

// askFinish shows the form, if the link is still good.
func (s *Service) askFinish(w http.ResponseWriter, r *http.Request, status int, token string, form *ui.Form) error {
	l, err := findFinish(r.Context(), s.DB, s.finishes, token, s.DB.Now())
	if errors.Is(err, letter.ErrLink) {
		was, err := used(r.Context(), s.DB, s.finishes, purposeFinish, token)
		if err != nil {
			return err
		}
		return s.write(w, r, web.StatusOf(letter.ErrLink), "factor_finish_dead", finishDeadView{was, s.cfg.SignInURL})
	}
	if err != nil {
		return err
	}
	return s.write(w, r, status, "factor_finish", finishView{Token: token, Email: l.account.Email, Login: s.login(&l.account), Support: l.hash == "", Form: form})
}

// finishDeadView is what the page shows behind a link that is not good.
type finishDeadView struct {
	Used   bool // the factors were removed with it
	SignIn string
}

func (s *Service) postFinish(w http.ResponseWriter, r *http.Request) error {
	in := Removal{Token: r.PostForm.Get("token"), Password: r.PostForm.Get("password"), Address: web.FromContext(r.Context()).Address}
	err := s.Finish(r.Context(), in)
	if err == nil {
		http.Redirect(w, r, finishedPath, http.StatusSeeOther)
		return nil
	}
	form := ui.NewForm(r, "password")
	if errors.Is(err, password.ErrRejected) {
		form.Add("password", password.ErrRejected.Code, password.ErrRejected.Detail)
	} else if !form.Fail(err) {
		return err
	}
	return s.askFinish(w, r, web.StatusFor(w, err), in.Token, form)
}

func (s *Service) showFinished(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, http.StatusOK, "factor_finished", struct{ SignIn string }{s.cfg.SignInURL})
}
