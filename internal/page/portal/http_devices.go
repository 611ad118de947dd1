package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// deviceKind is what tells authenticator apps from passkeys where their pages do the same.
type deviceKind struct {
	path string // of the list
	key  string // of its name
	page string // that shows it
	list func(st *enrol.Status) []device
	// The services' own.
	rename  func(s *enrol.Service, ctx context.Context, by session.Bearer, id uuid.UUID, name string) error
	remove  func(s *enrol.Service, ctx context.Context, by session.Bearer, id uuid.UUID) error
	missing error
}

// device is an app or a passkey.
type device struct {
	ID         uuid.UUID
	Name       string
	Path       string // where it is changed
	Model      string // of a passkey, empty: not known
	Synced     bool   // a passkey that may be copied
	CreatedAt  time.Time
	LastUsedAt time.Time
}

var (
	apps     = deviceKind{appsPath, "portal.app.title", "portal/app", listApps, (*enrol.Service).RenameApp, (*enrol.Service).RemoveApp, totp.ErrNotFound}
	passkeys = deviceKind{passkeysPath, "portal.passkeys.title", "portal/passkeys", listPasskeys, (*enrol.Service).RenamePasskey, (*enrol.Service).RemovePasskey, passkey.ErrNotFound}
)

func listApps(st *enrol.Status) (all []device) {
	for _, a := range st.Apps {
		all = append(all, device{ID: a.ID, Name: a.Name, Path: appsPath + a.ID.String() + "/", CreatedAt: a.CreatedAt, LastUsedAt: a.LastUsedAt})
	}
	return all
}

func listPasskeys(st *enrol.Status) (all []device) {
	for _, k := range st.Passkeys {
		all = append(all, device{k.ID, k.Name, passkeysPath + k.ID.String() + "/", k.Model, k.Synced, k.CreatedAt, k.LastUsedAt})
	}
	return all
}

// devicesView is a list of apps or passkeys.
type devicesView struct {
	frame
	Devices []device
}

func (p *Portal) showDevices(k deviceKind) handler {
	return func(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
		st, err := p.Enrol.Status(r.Context(), v.Bearer())
		if err != nil {
			return err
		}
		return p.write(w, r, v, securityPath, ui.Page{Name: k.page, Data: devicesView{newFrame(v, nil), k.list(st)}})
	}
}

// deviceView is one app or passkey.
type deviceView struct {
	frame
	device
	Back, BackKey string
	Last          bool // no other second factor is left without it
	Kept          bool // so policy wants it kept
}

func (p *Portal) showDevice(k deviceKind) handler {
	return func(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
		if err := p.Enrol.Check(r.Context(), v.Bearer()); err != nil {
			return err
		}
		return p.writeDevice(w, r, v, k, http.StatusOK, ui.NewForm(r))
	}
}

func (p *Portal) writeDevice(w http.ResponseWriter, r *http.Request, v *session.Visit, k deviceKind, status int, f *ui.Form) error {
	st, err := p.Enrol.Status(r.Context(), v.Bearer())
	if err != nil {
		return err
	}
	for _, d := range k.list(st) {
		if d.ID != idOf(r) {
			continue
		}
		f.Set("name", d.Name)
		last := len(st.Apps)+len(st.Passkeys) == 1
		view := deviceView{newFrame(v, f), d, k.path, k.key, last, last && st.Required}
		return p.write(w, r, v, securityPath, ui.Page{Status: status, Name: "portal/device", Data: view})
	}
	return k.missing
}

// idOf returns what the path names, or uuid.Nil, which names nothing: an id has one spelling.
func idOf(r *http.Request) uuid.UUID {
	text := r.PathValue("id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.Nil
	}
	return id
}

func (p *Portal) postDevice(k deviceKind) handler {
	return func(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
		err := k.rename(p.Enrol, r.Context(), v.Bearer(), idOf(r), r.PostForm.Get("name"))
		if err == nil {
			return done(w, r, k.path, "renamed")
		}
		return p.refuseDevice(w, r, v, k, err, ui.NewForm(r, "name"))
	}
}

func (p *Portal) postDeviceRemove(k deviceKind) handler {
	return func(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
		err := k.remove(p.Enrol, r.Context(), v.Bearer(), idOf(r))
		if err == nil {
			return done(w, r, k.path, "removed")
		}
		return p.refuseDevice(w, r, v, k, err, ui.NewForm(r))
	}
}

func (p *Portal) refuseDevice(w http.ResponseWriter, r *http.Request, v *session.Visit, k deviceKind, err error, f *ui.Form) error {
	if !mend(f, err) {
		return err
	}
	return p.writeDevice(w, r, v, k, web.StatusFor(w, err), f)
}
