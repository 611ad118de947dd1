package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// mailView is what the pages of signing in by mail show.
type mailView struct {
	Form     *ui.Form
	Next     string
	Address  string // where a mail was asked for
	Over     bool   // a sign-in by mail came to nothing
	Remember bool   // keep me signed in
	Code     string // that a mailed link holds
	Here     bool   // this browser waits for a code
}

// waiting is a sign-in by mail, as the browser keeps it that began it. What is good for signing in is the
// ticket with the code; the rest is as good as typed.
type waiting struct {
	ticket, address, next string
	remember              bool
}

// maxWaiting is how long the cookie may be, in bytes; browsers drop those over 4096 with their names.
const maxWaiting = 3800

func (m waiting) String() string {
	v := url.Values{"ticket": {m.ticket}, "address": {m.address}}
	if m.remember {
		v.Set("remember", "on")
	}
	short := v.Encode()
	v.Set("next", m.next)
	if all := v.Encode(); len(all) <= maxWaiting {
		return all
	}
	return short // it leads home then
}

// waitingIn returns the sign-in by mail that a browser waits for.
func waitingIn(r *http.Request) (m waiting, found bool, err error) {
	value, _, err := web.FromContext(r.Context()).Cookie(mailCookie)
	if err != nil {
		return waiting{}, false, err
	}
	v, err := url.ParseQuery(value)
	if err != nil || v.Get("ticket") == "" {
		return waiting{}, false, nil //nolint:nilerr // somebody else wrote it
	}
	return waiting{v.Get("ticket"), v.Get("address"), v.Get("next"), v.Get("remember") != ""}, true, nil
}

func (s *Service) showMail(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.NoEmailSignIn {
		return ErrNoMail
	}
	return s.writeMail(w, r, http.StatusOK, mailView{Form: ui.NewForm(r, "email"), Next: r.URL.Query().Get("next")})
}

func (s *Service) writeMail(w http.ResponseWriter, r *http.Request, status int, v mailView) error {
	page := ui.Page{Status: status, Name: "signin/mail"}
	v.Next, v.Over = leading(r, &page, v.Next), r.URL.Query().Has("over")
	page.Data = v
	return s.UI.Write(w, r, page)
}

// postMail has a code mailed and lets this browser wait for it.
func (s *Service) postMail(w http.ResponseWriter, r *http.Request) error {
	q, f := web.FromContext(r.Context()), r.PostForm
	m := waiting{address: strings.TrimSpace(f.Get("email")), next: f.Get("next"), remember: f.Get("remember") != ""}
	var err error
	if m.ticket, err = s.AskLink(r.Context(), m.address, Wish{Transport: session.Page}, q.Address); err != nil {
		v := mailView{Form: ui.NewForm(r, "email", "remember"), Next: m.next}
		if !v.Form.Fail(err) {
			return err
		}
		return s.writeMail(w, r, web.StatusFor(w, err), v)
	}
	if err := q.SetBrowserCookie(mailCookie, m.String()); err != nil {
		return err
	}
	http.Redirect(w, r, mailCodePath, http.StatusSeeOther)
	return nil
}

func (s *Service) showMailCode(w http.ResponseWriter, r *http.Request) error {
	m, found, err := waitingIn(r)
	if err != nil {
		return err
	}
	if !found {
		http.Redirect(w, r, mailPath, http.StatusSeeOther)
		return nil
	}
	return s.writeMailCode(w, r, http.StatusOK, ui.NewForm(r), m)
}

func (s *Service) writeMailCode(w http.ResponseWriter, r *http.Request, status int, f *ui.Form, m waiting) error {
	page := ui.Page{Status: status, Name: "signin/mail_code"}
	page.Data = mailView{Form: f, Address: m.address, Remember: m.remember, Next: leading(r, &page, m.next)}
	return s.UI.Write(w, r, page)
}

// postMailCode signs in with a mailed code, typed or come by the link, in the browser that waits for it.
func (s *Service) postMailCode(w http.ResponseWriter, r *http.Request) error {
	m, found, err := waitingIn(r)
	if err != nil {
		return err
	}
	if !found {
		http.Redirect(w, r, withQuery(mailPath, map[string]string{"over": "yes"}), http.StatusSeeOther)
		return nil
	}
	b, err := s.browser(web.FromContext(r.Context()))
	if err != nil {
		return err
	}
	cookie, err := s.LinkPage(r.Context(), m.ticket, r.PostForm.Get("code"), b, m.remember)
	form := ui.NewForm(r, "code")
	switch {
	case err == nil:
		return s.arrive(w, r, cookie, m.next)
	case unfinished(err):
		return toSecond(w, r, err, m.next)
	case errors.Is(err, ticket.ErrRejected), errors.Is(err, ErrStep):
		form.Add("code", factor.ErrCode.Code, factor.ErrCode.Detail)
	case !form.Fail(err):
		return err
	}
	return s.writeMailCode(w, r, web.StatusFor(w, err), form, m)
}

// showLink is where a mailed link leads. It uses nothing up and changes nothing, whoever opens it and
// however often: programs that look at mail open every link and run its scripts. The browser that waits
// for the code can send it with one button; any other shows the code, to be typed where it is waited for.
func (s *Service) showLink(w http.ResponseWriter, r *http.Request) error {
	code := r.URL.Query().Get("token")
	if len(code) != ticket.CodeDigits || strings.Trim(code, "0123456789") != "" {
		return letter.ErrLink
	}
	m, found, err := waitingIn(r)
	if err != nil {
		return err
	}
	page := ui.Page{Name: "signin/link"}
	page.Data = mailView{Code: code, Here: found, Next: leading(r, &page, m.next)}
	return s.UI.Write(w, r, page)
}
