package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Request is what handlers may know of the HTTP request behind their input.
type Request struct {
	// ID names the request in logs, audit and problems.
	ID string
	// Address is the caller's network address, as told by trusted proxies. It decides nothing
	// but limits.
	Address netip.Addr
	// UserAgent is what the caller says it is, at most 256 bytes.
	UserAgent string

	edge    *Edge
	r       *http.Request
	w       http.ResponseWriter
	proxied bool // the peer is a trusted proxy's address
	html    bool
	plain   bool   // of a page's script: it is answered with problems
	route   string // its path as it is mounted; empty where there is none
}

type requestKey struct{}

// FromContext returns the request that ctx belongs to. It panics outside of one.
func FromContext(ctx context.Context) *Request { return ctx.Value(requestKey{}).(*Request) }

func (e *Edge) newRequest(w http.ResponseWriter, r *http.Request) *Request {
	q := &Request{ID: uuid.Must(uuid.NewV7()).String(), edge: e, r: r, w: w}
	q.UserAgent = cut(strings.ToValidUTF8(r.UserAgent(), ""), 256)
	peer := peerAddress(r)
	q.Address = peer
	if q.proxied = e.trusts(peer); q.proxied {
		q.Address = e.forwardedFor(r, peer)
	}
	return q
}

// checkHTTPS refuses what a trusted proxy took over http, and what it does not say of how it took it: a proxy
// that was set up so would take passwords over http for ever, and nobody would see it.
func (q *Request) checkHTTPS() error {
	if !q.edge.secure || !q.proxied {
		return nil
	}
	said := strings.Join(q.r.Header.Values("X-Forwarded-Proto"), ",")
	switch {
	case said != "" && allHTTPS(said):
	case said != "":
		return ErrHTTPS
	case q.edge.anyHost(q.r.URL.Path): // services of the proxy's network that read the keys themselves
	case q.r.TLS != nil && len(q.r.Header.Values("X-Forwarded-For")) == 0: // whoever calls from there themselves, by https
	default:
		return errProxySilent
	}
	return nil
}

