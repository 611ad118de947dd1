// Package web is the edge: it turns routes, which features declare as data, into an HTTP API
// and pages, and failures into problem documents (RFC 9457).
//
// A [Route] says on one line what it answers and who may call it. The [Edge] adds what every
// request needs: one spelling of a path, host and origin checks, limits, security headers,
// a request id, and a problem instead of a panic. huma describes the API (OpenAPI 3.1) and
// validates bodies; it appears in this package only. The edge knows nothing of tokens: what
// an [Access] means is a function it is given.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Access says who may call a route. The zero value refuses to mount.
type Access uint8

// The levels of access.
const (
	// Public routes may be called by anyone.
	Public Access = iota + 1
	// SignedIn routes need a valid access token whose session still lives.
	SignedIn
	// TokenHolder routes need a valid access token; the route's own statement asks whether
	// the session lives. It saves SignedIn's extra statement where speed matters.
	TokenHolder
	// StaffToken and SuperuserToken routes need what SignedIn needs, of an account with that rank.
	StaffToken
	SuperuserToken
	// FreshToken routes need what SignedIn needs, and a proof that was given not long ago.
	FreshToken
	// MemberToken routes are about the tenant of their path: they need a token for that tenant, of
	// somebody who still belongs to it.
	MemberToken
	// Person pages need the cookie of a page session that lives.
	Person
	// FreshPerson pages need such a session with a proof that was given not long ago, and show or
	// change nothing to a member of staff who looks on.
	FreshPerson
	// Member pages are about the tenant of their path: they need the page session of somebody who
	// belongs to it.
	Member
	// Staff and Superuser pages need the page session of an account with that rank, proven not
	// long ago.
	Staff
	Superuser
)

// String returns the level's name as the route table shows it.
func (a Access) String() string {
	switch a {
	case Public:
		return "public"
	case SignedIn:
		return "signed-in"
	case TokenHolder:
		return "token-holder"
	case StaffToken:
		return "staff-token"
	case SuperuserToken:
		return "superuser-token"
	case FreshToken:
		return "fresh-token"
	case MemberToken:
		return "member-token"
	case Person:
		return "person"
	case FreshPerson:
		return "fresh-person"
	case Member:
		return "member"
	case Staff:
		return "staff"
	case Superuser:
		return "superuser"
	default:
		return "unset"
	}
}

// Route is one method and path, who may call it, and what it does.
type Route struct {
	Method  string
	Path    string
	Access  Access
	Summary string // one line for the API document
	Status  int    // of success; 0 means 200
	// Permission is what a member of the tenant, or of staff, needs besides; empty: nothing more.
	Permission string
	// Fresh: the last proof must not be long ago, where the level does not say so itself.
	Fresh   bool
	handler handler
}

// handler is what JSON, Form and Raw return: it serves, and describes itself to the API document.
type handler interface {
	mount(e *Edge, r Route) http.HandlerFunc
	describe(d *document, r Route)
	html() bool
}

// Get, Post, Patch and Delete declare a route.
func Get(path string, a Access, h handler) Route    { return route(http.MethodGet, path, a, h) }
func Post(path string, a Access, h handler) Route   { return route(http.MethodPost, path, a, h) }   //nolint:revive // see Get
func Patch(path string, a Access, h handler) Route  { return route(http.MethodPatch, path, a, h) }  //nolint:revive // see Get
func Delete(path string, a Access, h handler) Route { return route(http.MethodDelete, path, a, h) } //nolint:revive // see Get

func route(method, path string, a Access, h handler) Route {
	return Route{Method: method, Path: path, Access: a, handler: h}
}

// Needs returns the route with a permission that its caller must have.
func (r Route) Needs(permission string) Route {
	r.Permission = permission
	return r
}

// Freshly returns the route for whoever gave a proof not long ago.
func (r Route) Freshly() Route {
	r.Fresh = true
	return r
}

// asks is what the route asks of its caller, as the route table shows it.
func (r Route) asks() string {
	text := r.Access.String()
	if r.Permission != "" {
		text += " " + r.Permission
	}
	if r.Fresh {
		text += " fresh"
	}
	return text
}

// Says returns the route with a summary for the API document.
func (r Route) Says(summary string) Route {
	r.Summary = summary
	return r
}

