package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func (p *Portal) showData(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeData(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeData(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	return p.write(w, r, v, dataPath, ui.Page{Status: status, Name: "portal/data", Data: newFrame(v, f)})
}

// showExport sends the file. Who looks on may look, not take it all away; and a link from elsewhere
// leads to the page that asks, so that nobody else has one's data stored on a machine at hand.
func (p *Portal) showExport(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if v.Staff != nil {
		return session.ErrLookOnly
	}
	if web.FromContext(r.Context()).CheckOrigin() != nil {
		http.Redirect(w, r, dataPath, http.StatusSeeOther)
		return nil
	}
	e, err := p.Profile.Export(r.Context(), v.Bearer())
	if err != nil {
		f := ui.NewForm(r)
		if !mend(f, err) {
			return err
		}
		return p.writeData(w, r, v, web.StatusFor(w, err), f)
	}
	profile.WriteExport(w, e)
	return nil
}
