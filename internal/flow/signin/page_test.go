package signin_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

const partner = "https://app.example.com"

// browser keeps cookies as browsers do and shows pages of ours.
type browser struct {
	w       *world
	site    http.Handler
	cookies map[string]string
}

// pages puts the real edge in front of the flow, with one page for each level.
func (w *world) pages() http.Handler {
	w.t.Helper()
	edge, err := web.NewEdge(web.Config{PublicURL: domaintest.Origin, Logger: slog.New(slog.DiscardHandler), Origins: []string{partner},
		Refused: w.flow.Refused,
		Authenticate: func(r *http.Request, to web.Route) (context.Context, error) {
			v, err := w.flow.Admit(r, to)
			if err != nil {
				return nil, err
			}
			return session.WithVisit(r.Context(), v), nil
		}})
	must(w.t, err)
	show := func(w http.ResponseWriter, r *http.Request) error {
		v := session.VisitFromContext(r.Context())
		_, err := fmt.Fprintf(w, "%s looked at: %t", v.Account.Email, v.Staff != nil)
		return err
	}
	routes := append(signin.PageRoutes(w.flow),
		web.Get("/account/", web.Person, web.Page(show)), web.Post("/account/", web.Person, web.Form(show)),
		web.Get("/console/", web.Staff, web.Page(show)).Needs("console.read"), web.Post("/console/", web.Staff, web.Form(show)).Needs("console.read"),
		web.Get("/console/fresh/", web.Staff, web.Page(show)).Needs("console.read").Freshly(), web.Post("/console/fresh/", web.Staff, web.Form(show)).Needs("console.read").Freshly(),
		web.Get("/console/keys/", web.Superuser, web.Page(show)), web.Post("/console/keys/", web.Superuser, web.Form(show)))
	return edge.Site(routes)
}

func (w *world) browser() *browser {
	w.t.Helper()
	return &browser{w: w, site: w.pages(), cookies: map[string]string{}}
}

// do sends a request and keeps what cookies the answer sets.
func (b *browser) do(r *http.Request, options ...domaintest.Option) *http.Response {
	b.w.t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for _, o := range options {
		o(r)
	}
	rec := httptest.NewRecorder()
	b.site.ServeHTTP(rec, r)
	resp := rec.Result()
	for _, c := range resp.Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return resp
}

func (b *browser) get(path string, options ...domaintest.Option) (*http.Response, string) {
	resp := b.do(httptest.NewRequest(http.MethodGet, domaintest.Origin+path, nil), options...)
	return resp, body(b.w.t, resp)
}

func (b *browser) post(path string, form url.Values, options ...domaintest.Option) (*http.Response, string) {
	r := httptest.NewRequest(http.MethodPost, domaintest.Origin+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp := b.do(r, append([]domaintest.Option{domaintest.OwnPage()}, options...)...)
	return resp, body(b.w.t, resp)
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(text)
}

func (b *browser) signIn(form ...string) *http.Response {
	b.w.t.Helper()
	values := url.Values{"name": {email}, "password": {pass}}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	resp, _ := b.post("/account/sign-in/", values)
	return resp
}

func (b *browser) leadsTo(resp *http.Response, want string) {
	b.w.t.Helper()
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != want {
		b.w.t.Fatalf("answered %d and leads to %q, want 303 to %q", resp.StatusCode, resp.Header.Get("Location"), want)
	}
}

const cookieName = "__Host-gatehouse-session"

func TestPagesSignInAndOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		resp, _ := b.get("/account/?tab=1")
		b.leadsTo(resp, "/account/sign-in/?next=%2Faccount%2F%3Ftab%3D1")
		resp = b.signIn("next", "/account/?tab=1")
		b.leadsTo(resp, "/account/?tab=1")
		for _, c := range resp.Cookies() {
			if c.Name == cookieName && (!c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0) {
				t.Errorf("the cookie is %s", strings.Replace(c.Raw, c.Value, "…", 1))
			}
		}
		if resp, text := b.get("/account/"); resp.StatusCode != http.StatusOK || !strings.Contains(text, email) {
			t.Errorf("answered %d %s", resp.StatusCode, text)
		}
		resp, _ = b.get("/account/sign-in/")
		b.leadsTo(resp, "/account/") // signed in already
		kept := b.cookies[cookieName]
		resp, _ = b.post("/account/sign-out/", nil)
		b.leadsTo(resp, "/account/sign-in/?done=signin.done.signed_out")
		delete(b.cookies, "__Host-gatehouse-device") // which proves nothing
		if len(b.cookies) != 0 {
			t.Errorf("the browser keeps %d cookies", len(b.cookies))
		}
		b.cookies[cookieName] = kept
		resp, _ = b.get("/account/")
		b.leadsTo(resp, "/account/sign-in/?next=%2Faccount%2F")
		resp, _ = b.post("/account/sign-out/", nil) // once more, from another tab
		b.leadsTo(resp, "/account/sign-in/?done=signin.done.signed_out")
	})
}

