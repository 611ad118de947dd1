package portal

import (
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// codesView is what the page of backup codes shows.
type codesView struct {
	frame
	Left    int
	None    bool // there is nothing that they could stand in for
	Fresh   bool
	Confirm string
}

func (p *Portal) showCodes(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeCodes(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeCodes(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	st, err := p.Enrol.Status(r.Context(), v.Bearer())
	if err != nil {
		return err
	}
	view := codesView{frame: newFrame(v, f), Left: st.BackupCodes, None: !st.Strong(), Confirm: confirmPath + "?next=" + codesPath}
	if view.Fresh, err = p.mayChange(r.Context(), v); err != nil {
		return err
	}
	return p.write(w, r, v, securityPath, ui.Page{Status: status, Name: "portal/codes", Data: view})
}

// postCodes makes new codes and shows them: the only page that ever does.
func (p *Portal) postCodes(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	codes, err := p.Enrol.NewCodes(r.Context(), v.Bearer())
	if err == nil {
		return p.writeNewCodes(w, r, v, codes, "")
	}
	f := ui.NewForm(r)
	if !mend(f, err) {
		return err
	}
	return p.writeCodes(w, r, v, web.StatusFor(w, err), f)
}

// newCodesView is what the page shows with codes to keep.
type newCodesView struct {
	frame
	Codes string // one a line
}

func (p *Portal) writeNewCodes(w http.ResponseWriter, r *http.Request, v *session.Visit, codes []string, said string) error {
	page := ui.Page{Name: "portal/codes_new", Data: newCodesView{newFrame(v, nil), strings.Join(codes, "\n")}}
	if said != "" {
		page.Done = donePrefix + said
	}
	return p.write(w, r, v, securityPath, page)
}

func (p *Portal) postCodesClear(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if err := p.Enrol.ClearCodes(r.Context(), v.Bearer()); err != nil {
		return err
	}
	return done(w, r, codesPath, "codes_cleared")
}
