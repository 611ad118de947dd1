package gatehouse_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// site is a program with pages of its own beside those of Gatehouse.
type site struct {
	*gatehousetest.Server
	t   *testing.T
	mux *http.ServeMux
}

func newSite(t *testing.T, change func(*gatehouse.Config)) *site {
	s := &site{quiet(t, change), t, http.NewServeMux()}
	g := s.Gatehouse()
	s.mux.Handle("/account/", g.Pages())
	s.mux.Handle("/console/", g.Console())
	s.mux.Handle("/api/auth/", g.Handler())
	s.serves("/inbox")
	return s
}

// serves mounts a page that says who is calling.
func (s *site) serves(pattern string, conditions ...verifier.Condition) {
	s.mux.Handle(pattern, s.Gatehouse().RequirePage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := verifier.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "%s in %s as %s: %s", id.Subject, id.Tenant, id.Role, r.FormValue("text"))
	}), conditions...))
}

// ask asks as a browser of today that shows the answer, and reports status and where the answer leads or what it says.
func (s *site) ask(method, path, body string, headers ...string) (resp *http.Response, text string) {
	s.t.Helper()
	headers = append([]string{"Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html"}, headers...)
	resp = request(s.mux, method, s.URL+path, body, headers...)
	return resp, read(s.t, resp)
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	var b strings.Builder
	if _, err := fmt.Fprint(&b, resp.Header.Get("Location")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	n, _ := resp.Body.Read(buf)
	return b.String() + string(buf[:n])
}

// cookie signs in on the account pages and returns the header Cookie.
func (s *site) cookie(a gatehousetest.Account) string {
	s.t.Helper()
	resp, _ := s.ask(http.MethodPost, "/account/sign-in/", url.Values{"name": {a.Email}, "password": {a.Password}}.Encode(), "Origin", s.URL)
	for _, c := range resp.Cookies() {
		if c.Name == "__Host-gatehouse-session" && c.Value != "" {
			return c.Name + "=" + c.Value
		}
	}
	s.t.Fatalf("signing in answered %d", resp.StatusCode)
	return ""
}

func onBoth(t *testing.T, run func(t *testing.T, s *site)) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			run(t, newSite(t, func(c *gatehouse.Config) {
				c.DatabaseURL, _ = dbtest.URL(t, engine)
				c.Tenants = gatehouse.Tenants{Permissions: []string{"notes.read", "notes.write"}, Roles: []gatehouse.Role{{Name: "member", Permissions: []string{"notes.read"}}}}
			}))
		})
	}
}

// Whoever is not signed in is led to the sign-in page, and from there to what they asked for.
func TestOwnPagesLeadToSignInAndBack(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		a := s.CreateAccount(t)
		resp, to := s.ask(http.MethodGet, "/inbox?tab=1&q=a%2Fb", "")
		if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/account/sign-in/?next=%2Finbox%3Ftab%3D1%26q%3Da%252Fb") {
			t.Fatalf("answered %d, %s", resp.StatusCode, to)
		}
		resp, to = s.ask(http.MethodPost, "/account/sign-in/", url.Values{"name": {a.Email}, "password": {a.Password}, "next": {"/inbox?tab=1&q=a%2Fb"}}.Encode(), "Origin", s.URL)
		if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/inbox?tab=1&q=a%2Fb") {
			t.Errorf("signing in answered %d, %s", resp.StatusCode, to)
		}
		cookie := s.cookie(a)
		resp, text := s.ask(http.MethodGet, "/inbox", "", "Cookie", cookie)
		if resp.StatusCode != http.StatusOK || text != a.ID+" in  as : " {
			t.Errorf("answered %d, %s", resp.StatusCode, text)
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin", "Vary": "Cookie"} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		resp, text = s.ask(http.MethodPost, "/inbox", "text=hello", "Cookie", cookie, "Origin", s.URL)
		if resp.StatusCode != http.StatusOK || !strings.HasSuffix(text, ": hello") {
			t.Errorf("a form: %d, %s", resp.StatusCode, text)
		}
	})
}