// What lies in the database is no cookie, and no cookie is an id.
func TestPageCookieIsStoredAsAKeyedHash(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.signIn()
		var hash []byte
		var id string
		w.Read(&hash, "SELECT token_hash FROM page_cookie")
		w.Read(&id, "SELECT session_id FROM page_cookie")
		if strings.Contains(string(hash), b.cookies[cookieName]) || len(b.cookies[cookieName]) < 43 {
			t.Error("the cookie lies in the database, or is short")
		}
		for _, forged := range []string{id, base64.RawURLEncoding.EncodeToString(hash), "", "A", strings.Repeat("A", 43)} {
			thief := w.browser()
			thief.cookies[cookieName] = forged
			resp, _ := thief.get("/account/")
			thief.leadsTo(resp, "/account/sign-in/?next=%2Faccount%2F")
		}
	})
}

func TestEverySignInMakesANewSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.cookies[cookieName] = strings.Repeat("P", 43) // planted by somebody who waits
		b.signIn()
		first := b.cookies[cookieName]
		if first == strings.Repeat("P", 43) {
			t.Fatal("the planted cookie became the session's")
		}
		b.signIn()
		if b.cookies[cookieName] == first {
			t.Error("the second sign-in kept the first's cookie")
		}
		thief := w.browser()
		thief.cookies[cookieName] = first
		resp, _ := thief.get("/account/")
		thief.leadsTo(resp, "/account/sign-in/?next=%2Faccount%2F")
	})
}

func TestSignInPageShowsWhatIsWrongAndKeepsTheName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const evil = `"><script>alert(1)</script>@example.com`
		for name, want := range map[string]int{email: http.StatusUnauthorized, "nobody@example.com": http.StatusUnauthorized, evil: http.StatusBadRequest, "": http.StatusBadRequest} {
			b := w.browser()
			resp, text := b.post("/account/sign-in/", url.Values{"name": {name}, "password": {"wrong horse battery"}, "next": {"/account/"}})
			if resp.StatusCode != want || strings.Contains(text, "wrong horse battery") || strings.Contains(text, "<script>alert") || b.cookies[cookieName] != "" {
				t.Errorf("%s: answered %d", name, resp.StatusCode)
			}
			if name == email && (!strings.Contains(text, `value="`+email+`"`) || !strings.Contains(text, `value="/account/"`)) {
				t.Error("what was typed is lost")
			}
		}
	})
}

func TestSignInPageIsLimitedAndSaysWhenToComeBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		for range 10 {
			b.signIn("password", "wrong horse battery")
		}
		resp := b.signIn()
		if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" || b.cookies[cookieName] != "" {
			t.Errorf("answered %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
		}
	})
}

