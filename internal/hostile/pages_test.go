package hostile

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pageRoute is a page as the golden file has it, without the permission that it asks for.
type pageRoute struct{ path, method, access string }

// routes reads the golden file, so that no route is forgotten here.
func routes(t *testing.T, keep func(pageRoute) bool) []pageRoute {
	t.Helper()
	golden, err := os.ReadFile("../../testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	var all []pageRoute
	for line := range strings.Lines(string(golden)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			t.Fatalf("the golden file has the line %q", line)
		}
		if r := (pageRoute{f[0], f[1], f[2]}); keep(r) {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		t.Fatal("the golden file has no such route")
	}
	return all
}

func isPage(r pageRoute) bool {
	return (strings.HasPrefix(r.path, "/account/") || strings.HasPrefix(r.path, "/console/")) && !strings.Contains(r.path, "/assets/")
}

func isForm(r pageRoute) bool { return isPage(r) && r.method == http.MethodPost }

// site is a world with a person and a superuser who are signed in to pages.
type site struct {
	*world
	jo, root string // accounts by id
	acme     acme   // jo's tenant
	person   *http.Cookie
	staff    *http.Cookie
}

func newSite(w *world) *site {
	w.t.Helper()
	jo := w.account("jo@example.com")
	s := &site{world: w, jo: jo.ID, root: w.superuser("root@example.com").ID, acme: w.acme(jo)}
	s.person, s.staff = s.cookieOf("jo@example.com"), s.cookieOf("root@example.com")
	return s
}

const pageName = "__Host-gatehouse-session"

// signInPage posts the form for signing in.
func (w *world) signInPage(email, pass, next string, options ...option) answer {
	w.t.Helper()
	return w.page(http.MethodPost, "/account/sign-in/", url.Values{"name": {email}, "password": {pass}, "next": {next}}, options...)
}

// cookieNamed returns a cookie that a sets to a value, or nil.
func (a answer) cookieNamed(name string) *http.Cookie {
	for _, c := range a.cookies {
		if c.Name == name && c.Value != "" {
			return c
		}
	}
	return nil
}

func (w *world) cookieOf(email string) *http.Cookie {
	w.t.Helper()
	a := w.signInPage(email, password, "")
	c := a.cookieNamed(pageName)
	if a.status != http.StatusSeeOther || c == nil {
		w.t.Fatalf("signing in to the pages answered %d", a.status)
	}
	return c
}

// at returns a path of r that leads to something.
func (s *site) at(r pageRoute) string {
	return strings.NewReplacer("{tenant}", "acme", "{role}", "editor", "{domain}", "acme.example.com", "{invitation}", s.acme.invitation, "{permission}", "pages.read",
		"{account}", s.jo, "{session}", "0198c0de-0000-7000-8000-000000000000", "{id}", "0198c0de-0000-7000-8000-000000000000", "{kind}", "password_reset", "{language}", "de").Replace(r.path)
}

// who returns the cookie that r asks for.
func (s *site) who(r pageRoute) option {
	switch r.access {
	case "public":
		return func(*http.Request) {}
	case "person", "fresh-person", "member":
		return cookie(s.person)
	default:
		return cookie(s.staff)
	}
}

// ours is the one script element that a page holds.
var ours = regexp.MustCompile(`<script src="/(account|console)/assets/[^"<>]+"[^<>]*></script>`)

const payload = `"'><script>alert("` + canary + `")</script>`

// inert checks that whatever was sent, a holds none of it as markup, in no header, and that nobody
// can frame it or keep it.
func (s *site) inert(a answer, what string) {
	s.t.Helper()
	if a.status >= 500 {
		s.t.Errorf("%s: %s answered %d", what, a.what, a.status)
	}
	kind := a.header.Get("Content-Type")
	if a.status < 300 && !strings.HasPrefix(kind, "text/html") && !strings.HasPrefix(kind, "application/json") && !strings.HasPrefix(kind, "text/csv") {
		s.t.Errorf("%s: %s answered %d with %q", what, a.what, a.status, kind)
	}
	if strings.HasPrefix(kind, "text/html") {
		rest := ours.ReplaceAllString(a.text, "")
		if strings.Contains(strings.ToLower(rest), "<script") || strings.Contains(rest, payload) || strings.Contains(rest, `"'>`) || strings.Contains(rest, "\x00") {
			s.t.Errorf("%s: %s holds what was sent as markup", what, a.what)
		}
		s.framed(a, what)
	}
	for name, values := range a.header {
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n\x00") || name == "X-Evil" {
				s.t.Errorf("%s: %s has the header %s: %q", what, a.what, name, v)
			}
		}
	}
}

