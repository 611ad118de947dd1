package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// postSessionsOthers signs out everywhere but here.
func (p *Portal) postSessionsOthers(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if _, err := p.SignIn.EndOthers(r.Context(), v.Bearer()); err != nil {
		return err
	}
	return done(w, r, sessionsPath, "others")
}

// postSessionsAll signs out everywhere, here too.
func (p *Portal) postSessionsAll(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if err := p.SignIn.EndAll(r.Context(), v.Bearer()); err != nil {
		return err
	}
	if err := p.SignIn.ClearCookies(web.FromContext(r.Context())); err != nil {
		return err
	}
	http.Redirect(w, r, signInPath+"?done=signin.done.signed_out", http.StatusSeeOther)
	return nil
}