// Only what is ours or listed is a place to go on to.
func TestSignInLeadsNowhereElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		for next, want := range map[string]string{
			"/console/accounts/?q=a": "/console/accounts/?q=a", "/": "/", partner + "/welcome?x=1": partner + "/welcome?x=1", domaintest.Origin + "/account/profile/": domaintest.Origin + "/account/profile/",
			"//evil.example.net": "/account/", `/\evil.example.net`: "/account/", `\\evil.example.net`: "/account/", "https://evil.example.net/": "/account/", "https:evil.example.net": "/account/",
			"https:///evil.example.net": "/account/", "javascript:alert(1)": "/account/", "data:text/html,x": "/account/", partner + "@evil.example.net": "/account/", partner + ".evil.example.net": "/account/",
			"https://evil@app.example.com": "/account/", "/\t/evil.example.net": "/account/", "/%09/evil.example.net": "/account/", "/%5cevil.example.net": "/account/", "/..//evil.example.net": "/account/",
			" https://evil.example.net": "/account/", "evil": "/account/", "?next=x": "/account/", "http://id.example.com/": "/account/", "/\x00": "/account/", "/a\r\nSet-Cookie:x": "/account/",
			"/account/" + strings.Repeat("a", 3000): "/account/",
		} {
			delete(b.cookies, cookieName)
			resp := b.signIn("next", next)
			if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || got != want {
				t.Errorf("%q: answered %d and leads to %q, want %q", next, resp.StatusCode, got, want)
			}
			resp, _ = b.get("/account/sign-in/?next=" + url.QueryEscape(next)) // signed in already
			if got := resp.Header.Get("Location"); got != want {
				t.Errorf("%q, signed in: leads to %q, want %q", next, got, want)
			}
			// Browsers hold the redirect after a form to form-action.
			resp, _ = w.browser().get("/account/sign-in/?next=" + url.QueryEscape(next))
			if policy := resp.Header.Get("Content-Security-Policy"); strings.Contains(policy, "evil") || strings.Contains(policy, partner) != strings.HasPrefix(want, partner) {
				t.Errorf("%q: policy %s", next, policy)
			}
		}
	})
}

func TestPageSessionsEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		out := "/account/sign-in/?next=%2Faccount%2F"
		idle, remembered := w.browser(), w.browser()
		idle.signIn()
		resp := remembered.signIn("remember", "yes")
		for _, c := range resp.Cookies() {
			if c.Name == cookieName && c.MaxAge != 30*24*60*60 {
				t.Errorf("a remembered browser keeps its cookie for %d s", c.MaxAge)
			}
		}
		w.advance(11 * time.Hour)
		if resp, _ := idle.get("/account/"); resp.StatusCode != http.StatusOK {
			t.Fatalf("within the idle time: answered %d", resp.StatusCode)
		}
		w.advance(11 * time.Hour) // the visit above counts
		if resp, _ := idle.get("/account/"); resp.StatusCode != http.StatusOK {
			t.Fatalf("11 h after a visit: answered %d", resp.StatusCode)
		}
		w.advance(3 * time.Hour)
		resp, _ = idle.get("/account/")
		idle.leadsTo(resp, out) // 25 h old
		w.advance(5 * 24 * time.Hour)
		if resp, _ := remembered.get("/account/"); resp.StatusCode != http.StatusOK {
			t.Errorf("remembered: answered %d", resp.StatusCode)
		}
		w.advance(8 * 24 * time.Hour)
		resp, _ = remembered.get("/account/")
		remembered.leadsTo(resp, out)

		w.Exec("UPDATE account SET epoch = epoch + 1 WHERE id = $1", w.account.ID)
		b := w.browser()
		b.signIn()
		w.Exec("UPDATE account SET epoch = epoch + 1 WHERE id = $1", w.account.ID)
		resp, _ = b.get("/account/")
		b.leadsTo(resp, out)
		b.signIn()
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", w.account.ID)
		resp, _ = b.get("/account/")
		b.leadsTo(resp, out)
	})
}

