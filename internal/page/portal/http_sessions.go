package portal

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// sessionsView is what the page shows that lists where one is signed in.
type sessionsView struct {
	frame
	Sessions []sessionView // this one first
	Others   bool          // there is more than this one
}

type sessionView struct {
	session.Session
	Current bool
	Staff   bool     // a member of staff looks on
	Ways    []string // texts: how it was signed in
}

// ways are the keys of how one can sign in, by the methods of package authn.
var ways = map[string]string{"pwd": "portal.sessions.by_password"}

func (p *Portal) showSessions(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeSessions(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeSessions(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	all, err := p.SignIn.Sessions(r.Context(), v.Account.ID)
	if err != nil {
		return err
	}
	view := sessionsView{frame: newFrame(v, f), Others: len(all) > 1}
	lang := p.UI.Language(r)
	for _, s := range all {
		one := sessionView{Session: s, Current: s.ID == v.SessionID, Staff: s.Client.Transport == session.Look}
		for _, m := range s.Methods {
			if key, ok := ways[m]; ok {
				one.Ways = append(one.Ways, p.UI.Text(lang, key))
			}
		}
		if one.Current {
			view.Sessions = append([]sessionView{one}, view.Sessions...)
		} else {
			view.Sessions = append(view.Sessions, one)
		}
	}
	return p.write(w, r, v, sessionsPath, ui.Page{Status: status, Name: "portal/sessions", Data: view})
}
