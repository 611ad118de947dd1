package portal

import (
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// sessionsView is what the page shows that lists where one is signed in.
type sessionsView struct {
	frame
	Sessions   []sessionView // this one first
	Others     bool          // there is more than this one
	Remembered int           // browsers that the account is known to sign in with
}

type sessionView struct {
	session.Session
	Place   place.Place
	Current bool
	Staff   bool     // a member of staff looks on
	Ways    []string // texts: how it was signed in
}

// ways are the keys of how one can sign in, by the methods of package authn.
var ways = map[string]string{
	authn.Password:      "portal.sessions.by_password",
	authn.TOTP:          "portal.sessions.by_app",
	authn.BackupCode:    "portal.sessions.by_backup_code",
	authn.Email:         "portal.sessions.by_mail",
	authn.BoundPasskey:  "portal.sessions.by_passkey",
	authn.SyncedPasskey: "portal.sessions.by_passkey",
}

func (p *Portal) showSessions(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	return p.writeSessions(w, r, v, http.StatusOK, ui.NewForm(r))
}

func (p *Portal) writeSessions(w http.ResponseWriter, r *http.Request, v *session.Visit, status int, f *ui.Form) error {
	all, err := p.SignIn.Sessions(r.Context(), v.Account.ID)
	if err != nil {
		return err
	}
	view := sessionsView{frame: newFrame(v, f), Others: len(all) > 1}
	if view.Remembered, err = p.SignIn.RememberedDevices(r.Context(), v.Account.ID); err != nil {
		return err
	}
	lang := p.UI.Language(r)
	for _, s := range all {
		one := sessionView{Session: s, Place: p.Places.Find(s.Address), Current: s.ID == v.SessionID, Staff: s.Client.Transport == session.Look, Ways: p.waysOf(s, lang)}
		if one.Current {
			view.Sessions = append([]sessionView{one}, view.Sessions...)
		} else {
			view.Sessions = append(view.Sessions, one)
		}
	}
	return p.write(w, r, v, sessionsPath, ui.Page{Status: status, Name: "portal/sessions", Data: view})
}

// waysOf returns how a session was signed in, each way once.
func (p *Portal) waysOf(s session.Session, lang string) (texts []string) {
	for _, m := range s.Methods {
		key, ok := ways[m]
		if text := p.UI.Text(lang, key); ok && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}
