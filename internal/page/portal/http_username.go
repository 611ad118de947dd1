package portal

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// usernameRoutes are there where people have user names.
func (p *Portal) usernameRoutes() []web.Route {
	if !p.Usernames {
		return nil
	}
	return []web.Route{
		web.Get(usernamePath, web.FreshPerson, web.Page(signedIn(p.showUsername))),
		web.Post(usernamePath, web.FreshPerson, web.Form(signedIn(p.postUsername))),
	}
}

// usernameView is what the page of the user name shows.
type usernameView struct {
	frame
	Kept int // for how many days a former one is kept
}

func (p *Portal) showUsername(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if err := p.Enrol.Check(r.Context(), v.Bearer()); err != nil {
		return err
	}
	return p.writeUsername(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeUsername(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	f.Set("username", v.Account.Username)
	view := usernameView{newFrame(v, f), int(identifier.UsernameKept.Hours() / 24)}
	return p.write(w, r, v, usernamePath, ui.Page{Status: status, Name: "portal/username", Data: view})
}

func (p *Portal) postUsername(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	_, err := p.Identifier.ChangeUsername(r.Context(), v.Bearer(), r.PostForm.Get("username"))
	if err == nil {
		return done(w, r, usernamePath, "username")
	}
	f := ui.NewForm(r, "username")
	if !blame(f, "username", err, account.ErrUsername, account.ErrUsernameTaken) && !mend(f, err) {
		return err
	}
	return p.writeUsername(w, r, v, web.StatusFor(w, err), f)
}

// blame takes err into a form as the problem of a field, if it is one of those that are the field's.
func blame(f *ui.Form, field string, err error, its ...*fault.Error) bool {
	for _, one := range its {
		if errors.Is(err, one) {
			f.Add(field, one.Code, one.Detail)
			return true
		}
	}
	return false
}
