package join

import (
	"embed"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Where the pages lie.
const (
	invitationPath = "/account/invitation/"
	signUpPath     = "/account/invitation/sign-up/"
	donePath       = "/account/invitation/done/"
)

// Visitor returns whose browser a page is shown to, whomever they look at, or session.ErrSignedOut.
type Visitor func(r *http.Request) (*session.Visit, error)

//go:embed pages locales
var files embed.FS

// Pages are this flow's templates and texts.
func Pages() ui.Set { return ui.Set{Name: "join", Files: files} }

// PageRoutes returns the pages of this flow, outside of the mount. Looking at one that a mailed link leads
// to uses nothing up: mail scanners open links.
func PageRoutes(s *Service) []web.Route {
	return []web.Route{
		web.Get(invitationPath, web.Public, web.Page(s.showInvitation)),
		web.Post(invitationPath, web.Public, web.Form(s.postAccept)),
		web.Get(signUpPath, web.Public, web.Page(s.showInvitation)),
		web.Post(signUpPath, web.Public, web.Form(s.postSignUp)),
		web.Get(donePath, web.Public, web.Page(s.showDone)),
	}
}

// What whoever looks at an invitation can do about it.
const (
	canAccept = "accept"      // signed in as who is meant
	isAnother = "another"     // signed in as somebody else
	mustProve = "unconfirmed" // the same, to an account that has not shown that the address is its own
	canSignIn = "sign_in"     // the address has an account
	canSignUp = "sign_up"     // it has none
)

// invitationView is what the page behind the mailed link shows.
type invitationView struct {
	Token, Tenant, Email, Role string
	By                         string // the name of who invites; empty: nobody is named
	Until                      time.Time
	Can                        string
	Person                     string // who is signed in

	Form             *ui.Form
	AskUsername      bool
	UsernameRequired bool
	Least            int // characters of a password
	Attributes       []account.Asked
}

func (s *Service) showInvitation(w http.ResponseWriter, r *http.Request) error {
	return s.show(w, r, http.StatusOK, r.URL.Query().Get("token"), ui.NewForm(r))
}

// show says who invites whom to what, and what can be done about it.
func (s *Service) show(w http.ResponseWriter, r *http.Request, status int, token string, form *ui.Form) error {
	o, err := s.Invitations.Find(r.Context(), token)
	if errors.Is(err, letter.ErrLink) {
		return s.deadLink(w, r)
	}
	if err != nil {
		return err
	}
	v := invitationView{Token: token, Tenant: o.Tenant.Name, Email: o.Email, Role: s.roleName(s.UI.Language(r), o.Role), By: o.By, Until: o.ExpiresAt,
		Form: form, AskUsername: s.cfg.UsernameRequired || s.cfg.UsernameOffered, UsernameRequired: s.cfg.UsernameRequired,
		Least: max(s.Policy.MinLength, password.MinLength), Attributes: s.asked(s.UI.Language(r))}
	if v.Can, v.Person, err = s.can(r, o); err != nil {
		return err
	}
	return s.UI.Write(w, r, ui.Page{Status: status, Name: "join/invitation", Data: v, Brand: o.Tenant.Brand})
}

// can returns what the browser of r can do about an invitation, and who is signed in with it. Whose cookie
// may not be read here, nobody is signed in.
func (s *Service) can(r *http.Request, o *invitation.Open) (what, person string, err error) {
	email, err := account.ParseEmail(o.Email)
	if err != nil {
		return "", "", err
	}
	v, err := s.Visitor(r)
	if errors.Is(err, session.ErrSignedOut) || errors.Is(err, web.ErrOrigin) {
		known, err := hasAccount(r.Context(), s.DB, email.Key)
		if known {
			return canSignIn, "", err
		}
		return canSignUp, "", err
	}
	if err != nil {
		return "", "", err
	}
	own, err := account.ParseEmail(v.Account.Email)
	switch {
	case err != nil:
		return "", "", err
	case !o.For(own.Key):
		return isAnother, v.Account.Email, nil
	case !v.Account.EmailVerified:
		return mustProve, v.Account.Email, nil
	default:
		return canAccept, v.Account.Email, nil
	}
}

// roleName is what a role is called: those built in in the reader's language, others as they are.
func (s *Service) roleName(lang, name string) string {
	switch name {
	case role.Owner, role.Admin, role.Member:
		return s.UI.Text(lang, "join.role."+name)
	default:
		return name
	}
}

func (s *Service) postAccept(w http.ResponseWriter, r *http.Request) error {
	token := r.PostForm.Get("token")
	v, err := s.Visitor(r)
	if errors.Is(err, session.ErrSignedOut) {
		return s.show(w, r, web.StatusOf(session.ErrSignedOut), token, ui.NewForm(r))
	}
	if err != nil {
		return err
	}
	_, err = s.Accept(r.Context(), v.Account.ID, token, web.FromContext(r.Context()).Address)
	switch {
	case errors.Is(err, letter.ErrLink):
		return s.deadLink(w, r)
	case errors.Is(err, invitation.ErrForeign):
		return s.show(w, r, web.StatusOf(invitation.ErrForeign), token, ui.NewForm(r))
	case err != nil:
		return err
	}
	http.Redirect(w, r, donePath, http.StatusSeeOther)
	return nil
}

// asked are the attributes that the form asks for.
func (s *Service) asked(lang string) []account.Asked {
	return account.Ask(s.UI, lang, s.UI.Text(lang, "join.sign_up.choose"), s.Attributes)
}

// postSignUp makes the account. Mails are written in the language that the page was in.
func (s *Service) postSignUp(w http.ResponseWriter, r *http.Request) error {
	f, lang := r.PostForm, s.UI.Language(r)
	asked, name := s.asked(lang), f.Get("full_name")
	token := f.Get("token")
	_, _, err := s.SignUp(r.Context(), Registration{Token: token, Password: f.Get("password"), Username: f.Get("username"),
		Profile: account.Change{FullName: &name, Locale: &lang, Attributes: account.Answers(asked, f)}, Address: web.FromContext(r.Context()).Address})
	switch {
	case err == nil:
		http.Redirect(w, r, donePath, http.StatusSeeOther)
		return nil
	case errors.Is(err, letter.ErrLink):
		return s.deadLink(w, r)
	}
	names := []string{"full_name", "username", "password"}
	for _, a := range asked {
		names = append(names, a.Field)
	}
	form := ui.NewForm(r, names...)
	if !fill(form, err) {
		return err
	}
	return s.show(w, r, web.StatusFor(w, err), token, form)
}

// fill puts what a person can mend beside the fields. It returns false for anything else.
func fill(form *ui.Form, why error) bool {
	all := []error{why}
	if joined, ok := why.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, err := range all {
		switch {
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

func (s *Service) deadLink(w http.ResponseWriter, r *http.Request) error {
	return s.UI.Write(w, r, ui.Page{Status: web.StatusOf(letter.ErrLink), Name: "join/dead_link", Data: struct{}{}})
}

func (s *Service) showDone(w http.ResponseWriter, r *http.Request) error {
	return s.UI.Write(w, r, ui.Page{Status: http.StatusOK, Name: "join/done", Data: struct{}{}})
}