// allHTTPS reports whether every hop of a chain says https; anything else is not.
func allHTTPS(chain string) bool {
	for hop := range strings.SplitSeq(chain, ",") {
		if !strings.EqualFold(strings.TrimSpace(hop), "https") {
			return false
		}
	}
	return true
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

func peerAddress(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a, _ := netip.ParseAddr(host) // an unknown peer is the zero Addr, which nobody trusts
	return a.Unmap().WithZone("")
}

func (e *Edge) trusts(a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(e.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// forwardedFor walks the chain from the nearest hop outwards and stops at the first address that
// is no trusted proxy: what stands left of it is hearsay. Garbage ends the walk too.
func (e *Edge) forwardedFor(r *http.Request, peer netip.Addr) netip.Addr {
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	last := peer
	for _, hop := range slices.Backward(chain) {
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return last
		}
		last = a.Unmap().WithZone("")
		if !e.trusts(last) {
			return last
		}
	}
	return last
}

// CheckOrigin refuses a request that a page of a foreign origin made a browser send. Whoever
// sends neither Sec-Fetch-Site nor Origin is no browser and carries no one's cookies. Our
// own pages send no referrer, and browsers then make the Origin of their forms "null": that is
// believed where the browser itself says same-origin, and nowhere else. Pages believe our own
// origin alone: the allowed ones are for programs that use the API.
func (q *Request) CheckOrigin() error {
	origins, sites := q.r.Header.Values("Origin"), q.r.Header.Values("Sec-Fetch-Site")
	if len(origins) > 1 || len(sites) > 1 {
		return ErrOrigin
	}
	none := len(origins) == 0
	own := !none && (origins[0] == q.edge.origin || !q.html && q.edge.origins[origins[0]])
	hidden := !none && origins[0] == "null"
	switch {
	case own:
		return nil
	case len(sites) == 0:
		if none {
			return nil
		}
	case sites[0] == "same-origin":
		if none || hidden {
			return nil
		}
	case sites[0] == "none":
		if none {
			return nil
		}
	}
	return ErrOrigin
}

// FromOwnPage reports whether a browser says that a page of an own origin made this request.
func (q *Request) FromOwnPage() bool {
	browser := q.r.Header.Get("Sec-Fetch-Site") != "" || q.r.Header.Get("Origin") != ""
	return browser && q.CheckOrigin() == nil
}

// cookieName prefixes name where the prefix can hold: browsers accept __Host- over https only.
func (q *Request) cookieName(name string) string {
	if q.edge.secure {
		return "__Host-" + name
	}
	return name
}

// Cookie returns a cookie of this site. It refuses a foreign origin, and two cookies of one name,
// because one of them was planted. Reading is answering: check before you act on it. A page may
// also be come to by a link from elsewhere.
func (q *Request) Cookie(name string) (value string, found bool, err error) {
	if err := q.CheckOrigin(); err != nil && !q.followed() {
		return "", false, err
	}
	name = q.cookieName(name)
	for _, c := range q.r.Cookies() {
		if c.Name == name && found {
			return "", false, ErrOrigin.WithDetail("The browser sent two cookies of one name.")
		}
		if c.Name == name {
			value, found = c.Value, true
		}
	}
	return value, found, nil
}

// followed reports whether the browser shows this page as a whole because somebody followed a link.
// Whoever made the link sees nothing of the answer, and looking changes nothing.
func (q *Request) followed() bool {
	one := func(name, value string) bool {
		values := q.r.Header.Values(name)
		return len(values) == 1 && values[0] == value
	}
	return q.html && q.r.Method == http.MethodGet && len(q.r.Header.Values("Origin")) == 0 &&
		one("Sec-Fetch-Mode", "navigate") && one("Sec-Fetch-Dest", "document")
}

// SetCookie sets a cookie that scripts cannot read, for this host alone. It refuses a foreign origin.
func (q *Request) SetCookie(name, value string, maxAge time.Duration) error {
	return q.setCookie(name, value, max(int(maxAge.Seconds()), 1))
}

// SetBrowserCookie is SetCookie until the browser is closed.
func (q *Request) SetBrowserCookie(name, value string) error { return q.setCookie(name, value, 0) }

// ClearCookie removes a cookie, with the attributes it was set with.
func (q *Request) ClearCookie(name string) error { return q.setCookie(name, "", -1) }

func (q *Request) setCookie(name, value string, maxAge int) error {
	if err := q.CheckOrigin(); err != nil {
		return err
	}
	http.SetCookie(q.w, &http.Cookie{Name: q.cookieName(name), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: q.edge.secure, SameSite: http.SameSiteLaxMode}) //nolint:gosec // Secure wherever the outside speaks https
	return nil
}

// Device returns a few words for people about what made the request, such as "Firefox on
// Linux". It is the caller's own claim.
func (q *Request) Device() string { return device(q.UserAgent) }

// The first match wins, so the names that others imitate stand last.
var (
	browsers = [][2]string{{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}}
	systems  = [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Macintosh", "macOS"}, {"Linux", "Linux"}}
)

func device(userAgent string) string {
	browser, system := named(userAgent, browsers), named(userAgent, systems)
	switch {
	case browser == "" && system == "":
		return "an unknown device"
	case system == "":
		return browser
	case browser == "":
		return system
	default:
		return browser + " on " + system
	}
}

func named(s string, table [][2]string) string {
	for _, row := range table {
		if strings.Contains(s, row[0]) {
			return row[1]
		}
	}
	return ""
}

// Bearer returns the bearer token of a public route that accepts one among other things. Two
// headers are one that is no good, so that nobody goes on to another proof.
func (q *Request) Bearer() (token string, found bool) {
	headers := q.r.Header.Values("Authorization")
	if len(headers) != 1 {
		return "", len(headers) > 1
	}
	scheme, token, found := strings.Cut(headers[0], " ")
	return strings.TrimSpace(token), found && strings.EqualFold(scheme, "Bearer")
}

// Asked returns the path and query that were asked for, with what was stripped off on the way to here.
func Asked(r *http.Request) string {
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
		return u.RequestURI()
	}
	return r.URL.RequestURI()
}

// HTTP returns the request itself, for checks that concern the connection.
func (q *Request) HTTP() *http.Request { return q.r }
