package hostile

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
)

// forwarded are the headers that some server somewhere believes.
func forwarded() map[string][]string {
	const evil = "evil.example.net"
	return map[string][]string{
		"X-Forwarded-Host": {evil}, "X-Forwarded-For": {"198.51.100.7"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"80"}, "X-Forwarded-Prefix": {"/evil"}, "X-Forwarded-Server": {evil},
		"Forwarded": {"for=198.51.100.7;host=" + evil + ";proto=http"}, "X-Real-Ip": {"198.51.100.7"}, "X-Original-Url": {"https://" + evil + "/api/auth/me/"}, "X-Rewrite-Url": {"/api/auth/me/"},
		"X-Host": {evil}, "X-Original-Host": {evil}, "X-Http-Host-Override": {evil}, "X-Http-Method-Override": {"DELETE"}, "Referer": {"https://" + evil + "/"}, "True-Client-Ip": {"garbage"},
		"X-Forwarded-Uri": {"/api/auth/me/"}, "X-User-Id": {"1"}, "X-Remote-User": {"admin"}, "Remote-User": {"admin"},
	}
}

var garbage = []string{"", ",", "unknown", "\xff\xfe", "999.1.1.1", "for=\"[::1", strings.Repeat("1.2.3.4,", 3000), "<script>", "'; DROP TABLE account; --", "fe80::1%eth0", "127.0.0.1", "10.0.0.9"}

// Row 11 of SECURITY.md: a mail's link leads to the configured address, whatever the request says.
func TestMailedLinksAreNotMadeFromRequests(t *testing.T) {
	each(t, nil, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		n := 0
		for name, values := range forwarded() {
			n++
			options := []option{from(stranger), header(name, values...), header("User-Agent", "https://evil.example.net/")}
			address := fmt.Sprintf("new%d@example.com", n)
			if a := w.call(http.MethodPost, "/register/", text(map[string]string{"email": address, "password": password, "full_name": "Jo"}), options...); a.status != http.StatusCreated {
				t.Fatalf("%s: register answered %d %s", name, a.status, a.code)
			}
			if a := w.call(http.MethodPost, "/password/reset/", `{"email":"jo@example.com"}`, options...); a.status != http.StatusAccepted {
				t.Fatalf("%s: reset answered %d %s", name, a.status, a.code)
			}
			for _, m := range []string{w.Mailbox.Wait(t, address).Text, w.Mailbox.Wait(t, "jo@example.com").Text} {
				if strings.Contains(m, "evil") || !strings.Contains(m, w.URL+"/account/") || strings.Contains(strings.ReplaceAll(m, w.URL, ""), "://") {
					t.Errorf("%s: the mail leads elsewhere", name)
				}
			}
		}
		for name, values := range forwarded() {
			w.refused(w.call(http.MethodPost, "/password/reset/", `{"email":"jo@example.com"}`, header("Host", "evil.example.net"), header(name, values...)), name, http.StatusMisdirectedRequest, "host_unknown")
		}
	})
}

func TestForwardedHeadersOfStrangersChangeNothing(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		mine := w.signIn("jo@example.com", "cookie")
		plain := w.call(http.MethodGet, "/me/", "", bearer(mine.access), from(stranger))
		for name, values := range forwarded() {
			for _, v := range append(values, garbage...) {
				what := fmt.Sprintf("%s: %.40q", name, v)
				if a := w.call(http.MethodGet, "/me/", "", bearer(mine.access), from(stranger), header(name, v)); a.status != http.StatusOK || a.text != plain.text {
					t.Errorf("%s: answered %d", what, a.status)
				}
				w.refused(w.call(http.MethodGet, "/me/", "", from(stranger), header(name, v)), what, http.StatusUnauthorized, "token_missing")
				if a := w.page(http.MethodGet, "/account/reset/?token=x", nil, from(stranger), header(name, v)); a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
					t.Errorf("%s: the page answered %d", what, a.status)
				}
			}
		}
		a := w.call(http.MethodGet, "/sessions/", "", bearer(w.signIn("jo@example.com", "body", from(stranger), header("X-Forwarded-For", "198.51.100.7"), header("X-Real-Ip", "198.51.100.8")).access))
		if !strings.Contains(a.text, `"address":"203.0.113.9"`) || strings.Contains(a.text, "198.51.100") {
			t.Errorf("the session was noted as %s", a.text)
		}
	})
}