// framed checks the headers that keep a page to itself.
func (s *site) framed(a answer, what string) {
	s.t.Helper()
	policy := a.header.Get("Content-Security-Policy")
	framable := !strings.Contains(policy, "frame-ancestors 'none'") || a.header.Get("X-Frame-Options") != "DENY"
	if strings.Contains(a.what, "/preview/") && a.status == http.StatusOK { // the console shows a mail in a frame that may nothing
		framable = !strings.Contains(policy, "frame-ancestors 'self'") || !strings.Contains(policy, "sandbox")
	}
	if framable || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src 'unsafe-inline'") || strings.Contains(policy, "unsafe-eval") ||
		a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.header.Get("Cache-Control"), "no-store") ||
		a.header.Get("Cross-Origin-Opener-Policy") != "same-origin" || !strings.Contains(a.header.Get("Strict-Transport-Security"), "max-age=31536000") {
		s.t.Errorf("%s: %s answered %d with the policy %q and headers %v", what, a.what, a.status, policy, a.header)
	}
}

// values are what no field of a form takes, by what they are.
var values = map[string]string{
	"NUL": "\x00" + canary, "invalid UTF-8": "\xff\xfe" + canary, "script": payload, "a header": "x\r\nX-Evil: " + canary + "\r\n\r\n", "bidirectional": "\u202e" + canary + "\u2066",
	"look-alike": "j\u043e\uff20example.com/\u2044" + canary, "long": strings.Repeat("x", 20_000), "a formula": "=cmd|' /C calc'!A0", "a path": "../../%2e%2e/%00", "SQL": "'; DROP TABLE account; --", "a template": "{{.}}${7*7}<%= 7 %>",
}

// names are those of every field on any page.
var names = []string{
	"account", "account[]", "action", "actor", "address", "after", "attributes.team", "back", "advance", "by", "code", "color", "credential", "description", "domain", "done", "email", "email_domains", "font", "full_name", "grace_days", "id", "invitation", "join_role", "kind", "lang", "limit",
	"locale", "mail", "max_age", "max_idle", "method", "name", "new_password", "next", "old_password", "on", "over", "owner", "page", "password", "permission", "permission[]", "phone", "prefix", "purpose", "radius", "rank", "reason", "refuse", "remember", "role", "second_factor", "selected", "session", "setup",
	"since", "slug", "state", "status", "team", "tenant", "tenant_id", "ticket", "to", "token", "trust", "typed", "until", "username", "when", "is_superuser",
}

// full is a form or a query with every field set to v.
func full(v string) url.Values {
	form := url.Values{}
	for _, name := range names {
		form[name] = []string{v}
	}
	return form
}

func TestHostileQueriesOfPagesAreHarmless(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		s := newSite(w)
		w.must(w.call(http.MethodPost, "/magic-link/", `{"email":"jo@example.com"}`), http.StatusAccepted)
		noted := []string{"audit_event", "rate_limit", "ticket"} // an export is the first two, and a page that offers passkeys has a challenge
		before, tickets := w.digest(noted...), w.dump()["ticket"]
		for _, r := range routes(t, isPage) {
			if r.method != http.MethodGet {
				continue
			}
			for what, v := range values {
				s.inert(w.page(http.MethodGet, s.at(r)+"?"+full(v).Encode(), nil, s.who(r)), what)
				if r.access != "public" {
					s.inert(w.page(http.MethodGet, s.at(r)+"?"+full(v).Encode(), nil), what+", of nobody")
				}
			}
			for _, query := range []string{"token=a&token=b", "after=a&after=b&limit=-1", "%", "%zz=%zz", ";=;", strings.Repeat("a&", 2000), "limit=99999999999999999999&page=-1"} {
				s.inert(w.page(http.MethodGet, s.at(r)+"?"+query, nil, s.who(r)), query[:min(len(query), 20)])
			}
		}
		for _, r := range routes(t, isPage) { // in the path
			if !strings.Contains(r.path, "{") {
				continue
			}
			for what, v := range values {
				path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllLiteralString(r.path, url.PathEscape(v))
				a := w.page(r.method, path, url.Values{}, s.who(r))
				if s.inert(a, what); a.status < 400 {
					t.Errorf("%s in the path: %s answered %d", what, a.what, a.status)
				}
			}
		}
		if w.digest(noted...) != before {
			t.Error("the database changed")
		}
		if after := w.dump()["ticket"]; len(tickets) == 0 || !bytes.HasPrefix(after, tickets) {
			t.Error("looking used a ticket")
		}
	})
}

