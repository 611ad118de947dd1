package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

func TestARouteWithoutAccessDoesNotMount(t *testing.T) {
	e := newEdge(t, nil)
	refuses := func(what string, r web.Route) {
		t.Helper()
		for name, mount := range map[string]func([]web.Route) http.Handler{
			"API": func(r []web.Route) http.Handler { return e.API("x", "1", r) }, "Site": e.Site,
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: %s mounted it", what, name)
					}
				}()
				mount([]web.Route{r})
			}()
		}
	}
	h := web.Raw(func(http.ResponseWriter, *http.Request) {})
	refuses("no access", web.Route{})
	refuses("zero access", web.Get("/x/", 0, h))
	refuses("unknown access", web.Get("/x/", 99, h))
	refuses("staff of no permission", web.Get("/x/", web.StaffToken, h))
	refuses("a page for staff of no permission", web.Get("/x/", web.Staff, h))
	refuses("a tenant's members of no permission", web.Get("/{tenant}/x/", web.MemberToken, h))
	refuses("members of no tenant", web.Get("/x/", web.MemberToken, h).Needs("x.read"))
	for level := web.Public; level <= web.Superuser; level++ {
		if level != web.StaffToken && level != web.Staff && level != web.MemberToken && level != web.Member {
			refuses("a permission that nobody asks for", web.Get("/x/", level, h).Needs("x.read"))
		}
	}
	e.API("x", "1", []web.Route{web.Get("/x/", web.StaffToken, h).Needs("x.read"), web.Get("/y/", web.SuperuserToken, h)})
}

func TestEachPathHasOneSpelling(t *testing.T) {
	e := newEdge(t, nil)
	for _, c := range []struct {
		target string
		status int
	}{
		{"/api/auth/me/", 401}, {"/api/auth/me", 401}, {"/me/", 401}, {"/me", 401},
		{"/api/auth/me/?x=//..%2F", 401},
		{"/api/auth//me/", 404}, {"/api//auth/me/", 404}, {"//api/auth/me/", 404}, {"/api/auth/me//", 404},
		{"/api/auth/./me/", 404}, {"/api/auth/x/../me/", 404}, {"/api/auth/me/.", 404}, {"/api/auth/me/..", 404}, {"/..", 404},
		{"/api/auth/%2e/me/", 404}, {"/api/auth/x/%2e%2e/me/", 404}, {"/api/auth/%2E%2E/auth/me/", 404},
		{"/api/auth%2Fme/", 404}, {"/api/auth/me%2f", 404}, {"/api/auth/%6de/", 404}, {"/api/auth/m%65/", 404},
		{`/api/auth/\me/`, 404}, {"/api/auth/%5Cme/", 404}, {`/api/auth\me/`, 404}, {"/api/auth/me%00/", 404},
		{"/api/auth/Me/", 404}, {"/API/auth/me/", 404}, {"/api/auth/me.json", 404}, {"/api/auth/me/x.css", 404}, {"/api/auth/me.css", 404},
		{"/api/auth/me;x=1/", 404}, {"/api/auth/me%20/", 404}, {"/api/auth/me%0a/", 404}, {"/api/auth/me%FF", 404},
		{"/api/authme/", 404}, {"/api/auth/api/auth/me/", 404}, {"/api/auth", 404}, {"/api/auth/", 404}, {"/", 404}, {"//", 404},
	} {
		r := httptest.NewRequest(http.MethodGet, origin+"/", nil)
		var err error
		if r.URL, err = url.ParseRequestURI(c.target); err != nil {
			t.Fatalf("%s: %v", c.target, err)
		}
		a := send(t, e.api, r)
		code := map[int]string{401: "token_missing", 404: "not_found"}[c.status]
		a.refuses(t, c.target, c.status, code)
		if a.header.Get("Location") != "" {
			t.Errorf("%s: redirects to %s", c.target, a.header.Get("Location"))
		}
	}
	for _, target := range []string{"//account/page/", "/account/./page/", "/account%2Fpage/", "/account/x/../page/", `/account\page/`, "/Account/page/", "/account/page.css"} {
		if a := e.page(http.MethodGet, target, ""); a.status != http.StatusNotFound || a.header.Get("Location") != "" {
			t.Errorf("page %s: answered %d", target, a.status)
		}
	}
	if a := e.page(http.MethodGet, "/account/page", ""); a.status != http.StatusOK {
		t.Errorf("a page without its trailing slash: answered %d", a.status)
	}
}

