package portal

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// deleteView is what the page shows that asks before an account is erased.
type deleteView struct {
	frame
	AskPassword bool
	Times       []ui.Option
	EraseAt     time.Time // zero: it is not planned yet
}

// graceDays are the times to think again that the page offers, in days.
var graceDays = []int{profile.MaxGrace, 7, 0}

func (p *Portal) showDelete(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if err := p.Enrol.Check(r.Context(), v.Bearer()); err != nil {
		return err
	}
	return p.writeDelete(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeDelete(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	m, err := p.Profile.Summary(r.Context(), v.Account.ID)
	if err != nil {
		return err
	}
	view := deleteView{frame: newFrame(v, f), EraseAt: m.EraseAt}
	if view.AskPassword, err = p.asksPassword(r, v); err != nil {
		return err
	}
	f.Set("grace_days", strconv.Itoa(graceDays[0]))
	lang := p.UI.Language(r)
	for _, days := range graceDays {
		text := p.UI.Text(lang, "portal.delete.in_days", "n", days)
		if days == 0 {
			text = p.UI.Text(lang, "portal.delete.now")
		}
		view.Times = append(view.Times, ui.Option{Value: strconv.Itoa(days), Text: text})
	}
	return p.write(w, r, v, dataPath, ui.Page{Status: status, Name: "portal/delete", Data: view})
}

// asksPassword reports whether the page asks for the password: where there is a second factor, the
// fresh proof that it is shown for says more.
func (p *Portal) asksPassword(r *http.Request, v *session.Visit) (bool, error) {
	held, err := factor.Of(r.Context(), p.DB, v.Account.ID)
	return held.Password && !held.Strong(), err
}

func (p *Portal) postDelete(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	at, err := p.leave(r, v)
	if err == nil {
		if err := p.SignIn.ClearCookies(web.FromContext(r.Context())); err != nil {
			return err
		}
		if !at.IsZero() {
			return done(w, r, signInPath, "scheduled")
		}
		http.Redirect(w, r, goodbyePath, http.StatusSeeOther)
		return nil
	}
	f := ui.NewForm(r, "grace_days", "password")
	if errors.Is(err, password.ErrRejected) {
		f.Add("password", password.ErrRejected.Code, password.ErrRejected.Detail)
	} else if !mend(f, err) {
		return err
	}
	return p.writeDelete(w, r, v, web.StatusFor(w, err), f)
}

// leave does what the form says. A password that the page asks for is not left out.
func (p *Portal) leave(r *http.Request, v *session.Visit) (at time.Time, err error) {
	l := profile.Leaving{Password: r.PostForm.Get("password")}
	if l.Days, err = strconv.Atoi(r.PostForm.Get("grace_days")); err != nil {
		return at, profile.ErrGrace.WithField("grace_days", "invalid", profile.ErrGrace.Detail)
	}
	asks, err := p.asksPassword(r, v)
	if err != nil {
		return at, err
	}
	if asks && l.Password == "" {
		return at, password.ErrRejected
	}
	return p.Profile.Erase(r.Context(), v.Bearer(), l)
}

// postKeep calls off what was planned on the page above.
func (p *Portal) postKeep(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	err := p.Profile.Keep(r.Context(), v.Bearer())
	if err == nil {
		return done(w, r, homePath, "kept")
	}
	f := ui.NewForm(r)
	if !mend(f, err) {
		return err
	}
	return p.writeHome(w, r, v, web.StatusFor(w, err), f)
}

// showGoodbye is where the way out ends. Anybody may see it; it says nothing about anyone.
func (p *Portal) showGoodbye(w http.ResponseWriter, r *http.Request) error {
	return p.UI.Write(w, r, ui.Page{Name: "portal/goodbye"})
}
