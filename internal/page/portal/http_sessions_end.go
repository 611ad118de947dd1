package portal

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// postSessionsEnd ends one session of the visitor's. Another's is not found, nor is one that has
// ended: the list then says so and shows what there is.
func (p *Portal) postSessionsEnd(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	err := p.endOne(r, v)
	if errors.Is(err, session.ErrNotFound) {
		f := ui.NewForm(r)
		f.Add("", session.ErrNotFound.Code, session.ErrNotFound.Detail)
		return p.writeSessions(w, r, v, web.StatusFor(w, err), f)
	}
	if err != nil {
		return err
	}
	return done(w, r, sessionsPath, "session")
}

func (p *Portal) endOne(r *http.Request, v *session.Visit) error {
	text := r.PostForm.Get("id")
	id, err := uuid.Parse(text)
	// One's own session ends by signing out, which also takes the cookie.
	if err != nil || id.String() != text || id == v.SessionID {
		return session.ErrNotFound
	}
	return p.SignIn.EndOne(r.Context(), v.Account.ID, id)
}