// Every other site, and whoever has something else than the cookie of a page, stays outside.
func TestOwnPagesRefuseWhatNoPageOfTheirsSent(t *testing.T) {
	s := newSite(t, func(c *gatehouse.Config) { c.AllowedOrigins = []string{"https://app.example.com"} })
	a := s.CreateAccount(t)
	cookie, token := s.cookie(a), s.SignIn(t, a)
	value := strings.TrimPrefix(cookie, "__Host-gatehouse-session=")
	s.serves("/form", nothing)
	navigates := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	for _, c := range []struct {
		name, method string
		headers      []string
		want         int
	}{
		{"a link from elsewhere", "GET", append([]string{"Cookie", cookie}, navigates...), 200},
		{"a browser without fetch metadata", "GET", []string{"Cookie", cookie}, 200},
		{"looking at the headers", "HEAD", []string{"Cookie", cookie, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, 200},
		{"a script of ours", "PUT", []string{"Cookie", cookie, "Origin", s.URL, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, 200},
		{"a page without a referrer", "POST", []string{"Cookie", cookie, "Origin", "null", "Sec-Fetch-Site", "same-origin"}, 200},
		{"a foreign form", "POST", []string{"Cookie", cookie, "Origin", "https://evil.example.net"}, 403},
		{"a form of a neighbouring host", "POST", []string{"Cookie", cookie, "Origin", "https://x.example.com", "Sec-Fetch-Site", "same-site"}, 403},
		{"a form of an allowed origin", "POST", []string{"Cookie", cookie, "Origin", "https://app.example.com"}, 403},
		{"a form of a sandbox", "POST", []string{"Cookie", cookie, "Origin", "null"}, 403},
		{"a form of another scheme", "POST", []string{"Cookie", cookie, "Origin", strings.Replace(s.URL, "https:", "http:", 1)}, 403},
		{"a form that says nothing", "POST", []string{"Cookie", cookie}, 403},
		{"a typed form", "POST", []string{"Cookie", cookie, "Sec-Fetch-Site", "none"}, 200},
		{"deleting from elsewhere", "DELETE", []string{"Cookie", cookie, "Origin", "https://evil.example.net"}, 403},
		{"deleting, saying nothing", "DELETE", []string{"Cookie", cookie}, 403},
		{"a method nobody knows", "LOOK", []string{"Cookie", cookie}, 403},
		{"a preflight", "OPTIONS", []string{"Origin", "https://evil.example.net", "Access-Control-Request-Method", "POST"}, 403},
		{"a frame of a neighbour", "GET", []string{"Cookie", cookie, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"an image elsewhere", "GET", []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{"a script elsewhere", "GET", []string{"Cookie", cookie, "Origin", "https://evil.example.net", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}, 403},
		{"a WebSocket of ours", "GET", []string{"Cookie", cookie, "Origin", s.URL, "Upgrade", "websocket", "Connection", "Upgrade", "Sec-Fetch-Mode", "websocket", "Sec-Fetch-Site", "same-origin"}, 200},
		{"a WebSocket from elsewhere", "GET", []string{"Cookie", cookie, "Origin", "https://evil.example.net", "Upgrade", "websocket", "Connection", "Upgrade"}, 403},
		{"a WebSocket of an allowed origin", "GET", []string{"Cookie", cookie, "Origin", "https://app.example.com", "Upgrade", "websocket"}, 403},
		{"a WebSocket that says nothing", "GET", []string{"Cookie", cookie, "Upgrade", "websocket"}, 403},
		{"a WebSocket that says it navigates", "GET", append([]string{"Cookie", cookie, "Upgrade", "websocket"}, navigates...), 403},
		{"a WebSocket over HTTP/2", "CONNECT", []string{"Cookie", cookie, "Origin", "https://evil.example.net"}, 403},
		{"two cookies", "GET", []string{"Cookie", cookie + "; " + cookie}, 403},
		{"an access token in the cookie's place", "GET", []string{"Cookie", "__Host-gatehouse-session=" + token.Access}, 303},
		{"a refresh token in the cookie's place", "GET", []string{"Cookie", "__Host-gatehouse-session=" + token.Refresh}, 303},
		{"a cookie without its prefix", "GET", []string{"Cookie", strings.TrimPrefix(cookie, "__Host-")}, 303},
		{"a token", "GET", []string{"Authorization", "Bearer " + token.Access}, 303},
		{"the cookie as a token", "GET", []string{"Authorization", "Bearer " + value}, 303},
		{"a script that is not signed in", "GET", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin"}, 401},
	} {
		resp, _ := s.ask(c.method, "/inbox", "", c.headers...)
		if resp.StatusCode != c.want {
			t.Errorf("%s: answered %d, not %d", c.name, resp.StatusCode, c.want)
		}
		script := strings.Contains(strings.Join(c.headers, " "), "cors")
		if kind := resp.Header.Get("Content-Type"); c.want >= 400 && c.method != "HEAD" && strings.Contains(kind, "problem+json") != script {
			t.Errorf("%s: answered as %s", c.name, kind)
		}
		if c.want >= 400 && (resp.Header.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")) {
			t.Errorf("%s: headers %v", c.name, resp.Header)
		}
	}
	if resp := request(s.Gatehouse().Require(http.NotFoundHandler()), http.MethodGet, s.URL+"/inbox", "", "Cookie", cookie, "Authorization", "Bearer "+value); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("Require takes the cookie: %d", resp.StatusCode)
	}
	for name, at := range map[string]string{"another host": "https://evil.example.net/inbox"} {
		if resp := request(s.mux, http.MethodGet, at, "", "Cookie", cookie, "Accept", "text/html"); resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s: answered %d", name, resp.StatusCode)
		}
	}
}

func nothing(*http.Request, *verifier.Identity) error { return nil }

// What comes in is the handler's own: no limit of ours holds for it, and what it says of its answer stands.
func TestOwnPagesReadAndAnswerAsTheyLike(t *testing.T) {
	s := newSite(t, nil)
	upload := s.Gatehouse().RequirePage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Frame-Options", "SAMEORIGIN")
		_, _ = fmt.Fprint(w, n, err)
	}))
	s.mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60") // for everything that is served here
		upload.ServeHTTP(w, r)
	})
	resp, text := s.ask(http.MethodPost, "/upload", strings.Repeat("x", 1<<20), "Origin", s.URL, "Cookie", s.cookie(s.CreateAccount(t)), "Content-Encoding", "gzip")
	if resp.StatusCode != http.StatusOK || text != "1048576 <nil>" {
		t.Errorf("answered %d, %s", resp.StatusCode, text)
	}
	if h := resp.Header; h.Get("X-Frame-Options") != "SAMEORIGIN" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", h)
	}
}

