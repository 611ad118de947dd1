package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// passkeyAddView is what the page shows that adds a passkey. Its script asks the browser for one; see
// package ui.
type passkeyAddView struct {
	frame
	Ticket  string
	Options string // JSON
}

func (p *Portal) showPasskeyAdd(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writePasskeyAdd(w, r, v, http.StatusOK, ui.NewForm(r))
}

// writePasskeyAdd begins a ceremony each time: a challenge is good for one answer.
func (p *Portal) writePasskeyAdd(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	c, err := p.Enrol.StartPasskey(r.Context(), v.Bearer())
	if err != nil {
		return err
	}
	view := passkeyAddView{newFrame(v, f), c.Ticket, string(c.Options)}
	return p.write(w, r, v, securityPath, ui.Page{Status: status, Name: "portal/passkeys_add", Data: view})
}

func (p *Portal) postPasskeyAdd(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	form := r.PostForm
	_, codes, err := p.Enrol.FinishPasskey(r.Context(), v.Bearer(), form.Get("ticket"), []byte(form.Get("credential")), form.Get("name"))
	if err == nil {
		return p.added(w, r, v, passkeysPath, codes)
	}
	f := ui.NewForm(r, "name")
	if !mend(f, err) {
		return err
	}
	return p.writePasskeyAdd(w, r, v, web.StatusFor(w, err), f)
}