// However the API is mounted, a route answers under its issuer's paths.
func TestMountedAnywhereTheRoutesAreTheSame(t *testing.T) {
	under := newEdge(t, nil)
	bare := newEdge(t, func(c *web.Config) { c.MountPath = "/" })
	empty := newEdge(t, func(c *web.Config) { c.MountPath = "" })
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", under.api)
	for what, c := range map[string]struct {
		h    http.Handler
		path string
	}{
		"on a mux":               {mux, "/api/auth/me/"},
		"under StripPrefix":      {http.StripPrefix("/api/auth", under.api), "/api/auth/me/"},
		"behind a proxy":         {under.api, "/me/"},
		"at the root":            {bare.api, "/me/"},
		"at the root, unset":     {empty.api, "/me/"},
		"elsewhere, stripped":    {http.StripPrefix("/x", under.api), "/x/me/"},
		"StripPrefix with slash": {http.StripPrefix("/x", under.api), "/x/api/auth/me"},
	} {
		r := httptest.NewRequest(http.MethodGet, origin+c.path, nil)
		if a := send(t, c.h, r); a.status != http.StatusUnauthorized {
			t.Errorf("%s: anonymous answered %d", what, a.status)
		}
		r = httptest.NewRequest(http.MethodGet, origin+c.path, nil)
		if a := send(t, c.h, r, header("Authorization", "Bearer good")); a.said != "me" {
			t.Errorf("%s: answered %d", what, a.status)
		}
	}
	if under.Issuer() != origin+mount || bare.Issuer() != origin || empty.Issuer() != origin {
		t.Errorf("issuers %q %q %q", under.Issuer(), bare.Issuer(), empty.Issuer())
	}
}

func TestOtherMethodsAreRefusedWithAllow(t *testing.T) {
	e := newEdge(t, nil)
	allowed := map[string]string{}
	for _, r := range sample() {
		path := strings.Replace(r.Path, "{id}", "1", 1)
		if path == "/abort/" {
			continue // it answers nothing
		}
		allowed[path] += " " + r.Method
		if r.Method == http.MethodGet {
			allowed[path] += " " + http.MethodHead
		}
	}
	for path, methods := range allowed {
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"} {
			a := e.call(m, path, "")
			if strings.Contains(methods+" ", " "+m+" ") {
				if a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotFound {
					t.Errorf("%s %s: answered %d", m, path, a.status)
				}
				continue
			}
			if a.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: answered %d", m, path, a.status)
				continue
			}
			for one := range strings.FieldsSeq(methods) {
				if !strings.Contains(a.header.Get("Allow"), one) {
					t.Errorf("%s %s: Allow is %q, without %s", m, path, a.header.Get("Allow"), one)
				}
			}
			if m != http.MethodHead {
				a.refuses(t, m+" "+path, http.StatusMethodNotAllowed, "method_not_allowed")
			}
		}
	}
}