// What ends a session, or puts another cookie in its place, is felt with the next request.
func TestOwnPagesEndWithTheSession(t *testing.T) {
	s := newSite(t, nil)
	for name, end := range map[string]func(a gatehousetest.Account, cookie string) error{
		"signing out": func(_ gatehousetest.Account, cookie string) error {
			if resp, _ := s.ask(http.MethodPost, "/account/sign-out/", "", "Origin", s.URL, "Cookie", cookie); resp.StatusCode != http.StatusSeeOther {
				return fmt.Errorf("answered %d", resp.StatusCode)
			}
			return nil
		},
		"disabling": func(a gatehousetest.Account, _ string) error {
			_, err := s.Gatehouse().DisableAccount(t.Context(), a.ID)
			return err
		},
		"signed out by staff": func(a gatehousetest.Account, _ string) error {
			_, err := s.Gatehouse().SignOutAccount(t.Context(), a.ID)
			return err
		},
		"a proof, which renews the cookie": func(a gatehousetest.Account, cookie string) error {
			resp, _ := s.ask(http.MethodPost, "/account/confirm/", url.Values{"method": {"password"}, "password": {a.Password}}.Encode(), "Origin", s.URL, "Cookie", cookie)
			if resp.StatusCode != http.StatusSeeOther {
				return fmt.Errorf("answered %d", resp.StatusCode)
			}
			return nil
		},
		"12 hours without a page": func(gatehousetest.Account, string) error { s.Clock.Advance(t, 12*time.Hour); return nil },
	} {
		a := s.CreateAccount(t)
		cookie := s.cookie(a)
		if resp, _ := s.ask(http.MethodGet, "/inbox", "", "Cookie", cookie); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: before: %d", name, resp.StatusCode)
		}
		if err := end(a, cookie); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if resp, _ := s.ask(http.MethodGet, "/inbox", "", "Cookie", cookie); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: answered %d", name, resp.StatusCode)
		}
	}
}

