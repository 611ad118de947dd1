package portal

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// appAddView is what the page shows that adds an authenticator app: first how to call it, then the
// secret that waits for its code.
type appAddView struct {
	frame
	Setup  string        // id of what waits; empty: nothing does yet
	QR     template.HTML // an SVG element
	Secret string        // in groups of four
}

// showAppAdd shows no secret, not even one that waits: it may be somebody else's who is signed in.
func (p *Portal) showAppAdd(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if err := p.Enrol.Check(r.Context(), v.Bearer()); err != nil {
		return err
	}
	return p.writeAppAdd(w, r, v, http.StatusOK, nil, ui.NewForm(r))
}

func (p *Portal) writeAppAdd(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, s *totp.Setup, f *ui.Form) error {
	view := appAddView{frame: newFrame(v, f)}
	if s != nil {
		svg, err := s.SVG()
		if err != nil {
			return err
		}
		view.Setup, view.QR, view.Secret = s.ID.String(), template.HTML(svg), s.InGroups() //nolint:gosec // made of numbers alone
	}
	return p.write(w, r, v, securityPath, ui.Page{Status: status, Name: "portal/app_add", Data: view})
}

// postAppAdd begins, or takes the code that ends it. The page that holds the secret answers the form
// itself: nobody can be led to another's secret, and none is anywhere to be asked for again.
func (p *Portal) postAppAdd(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if r.PostForm.Has("code") {
		return p.postAppCode(w, r, v)
	}
	name := cmp.Or(strings.TrimSpace(r.PostForm.Get("name")), p.UI.Text(p.UI.Language(r), "portal.app.unnamed"))
	setup, err := p.Enrol.StartApp(r.Context(), v.Bearer(), name)
	f := ui.NewForm(r, "name")
	if err != nil && !mend(f, err) {
		return err
	}
	return p.writeAppAdd(w, r, v, statusOf(w, err), setup, f)
}

func (p *Portal) postAppCode(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	_, codes, err := p.Enrol.ConfirmApp(r.Context(), v.Bearer(), r.PostForm.Get("code"))
	if err == nil {
		return p.added(w, r, v, appsPath, codes)
	}
	f := ui.NewForm(r, "code")
	if errors.Is(err, factor.ErrCode) {
		f.Add("code", factor.ErrCode.Code, factor.ErrCode.Detail)
	} else if !mend(f, err) {
		return err
	}
	id, _ := uuid.Parse(r.PostForm.Get("setup")) // what is no id is no set-up's
	setup, missing := p.Enrol.WaitingApp(r.Context(), v.Bearer(), id)
	if missing != nil && !errors.Is(missing, totp.ErrNoSetup) {
		return missing
	}
	return p.writeAppAdd(w, r, v, web.StatusFor(w, err), setup, f)
}

// statusOf is web.StatusFor where err may be nil.
func statusOf(w http.ResponseWriter, err error) int {
	if err == nil {
		return http.StatusOK
	}
	return web.StatusFor(w, err)
}
