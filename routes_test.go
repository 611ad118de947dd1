package gatehouse_test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

var update = flag.Bool("update", false, "write the golden files anew")

const routesGolden = "testdata/routes.golden"

// quiet is a server without background work, so that nothing but requests asks the database.
func quiet(t *testing.T, change func(*gatehouse.Config)) *gatehousetest.Server {
	t.Helper()
	cfg := gatehouse.Config{NoWorkers: true}
	if change != nil {
		change(&cfg)
	}
	return gatehousetest.NewTLS(t, &cfg)
}

// Who may call what is reviewed in one file.
func TestEveryRouteStandsInTheGoldenFile(t *testing.T) {
	g := quiet(t, nil).Gatehouse()
	got := web.Table(gatehouse.APIRoutes(g)) + web.Table(gatehouse.PageRoutes(g)) + web.Table(gatehouse.ConsoleRoutes(g))
	if *update {
		if err := os.WriteFile(routesGolden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(routesGolden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the routes or their access changed; if that is meant, run this test with -update and have the file reviewed\n%s", got)
	}
}

// target is a route as a request names it.
type target struct {
	web.Route
	url     string
	handler http.Handler
}

// targets are all routes of g below base; unmounted API paths work behind a stripping proxy.
func targets(srv *gatehousetest.Server) (all []target) {
	g := srv.Gatehouse()
	const id = "0190a7b2-0000-7000-8000-000000000000"
	names := strings.NewReplacer("{id}", id, "{account}", id, "{session}", id, "{file}", "nothing", "{kind}", "reset", "{language}", "en",
		"{tenant}", "not-there", "{domain}", "example.com", "{role}", "editor", "{invitation}", id, "{permission}", "notes.read")
	path := func(r web.Route) string { return names.Replace(r.Path) }
	for _, r := range gatehouse.APIRoutes(g) {
		all = append(all, target{r, srv.APIURL + path(r), g.Handler()})
	}
	for _, r := range gatehouse.PageRoutes(g) {
		all = append(all, target{r, srv.URL + path(r), g.Pages()})
	}
	for _, r := range gatehouse.ConsoleRoutes(g) {
		all = append(all, target{r, srv.URL + path(r), g.Console()})
	}
	return all
}

func request(h http.Handler, method, url, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, url, strings.NewReader(body))
	r.Method = method // httptest takes CONNECT for a request to a proxy
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestRoutesThatAreNotPublicRefuseStrangers(t *testing.T) {
	srv := quiet(t, nil)
	statements := func() int64 { n, _ := gatehouse.Database(srv.Gatehouse()).Counts(); return n }
	before, closed := statements(), 0
	for _, r := range targets(srv) {
		if r.Access == web.Public {
			continue
		}
		closed++
		for name, headers := range map[string][]string{
			"nothing": nil, "a bad token": {"Authorization", "Bearer x.y.z"}, "another scheme": {"Authorization", "Basic eDp5"}, "no token": {"Authorization", "Bearer"},
			"cookies": {"Cookie", "__Host-gatehouse-refresh=x; __Host-gatehouse-session=x; sessionid=x"}, "an unsigned token": {"Authorization", "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiIxIn0."},
		} {
			for _, body := range []string{"", "{}", "not json", strings.Repeat(" ", 70_000)} {
				resp := request(r.handler, r.Method, r.url, body, append([]string{"Content-Type", "application/json"}, headers...)...)
				if len(body) > 64<<10 && resp.StatusCode == http.StatusRequestEntityTooLarge {
					continue // refused for everyone
				}
				if r.Access >= web.Person {
					leadAway(t, r, name, resp)
					continue
				}
				if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s %s with %s: answered %d, WWW-Authenticate %q", r.Method, r.Path, name, resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
				}
			}
		}
	}
	if closed < 4 {
		t.Errorf("only %d routes were tried", closed)
	}
	if n := statements() - before; n != 0 {
		t.Errorf("strangers caused %d statements", n)
	}
}

// leadAway checks that a page shows a stranger the way to the sign-in page, and takes no form. No
// token opens a page.
func leadAway(t *testing.T, r target, name string, resp *http.Response) {
	t.Helper()
	to := resp.Header.Get("Location")
	led := resp.StatusCode == http.StatusSeeOther && strings.HasPrefix(to, "/account/sign-in/?next=")
	refused := resp.StatusCode == http.StatusUnauthorized && to == ""
	if led != (r.Method == http.MethodGet) || refused == led || len(resp.Cookies()) != 0 {
		t.Errorf("%s %s with %s: answered %d and leads to %q", r.Method, r.Path, name, resp.StatusCode, to)
	}
}

// A path in another spelling is the same route with the same access, or none; never a way round.
func TestOtherSpellingsOfAPathOpenNothing(t *testing.T) {
	srv := quiet(t, nil)
	for _, r := range targets(srv) {
		for _, spelling := range spellings(strings.TrimPrefix(r.url, srv.URL)) {
			req := httptest.NewRequest(r.Method, srv.URL+"/", nil)
			var err error
			if req.URL, err = url.ParseRequestURI(spelling); err != nil {
				continue // net/http refuses it too
			}
			w := httptest.NewRecorder()
			r.handler.ServeHTTP(w, req)
			none := w.Code == http.StatusNotFound
			same := r.Access != web.Public && w.Code == http.StatusUnauthorized
			// A thing's name, where only another method is taken.
			below := w.Code == http.StatusMethodNotAllowed && (strings.HasSuffix(spelling, "/x.css") || strings.Contains(spelling, "/console/accounts/~") || strings.Contains(strings.ToLower(spelling), "/admin/accounts/bulk") || tenantsOwn.MatchString(spelling))
			led := r.Access >= web.Person && w.Code == http.StatusSeeOther && strings.HasPrefix(w.Header().Get("Location"), "/account/sign-in/")
			if !none && !same && !below && !led || w.Header().Get("Location") != "" && !led {
				t.Errorf("%s %s: answered %d", r.Method, spelling, w.Code)
			}
		}
	}
}

// tenantsOwn are paths of what would be a tenant, or a role, of the name of a page beside theirs. No slug and
// no role is called so.
var tenantsOwn = regexp.MustCompile(`/(account|console)/tenants/(?:[^/]+/roles/)?(?i:~?new|accept|join)[^/]*/?$`)

// spellings of a path that one program or another takes for it.
func spellings(path string) []string {
	path = strings.TrimSuffix(path, "/")
	cut := strings.LastIndex(path, "/")
	front, last := path[:cut], path[cut+1:]
	return []string{
		"/" + path + "/", path + "//", front + "//" + last + "/", front + "/./" + last + "/", front + "/x/../" + last + "/", front + "/%2e/" + last + "/", front + "/x/%2e%2e/" + last, path + "/.", path + "/..",
		front + "/%2F" + last, front + "%2F" + last + "/", front + "%5c" + last, front + `\` + last, front + "/" + strings.ToUpper(last) + "/", path + ".css", path + "/x.css", path + ".json/", path + ";x=1",
		path + "%00", path + "%20", path + "%0d%0aX: y", front + "/%" + hex(last[0]) + last[1:],
	}
}

func hex(c byte) string { return string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) }

// covers reports whether a route with this address and pattern takes requests for url: its own, or that
// of a name where the pattern takes any.
func covers(address, pattern, url string) bool {
	own, asked, parts := strings.Split(address, "/"), strings.Split(url, "/"), strings.Split(pattern, "/")
	if len(own) != len(asked) {
		return false
	}
	for i := range own {
		wild := strings.HasPrefix(parts[max(len(parts)-len(own)+i, 0)], "{")
		if own[i] != asked[i] && !wild {
			return false
		}
	}
	return true
}

func TestOtherMethodsAreRefusedAndDoNothing(t *testing.T) {
	srv := quiet(t, nil)
	token := srv.SignIn(t, srv.CreateAccount(t)).Access
	allowed := map[string][]string{}
	for _, r := range targets(srv) {
		for _, other := range targets(srv) {
			if !covers(other.url, other.Path, r.url) || slices.Contains(allowed[r.url], other.Method) {
				continue
			}
			if allowed[r.url] = append(allowed[r.url], other.Method); other.Method == http.MethodGet {
				allowed[r.url] = append(allowed[r.url], http.MethodHead)
			}
		}
	}
	before, _ := gatehouse.Database(srv.Gatehouse()).Counts()
	for _, r := range targets(srv) {
		want := slices.Sorted(slices.Values(allowed[r.url]))
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "post", "X"} {
			if slices.Contains(want, method) {
				continue
			}
			resp := request(r.handler, method, r.url, "{}", "Content-Type", "application/json", "Authorization", "Bearer "+token, "X-Http-Method-Override", r.Method)
			allow := strings.Split(resp.Header.Get("Allow"), ", ")
			slices.Sort(allow)
			if resp.StatusCode != http.StatusMethodNotAllowed || !slices.Equal(allow, want) {
				t.Errorf("%s %s: answered %d, Allow %v, want %v", method, r.Path, resp.StatusCode, allow, want)
			}
		}
	}
	if after, _ := gatehouse.Database(srv.Gatehouse()).Counts(); after != before {
		t.Errorf("they caused %d statements", after-before)
	}
}

// Every route in its refusals and, where it can be asked without more, its success.
func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	srv := quiet(t, nil)
	token := srv.SignIn(t, srv.CreateAccount(t)).Access
	for _, r := range targets(srv) {
		published := strings.HasPrefix(r.Path, "/.well-known/")
		for _, resp := range []*http.Response{
			request(r.handler, r.Method, r.url, ""), request(r.handler, r.Method, r.url, "{}", "Content-Type", "application/json", "Authorization", "Bearer "+token),
			request(r.handler, r.Method, r.url, "{", "Content-Type", "application/json", "Origin", srv.URL), request(r.handler, "PUT", r.url, ""), request(r.handler, r.Method, r.url+"x/y", ""),
			request(r.handler, r.Method, strings.Replace(r.url, "127.0.0.1", "192.0.2.1", 1), ""), request(r.handler, r.Method, r.url, strings.Repeat("x", 70_000)),
		} {
			h := resp.Header
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000; includeSubDomains"} {
				if h.Get(name) != want {
					t.Errorf("%s %s, %d: %s is %q", r.Method, r.Path, resp.StatusCode, name, h.Get(name))
				}
			}
			policy := h.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s %s, %d: policy %q", r.Method, r.Path, resp.StatusCode, policy)
			}
			forAll := published && resp.StatusCode == http.StatusOK
			if (h.Get("Cache-Control") == "no-store") == forAll {
				t.Errorf("%s %s, %d: Cache-Control is %q", r.Method, r.Path, resp.StatusCode, h.Get("Cache-Control"))
			}
			if corp := h.Get("Cross-Origin-Resource-Policy"); corp != "same-origin" && corp != "cross-origin" || corp == "cross-origin" && !forAll && h.Get("Access-Control-Allow-Origin") == "" {
				t.Errorf("%s %s, %d: resource policy is %q", r.Method, r.Path, resp.StatusCode, corp)
			}
			if resp.StatusCode >= 500 {
				t.Errorf("%s %s: answered %d", r.Method, r.Path, resp.StatusCode)
			}
		}
	}
}

func TestTheAPIWorksUnderEveryMountPath(t *testing.T) {
	for _, mount := range []string{"/", "/api/auth", "/deep/er/mount"} {
		srv := quiet(t, func(c *gatehouse.Config) { c.MountPath = mount })
		acc := srv.CreateAccount(t)
		srv.MustCall(t, http.MethodGet, "/me/", srv.SignIn(t, acc), nil, nil)
		if want := srv.URL + strings.TrimSuffix(mount, "/"); srv.Gatehouse().Issuer() != want {
			t.Errorf("%s: the issuer is %s", mount, srv.Gatehouse().Issuer())
		}
		token := "Bearer " + srv.SignIn(t, acc).Access
		for name, c := range map[string]struct {
			h    http.Handler
			path string
		}{
			"stripped by a proxy": {srv.Gatehouse().Handler(), "/me/"}, "StripPrefix": {http.StripPrefix("/else", srv.Gatehouse().Handler()), "/else/me/"},
			"not stripped": {srv.Gatehouse().Handler(), strings.TrimSuffix(mount, "/") + "/me"},
		} {
			if resp := request(c.h, http.MethodGet, srv.URL+c.path, "", "Authorization", token); resp.StatusCode != http.StatusOK {
				t.Errorf("%s, %s: answered %d", mount, name, resp.StatusCode)
			}
			if resp := request(c.h, http.MethodGet, srv.URL+c.path, ""); resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, %s, anonymous: answered %d", mount, name, resp.StatusCode)
			}
		}
	}
}