// A form that comes too late is answered with itself, and its address is one of ours.
func TestOwnPagesKeepAFormThatComesTooLate(t *testing.T) {
	s := newSite(t, nil)
	s.mux.Handle("/app/", http.StripPrefix("/app", s.mux))
	for path, action := range map[string]string{"/inbox?box=2": `action="/inbox?box=2"`, "/app/inbox": `action="/app/inbox"`} {
		resp, text := s.ask(http.MethodPost, path, "text=Dear+all&password=hidden", "Origin", s.URL)
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(text, action) || !strings.Contains(text, "Dear all") || strings.Contains(text, "hidden") && strings.Contains(text, `value="hidden"`) {
			t.Errorf("%s: answered %d\n%s", path, resp.StatusCode, text)
		}
	}
	guarded := s.Gatehouse().RequirePage(http.NotFoundHandler()) // without a mux that mends the path
	if resp := request(guarded, http.MethodPost, s.URL+"//evil.example.net/x", "text=x", "Origin", s.URL, "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html"); strings.Contains(read(t, resp), "evil") {
		t.Error("a form leads elsewhere")
	}
	for name, headers := range map[string][]string{"a large form": nil, "a file": {"Content-Type", "multipart/form-data; boundary=x"}, "JSON": {"Content-Type", "application/json"}, "packed": {"Content-Encoding", "gzip"}} {
		resp, _ := s.ask(http.MethodPost, "/inbox", strings.Repeat("x", 70_000), append([]string{"Origin", s.URL}, headers...)...)
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: answered %d", name, resp.StatusCode)
		}
	}
	if resp, text := s.ask(http.MethodPut, "/inbox", "text=x", "Origin", s.URL); resp.StatusCode != http.StatusUnauthorized || strings.Contains(text, "<form method=\"post\" action=\"/inbox") {
		t.Errorf("a PUT became a POST: %d", resp.StatusCode)
	}
}

// Signing in leads to no place but ours, however it is spelled.
func TestSigningInLeadsToOwnPagesAlone(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.cookie(s.CreateAccount(t))
	for next, want := range map[string]string{
		"/inbox": "/inbox", "/inbox?a=1#b": "/inbox?a=1#b", "/notes/a%2Fb": "/notes/a%2Fb", "/it's(here)": "/it's(here)",
		"//evil.example.net": "", "///evil.example.net": "", `/\evil.example.net`: "", `\\evil.example.net`: "", "/%2Fevil.example.net": "", "/%5Cevil.example.net": "", "/%2F%2Fevil": "", "/a/..//evil": "", "/%2e%2e//evil": "", "/%2E%2E%2F%2Fevil": "", "/./evil": "",
		"https://evil.example.net/": "", "https:evil": "", "javascript:alert(1)": "", "inbox": "", "/in\tbox": "", "/in\nbox": "", "/%0d%0aSet-Cookie:x": "", "/ inbox": "", "/@evil.example.net": "/@evil.example.net", "https://x@evil.example.net": "",
	} {
		resp, to := s.ask(http.MethodGet, "/account/sign-in/?next="+url.QueryEscape(next), "", "Cookie", cookie)
		if want == "" {
			want = "/account/"
		}
		if got := resp.Header.Get("Location"); got != want {
			t.Errorf("%q leads to %s, not %s (%d %.60s)", next, got, want, resp.StatusCode, to)
		}
	}
}