// Guesses from one address stay guesses from one address.
func TestLimitsCountTheAddressThatCannotBeForged(t *testing.T) {
	three := func(c *gatehouse.Config) {
		c.NoWorkers = true
		c.Limits.SignInPerAddress = gatehouse.Limit{Tries: 3, Per: time.Hour}
	}
	each(t, three, func(t *testing.T, w *world) {
		n := 0
		guess := func(options ...option) int {
			n++
			return w.call(http.MethodPost, "/login/", fmt.Sprintf(`{"email":"nobody%d@example.com","password":"wrong password"}`, n), options...).status
		}
		for i := range 6 {
			chain := fmt.Sprintf("198.51.100.%d", i)
			got := guess(from(stranger), header("X-Forwarded-For", chain), header("X-Real-Ip", chain), header("Forwarded", "for="+chain))
			if want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusTooManyRequests}[i < 3]; got != want {
				t.Errorf("guess %d of a stranger answered %d, want %d", i+1, got, want)
			}
		}
		for i := range 6 {
			// What stands left of the nearest stranger is that stranger's own invention.
			got := guess(from(proxy), header("X-Forwarded-Proto", "https"), header("X-Forwarded-For", fmt.Sprintf("192.0.2.%d, 198.51.100.77, 10.1.2.3", i)))
			if want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusTooManyRequests}[i < 3]; got != want {
				t.Errorf("guess %d through a proxy answered %d, want %d", i+1, got, want)
			}
		}
		if got := guess(from(proxy), header("X-Forwarded-Proto", "https"), header("X-Forwarded-For", "198.51.100.78")); got != http.StatusUnauthorized {
			t.Errorf("another client of the proxy answered %d", got)
		}
		a := w.call(http.MethodPost, "/login/", `{"email":"nobody@example.com","password":"wrong password"}`, from(stranger))
		if wait := a.header.Get("Retry-After"); a.code != "rate_limited" || wait == "" || wait == "0" {
			t.Errorf("answered %s, Retry-After %q", a.code, wait)
		}
	})
}

func TestOneTokenInOneHeaderAndNowhereElse(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		mine := w.signIn("jo@example.com", "body")
		for _, sound := range []string{"Bearer " + mine.access, "bearer " + mine.access, "BEARER  " + mine.access} {
			if a := w.call(http.MethodGet, "/me/", "", header("Authorization", sound)); a.status != http.StatusOK {
				t.Errorf("%.10s: answered %d", sound, a.status)
			}
		}
		query := "?" + url.Values{"access_token": {mine.access}, "token": {mine.access}, "jwt": {mine.access}, "bearer": {mine.access}}.Encode()
		for name, c := range map[string]struct {
			path    string
			options []option
			code    string
		}{
			"none": {"/me/", nil, "token_missing"}, "query": {"/me/" + query, nil, "token_missing"},
			"query and header": {"/me/" + query, []option{bearer(mine.access)}, "token_invalid"},
			"cookie":           {"/me/", []option{header("Cookie", "access="+mine.access+"; __Host-gatehouse-session="+mine.access+"; __Host-gatehouse-refresh="+mine.refresh)}, "token_missing"},
			"two headers":      {"/me/", []option{header("Authorization", "Bearer "+mine.access, "Bearer "+mine.access)}, "token_invalid"},
			"two in one":       {"/me/", []option{header("Authorization", "Bearer "+mine.access+", Bearer "+mine.access)}, "token_invalid"},
			"basic":            {"/me/", []option{header("Authorization", "Basic am86cGFzc3dvcmQ=")}, "token_missing"},
			"basic and bearer": {"/me/", []option{header("Authorization", "Basic am86cGFzc3dvcmQ=", "Bearer "+mine.access)}, "token_invalid"},
			"no scheme":        {"/me/", []option{header("Authorization", mine.access)}, "token_missing"},
			"another scheme":   {"/me/", []option{header("Authorization", "DPoP "+mine.access)}, "token_missing"},
			"no token":         {"/me/", []option{header("Authorization", "Bearer ")}, "token_invalid"},
			"quoted":           {"/me/", []option{header("Authorization", `Bearer "`+mine.access+`"`)}, "token_invalid"},
			"another header":   {"/me/", []option{header("X-Authorization", "Bearer "+mine.access), header("Proxy-Authorization", "Bearer "+mine.access), header("X-Access-Token", mine.access)}, "token_missing"},
			"100,000 dots":     {"/me/", []option{bearer(strings.Repeat(".", 100_000))}, "token_invalid"},
			"a long token":     {"/me/", []option{bearer(strings.Repeat("a", 100_000))}, "token_invalid"},
		} {
			a := w.call(http.MethodGet, c.path, "", c.options...)
			w.refused(a, name, http.StatusUnauthorized, c.code)
			challenge := map[string]string{"token_missing": "Bearer", "token_invalid": `Bearer error="invalid_token"`}[c.code]
			if got := a.header.Values("WWW-Authenticate"); len(got) != 1 || got[0] != challenge {
				t.Errorf("%s: WWW-Authenticate %q, want %q", name, got, challenge)
			}
			if strings.Contains(a.text, mine.access) {
				t.Errorf("%s: the token comes back", name)
			}
		}
		form := "access_token=" + mine.access
		w.refused(w.call(http.MethodPatch, "/me/", form, header("Content-Type", "application/x-www-form-urlencoded")), "form", http.StatusUnauthorized, "token_missing")
	})
}