// sound are the forms that need no field, or take any text in it.
var sound = []string{
	"/account/sign-out/", "/account/look/stop/", "/account/sessions/others/", "/account/sessions/forget/", "/account/sessions/all/", "/account/security/mail/", "/console/accounts/{account}/disable/", "/console/accounts/{account}/enable/", "/console/accounts/{account}/sign-out/",
	"/console/accounts/{account}/send-reset/", "/console/accounts/{account}/unlock/", "/console/accounts/{account}/look/", "/console/templates/{kind}/{language}/test/",
	"/account/tenants/{tenant}/domains/{domain}/remove/", "/account/tenants/{tenant}/domains/{domain}/verify/", "/account/tenants/{tenant}/invitations/{invitation}/resend/", "/account/tenants/{tenant}/invitations/{invitation}/revoke/",
	"/account/tenants/{tenant}/members/{account}/remove/", "/account/tenants/{tenant}/roles/{role}/delete/", "/console/tenants/{tenant}/suspend/", "/console/tenants/{tenant}/resume/",
	"/console/tenants/{tenant}/members/{account}/remove/", "/console/tenants/{tenant}/domains/{domain}/verify/", "/console/tenants/{tenant}/domains/{domain}/remove/",
	"/console/tenants/{tenant}/invitations/{invitation}/revoke/",
}

// settled are the forms about one thing that may be gone already, which is no mistake: they answer
// the same for what never was.
var settled = []string{
	"/account/sign-in/mail/code/", "/account/sign-in/second/", "/account/sign-in/second/mail/", "/account/keep/", "/account/security/keep/", "/account/security/codes/clear/", "/console/accounts/{account}/cancel-recovery/",
	"/console/accounts/{account}/sessions/{session}/", "/console/mails/discard/", "/console/mails/retry/", "/console/permissions/withdraw/", "/console/sessions/",
}

func TestHostileFormsOfPagesAreRefused(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		s := newSite(w)
		for _, r := range routes(t, isForm) {
			tables := []string{"audit_event", "rate_limit"} // wrong passwords are both
			if r.path == "/account/security/passkeys/add/" {
				tables = append(tables, "ticket") // a refusal has the next challenge
			}
			path, before := s.at(r), w.digest(tables...)
			refused := func(what string, a answer) {
				t.Helper()
				if s.inert(a, what); a.status < 400 {
					t.Errorf("%s: %s answered %d to %q", what, a.what, a.status, a.header.Get("Location"))
				}
			}
			post := func(body string, more ...option) answer {
				return w.page(http.MethodPost, path, nil, append([]option{s.who(r), raw(body)}, more...)...)
			}
			if !slices.Contains(sound, r.path) {
				for what, v := range values {
					a := post(full(v).Encode())
					if a.status == http.StatusSeeOther && slices.Contains(settled, r.path) && strings.HasPrefix(a.header.Get("Location"), r.path[:strings.Index(r.path[1:], "/")+2]) {
						s.inert(a, what)
						continue
					}
					refused(what, a)
				}
			}
			refused("100,000 characters", post("name="+strings.Repeat("x", 100_000)))
			refused("a name twice", post("name=a&name=b&password=x"))
			refused("broken escapes", post("name=%zz&password=%"))
			refused("semicolons", post("name=a;password=b"))
			refused("JSON", post(`{"name":"jo@example.com"}`, header("Content-Type", "application/json")))
			refused("multipart", post("--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--x--\r\n", header("Content-Type", "multipart/form-data; boundary=x")))
			refused("plain text", post("name=a", header("Content-Type", "text/plain")))
			refused("no media type", post("name=a", func(q *http.Request) { q.Header.Del("Content-Type") }))
			for _, sender := range senders(w.URL) {
				if sender.name == "own page" {
					continue
				}
				a := post("", func(q *http.Request) {
					q.Header.Del("Origin")
					if sender.origin != nil {
						q.Header["Origin"] = sender.origin
					}
					if sender.site != nil {
						q.Header["Sec-Fetch-Site"] = sender.site
					}
				})
				if refused("from "+sender.name, a); a.status != http.StatusForbidden || len(a.cookies) > 0 {
					t.Errorf("from %s: %s answered %d, %d cookies", sender.name, a.what, a.status, len(a.cookies))
				}
			}
			if w.digest(tables...) != before {
				t.Fatalf("%s %s changed the database", r.method, r.path)
			}
		}
	})
}