// A page's session has no tenant: the membership is asked at each request, and the tenant's policy.
func TestOwnPagesOfATenantAskTheMembership(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		here := verifier.Tenant(verifier.FromPath("tenant"))
		s.serves("/t/{tenant}/notes", here, verifier.Permission("notes.read"))
		s.serves("/t/{tenant}/write", here, verifier.Permission("notes.write"))
		s.serves("/t/{tenant}/owner", here, verifier.Role("owner"))
		s.serves("/t/{tenant}/live", here, s.Gatehouse().Live())
		s.serves("/wrong/wildcard", here)
		s.serves("/wrong/{tenant}/order", verifier.Permission("notes.read"), here)
		s.serves("/wrong/permission", verifier.Permission("notes.read"))
		s.serves("/wrong/scope", verifier.Scope("notes"))
		mine, theirs := s.CreateTenant(t), s.CreateTenant(t)
		member := s.CreateMember(t, mine, "member")
		cookie := s.cookie(member)
		for path, want := range map[string]int{
			"/t/" + mine.Slug + "/notes": 200, "/t/" + mine.ID + "/notes": 200, "/t/" + mine.Slug + "/live": 200,
			"/t/" + mine.Slug + "/write": 403, "/t/" + mine.Slug + "/owner": 403,
			"/t/" + theirs.Slug + "/notes": 403, "/t/" + theirs.ID + "/notes": 403, "/t/nowhere/notes": 403, "/t/%00/notes": 403,
			"/wrong/wildcard": 503, "/wrong/" + mine.Slug + "/order": 503, "/wrong/permission": 503, "/wrong/scope": 500,
		} {
			resp, text := s.ask(http.MethodGet, path, "", "Cookie", cookie)
			if resp.StatusCode != want || want == 200 && !strings.HasPrefix(text, member.ID+" in "+mine.Slug+" as member") {
				t.Errorf("%s: answered %d, not %d: %.80s", path, resp.StatusCode, want, text)
			}
		}
		s.mux.Handle("/app/", http.StripPrefix("/app", s.mux))
		if _, text := s.ask(http.MethodGet, "/app/t/"+mine.Slug+"/write?x=1", "", "Cookie", cookie); !strings.Contains(text, `value="/app/t/`+mine.Slug+`/write?x=1"`) {
			t.Errorf("whoever signs in as somebody else is not led back:\n%s", text)
		}
		script := []string{"Cookie", cookie, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin"}
		if _, text := s.ask(http.MethodGet, "/t/"+mine.Slug+"/write", "", script...); !strings.Contains(text, `"permission":"notes.write"`) {
			t.Errorf("the permission is not named: %s", text)
		}
		_, foreign := s.ask(http.MethodGet, "/t/"+theirs.Slug+"/notes", "", script...)
		_, missing := s.ask(http.MethodGet, "/t/nowhere/notes", "", script...)
		if foreign[:strings.Index(foreign, "request_id")] != missing[:strings.Index(missing, "request_id")] {
			t.Errorf("a foreign tenant: %s\na missing one: %s", foreign, missing)
		}
		boss := s.CreateAccount(t)
		strict := s.CreateTenant(t, gatehousetest.OwnedBy(boss))
		s.MustCall(t, http.MethodPatch, "/tenants/"+strict.Slug+"/", s.TenantToken(t, boss, strict), map[string]any{"policy": map[string]any{"max_age": 3600}}, nil)
		owner := s.cookie(boss)
		for _, want := range []int{http.StatusOK, http.StatusSeeOther} {
			if resp, to := s.ask(http.MethodGet, "/t/"+strict.Slug+"/owner", "", "Cookie", owner); resp.StatusCode != want || want == http.StatusSeeOther && !strings.HasPrefix(to, "/account/confirm/?next=%2Ft%2F") {
				t.Errorf("a tenant that wants a proof an hour: answered %d %.80s", resp.StatusCode, to)
			}
			s.Clock.Advance(t, time.Hour)
		}
		if err := s.Gatehouse().RemoveMember(t.Context(), mine.ID, member.ID); err != nil {
			t.Fatal(err)
		}
		if resp, _ := s.ask(http.MethodGet, "/t/"+mine.Slug+"/notes", "", "Cookie", cookie); resp.StatusCode != http.StatusForbidden {
			t.Errorf("once removed: answered %d", resp.StatusCode)
		}
	})
}

