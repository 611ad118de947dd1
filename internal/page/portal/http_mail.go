package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// mailView is what the page of codes by mail shows.
type mailView struct {
	frame
	On      bool
	Strong  bool // another factor is asked for instead
	May     bool // it can be switched on
	Fresh   bool
	Confirm string
}

func (p *Portal) showMail(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeMail(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeMail(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	st, err := p.Enrol.Status(r.Context(), v.Bearer())
	if err != nil {
		return err
	}
	view := mailView{frame: newFrame(v, f), On: st.Email, Strong: st.Strong(), May: st.MayMail, Confirm: confirmPath + "?next=" + mailPath}
	if view.Fresh, err = p.mayChange(r.Context(), v); err != nil {
		return err
	}
	return p.write(w, r, v, securityPath, ui.Page{Status: status, Name: "portal/mail", Data: view})
}

// postMail switches codes by mail on or off.
func (p *Portal) postMail(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if r.PostForm.Get("on") == "" {
		if err := p.Enrol.DisableMail(r.Context(), v.Bearer()); err != nil {
			return err
		}
		return done(w, r, mailPath, "mail_off")
	}
	err := p.Enrol.EnableMail(r.Context(), v.Bearer())
	if err == nil {
		return done(w, r, mailPath, "mail_on")
	}
	f := ui.NewForm(r)
	if !mend(f, err) {
		return err
	}
	return p.writeMail(w, r, v, web.StatusFor(w, err), f)
}