func raw(body string) option {
	return func(r *http.Request) { setBody(r, body) }
}

// What is no cookie of a live session is nobody's; of two of one name neither counts.
func TestHostileCookiesOpenNoPage(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		s := newSite(w)
		good := s.staff.Value
		before := w.digest()
		cookies := map[string]string{
			"none": "", "two": pageName + "=" + good + "; " + pageName + "=" + good, "two, one foreign": pageName + "=x; " + pageName + "=" + good, "garbage": pageName + "=\xff\x01;;=;" + canary, "huge": pageName + "=" + strings.Repeat("A", 60_000),
			"cut off": pageName + "=" + good[:len(good)-1], "longer": pageName + "=" + good + "A", "another's name": "gatehouse-session=" + good, "oddly cased": strings.ToLower(pageName) + "=" + good, "quoted": pageName + "=\"" + good + "\"x",
			"as a look": "__Host-gatehouse-look=" + good, "a refresh cookie": "__Host-gatehouse-refresh=" + good, "percent": pageName + "=%41" + good[1:], "script": pageName + "=<script>" + canary,
		}
		for _, r := range routes(t, isPage) {
			if r.access == "public" {
				continue
			}
			for what, value := range cookies {
				a := w.page(r.method, s.at(r), url.Values{}, header("Cookie", value))
				s.inert(a, what)
				if to := a.header.Get("Location"); a.status < 400 && (a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/account/sign-in/")) {
					t.Errorf("%s: %s answered %d to %q", what, a.what, a.status, to)
				}
			}
			if r.access != "person" && r.access != "fresh-person" && r.access != "member" {
				if a := w.page(r.method, s.at(r), url.Values{}, cookie(s.person)); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
					t.Errorf("a person at %s answered %d", a.what, a.status)
				}
			}
		}
		if w.digest() != before {
			t.Error("the database changed")
		}
	})
}

func TestPagesAnswerTheirOwnHostAndNoFrame(t *testing.T) {
	w := open(t, "sqlite", silent)
	s := newSite(w)
	before := w.digest()
	for _, r := range routes(t, isPage) {
		for _, host := range []string{"evil.example.net", "", "localhost.evil.example.net", strings.TrimPrefix(w.URL, "https://") + ".evil.example.net"} {
			a := w.page(r.method, s.at(r), url.Values{}, header("Host", host), s.who(r))
			if s.inert(a, host); a.status != http.StatusMisdirectedRequest || strings.Contains(a.text, "evil") {
				t.Errorf("at %q: %s answered %d", host, a.what, a.status)
			}
		}
		if r.access == "public" || r.method != http.MethodGet {
			continue
		}
		// Whose pages may use the API may not read ours.
		if a := w.page(r.method, s.at(r), nil, s.who(r), header("Origin", listed), header("Sec-Fetch-Site", "same-site")); a.status != http.StatusForbidden || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("for a listed origin: %s answered %d", a.what, a.status)
		}
		for _, dest := range []string{"iframe", "image", "script", "embed", "object", "empty", "style"} {
			a := w.page(r.method, s.at(r), nil, s.who(r), header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "no-cors"), header("Sec-Fetch-Dest", dest))
			if a.status != http.StatusForbidden {
				t.Errorf("as %s of a foreign page: %s answered %d", dest, a.what, a.status)
			}
		}
	}
	if w.digest() != before {
		t.Error("the database changed")
	}
}
