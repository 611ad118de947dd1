package signin

import (
	"embed"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Where the pages lie.
const (
	signInPath      = "/account/sign-in/"
	passkeyPath     = signInPath + "passkey/"
	secondPath      = signInPath + "second/"
	secondMailPath  = secondPath + "mail/"
	mailPath        = signInPath + "mail/"
	mailCodePath    = mailPath + "code/"
	linkPath        = signInPath + "link/"
	confirmPath     = "/account/confirm/"
	confirmMailPath = confirmPath + "mail/"
	homePath        = "/account/"
)

// Cookies of the pages; over https their names get the prefix __Host-.
const (
	pageCookie    = "gatehouse-session"
	lookCookie    = "gatehouse-look"
	stepCookie    = "gatehouse-step"    // a sign-in that is not complete yet
	mailCookie    = "gatehouse-mail"    // a sign-in by mail that waits for its code
	confirmCookie = "gatehouse-confirm" // a proof by mail that waits for its code
)

//go:embed pages locales
var files embed.FS

// Pages are this flow's templates and texts.
func Pages() ui.Set { return ui.Set{Name: "signin", Files: files} }

// PageRoutes returns the pages of this flow, outside of the mount.
func PageRoutes(s *Service) []web.Route {
	return []web.Route{
		web.Get(signInPath, web.Public, web.Page(s.showSignIn)),
		web.Post(signInPath, web.Public, web.Form(s.postSignIn)),
		web.Get(passkeyPath, web.Public, web.Page(s.showSignIn)),
		web.Post(passkeyPath, web.Public, web.Form(s.postPasskey)),
		web.Get(mailPath, web.Public, web.Page(s.showMail)),
		web.Post(mailPath, web.Public, web.Form(s.postMail)),
		web.Get(mailCodePath, web.Public, web.Page(s.showMailCode)),
		web.Post(mailCodePath, web.Public, web.Form(s.postMailCode)),
		web.Get(linkPath, web.Public, web.Page(s.showLink)),
		web.Get(secondPath, web.Public, web.Page(s.showSecond)),
		web.Post(secondPath, web.Public, web.Form(s.postSecond)),
		web.Get(secondMailPath, web.Public, web.Page(s.showSecond)),
		web.Post(secondMailPath, web.Public, web.Form(s.postSecondMail)),
		web.Post("/account/sign-out/", web.Public, web.Form(s.postSignOut)),
		web.Get(confirmPath, web.Person, web.Page(s.showConfirm)),
		web.Post(confirmPath, web.Person, web.Form(s.postConfirm)),
		web.Get(confirmMailPath, web.Person, web.Page(s.showConfirm)),
		web.Post(confirmMailPath, web.Person, web.Form(s.postConfirmMail)),
		web.Post("/account/look/stop/", web.Public, web.Form(s.postStopLooking)),
	}
}

// signInView is what the sign-in page shows.
type signInView struct {
	Form     *ui.Form
	Next     string
	ByEmail  bool
	ByName   bool
	SignUp   bool
	ByMail   bool   // a mailed code is a way in
	Begin    string // where a script asks what to ask a passkey
	Over     bool   // a sign-in came to nothing
	Unproven bool   // a mail is to be answered first
	Address  string // it went there; empty: a user name was given
}

func (s *Service) showSignIn(w http.ResponseWriter, r *http.Request) error {
	q := web.FromContext(r.Context())
	next := r.URL.Query().Get("next")
	if _, err := s.visit(r); err == nil {
		http.Redirect(w, r, after(q, next), http.StatusSeeOther) //nolint:gosec // ReturnTo lets through what is ours or listed
		return nil
	}
	return s.writeSignIn(w, r, http.StatusOK, signInView{Form: ui.NewForm(r), Next: next})
}

func (s *Service) writeSignIn(w http.ResponseWriter, r *http.Request, status int, v signInView) error {
	page := ui.Page{Status: status, Name: "signin/sign_in", Done: r.URL.Query().Get("done"), Connect: true}
	v.Next = leading(r, &page, v.Next)
	v.ByEmail, v.ByName, v.SignUp = s.cfg.Identifier != ByUsername, s.cfg.Identifier != ByEmail, s.cfg.SignUp
	v.Over = r.URL.Query().Has("over")
	v.ByMail, v.Begin = !s.cfg.NoEmailSignIn, s.beginPasskey()
	page.Data = v
	return s.UI.Write(w, r, page)
}

// leading lets the forms of a page end where a person wants to go on to, and returns it if that is a
// place to go on to.
func leading(r *http.Request, page *ui.Page, next string) string {
	target, origin, ok := web.FromContext(r.Context()).ReturnTo(next)
	if ok && origin != "" {
		page.FormAction = []string{origin}
	}
	return target
}

// onward returns next if that is a place to go on to, and nothing otherwise.
func onward(r *http.Request, next string) string {
	target, _, _ := web.FromContext(r.Context()).ReturnTo(next)
	return target
}

// after returns where to go after signing in.
func after(q *web.Request, next string) string {
	if target, _, ok := q.ReturnTo(next); ok {
		return target
	}
	return homePath
}

// withQuery returns a path of ours with a query of names and values, of which the empty ones are left out.
func withQuery(path string, query map[string]string) string {
	q := url.Values{}
	for name, value := range query {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func (s *Service) postSignIn(w http.ResponseWriter, r *http.Request) error {
	q, f := web.FromContext(r.Context()), r.PostForm
	in := Attempt{Password: f.Get("password"), Transport: session.Page, Address: q.Address}
	in.Email, in.Username = s.named(f.Get("name"))
	var err error
	if in.Browser, err = s.browser(q); err != nil {
		return err
	}
	cookie, err := s.SignInPage(r.Context(), in, f.Get("remember") != "")
	v := signInView{Form: ui.NewForm(r, "name", "password", "remember"), Next: f.Get("next")}
	switch {
	case err == nil:
		return s.arrive(w, r, cookie, v.Next)
	case unfinished(err):
		return toSecond(w, r, err, v.Next)
	case errors.Is(err, ErrNotVerified):
		v.Unproven, v.Address = true, in.Email
	}
	if !v.Form.Fail(err) {
		return err
	}
	return s.writeSignIn(w, r, web.StatusFor(w, err), v)
}

// arrive gives a browser the cookie of who just signed in with it, in place of whoever did before, and
// leads on.
func (s *Service) arrive(w http.ResponseWriter, r *http.Request, c *PageCookie, next string) error {
	q := web.FromContext(r.Context())
	if former, err := s.OwnVisit(r); err == nil {
		if err := s.SignOutPage(r.Context(), former); err != nil {
			return err
		}
	}
	if err := errors.Join(q.ClearCookie(stepCookie), q.ClearCookie(mailCookie), introduce(q, c.browser), s.setCookie(q, c)); err != nil {
		return err
	}
	http.Redirect(w, r, after(q, next), http.StatusSeeOther)
	return nil
}

// named tells an address from a user name, which holds no @ where both are taken.
func (s *Service) named(name string) (email, username string) {
	switch {
	case s.cfg.Identifier == ByUsername, s.cfg.Identifier == ByEither && !strings.ContainsAny(name, "@＠"):
		return "", name
	default:
		return name, ""
	}
}

// setCookie gives the browser its cookie and takes that of another's pages from it.
func (s *Service) setCookie(q *web.Request, c *PageCookie) error {
	if err := q.ClearCookie(lookCookie); err != nil {
		return err
	}
	if c.Life == 0 {
		return q.SetBrowserCookie(pageCookie, c.Value)
	}
	return q.SetCookie(pageCookie, c.Value, c.Life)
}

// postSignOut ends the session of the browser that asks; asking twice is no mistake.
func (s *Service) postSignOut(w http.ResponseWriter, r *http.Request) error {
	q := web.FromContext(r.Context())
	v, err := s.OwnVisit(r)
	if err == nil {
		err = s.SignOutPage(r.Context(), v)
	}
	if err != nil && !errors.Is(err, session.ErrSignedOut) {
		return err
	}
	if err := s.ClearCookies(q); err != nil {
		return err
	}
	http.Redirect(w, r, withQuery(signInPath, map[string]string{"done": "signin.done.signed_out", "next": onward(r, r.PostForm.Get("next"))}), http.StatusSeeOther)
	return nil
}

// postStopLooking leads a member of staff from another's pages back to that account in the console.
func (s *Service) postStopLooking(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visit(r)
	if err != nil && !errors.Is(err, session.ErrSignedOut) {
		return err
	}
	back := "/console/"
	if err == nil && v.Staff != nil {
		back = accountScreen(v.Account.Subject)
		if err := s.StopLooking(r.Context(), v.Staff, v.SessionID); err != nil {
			return err
		}
	}
	if err := web.FromContext(r.Context()).ClearCookie(lookCookie); err != nil {
		return err
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

// accountScreen is where the console shows an account: its own page, or for an imported subject that a
// path cannot hold, the search for it.
func accountScreen(subject string) string {
	if strings.Trim(subject, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == "" {
		return "/console/accounts/" + subject + "/"
	}
	return "/console/accounts/?by=id&prefix=" + url.QueryEscape(subject)
}

// SetLookCookie lets the browser of a member of staff show another's pages.
func (s *Service) SetLookCookie(q *web.Request, c *PageCookie) error {
	return q.SetCookie(lookCookie, c.Value, s.cfg.Pages.Look)
}

// ClearCookies signs a browser out whose session has ended in another way.
func (s *Service) ClearCookies(q *web.Request) error {
	return errors.Join(q.ClearCookie(pageCookie), q.ClearCookie(lookCookie))
}

// RenewCookie gives the browser a new cookie for its session after a change of its account's secrets.
func (s *Service) RenewCookie(r *http.Request, v *session.Visit) error {
	cookie, err := s.renew(r.Context(), v, "session.renewed")
	if err != nil {
		return err
	}
	return s.setCookie(web.FromContext(r.Context()), cookie)
}

// visit returns who is looking at this page, be it through another's eyes.
func (s *Service) visit(r *http.Request) (*session.Visit, error) { return s.read(r, true) }

// OwnVisit returns whose browser this is, or session.ErrSignedOut.
func (s *Service) OwnVisit(r *http.Request) (*session.Visit, error) { return s.read(r, false) }

func (s *Service) read(r *http.Request, looking bool) (*session.Visit, error) {
	q := web.FromContext(r.Context())
	own, _, err := q.Cookie(pageCookie)
	if err != nil {
		return nil, err
	}
	look := ""
	if looking {
		if look, _, err = q.Cookie(lookCookie); err != nil {
			return nil, err
		}
	}
	return s.Visitor(r.Context(), own, look)
}

// Admit returns who may see a page of a level: web.Person, web.Staff or web.Superuser. It returns
// session.ErrSignedOut, session.ErrStale, session.ErrLookOnly and web.ErrDenied.
func (s *Service) Admit(r *http.Request, to web.Route) (*session.Visit, error) {
	level := to.Access
	// Whoever confirms is the browser's own person, whomever they look at.
	personal := level == web.Person || level == web.FreshPerson || level == web.Member
	fresh := level == web.FreshPerson || to.Fresh
	v, err := s.read(r, personal && !strings.HasPrefix(r.URL.Path, confirmPath))
	if err != nil {
		return nil, err
	}
	switch {
	case personal && v.Staff != nil && (r.Method != http.MethodGet || fresh):
		return nil, session.ErrLookOnly
	case personal && fresh:
		return v, s.Fresh(v)
	case personal:
		return v, nil
	case !v.Account.Superuser && (level != web.Staff || !v.Account.Staff):
		return nil, web.ErrDenied
	case !v.Proven(s.DB.Now(), s.proofLife(to, r.Method)):
		return nil, session.ErrStale
	default:
		return v, nil
	}
}

// Fresh returns session.ErrStale where the last proof is too old for what cannot be undone.
func (s *Service) Fresh(v *session.Visit) error {
	if !v.Proven(s.DB.Now(), s.cfg.Pages.Fresh) {
		return session.ErrStale
	}
	return nil
}

// proofLife is how old a proof of staff may be: what a superuser changes asks for a fresh one, and so does a
// route that says so.
func (s *Service) proofLife(to web.Route, method string) time.Duration {
	if to.Fresh || to.Access == web.Superuser && method != http.MethodGet {
		return s.cfg.Pages.Fresh
	}
	return s.cfg.Pages.StaffProof
}