func TestRankDecidesWhoSeesTheConsole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.signIn()
		status := func(method, path string) int {
			if method == http.MethodGet {
				resp, _ := b.get(path)
				return resp.StatusCode
			}
			resp, _ := b.post(path, url.Values{})
			return resp.StatusCode
		}
		for _, c := range []struct {
			staff, super     bool
			console, keys, n int
		}{{false, false, 403, 403, 0}, {true, false, 200, 403, 0}, {false, true, 200, 200, 0}, {true, true, 200, 200, 0}} {
			w.Exec("UPDATE account SET staff = $2, superuser = $3 WHERE id = $1", w.account.ID, c.staff, c.super)
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if got := status(method, "/console/"); got != c.console {
					t.Errorf("staff %t, superuser %t: %s /console/ answered %d", c.staff, c.super, method, got)
				}
				if got := status(method, "/console/keys/"); got != c.keys {
					t.Errorf("staff %t, superuser %t: %s /console/keys/ answered %d", c.staff, c.super, method, got)
				}
			}
		}
	})
}

func TestAnOldProofIsAskedForAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET superuser = TRUE WHERE id = $1", w.account.ID)
		b := w.browser()
		b.signIn("remember", "yes")
		before := b.cookies[cookieName]
		w.advance(6 * time.Minute)
		if resp, _ := b.get("/console/keys/"); resp.StatusCode != http.StatusOK {
			t.Errorf("reading asks for a fresh proof: answered %d", resp.StatusCode)
		}
		if resp, _ := b.post("/console/", nil); resp.StatusCode != http.StatusOK {
			t.Errorf("what does not ask for a fresh proof: answered %d", resp.StatusCode)
		}
		if resp, _ := b.post("/console/fresh/", nil); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("what asks for a fresh proof: answered %d", resp.StatusCode)
		}
		resp, _ := b.get("/console/fresh/")
		b.leadsTo(resp, "/account/confirm/?next=%2Fconsole%2Ffresh%2F")
		resp, text := b.post("/console/keys/", url.Values{"note": {"typed with care"}, "new_password": {"hunter22 hunter22"}})
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(text, `value="typed with care"`) || strings.Contains(text, "hunter22") || !strings.Contains(text, "/account/confirm/") {
			t.Errorf("answered %d %s", resp.StatusCode, text)
		}
		if resp, _ := b.post("/account/confirm/", url.Values{"method": {"password"}, "password": {"wrong horse battery"}}); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusForbidden {
			t.Errorf("a wrong password: answered %d", resp.StatusCode)
		}
		resp, _ = b.post("/account/confirm/", url.Values{"method": {"password"}, "password": {pass}, "next": {"/console/keys/"}})
		b.leadsTo(resp, "/console/keys/")
		if b.cookies[cookieName] == before {
			t.Error("a proof did not change the cookie")
		}
		if resp, _ := b.post("/console/keys/", nil); resp.StatusCode != http.StatusOK {
			t.Errorf("with a fresh proof: answered %d", resp.StatusCode)
		}
		if resp, _ := b.get("/console/fresh/"); resp.StatusCode != http.StatusOK {
			t.Errorf("what asks for a fresh proof, with one: answered %d", resp.StatusCode)
		}
		thief := w.browser()
		thief.cookies[cookieName] = before
		resp, _ = thief.get("/account/")
		thief.leadsTo(resp, "/account/sign-in/?next=%2Faccount%2F")
		w.advance(13 * time.Hour)
		resp, _ = b.get("/console/")
		b.leadsTo(resp, "/account/confirm/?next=%2Fconsole%2F")
		if resp, _ := b.get("/account/"); resp.StatusCode != http.StatusOK {
			t.Errorf("the person's own pages ask for a proof: answered %d", resp.StatusCode)
		}
	})
}

func TestConfirmingIsLimitedByItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.signIn()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				guess := &browser{w: w, site: b.site, cookies: map[string]string{cookieName: b.cookies[cookieName]}}
				guess.post("/account/confirm/", url.Values{"method": {"password"}, "password": {"wrong horse battery"}})
			})
		}
		wg.Wait()
		resp, _ := b.post("/account/confirm/", url.Values{"method": {"password"}, "password": {pass}})
		if resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("after twenty guesses: answered %d", resp.StatusCode)
		}
		var wrong int
		w.Read(&wrong, "SELECT count(*) FROM audit_event WHERE reason = 'wrong_password'")
		if wrong != 5 {
			t.Errorf("%d guesses were looked at, want 5", wrong)
		}
		if resp := w.browser().signIn(); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("guesses there keep the owner from signing in: answered %d", resp.StatusCode)
		}
	})
}

