package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
)

// postSessionsForget makes every browser a new one again; whoever is signed in stays so.
func (p *Portal) postSessionsForget(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	if err := p.SignIn.ForgetDevices(r.Context(), v.Bearer()); err != nil {
		return err
	}
	return done(w, r, sessionsPath, "forgotten")
}