// Answers returns the route with another status of success than 200.
func (r Route) Answers(status int) Route {
	r.Status = status
	return r
}

// Config is what the edge needs to know of its surroundings.
type Config struct {
	// PublicURL is the external origin, for example https://id.example.com. Required.
	PublicURL string
	// MountPath is the external path of the API, for example /api/auth, or /.
	MountPath string
	// Origins are further origins whose pages may use cookies and read answers (CORS). Exact.
	Origins []string
	// Hosts are further names this server answers to. PublicURL's host is always one.
	Hosts []string
	// TrustedProxies may say whom they speak for in X-Forwarded-For and -Proto. Empty: nobody.
	TrustedProxies []netip.Prefix
	// Authenticate proves who is calling a route that is not public, and that they may, and returns what
	// the handler shall know of it in the context. Any error is a refusal. Required.
	Authenticate func(r *http.Request, to Route) (context.Context, error)
	// Refused answers a page request that Authenticate or the page itself refused, such as with the way
	// to the sign-in page, and reports whether it did. Optional.
	Refused func(w http.ResponseWriter, r *http.Request, why error) bool
	// Ways returns where whoever was refused a page can go on from there. Optional.
	Ways func(r *http.Request, why *fault.Error) []Way
	// UI renders error pages. Required where there are pages.
	UI *ui.UI
	// Enrich adds to every request's context what other packages want to know of it. Optional.
	Enrich func(ctx context.Context, q *Request) context.Context
	// Logger receives panics and internal errors. Required.
	Logger *slog.Logger
}

// Edge serves routes. It is safe for concurrent use.
type Edge struct {
	cfg     Config
	origin  string          // PublicURL's, as browsers spell it
	origins map[string]bool // own and allowed
	hosts   map[string]bool
	secure  bool // PublicURL is https
	issuer  string
}

// NewEdge checks cfg. All problems are reported at once.
func NewEdge(cfg Config) (*Edge, error) {
	e := &Edge{cfg: cfg, origins: map[string]bool{}, hosts: map[string]bool{}}
	var problems []error
	u, err := url.Parse(cfg.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.Path != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("web: PublicURL must be an origin alone, for example https://id.example.com")
	}
	if u.Port() == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		return nil, errors.New("web: PublicURL must leave the default port out, as browsers do in Host and Origin")
	}
	e.secure = u.Scheme == "https"
	e.origin = u.Scheme + "://" + strings.ToLower(u.Host)
	e.hosts[strings.ToLower(u.Host)] = true
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; u.Port() == "" {
		e.hosts[strings.ToLower(u.Host)+port] = true // the same authority (RFC 9110 section 4.2.3)
	}
	e.origins[e.origin] = true
	for _, o := range cfg.Origins {
		p, err := url.Parse(o)
		if err != nil || p.Host == "" || p.Scheme+"://"+p.Host != o || strings.ToLower(o) != o {
			problems = append(problems, fmt.Errorf("web: %q is no origin; write scheme://host[:port] in lower case", o))
			continue
		}
		e.origins[o] = true
	}
	for _, h := range cfg.Hosts {
		if h == "" || strings.ContainsAny(h, "/*@?#% \\") {
			problems = append(problems, fmt.Errorf("web: %q is no host name; write one such as auth.internal:8080, without scheme or wildcard", h))
		}
		e.hosts[strings.ToLower(h)] = true
	}
	if cfg.MountPath == "/" {
		e.cfg.MountPath = ""
	}
	if m := e.cfg.MountPath; m != "" && (!strings.HasPrefix(m, "/") || strings.HasSuffix(m, "/") || strings.Contains(m, "//") || strings.ContainsAny(m, "?#%\\")) {
		problems = append(problems, errors.New("web: MountPath must start with a slash and not end with one, for example /api/auth"))
	}
	e.issuer = strings.TrimSuffix(cfg.PublicURL, "/") + e.cfg.MountPath
	if cfg.Authenticate == nil || cfg.Logger == nil {
		problems = append(problems, errors.New("web: Authenticate and Logger are required"))
	}
	return e, errors.Join(problems...)
}

// Issuer returns PublicURL and MountPath without a trailing slash.
func (e *Edge) Issuer() string { return e.issuer }

// Secure reports whether the outside speaks https, so that cookies are Secure and prefixed.
func (e *Edge) Secure() bool { return e.secure }