// An expired form comes back with all that was typed except secrets.
func TestAFormWithoutASessionIsKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		form := url.Values{"full_name": {`Jo "><script>`}, "new_password": {"hunter22 hunter22"}, "code": {"123456"}, "account[]": {"a", "b"}}
		resp, text := b.post("/account/", form)
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(text, `action="/account/"`) || !strings.Contains(text, "Jo &#34;&gt;&lt;script&gt;") || strings.Count(text, `name="account[]"`) != 2 {
			t.Errorf("answered %d %s", resp.StatusCode, text)
		}
		if strings.Contains(text, "hunter22") || strings.Contains(text, "123456") {
			t.Error("a secret is shown")
		}
		foreign := domaintest.Header("Origin", "https://evil.example.net")
		if resp, text := b.post("/account/", form, foreign, domaintest.Header("Sec-Fetch-Site", "cross-site")); resp.StatusCode == http.StatusOK || strings.Contains(text, "full_name") {
			t.Errorf("a foreign page's form: answered %d", resp.StatusCode)
		}
	})
}

// A form must come from a page of ours, sign-in included: else somebody signs a browser in as
// themselves and reads what its owner then types (login CSRF).
func TestForeignFormsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.signIn()
		for name, change := range map[string]domaintest.Option{
			"another origin": func(r *http.Request) {
				r.Header.Set("Origin", "https://evil.example.net")
				r.Header.Del("Sec-Fetch-Site")
			},
			"cross-site":   func(r *http.Request) { r.Header.Del("Origin"); r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"sibling":      func(r *http.Request) { r.Header.Del("Origin"); r.Header.Set("Sec-Fetch-Site", "same-site") },
			"says nothing": func(r *http.Request) { r.Header.Del("Origin"); r.Header.Del("Sec-Fetch-Site") },
			"plain text":   domaintest.Header("Content-Type", "text/plain"),
			"JSON":         domaintest.Header("Content-Type", "application/json"),
		} {
			for _, path := range []string{"/account/sign-in/", "/account/sign-out/", "/account/confirm/", "/account/", "/account/look/stop/"} {
				resp, _ := b.post(path, url.Values{"name": {email}, "password": {pass}}, change)
				if resp.StatusCode < 400 || len(resp.Cookies()) != 0 {
					t.Errorf("%s to %s: answered %d", name, path, resp.StatusCode)
				}
			}
		}
		if resp, _ := b.get("/account/"); resp.StatusCode != http.StatusOK {
			t.Errorf("the session did not survive: %d", resp.StatusCode)
		}
	})
}

// A link from elsewhere may lead to a page, but may not run in a frame, a script or an image.
func TestPagesMayBeLinkedTo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.signIn()
		from := func(mode, dest string) domaintest.Option {
			return func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				r.Header.Set("Sec-Fetch-Mode", mode)
				r.Header.Set("Sec-Fetch-Dest", dest)
			}
		}
		if resp, _ := b.get("/account/", from("navigate", "document")); resp.StatusCode != http.StatusOK {
			t.Errorf("a link: answered %d", resp.StatusCode)
		}
		for _, how := range [][2]string{{"navigate", "iframe"}, {"navigate", "object"}, {"no-cors", "image"}, {"no-cors", "script"}, {"cors", "empty"}, {"navigate", ""}} {
			if resp, text := b.get("/account/", from(how[0], how[1])); resp.StatusCode != http.StatusForbidden || strings.Contains(text, email) {
				t.Errorf("%v: answered %d", how, resp.StatusCode)
			}
		}
	})
}

func TestLookingAtAnothersPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET superuser = TRUE WHERE id = $1", w.account.ID)
		owner := w.Account("owner@example.com", "")
		b := w.browser()
		b.signIn()
		look := func(subject, reason string) error {
			r := httptest.NewRequest(http.MethodGet, domaintest.Origin+"/console/", nil)
			r.AddCookie(&http.Cookie{Name: cookieName, Value: b.cookies[cookieName]})
			staff, err := w.flow.Visitor(r.Context(), b.cookies[cookieName], "")
			must(t, err)
			cookie, err := w.flow.Look(r.Context(), staff, subject, reason)
			if err == nil {
				b.cookies["__Host-gatehouse-look"] = cookie.Value
			}
			return err
		}
		for _, reason := range []string{"", "too short", strings.Repeat("a", 301), "with a \x00 byte in it", "          "} {
			wants(t, look(owner.Subject, reason), signin.ErrReason)
		}
		wants(t, look(w.account.Subject, "looks at their own pages"), signin.ErrLook)
		const reason = "asked for help with the profile"
		must(t, look(owner.Subject, reason))
		if _, text := b.get("/account/"); text != "owner@example.com looked at: true" {
			t.Errorf("shows %q", text)
		}
		if resp, _ := b.post("/account/", nil); resp.StatusCode != http.StatusForbidden {
			t.Errorf("something was changed: answered %d", resp.StatusCode)
		}
		if _, text := b.get("/console/"); !strings.HasPrefix(text, email) {
			t.Errorf("the console sees %q", text)
		}
		var told, noted int
		w.Drain()
		for _, m := range w.Mails.Take() {
			if m.To == "owner@example.com" && strings.Contains(m.Text, reason) {
				told++
			}
		}
		w.Read(&noted, "SELECT count(*) FROM audit_event WHERE kind = 'account.looked_at' AND reason = '"+reason+"'")
		if told != 1 || noted != 1 {
			t.Errorf("%d mails and %d audit events tell of it", told, noted)
		}
		// The cookie is worth nothing in another browser, with another's session or after a while.
		for name, cookies := range map[string]map[string]string{
			"alone":          {"__Host-gatehouse-look": b.cookies["__Host-gatehouse-look"]},
			"as the session": {cookieName: b.cookies["__Host-gatehouse-look"]},
		} {
			thief := &browser{w: w, site: b.site, cookies: cookies}
			if resp, _ := thief.get("/account/"); resp.StatusCode != http.StatusSeeOther {
				t.Errorf("%s: answered %d", name, resp.StatusCode)
			}
		}
		second := w.browser()
		second.signIn()
		second.cookies["__Host-gatehouse-look"] = b.cookies["__Host-gatehouse-look"]
		if _, text := second.get("/account/"); !strings.HasPrefix(text, email) {
			t.Errorf("another session of the same person sees %q", text)
		}
		resp, _ := b.post("/account/look/stop/", nil)
		b.leadsTo(resp, "/console/accounts/"+owner.Subject+"/")
		if _, text := b.get("/account/"); !strings.HasPrefix(text, email) {
			t.Errorf("afterwards shows %q", text)
		}
		must(t, look(owner.Subject, reason))
		w.advance(16 * time.Minute)
		if _, text := b.get("/account/"); !strings.HasPrefix(text, email) {
			t.Errorf("16 minutes later shows %q", text)
		}
		// Who signs in anew while looking is signed out as who they were before.
		must(t, look(owner.Subject, reason))
		before := b.cookies[cookieName]
		b.signIn()
		former := &browser{w: w, site: b.site, cookies: map[string]string{cookieName: before}}
		if resp, _ := former.get("/account/"); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("the session of before answered %d", resp.StatusCode)
		}
		must(t, look(owner.Subject, reason))
		looking := b.cookies["__Host-gatehouse-look"]
		b.post("/account/sign-out/", nil)
		b.signIn()
		b.cookies["__Host-gatehouse-look"] = looking
		if _, text := b.get("/account/"); !strings.HasPrefix(text, email) {
			t.Errorf("after signing out shows %q", text)
		}
		err := w.InTx(t.Context(), func(tx *db.Tx) (err error) {
			owner, err = account.Find(t.Context(), tx, owner.ID)
			return err
		})
		must(t, err)
		if !owner.LastLogin.IsZero() {
			t.Error("being looked at counts as signing in")
		}
	})
}
