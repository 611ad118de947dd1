package portal

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// passwordView is what the password page shows.
type passwordView struct {
	frame
	None      bool // there is no password to change
	MinLength int
	Breach    bool // known breaches are asked
	Forgot    string
}

func (p *Portal) showPassword(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writePassword(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writePassword(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	m, err := p.Profile.Summary(r.Context(), v.Account.ID)
	if err != nil {
		return err
	}
	view := passwordView{frame: newFrame(v, f), None: m.PasswordChanged.IsZero(), Breach: p.Policy.Breach != nil, Forgot: forgotPath,
		MinLength: max(p.Policy.MinLength, password.MinLength)}
	return p.write(w, r, v, passwordPath, ui.Page{Status: status, Name: "portal/password", Data: view})
}

// postPassword changes the password. The other sessions end with it, and this one gets a new cookie.
func (p *Portal) postPassword(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	err := p.Password.Change(r.Context(), v.Bearer(), r.PostForm.Get("old_password"), r.PostForm.Get("new_password"))
	if err == nil {
		if err := p.SignIn.RenewCookie(r, v); err != nil {
			return err
		}
		return done(w, r, passwordPath, "password")
	}
	f := ui.NewForm(r, "old_password", "new_password")
	if errors.Is(err, password.ErrRejected) {
		f.Add("old_password", password.ErrRejected.Code, password.ErrRejected.Detail)
	} else if !mend(f, err) {
		return err
	}
	return p.writePassword(w, r, v, web.StatusFor(w, err), f)
}