// Who proved too long ago is led to where they can again; a level that they have no proof for is refused.
func TestOwnPagesAskForAnotherProof(t *testing.T) {
	s := newSite(t, nil)
	s.serves("/pay", verifier.FreshWithin(5*time.Minute))
	s.serves("/vault", verifier.AAL(2))
	s.serves("/broken", func(*http.Request, *verifier.Identity) error { return fmt.Errorf("canary") })
	s.serves("/gone", func(*http.Request, *verifier.Identity) error {
		return &verifier.Error{Code: "plan_gone", Status: 410, Detail: "Gone."}
	})
	cookie := s.cookie(s.CreateAccount(t))
	if resp, _ := s.ask(http.MethodGet, "/pay", "", "Cookie", cookie); resp.StatusCode != http.StatusOK {
		t.Errorf("fresh: answered %d", resp.StatusCode)
	}
	s.Clock.Advance(t, 6*time.Minute)
	resp, to := s.ask(http.MethodGet, "/pay", "", "Cookie", cookie)
	if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/account/confirm/?next=%2Fpay") {
		t.Errorf("stale: answered %d, %s", resp.StatusCode, to)
	}
	for path, want := range map[string]int{"/vault": 403, "/broken": 503, "/gone": 410} {
		if resp, text := s.ask(http.MethodGet, path, "", "Cookie", cookie); resp.StatusCode != want || strings.Contains(text, "canary") {
			t.Errorf("%s: answered %d", path, resp.StatusCode)
		}
	}
}

// The owner was told that staff look at their account, not that they read what else they have here.
func TestOwnPagesAreNotForStaffWhoLookOn(t *testing.T) {
	s := newSite(t, nil)
	root, owner := s.CreateAccount(t, func(n *gatehouse.NewAccount) { n.Superuser = true }), s.CreateAccount(t)
	cookie := s.cookie(root)
	resp, text := s.ask(http.MethodPost, "/console/accounts/"+owner.ID+"/look/", "reason=asked+for+help+with+the+profile", "Origin", s.URL, "Cookie", cookie)
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("looking: %d %.200s", resp.StatusCode, text)
	}
	for _, c := range resp.Cookies() {
		cookie += "; " + c.Name + "=" + c.Value
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if resp, _ := s.ask(method, "/inbox", "", "Cookie", cookie, "Origin", s.URL); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: answered %d", method, resp.StatusCode)
		}
	}
}

// RequirePage is put together with the program: what is missing is found there.
func TestRequirePagePanicsWithoutAHandlerOrACondition(t *testing.T) {
	g := quiet(t, nil).Gatehouse()
	for name, build := range map[string]func(){
		"no handler": func() { g.RequirePage(nil) }, "a nil condition": func() { g.RequirePage(http.NotFoundHandler(), nothing, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			build()
		}()
	}
}

// A slip of the pen in a permission would look like a missing role.
func TestUndeclaredPermissionsAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	s := newSite(t, func(c *gatehouse.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.Tenants = gatehouse.Tenants{Permissions: []string{"notes.read"}}
	})
	mine := s.CreateTenant(t)
	member := s.CreateMember(t, mine, "member")
	here := verifier.Tenant(verifier.FromPath("tenant"))
	s.serves("/t/{tenant}/notes", here, verifier.Permission("notes.raed"))
	s.serves("/t/{tenant}/right", here, verifier.Permission("notes.read"))
	api := s.Gatehouse().Require(http.NotFoundHandler(), verifier.Permission("notes.raed"))
	token, cookie := s.TenantToken(t, member, mine), s.cookie(member)
	for range 2 {
		s.ask(http.MethodGet, "/t/"+mine.Slug+"/notes", "", "Cookie", cookie)
		s.ask(http.MethodGet, "/t/"+mine.Slug+"/right", "", "Cookie", cookie)
		request(api, http.MethodGet, s.URL+"/api", "", "Authorization", "Bearer "+token.Access)
	}
	if text := log.String(); strings.Count(text, "nobody declared") != 1 || !strings.Contains(text, "notes.raed") {
		t.Errorf("logged %s", text)
	}
}
