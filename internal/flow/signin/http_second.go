package signin

import (
	"errors"
	"html/template"
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// proveView is what a page shows that asks for a proof: for the next step of signing in, or once more of
// whoever is signed in.
type proveView struct {
	Form     *ui.Form
	Action   string // where the proof goes; "mail/" below it mails a code
	Next     string
	Confirm  bool // asked of whoever is signed in
	Method   string
	Others   []string          // what else they could show
	Name     string            // who is signed in
	Address  string            // where a code is mailed to, in part
	Mailed   bool              // a code was mailed
	MayTrust bool              // this device may be remembered
	Ask      passkey.Challenge // of a passkey
	Setup    *setupView        // what has to be set up first
}

// setupView is an app to set up.
type setupView struct {
	QR     template.HTML
	Secret string // in groups, to be typed
}

// choose decides which of methods is asked for, the best one unless another is wanted.
func (v *proveView) choose(methods []string, wanted string) {
	v.Method = methods[0]
	if slices.Contains(methods, wanted) {
		v.Method = wanted
	}
	v.Others = slices.DeleteFunc(slices.Clone(methods), func(m string) bool { return m == v.Method })
}

// proofIn reads what a proveView's form brings.
func proofIn(r *http.Request) Proof {
	f := r.PostForm
	return Proof{Method: f.Get("method"), Password: f.Get("password"), Code: f.Get("code"), Ticket: f.Get("ticket"), Credential: []byte(f.Get("credential"))}
}

// fail says what is wrong with a proof, at its field. It returns false for what a person cannot mend.
func (v *proveView) fail(method string, err error) bool {
	wrong := errors.Is(err, ErrStep) || errors.Is(err, factor.ErrCode) || errors.Is(err, password.ErrRejected)
	switch {
	case wrong && method == factor.Password:
		v.Form.Add("password", password.ErrRejected.Code, password.ErrRejected.Detail)
	case wrong && method == factor.Passkey:
		v.Form.Add("", passkey.ErrRejected.Code, passkey.ErrRejected.Detail)
	case wrong:
		v.Form.Add("code", factor.ErrCode.Code, factor.ErrCode.Detail)
	default:
		return v.Form.Fail(err)
	}
	return true
}

// unfinished reports whether err says that a sign-in needs another step.
func unfinished(err error) bool { return errors.Is(err, ErrMFA) || errors.Is(err, ErrEnrol) }

// toSecond leads a browser to the next step, for which err holds a ticket.
func toSecond(w http.ResponseWriter, r *http.Request, err error, next string) error {
	q := web.FromContext(r.Context())
	why, _ := fault.From(err)
	if err := errors.Join(q.ClearCookie(mailCookie), q.SetBrowserCookie(stepCookie, why.Next.Ticket)); err != nil {
		return err
	}
	http.Redirect(w, r, withQuery(secondPath, map[string]string{"next": onward(r, next)}), http.StatusSeeOther)
	return nil
}

// startAgain leads a browser whose step is over back to where signing in begins.
func startAgain(w http.ResponseWriter, r *http.Request, next string) error {
	q := web.FromContext(r.Context())
	if r.Method == http.MethodPost { // a link from elsewhere may lead here, and changes no cookie
		if err := q.ClearCookie(stepCookie); err != nil {
			return err
		}
	}
	http.Redirect(w, r, withQuery(signInPath, map[string]string{"next": onward(r, next), "over": "yes"}), http.StatusSeeOther)
	return nil
}

func (s *Service) showSecond(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	return s.writeSecond(w, r, http.StatusOK, query.Get("method"), proveView{Form: ui.NewForm(r), Next: query.Get("next")})
}

func (s *Service) writeSecond(w http.ResponseWriter, r *http.Request, status int, wanted string, v proveView) error {
	token, _, err := web.FromContext(r.Context()).Cookie(stepCookie)
	if err != nil {
		return err
	}
	step, err := s.Step(r.Context(), token)
	if errors.Is(err, ticket.ErrRejected) || err == nil && (!step.Page || len(step.Methods) == 0) {
		return startAgain(w, r, v.Next)
	}
	if err != nil {
		return err
	}
	v.Action, v.Address, v.Mailed, v.MayTrust = secondPath, step.Address, step.Mailed, step.MayTrust
	v.choose(step.Methods, wanted)
	if v.Method == factor.Passkey {
		ask, err := s.ChallengeStep(r.Context(), token)
		if err != nil {
			return err
		}
		v.Ask = *ask
	}
	if step.Setup != nil {
		qr, err := step.Setup.SVG()
		if err != nil {
			return err
		}
		v.Setup = &setupView{QR: template.HTML(qr), Secret: step.Setup.InGroups()} //nolint:gosec // drawn by us
	}
	return s.writeProve(w, r, status, v)
}

func (s *Service) writeProve(w http.ResponseWriter, r *http.Request, status int, v proveView) error {
	page := ui.Page{Status: status, Name: "signin/prove", Done: r.URL.Query().Get("done")}
	v.Next = leading(r, &page, v.Next)
	page.Data = v
	return s.UI.Write(w, r, page)
}

func (s *Service) postSecond(w http.ResponseWriter, r *http.Request) error {
	q, f, in := web.FromContext(r.Context()), r.PostForm, proofIn(r)
	token, _, err := q.Cookie(stepCookie)
	if err != nil {
		return err
	}
	b, err := s.browser(q)
	if err != nil {
		return err
	}
	cookie, err := s.SecondPage(r.Context(), token, in, b, f.Get("trust") != "")
	v := proveView{Form: ui.NewForm(r, "password", "code", "trust"), Next: f.Get("next")}
	switch {
	case err == nil:
		return s.arrive(w, r, cookie, v.Next)
	case unfinished(err):
		return toSecond(w, r, err, v.Next)
	case !v.fail(in.Method, err):
		return err
	}
	return s.writeSecond(w, r, web.StatusFor(w, err), in.Method, v)
}

// postSecondMail mails a code for the next step.
func (s *Service) postSecondMail(w http.ResponseWriter, r *http.Request) error {
	token, _, err := web.FromContext(r.Context()).Cookie(stepCookie)
	if err != nil {
		return err
	}
	next := r.PostForm.Get("next")
	if err = s.MailStep(r.Context(), token); err == nil {
		http.Redirect(w, r, withQuery(secondPath, map[string]string{"method": factor.EmailCode, "next": onward(r, next), "done": "signin.done.code_sent"}), http.StatusSeeOther)
		return nil
	}
	v := proveView{Form: ui.NewForm(r), Next: next}
	if !v.Form.Fail(err) {
		return err
	}
	return s.writeSecond(w, r, web.StatusFor(w, err), factor.EmailCode, v)
}
