package portal

import (
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// deleteView is what the page shows that asks before an account is erased.
type deleteView struct {
	frame
	None   bool // there is no password to prove with
	Forgot string
}

func (p *Portal) showDelete(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeDelete(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeDelete(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	m, err := p.Profile.Summary(r.Context(), v.Account.ID)
	if err != nil {
		return err
	}
	view := deleteView{frame: newFrame(v, f), None: m.PasswordChanged.IsZero(), Forgot: forgotPath}
	return p.write(w, r, v, dataPath, ui.Page{Status: status, Name: "portal/delete", Data: view})
}

func (p *Portal) postDelete(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	_, err := p.Profile.Erase(r.Context(), v.Bearer(), profile.Leaving{Password: r.PostForm.Get("password")})
	if err == nil {
		if err := p.SignIn.ClearCookies(web.FromContext(r.Context())); err != nil {
			return err
		}
		http.Redirect(w, r, goodbyePath, http.StatusSeeOther)
		return nil
	}
	f := ui.NewForm(r, "password")
	if errors.Is(err, password.ErrRejected) {
		f.Add("password", password.ErrRejected.Code, password.ErrRejected.Detail)
	} else if !mend(f, err) {
		return err
	}
	return p.writeDelete(w, r, v, web.StatusFor(w, err), f)
}

// showGoodbye is where the way out ends. Anybody may see it; it says nothing about anyone.
func (p *Portal) showGoodbye(w http.ResponseWriter, r *http.Request) error {
	return p.UI.Write(w, r, ui.Page{Name: "portal/goodbye"})
}
