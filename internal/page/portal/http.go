package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns the pages, which lie outside of the mount.
func Routes(p *Portal) []web.Route {
	return append(slices.Concat(p.securityRoutes(), p.emailRoutes(), p.usernameRoutes()),
		web.Get(homePath, web.Person, web.Page(signedIn(p.showHome))),
		web.Get(profilePath, web.Person, web.Page(signedIn(p.showProfile))),
		web.Post(profilePath, web.Person, web.Form(signedIn(p.postProfile))),
		web.Get(passwordPath, web.Person, web.Page(signedIn(p.showPassword))),
		web.Post(passwordPath, web.Person, web.Form(signedIn(p.postPassword))),
		web.Get(sessionsPath, web.Person, web.Page(signedIn(p.showSessions))),
		web.Post(sessionsPath+"end/", web.Person, web.Form(signedIn(p.postSessionsEnd))),
		web.Post(sessionsPath+"others/", web.FreshPerson, web.Form(signedIn(p.postSessionsOthers))),
		web.Post(sessionsPath+"all/", web.Person, web.Form(signedIn(p.postSessionsAll))),
		web.Post(sessionsPath+"forget/", web.Person, web.Form(signedIn(p.postSessionsForget))),
		web.Get(languagePath, web.Person, web.Page(signedIn(p.showLanguage))),
		web.Post(languagePath, web.Person, web.Form(signedIn(p.postLanguage))),
		web.Get(dataPath, web.Person, web.Page(signedIn(p.showData))),
		web.Get(dataPath+"export/", web.Person, web.Page(signedIn(p.showExport))),
		web.Get(deletePath, web.FreshPerson, web.Page(signedIn(p.showDelete))),
		web.Post(deletePath, web.FreshPerson, web.Form(signedIn(p.postDelete))),
		web.Post(keepPath, web.Person, web.Form(signedIn(p.postKeep))),
		web.Get(goodbyePath, web.Public, web.Page(p.showGoodbye)),
	)
}

// handler is a page of somebody who is signed in.
type handler func(w http.ResponseWriter, r *http.Request, v *session.Visit) error

// signedIn gives fn its visit, and leads whoever's session ended while it was at work to where they
// can sign in again.
func signedIn(fn handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := fn(w, r, session.VisitFromContext(r.Context()))
		if ended(err) {
			http.Redirect(w, r, signInPath+"?next="+url.QueryEscape(homePath), http.StatusSeeOther)
			return nil
		}
		return err
	}
}

func ended(err error) bool {
	return errors.Is(err, session.ErrEnded) || errors.Is(err, session.ErrSignedOut)
}

// frame is what every page of somebody who is signed in shows.
type frame struct {
	// LookOnly: a member of staff looks on. There is nothing to send then.
	LookOnly bool
	Account  *account.Account
	Form     *ui.Form
}

func newFrame(v *session.Visit, f *ui.Form) frame {
	return frame{LookOnly: v.Staff != nil, Account: v.Account, Form: f}
}

// donePrefix begins the keys of what these pages say was done.
const donePrefix = "portal.done."

// write sends a page. current is the place in the navigation that it belongs to.
func (p *Portal) write(w http.ResponseWriter, r *http.Request, v *session.Visit, current string, page ui.Page) error {
	page.Nav, page.Person = p.Nav(current), v.Account.Email
	if done := r.URL.Query().Get("done"); strings.HasPrefix(done, donePrefix) {
		page.Done = done
	}
	if v.Staff != nil {
		page.Banner = &ui.Banner{Who: v.Account.Email, Until: v.Staff.Until, Reason: v.Staff.Reason, Action: stopPath}
	}
	return p.UI.Write(w, r, page)
}

// done leads from a form that did its work to a page that says so. Going back and forth then
// sends nothing twice.
func done(w http.ResponseWriter, r *http.Request, path, what string) error {
	http.Redirect(w, r, path+"?done="+donePrefix+what, http.StatusSeeOther)
	return nil
}

// mend takes err into a form for the person to mend, and reports whether they can. Whoever has to sign
// in or to prove themselves again is led there instead.
func mend(f *ui.Form, err error) bool {
	return !ended(err) && !errors.Is(err, session.ErrStale) && f.Fail(err)
}