// Who shows a bad bearer is not asked for the next best thing. Only signing out, which gives nothing,
// ends whatever it is shown.
func TestABadBearerNeverFallsThroughToACookie(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		mine := w.signIn("jo@example.com", "cookie")
		for name, headers := range map[string][]string{
			"garbage": {"Bearer x"}, "a prefix": {"Bearer " + mine.access[:len(mine.access)-4]}, "two": {"Bearer " + mine.access, "Bearer " + mine.access}, "two bad": {"Bearer x", "Basic y"},
			"the refresh token": {"Bearer " + mine.cookie.Value},
		} {
			for _, call := range [][3]string{{"GET", "/me/"}, {"GET", "/sessions/"}, {"PATCH", "/me/", `{"full_name":"Eve"}`}, {"POST", "/password/change/", `{"old_password":"x","new_password":"y"}`}, {"DELETE", "/sessions/0/"}} {
				a := w.call(call[0], call[1], call[2], cookie(mine.cookie), header("Authorization", headers...))
				w.refused(a, name, http.StatusUnauthorized, "token_invalid")
			}
		}
		if !w.signedIn(mine.access) {
			t.Error("the session ended")
		}
	})
}

func TestForeignHostsGetPublishedKeysAndNothingElse(t *testing.T) {
	w := open(t, "sqlite", silent)
	for _, host := range []string{"evil.example.net", "", "10.0.0.5:8080", "localhost.evil.example.net"} {
		foreign := header("Host", host)
		for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration"} {
			a := w.call(http.MethodGet, path, "", foreign)
			if a.status != http.StatusOK || strings.Contains(a.text, "evil") {
				t.Errorf("%s at %q: answered %d", path, host, a.status)
			}
		}
		for _, d := range doors {
			w.refused(w.call(d.method, d.path, text(d.sound()), foreign), host, http.StatusMisdirectedRequest, "host_unknown")
		}
		if a := w.page(http.MethodGet, "/account/verify/?token=x", nil, foreign); a.status != http.StatusMisdirectedRequest {
			t.Errorf("a page at %q: answered %d", host, a.status)
		}
	}
}

func TestPlainHTTPBehindAProxyIsNotServed(t *testing.T) {
	each(t, silent, func(t *testing.T, w *world) {
		w.account("jo@example.com")
		before := w.digest()
		over := []option{from(proxy), header("X-Forwarded-Proto", "http")}
		for _, d := range doors {
			w.refused(w.call(d.method, d.path, text(d.sound()), over...), "http", http.StatusForbidden, "https_required")
		}
		a := w.page(http.MethodGet, "/account/verify/?token=x", nil, over...)
		if a.status != http.StatusPermanentRedirect || a.header.Get("Location") != w.URL+"/account/verify/" {
			t.Errorf("a page: answered %d, leads to %s", a.status, a.header.Get("Location"))
		}
		if a := w.page(http.MethodGet, "/account/verify/?token=x", nil, from(proxy), header("X-Forwarded-Proto", "https")); a.status != http.StatusBadRequest {
			t.Errorf("where it leads: answered %d", a.status)
		}
		if w.digest() != before {
			t.Error("the database changed")
		}
	})
}
