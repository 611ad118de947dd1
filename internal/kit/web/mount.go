package web

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// API serves routes under the mount path, with or without it still in front. openAPI describes
// the whole and is served at openapi.json.
func (e *Edge) API(title, version string, routes []Route) http.Handler {
	mux := e.mux(routes)
	spec := sync.OnceValue(func() []byte { return Describe(title, version, e.cfg.MountPath, routes) })
	mux.HandleFunc("GET /openapi.json/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(spec()) // the caller may be gone
	})
	return e.outer(false, func(w http.ResponseWriter, r *http.Request) {
		path, ok := e.unmounted(r)
		if !ok {
			Error(w, r, ErrNotFound)
			return
		}
		if e.preflight(w, r) {
			return
		}
		dispatch(mux, w, r, path)
	})
}

// Site serves pages at their own paths.
func (e *Edge) Site(routes []Route) http.Handler {
	mux := e.mux(routes)
	return e.outer(true, func(w http.ResponseWriter, r *http.Request) {
		path, ok := canonical(r.URL.Path, r.URL.RawPath)
		if !ok {
			Error(w, r, ErrNotFound)
			return
		}
		dispatch(mux, w, r, path)
	})
}

func (e *Edge) mux(routes []Route) *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range routes {
		if r.Access < Public || r.Access > Superuser || r.handler.html() && r.Access > Public && r.Access < Person {
			panic(fmt.Sprintf("web: %s %s does not say who may call it", r.Method, r.Path))
		}
		// A permission that nobody asks for would be as bad as none.
		if asked := r.Access == StaffToken || r.Access == Staff || r.Access == MemberToken || r.Access == Member; asked == (r.Permission == "") {
			panic(fmt.Sprintf("web: %s %s must say which permission it needs, or its level asks for none", r.Method, r.Path))
		}
		if (r.Access == MemberToken || r.Access == Member) && !strings.Contains(r.Path, "/{tenant}/") {
			panic(fmt.Sprintf("web: %s %s does not say which tenant it is about", r.Method, r.Path))
		}
		path := strings.TrimSuffix(r.Path, "/") + "/{$}"
		mux.HandleFunc(r.Method+" "+path, e.guard(r, r.handler.mount(e, r)))
	}
	return mux
}

// guard checks access before a byte of the body is read.
func (e *Edge) guard(route Route, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := FromContext(r.Context())
		q.html, q.route = route.handler.html(), route.Path
		if route.Access != Public {
			ctx, err := e.cfg.Authenticate(r, route)
			if err != nil {
				if !route.handler.html() || e.cfg.Refused == nil || !e.cfg.Refused(w, r, err) {
					Error(w, r, err)
				}
				return
			}
			r = r.WithContext(ctx)
		}
		next(w, r)
	}
}

// dispatch serves r under its one spelling, and turns the mux's own refusals into problems.
func dispatch(mux *http.ServeMux, w http.ResponseWriter, r *http.Request, path string) {
	u := *r.URL
	u.Path, u.RawPath = path, ""
	r2 := *r
	r2.URL = &u
	if _, pattern := mux.Handler(&r2); pattern != "" {
		mux.ServeHTTP(w, &r2)
		return
	}
	refusal := &refused{header: http.Header{}}
	mux.ServeHTTP(refusal, &r2)
	if refusal.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", refusal.header.Get("Allow"))
		Error(w, r, ErrMethod)
		return
	}
	Error(w, r, ErrNotFound)
}

// refused keeps the status and headers that the mux would have sent.
type refused struct {
	header http.Header
	status int
}

func (f *refused) Header() http.Header         { return f.header }
func (f *refused) WriteHeader(status int)      { f.status = status }
func (f *refused) Write(b []byte) (int, error) { return len(b), nil }

// canonical returns the one spelling of a path: decoded once, with a trailing slash. Dot
// segments, empty segments, backslashes and unusual encodings have no spelling here: a path
// that two programs read differently passes one's check and the other's door.
func canonical(path, rawPath string) (string, bool) {
	if rawPath != "" || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "\\\x00") {
		return "", false
	}
	path = strings.TrimSuffix(path, "/") + "/"
	for s := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if s == "." || s == ".." || (s == "" && path != "/") {
			return "", false
		}
	}
	if strings.Contains(path, "//") {
		return "", false
	}
	return path, true
}

// unmounted returns the canonical path below the mount path.
func (e *Edge) unmounted(r *http.Request) (string, bool) {
	path, ok := canonical(r.URL.Path, r.URL.RawPath)
	if !ok {
		return "", false
	}
	if rest, found := strings.CutPrefix(path, e.cfg.MountPath+"/"); found {
		return "/" + rest, true
	}
	return path, true
}

