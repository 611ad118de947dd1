// Package devtools is what a newcomer and a test look at in development mode: every mail that would
// have been sent, a clock that can be moved, sample accounts with an organisation, and the way to
// every page. Its pages answer this machine alone. None of them exists in production.
package devtools

import (
	"embed"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/flow/govern"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Failures of the development tools.
var (
	ErrClockBackwards = fault.New(fault.Conflict, "clock_backwards", "The clock only goes forward.")
	ErrClockFixed     = fault.New(fault.Conflict, "clock_fixed", "This server's clock cannot be driven.")
	ErrNotLocal       = fault.New(fault.Forbidden, "loopback_only", "Development tools answer only on this machine, under a loopback name.")
)

// Deps is what the tools work with.
type Deps struct {
	UI      *ui.UI
	Manage  *manage.Service
	Govern  *govern.Service
	Mailbox *mail.Mailbox // nil: mails are really sent
	Clock   any           // with Advance(time.Duration) error where it can be moved
	Now     func() time.Time
	URL     string // the public origin
	Issuer  string
}

// Tools serves the pages. It is safe for concurrent use.
type Tools struct {
	Deps
	samples samples
}

// New returns the tools.
func New(deps Deps) *Tools { return &Tools{Deps: deps} }

//go:embed pages locales
var files embed.FS

// Pages are the tools' templates and texts.
func Pages() ui.Set { return ui.Set{Name: "devtools", Assets: "/dev/assets/", Files: files} }

// Routes returns the tools' pages, outside of the mount.
func Routes(t *Tools) []web.Route {
	return []web.Route{
		web.Get("/dev/", web.Public, web.Page(local(t.showHome))),
		web.Post("/dev/samples/", web.Public, web.Form(local(t.postSamples))),
		web.Get("/dev/mailbox/", web.Public, web.Page(local(t.showMailbox))),
		web.Get("/dev/clock/", web.Public, web.Page(local(t.showClock))),
		web.Post("/dev/clock/", web.Public, web.JSON(t.handleClock)),
		web.Post("/dev/clock/advance/", web.Public, web.Form(local(t.postClock))),
	}
}

// local refuses whoever is not on this machine or is led here by a foreign page.
func local(next func(w http.ResponseWriter, r *http.Request) error) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := isLocal(r); err != nil {
			return err
		}
		return next(w, r)
	}
}

func isLocal(r *http.Request) error {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	host := r.Host
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		host = h
	}
	if err != nil || !peer.Addr().Unmap().IsLoopback() || !web.Loopback(strings.ToLower(strings.Trim(host, "[]"))) {
		return ErrNotLocal
	}
	return web.FromContext(r.Context()).CheckOrigin()
}

// place is a page that a newcomer may want to see.
type place struct{ Href, Key string }

var accountPages = []place{
	{"/account/sign-in/", "devtools.home.sign_in"}, {"/account/sign-in/mail/", "devtools.home.by_mail"}, {"/account/sign-up/", "devtools.home.sign_up"},
	{"/account/resend/", "devtools.home.resend"}, {"/account/forgot/", "devtools.home.forgot"},
	{"/account/", "devtools.home.account"}, {"/account/profile/", "devtools.home.profile"}, {"/account/email/", "devtools.home.email"},
	{"/account/password/", "devtools.home.password"}, {"/account/security/", "devtools.home.security"}, {"/account/security/passkeys/", "devtools.home.passkeys"},
	{"/account/security/app/", "devtools.home.apps"}, {"/account/security/codes/", "devtools.home.codes"}, {"/account/security/mail/", "devtools.home.mail_step"},
	{"/account/tenants/", "devtools.home.own_tenants"}, {"/account/tenants/new/", "devtools.home.new_tenant"},
	{"/account/sessions/", "devtools.home.sessions"}, {"/account/language/", "devtools.home.language"}, {"/account/data/", "devtools.home.data"},
	{"/account/delete/", "devtools.home.delete"},
}

var consolePages = []place{
	{"/console/", "devtools.home.overview"}, {"/console/accounts/", "devtools.home.accounts"}, {"/console/sessions/", "devtools.home.all_sessions"},
	{"/console/tenants/", "devtools.home.tenants"}, {"/console/permissions/", "devtools.home.permissions"},
	{"/console/mails/", "devtools.home.mails"}, {"/console/templates/", "devtools.home.templates"}, {"/console/keys/", "devtools.home.keys"},
	{"/console/audit/", "devtools.home.audit"}, {"/console/settings/", "devtools.home.settings"},
}

// homeView is what the first page shows.
type homeView struct {
	URL, Issuer      string
	Account, Console []place
	Samples          []sample
	Password         string
	Tenant           string // short name of the sample organisation
}

func (t *Tools) showHome(w http.ResponseWriter, r *http.Request) error {
	list, password, slug := t.samples.shown()
	return t.UI.Write(w, r, ui.Page{Name: "devtools/home", Done: r.URL.Query().Get("done"),
		Data: homeView{t.URL, t.Issuer, accountPages, consolePages, list, password, slug}})
}
