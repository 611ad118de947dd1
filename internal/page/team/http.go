package team

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Routes returns the pages, which lie outside of the mount.
func Routes(t *Team) []web.Route {
	return slices.Concat(t.chooseRoutes(), t.memberRoutes(), t.invitationRoutes(), t.roleRoutes(), t.settingsRoutes(), t.domainRoutes(), t.endRoutes())
}

// one is the path of one organisation's pages.
const one = Path + "{tenant}/"

// Pages of others that these lead to.
const (
	signInPath  = "/account/sign-in/"
	accountPath = "/account/"
	stopPath    = "/account/look/stop/"
)

// pathOf returns where an organisation's pages lie.
func pathOf(slug string) string { return Path + slug + "/" }

// signedIn gives fn its visit, and leads whoever's session ended while it was at work to where they can
// sign in again.
func signedIn(fn func(w http.ResponseWriter, r *http.Request, v *session.Visit) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := fn(w, r, session.VisitFromContext(r.Context()))
		if ended(err) {
			http.Redirect(w, r, signInPath+"?next="+url.QueryEscape(Path), http.StatusSeeOther)
			return nil
		}
		return err
	}
}

// here is who looks at a page of which organisation.
type here struct {
	*tenant.Membership
	Visit *session.Visit
}

// by is who acts here.
func (h here) by() tenant.Actor { return tenant.By(h.AccountID).Through(h.Visit.SessionID) }

func (h here) path() string { return pathOf(h.Tenant.Slug) }

// within gives fn the organisation that its path names. One that is named by its id, or by another
// spelling, is shown under its short name.
func within(fn func(w http.ResponseWriter, r *http.Request, h here) error) func(http.ResponseWriter, *http.Request) error {
	return signedIn(func(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
		return at(w, r, here{tenant.FromContext(r.Context()), v}, fn)
	})
}

// belonging is within for a page that asks nothing but that whoever looks belongs to the organisation: it
// may be suspended, or not let this session in.
func (t *Team) belonging(fn func(w http.ResponseWriter, r *http.Request, h here) error) func(http.ResponseWriter, *http.Request) error {
	return signedIn(func(w http.ResponseWriter, r *http.Request, v *session.Visit) error {
		m, err := t.Members.Belongs(r.Context(), v.Account.ID, r.PathValue("tenant"))
		if err != nil {
			return err
		}
		return at(w, r, here{m, v}, fn)
	})
}

func at(w http.ResponseWriter, r *http.Request, h here, fn func(w http.ResponseWriter, r *http.Request, h here) error) error {
	named := r.PathValue("tenant")
	if rest, ok := strings.CutPrefix(r.URL.Path, pathOf(named)); ok && named != h.Tenant.Slug && r.Method == http.MethodGet {
		to := url.URL{Path: h.path() + rest, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
		return nil
	}
	return fn(w, r, h)
}

func ended(err error) bool {
	return errors.Is(err, session.ErrEnded) || errors.Is(err, session.ErrSignedOut)
}

// frame is what every page of an organisation shows.
type frame struct {
	// LookOnly: a member of staff looks on. There is nothing to send then.
	LookOnly bool
	Tenant   tenant.Tenant
	Grant    role.Grant
	Form     *ui.Form
}

func newFrame(h here, f *ui.Form) frame {
	return frame{LookOnly: h.Visit.Staff != nil, Tenant: h.Tenant, Grant: h.Grant, Form: f}
}

// Path is where the organisation's pages lie.
func (f frame) Path() string { return pathOf(f.Tenant.Slug) }

// May reports whether whoever looks may do what takes a permission, and so is offered it.
func (f frame) May(permission string) bool { return !f.LookOnly && f.Grant.Has(permission) }

// donePrefix begins the keys of what these pages say was done.
const donePrefix = "team.done."

// write sends a page of an organisation, as it looks.
func (t *Team) write(w http.ResponseWriter, r *http.Request, h here, page ui.Page) error {
	page.Nav, page.Brand = nav(h, r.URL.Path), h.Tenant.Brand
	return t.writePersonal(w, r, h.Visit, page)
}

// writePersonal sends a page that is of no organisation.
func (t *Team) writePersonal(w http.ResponseWriter, r *http.Request, v *session.Visit, page ui.Page) error {
	page.Person = v.Account.Email
	if done := r.URL.Query().Get("done"); strings.HasPrefix(done, donePrefix) {
		page.Done = done
	}
	if v.Staff != nil {
		page.Banner = &ui.Banner{Who: v.Account.Email, Until: v.Staff.Until, Reason: v.Staff.Reason, Action: stopPath}
	}
	return t.UI.Write(w, r, page)
}

// done leads from a form that did its work to a page that says so. Going back and forth then sends
// nothing twice.
func done(w http.ResponseWriter, r *http.Request, path, what string) error {
	http.Redirect(w, r, path+"?done="+donePrefix+what, http.StatusSeeOther) //nolint:gosec // path is of these pages: a slug or id from the database stands in it
	return nil
}

// mend takes err into a form for the person to mend, and reports whether they can. Whoever has to sign in
// or to prove themselves again is led there instead, and whoever is a member no more sees nothing more.
func mend(f *ui.Form, err error) bool {
	for _, over := range []error{session.ErrStale, tenant.ErrPolicy, tenant.ErrNotMember, tenant.ErrPermission} {
		if errors.Is(err, over) {
			return false
		}
	}
	return !ended(err) && f.Fail(err)
}

// blame takes err into a form as the problem of a field, if it is one of those that are the field's.
func blame(f *ui.Form, field string, err error, its ...*fault.Error) bool {
	for _, one := range its {
		if errors.Is(err, one) {
			f.Add(field, one.Code, one.Detail)
			return true
		}
	}
	return false
}