// outer does what every request needs before and after its route.
func (e *Edge) outer(html bool, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := e.newRequest(w, r)
		q.html = html
		ctx := context.WithValue(r.Context(), requestKey{}, q)
		if e.cfg.Enrich != nil {
			ctx = e.cfg.Enrich(ctx, q)
		}
		r = r.WithContext(ctx)
		q.r = r
		defer e.recover(w, r)
		e.securityHeaders(w, html)
		err := e.reached(q, r)
		if err == nil {
			err = e.bodied(w, r)
		}
		if err != nil {
			e.refuse(w, r, err)
			return
		}
		next(w, r)
	})
}

// refuse answers a request that came to the wrong door, and leads a browser that came without TLS to it.
func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if FromContext(r.Context()).html && err == ErrHTTPS && r.Method == http.MethodGet { //nolint:errorlint // reached returns it bare
		http.Redirect(w, r, e.origin+r.URL.EscapedPath(), http.StatusPermanentRedirect) //nolint:gosec // our own origin stands in front
		return
	}
	Error(w, r, err)
}

// bodyTimeout bounds how long a body may take where the embedding server sets no limit.
const bodyTimeout = 10 * time.Second

// reached refuses what came by a name or a way that is not ours.
func (e *Edge) reached(q *Request, r *http.Request) error {
	if host := strings.ToLower(r.Host); !e.hosts[host] && !e.anyHost(r.URL.Path) {
		if e.knowsName(host) {
			return errPort
		}
		return ErrHost
	}
	return q.checkHTTPS()
}

// bodied refuses a body that no route of ours takes, and bounds what is read of the others.
func (e *Edge) bodied(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Content-Encoding") != "" {
		return ErrMediaType
	}
	if r.ContentLength > MaxBody {
		return ErrTooLarge
	}
	if len(r.TransferEncoding) > 0 {
		// net/http hides a Content-Length that was sent besides. A proxy may have gone by that, and what
		// it took for the rest of the body must not be served as the next request (RFC 9112 section 6.1).
		w.Header().Set("Connection", "close")
	}
	if r.ContentLength != 0 {
		// Not every ResponseWriter can; the server's own time-out holds then.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	}
	return nil
}

// knowsName reports whether host is answered at another port.
func (e *Edge) knowsName(host string) bool {
	for known := range e.hosts {
		if withoutPort(known) == withoutPort(host) {
			return true
		}
	}
	return false
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// anyHost reports whether a path is public, the same for everyone, and asked for by programs
// that reach this server by an internal name: published keys and metadata.
func (e *Edge) anyHost(path string) bool {
	return strings.HasPrefix(strings.TrimPrefix(path, e.cfg.MountPath), "/.well-known/")
}

func (e *Edge) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
		panic(p)
	}
	text := fmt.Sprintf("%T", p) // what it says may be what a person sent
	if e, ok := p.(runtime.Error); ok {
		text = e.Error()
	}
	Error(w, r, fmt.Errorf("panic: %s\n%s", text, debug.Stack()))
}

// Values of headers that most answers carry. They are shared, so nothing may change them in place;
// [http.Header.Set] and Add do not.
var (
	headersOfAll = map[string][]string{
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
		"Referrer-Policy":              {"no-referrer"},
		"Cache-Control":                {"no-store"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
	}
	headersOfPages = map[string][]string{"Cross-Origin-Opener-Policy": {"same-origin"}}
	headersOfHTTPS = map[string][]string{"Strict-Transport-Security": {"max-age=31536000; includeSubDomains"}}
)

func (e *Edge) securityHeaders(w http.ResponseWriter, html bool) {
	h := w.Header()
	maps.Copy(h, headersOfAll)
	if html {
		maps.Copy(h, headersOfPages)
	}
	if e.secure {
		maps.Copy(h, headersOfHTTPS)
	}
}

// preflight answers CORS for the origins we know and nobody else. It reports whether the
// request was a preflight and is answered.
func (e *Edge) preflight(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	origins := r.Header.Values("Origin")
	if len(origins) != 1 || !e.origins[origins[0]] {
		return false
	}
	origin := origins[0]
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// Table lists routes as text, one line each, sorted: what a review of access reads.
func Table(routes []Route) string {
	lines := make([]string, len(routes))
	for i, r := range routes {
		lines[i] = fmt.Sprintf("%-40s %-6s %s\n", r.Path, r.Method, r.asks())
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
