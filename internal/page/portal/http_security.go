package portal

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/enrol"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// securityRoutes are the pages about what one signs in with besides a password. Who only looks may do
// so with any proof; where something is changed, or a secret shown, it must be a fresh one.
func (p *Portal) securityRoutes() []web.Route {
	return []web.Route{
		web.Get(securityPath, web.Person, web.Page(signedIn(p.showSecurity))),
		web.Post(securityPath+"keep/", web.Person, web.Form(signedIn(p.postKeepFactors))),
		web.Get(appsPath, web.Person, web.Page(signedIn(p.showDevices(apps)))),
		web.Get(appsPath+"add/", web.FreshPerson, web.Page(signedIn(p.showAppAdd))),
		web.Post(appsPath+"add/", web.FreshPerson, web.Form(signedIn(p.postAppAdd))),
		web.Get(appsPath+"{id}/", web.FreshPerson, web.Page(signedIn(p.showDevice(apps)))),
		web.Post(appsPath+"{id}/", web.FreshPerson, web.Form(signedIn(p.postDevice(apps)))),
		web.Post(appsPath+"{id}/remove/", web.FreshPerson, web.Form(signedIn(p.postDeviceRemove(apps)))),
		web.Get(passkeysPath, web.Person, web.Page(signedIn(p.showDevices(passkeys)))),
		web.Get(passkeysPath+"add/", web.FreshPerson, web.Page(signedIn(p.showPasskeyAdd))),
		web.Post(passkeysPath+"add/", web.FreshPerson, web.Form(signedIn(p.postPasskeyAdd))),
		web.Get(passkeysPath+"{id}/", web.FreshPerson, web.Page(signedIn(p.showDevice(passkeys)))),
		web.Post(passkeysPath+"{id}/", web.FreshPerson, web.Form(signedIn(p.postDevice(passkeys)))),
		web.Post(passkeysPath+"{id}/remove/", web.FreshPerson, web.Form(signedIn(p.postDeviceRemove(passkeys)))),
		web.Get(codesPath, web.Person, web.Page(signedIn(p.showCodes))),
		web.Post(codesPath, web.FreshPerson, web.Form(signedIn(p.postCodes))),
		web.Post(codesPath+"clear/", web.FreshPerson, web.Form(signedIn(p.postCodesClear))),
		web.Get(mailPath, web.Person, web.Page(signedIn(p.showMail))),
		web.Post(mailPath, web.FreshPerson, web.Form(signedIn(p.postMail))),
	}
}

// securityView is the overview.
type securityView struct {
	frame
	*enrol.Status
	Advice       advice
	AppUsed      time.Time // the last time that any was
	PasskeyUsed  time.Time
	AppsPath     string
	PasskeysPath string
	CodesPath    string
	MailPath     string
}

// advice is what to do next, as a text in a tone of ui's notes.
type advice struct {
	Tone, Key string
	N         int
}

// fewCodes is when to make new backup codes.
const fewCodes = 3

func adviceFor(st *enrol.Status) advice {
	switch {
	case !st.Strong() && st.Required:
		return advice{Tone: "warn", Key: "portal.security.next_required"}
	case !st.Strong():
		return advice{Tone: "warn", Key: "portal.security.next_none"}
	case st.BackupCodes == 0:
		return advice{Tone: "warn", Key: "portal.security.next_codes"}
	case st.BackupCodes <= fewCodes:
		return advice{Tone: "warn", Key: "portal.security.next_few", N: st.BackupCodes}
	case len(st.Apps)+len(st.Passkeys) == 1:
		return advice{Key: "portal.security.next_second"}
	default:
		return advice{Tone: "good", Key: "portal.security.next_nothing"}
	}
}

func (p *Portal) showSecurity(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
	st, err := p.Enrol.Status(r.Context(), v.Bearer())
	if err != nil {
		return err
	}
	view := securityView{frame: newFrame(v, nil), Status: st, Advice: adviceFor(st), AppsPath: appsPath, PasskeysPath: passkeysPath, CodesPath: codesPath, MailPath: mailPath}
	for _, a := range st.Apps {
		view.AppUsed = later(view.AppUsed, a.LastUsedAt)
	}
	for _, k := range st.Passkeys {
		view.PasskeyUsed = later(view.PasskeyUsed, k.LastUsedAt)
	}
	return p.write(w, r, v, securityPath, ui.Page{Name: "portal/security", Data: view})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mayChange reports whether the visitor's proof is good enough to change what they sign in with. Where it
// is not, a page shows the way to a new proof in place of a form that would be refused.
func (p *Portal) mayChange(ctx context.Context, v *session.Visit) (bool, error) {
	err := p.SignIn.Fresh(v)
	if err == nil {
		err = p.Enrol.Check(ctx, v.Bearer())
	}
	if errors.Is(err, session.ErrStale) {
		return false, nil
	}
	return err == nil, err
}

// added answers whoever added a second factor. Those who had none before see backup codes, now and
// never again; the others the list at path, which says what was done.
func (p *Portal) added(w http.ResponseWriter, r *http.Request, v *session.Visit, path string, codes []string) error {
	if err := p.SignIn.RenewCookie(r, v); err != nil {
		return err
	}
	if len(codes) > 0 {
		return p.writeNewCodes(w, r, v, codes, "first")
	}
	return done(w, r, path, "added")
}