// A body is not read, and not judged, before it is known who sends it.
func TestAccessIsCheckedBeforeTheBody(t *testing.T) {
	e := newEdge(t, nil)
	read := false
	r := httptest.NewRequest(http.MethodPost, origin+mount+"/me/", readerFunc(func(b []byte) (int, error) {
		read = true
		return len(b), nil
	}))
	send(t, e.api, r).refuses(t, "anonymous", http.StatusUnauthorized, "token_missing")
	if read {
		t.Error("the body of a stranger was read")
	}
	if got := e.call(http.MethodPost, "/me/", "not json").header.Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("WWW-Authenticate is %q", got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestOnlyKnownHostsAreAnswered(t *testing.T) {
	e := newEdge(t, func(c *web.Config) { c.Hosts = []string{"Internal.example.com:8443"} })
	for _, host := range []string{"id.example.com", "ID.example.COM", "internal.example.com:8443"} {
		if a := e.call(http.MethodGet, "/origin/", "", header("Host", host)); a.status != http.StatusOK {
			t.Errorf("%s: answered %d", host, a.status)
		}
	}
	for _, host := range []string{"", "evil.example.net", "id.example.com.evil.example.net", "id.example.com:8443", "internal.example.com", "id.example.com.", "127.0.0.1", "id.example.com@evil.example.net", "x.id.example.com"} {
		a := e.call(http.MethodGet, "/origin/", "", header("Host", host))
		a.refuses(t, host, http.StatusMisdirectedRequest, "host_unknown")
		if a := e.page(http.MethodGet, "/account/page/", "", header("Host", host)); a.status != http.StatusMisdirectedRequest {
			t.Errorf("page at %s: answered %d", host, a.status)
		}
		if a := e.call(http.MethodGet, "/.well-known/keys.json", "", header("Host", host)); a.status != http.StatusOK {
			t.Errorf("keys at %s: answered %d", host, a.status)
		}
		// Only what stands below /.well-known/ is for everyone.
		e.call(http.MethodDelete, "/things/.well-known/", "", header("Host", host)).refuses(t, "named like it at "+host, http.StatusMisdirectedRequest, "host_unknown")
		if a := e.call(http.MethodGet, "/.well-known/../origin/", "", header("Host", host)); a.status == http.StatusOK {
			t.Errorf("%s: a path that climbs out is answered", host)
		}
	}
	for host, port := range map[string]bool{"id.example.com:8443": true, "internal.example.com": true, "INTERNAL.example.com:1": true, "evil.example.net": false, "id.example.com.": false, "": false} {
		if a := e.call(http.MethodGet, "/origin/", "", header("Host", host)); strings.Contains(a.text, "not at that port") != port {
			t.Errorf("%s: is told %s", host, a.text)
		}
	}
}

func TestEdgeChecksItsConfiguration(t *testing.T) {
	good := web.Config{PublicURL: origin, MountPath: mount, Authenticate: newEdgeConfig(t).Authenticate, Logger: newEdgeConfig(t).Logger}
	if _, err := web.NewEdge(good); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*web.Config){
		"no address":        func(c *web.Config) { c.PublicURL = "" },
		"a path":            func(c *web.Config) { c.PublicURL = origin + "/x" },
		"a slash":           func(c *web.Config) { c.PublicURL = origin + "/" },
		"a query":           func(c *web.Config) { c.PublicURL = origin + "?x" },
		"a user":            func(c *web.Config) { c.PublicURL = "https://user@id.example.com" },
		"another scheme":    func(c *web.Config) { c.PublicURL = "ftp://id.example.com" },
		"the default port":  func(c *web.Config) { c.PublicURL = origin + ":443" },
		"no authenticator":  func(c *web.Config) { c.Authenticate = nil },
		"no logger":         func(c *web.Config) { c.Logger = nil },
		"mount with a dot":  func(c *web.Config) { c.MountPath = "/api//auth" },
		"relative mount":    func(c *web.Config) { c.MountPath = "api" },
		"mount ends so":     func(c *web.Config) { c.MountPath = "/api/" },
		"mount is encoded":  func(c *web.Config) { c.MountPath = "/a%2fb" },
		"origin with path":  func(c *web.Config) { c.Origins = []string{"https://app.example.com/"} },
		"origin null":       func(c *web.Config) { c.Origins = []string{"null"} },
		"origin everything": func(c *web.Config) { c.Origins = []string{"*"} },
		"origin in capital": func(c *web.Config) { c.Origins = []string{"https://App.example.com"} },
	} {
		c := good
		change(&c)
		if _, err := web.NewEdge(c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func newEdgeConfig(t *testing.T) (cfg web.Config) {
	t.Helper()
	newEdge(t, func(c *web.Config) { cfg = *c })
	return cfg
}

func TestTableShowsWhoMayCallWhat(t *testing.T) {
	h := web.Raw(func(http.ResponseWriter, *http.Request) {})
	got := web.Table([]web.Route{web.Post("/b/", web.SignedIn, h), web.Get("/a/", web.Public, h), web.Delete("/c/{id}/", web.TokenHolder, h)})
	var fields []string
	for line := range strings.Lines(got) {
		fields = append(fields, strings.Join(strings.Fields(line), " "))
	}
	if want := "/a/ GET public|/b/ POST signed-in|/c/{id}/ DELETE token-holder"; strings.Join(fields, "|") != want {
		t.Errorf("table:\n%s", got)
	}
}
