// Package console is the screens of the people who run the service: what happens on it, the
// accounts, the mails, the keys. It gathers what flows and the domain can do; what an
// action does and writes down is decided there, who may do it is said beside each route. A screen shows
// what the role of whoever looks allows, and leads nowhere that it does not.
//
// A screen is one file: its routes, its handlers, its views. [Routes] puts the files together, nav.go
// says where they stand, and docs/console.md tells what each is for.
package console

import (
	"embed"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

//go:embed pages locales
var files embed.FS

// Pages are the templates and texts of these screens.
func Pages() ui.Set { return ui.Set{Name: "console", Layout: "console", Files: files} }

// Deps is what the screens work with. Every member but Places is required.
type Deps struct {
	DB      *db.DB
	UI      *ui.UI
	Manage  *manage.Service
	Govern  *govern.Service
	SignIn  *signin.Service
	Keys    *keyring.Keyring
	Queue   *jobs.Queue
	Letters *letter.Post
	Limiter *ratelimit.Limiter
	Places  *place.Finder // of network addresses; nil: none are known
	// Hashing is the load of this instance's hashing slots.
	Hashing func() password.Stats
	// Skew is how far this instance's clock is ahead of the database's.
	Skew func() time.Duration
	// KeyLifetime is how long a signing key is used.
	KeyLifetime time.Duration
	// API is the external address of the API without a trailing slash, for the calls that screens show.
	API string
	// Settings are what this instance runs with, in the order they are shown.
	Settings []Setting
}

// Console serves the screens. It is safe for concurrent use.
type Console struct{ Deps }

// New returns a Console.
func New(deps Deps) *Console { return &Console{deps} }

// Routes returns the screens, which lie outside of the mount.
func Routes(c *Console) []web.Route {
	return slices.Concat(c.overviewRoutes(), c.accountsRoutes(), c.bulkRoutes(), c.accountRoutes(),
		c.sessionsRoutes(), c.tenantsRoutes(), c.tenantRoutes(), c.memberRoutes(), c.partRoutes(), c.permissionsRoutes(), c.mailsRoutes(), c.templatesRoutes(), c.keysRoutes(), c.auditRoutes(), c.settingsRoutes())
}

// write renders the screen pages/NAME.html. What was just done, ?done=NAME, is the text console.done.NAME.
func (c *Console) write(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	return c.writePage(w, r, ui.Page{Status: status, Name: "console/" + name, Data: data})
}

// writePage is write for a page with more to say.
func (c *Console) writePage(w http.ResponseWriter, r *http.Request, p ui.Page) error {
	p.Nav, p.Person = nav(r.URL.Path, c.actor(r)), session.VisitFromContext(r.Context()).Account.Email
	if done := r.URL.Query().Get("done"); done != "" {
		p.Done = "console.done." + done
	}
	return c.UI.Write(w, r, p)
}

// done leads to where an action's outcome is seen, and says there what was done.
func done(w http.ResponseWriter, r *http.Request, path, what string) error {
	http.Redirect(w, r, path+"?done="+what, http.StatusSeeOther)
	return nil
}
