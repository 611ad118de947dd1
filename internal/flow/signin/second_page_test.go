package signin_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
)

const (
	second      = "/account/sign-in/second/"
	startsAgain = "/account/sign-in/?over=yes"
	stepCookie  = "__Host-gatehouse-step"
	wrongCode   = "000000"
)

// appOf adds an app that shows codes; each call of code gives the next one.
func (w *world) appOf() (code func() string) { w.t.Helper(); return codes(w, w.app()) }

// codes shows the codes of an app, each time the next one.
func codes(w *world, key string) func() string {
	return func() string {
		w.t.Helper()
		w.advance(30 * time.Second)
		return w.code(key)
	}
}

var eightDigits = regexp.MustCompile(`\b[0-9]{8}\b`)

// codeMailed returns the code of the newest mail that has one, or "".
func (w *world) codeMailed() (code string) {
	w.t.Helper()
	w.Drain()
	for _, m := range w.Mails.Take() {
		code = eightDigits.FindString(m.Text)
	}
	return code
}

// attribute returns the value of the first attribute of a name in a page.
func attribute(text, name string) string {
	_, rest, _ := strings.Cut(text, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}

// ticketIn returns the ticket that a form of a page carries.
func ticketIn(text string) string { return attribute(text, `name="ticket" value`) }

// signedIn fails unless the browser has a session whose level is wanted.
func (b *browser) signedIn(wanted authn.AAL) {
	b.w.t.Helper()
	v, err := b.w.flow.Visitor(b.w.t.Context(), b.cookies[cookieName], "")
	must(b.w.t, err)
	if v.Level != wanted {
		b.w.t.Errorf("the session has level %d, want %d", v.Level, wanted)
	}
}

// stays fails unless a form was refused with a status and the browser has no session.
func (b *browser) stays(resp *http.Response, status int) {
	b.w.t.Helper()
	if resp.StatusCode != status || b.cookies[cookieName] != "" {
		b.w.t.Errorf("answered %d, want %d; a session: %t", resp.StatusCode, status, b.cookies[cookieName] != "")
	}
}

func TestSignInGoesOnWithASecondStep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code, b := w.appOf(), w.browser()
		resp := b.signIn("next", "/account/?tab=1", "remember", "on")
		b.leadsTo(resp, second+"?next=%2Faccount%2F%3Ftab%3D1")
		b.stays(resp, http.StatusSeeOther)
		for _, c := range resp.Cookies() {
			if c.Name == stepCookie && (!c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 0) {
				t.Errorf("the cookie is %s", strings.Replace(c.Raw, c.Value, "…", 1))
			}
		}
		resp, text := b.get(second + "?next=%2Faccount%2F%3Ftab%3D1")
		if resp.StatusCode != http.StatusOK || !strings.Contains(text, `name="code"`) || strings.Contains(text, email) || strings.Contains(text, b.cookies[stepCookie]) {
			t.Errorf("answered %d %s", resp.StatusCode, text)
		}
		resp, text = b.post(second, url.Values{"method": {"totp"}, "code": {wrongCode}, "next": {"/account/?tab=1"}})
		b.stays(resp, http.StatusUnauthorized)
		if !strings.Contains(text, `aria-invalid="true"`) || !strings.Contains(text, `value="/account/?tab=1"`) || strings.Contains(text, wrongCode) {
			t.Errorf("the page does not say what is wrong, loses where to go on to, or repeats the code: %s", text)
		}
		resp, _ = b.post(second, url.Values{"method": {"totp"}, "code": {code()}, "next": {"/account/?tab=1"}})
		b.leadsTo(resp, "/account/?tab=1")
		b.signedIn(authn.AAL2)
		for _, c := range resp.Cookies() {
			if c.Name == cookieName && c.MaxAge != 30*24*60*60 {
				t.Errorf("that the browser is to be remembered was forgotten: Max-Age %d", c.MaxAge)
			}
		}
		if b.cookies[stepCookie] != "" {
			t.Error("the step's cookie is left")
		}
	})
}

func TestSecondStepLeadsNowhereElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code, b := w.appOf(), w.browser()
		for next, want := range map[string]string{partner + "/welcome": partner + "/welcome", "https://evil.example.net/": "/account/", "//evil.example.net/": "/account/"} {
			b.signIn("next", next)
			resp, _ := b.get(second + "?next=" + url.QueryEscape(next))
			if policy := resp.Header.Get("Content-Security-Policy"); strings.Contains(policy, "evil") || strings.Contains(policy, partner) != strings.HasPrefix(want, partner) {
				t.Errorf("%s: policy %s", next, policy)
			}
			resp, _ = b.post(second, url.Values{"method": {"totp"}, "code": {code()}, "next": {next}})
			b.leadsTo(resp, want)
			b.post("/account/sign-out/", nil)
		}
	})
}

// Nobody takes another browser's step: what was proven so far lies in its cookie.
func TestSecondStepBelongsToTheBrowserThatBeganIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code, b, thief := w.appOf(), w.browser(), w.browser()
		b.signIn()
		for _, cookie := range []string{"", "A", strings.Repeat("A", 43)} {
			if thief.cookies[stepCookie] = cookie; cookie == "" {
				delete(thief.cookies, stepCookie)
			}
			resp, _ := thief.get(second)
			thief.leadsTo(resp, startsAgain)
			resp, _ = thief.post(second, url.Values{"method": {"totp"}, "code": {code()}})
			thief.leadsTo(resp, startsAgain)
			thief.stays(resp, http.StatusSeeOther)
			resp, _ = thief.post(second+"mail/", nil)
			thief.leadsTo(resp, startsAgain)
		}
		// A step that a program began goes on there.
		_, err := w.login(pass)
		thief.cookies[stepCookie], _ = next(t, err, signin.ErrMFA)
		resp, _ := thief.get(second)
		thief.leadsTo(resp, startsAgain)
	})
}

func TestSecondStepIsOverAfterFiveTriesAndFiveMinutes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code, b := w.appOf(), w.browser()
		b.signIn()
		for range 4 {
			resp, _ := b.post(second, url.Values{"method": {"totp"}, "code": {wrongCode}})
			b.stays(resp, http.StatusUnauthorized)
		}
		resp, _ := b.post(second, url.Values{"method": {"totp"}, "code": {wrongCode}, "next": {"/account/x/"}})
		b.leadsTo(resp, "/account/sign-in/?next=%2Faccount%2Fx%2F&over=yes")
		resp, _ = b.post(second, url.Values{"method": {"totp"}, "code": {code()}})
		b.leadsTo(resp, startsAgain)
		b.stays(resp, http.StatusSeeOther)

		b.signIn()
		w.advance(5*time.Minute + time.Second)
		resp, _ = b.get(second)
		b.leadsTo(resp, startsAgain)
		if _, text := b.get(startsAgain); !strings.Contains(text, `role="status"`) {
			t.Error("nobody says why it begins again")
		}
	})
}

func TestFormerSessionEndsWhenTheSecondStepIsDone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.signIn()
		former := b.cookies[cookieName]
		code := w.appOf()
		b.signIn()
		if b.cookies[cookieName] != former {
			t.Error("half a sign-in changed the session")
		}
		b.post(second, url.Values{"method": {"totp"}, "code": {code()}})
		if b.cookies[cookieName] == former {
			t.Fatal("the session is the former one")
		}
		thief := &browser{w: w, site: b.site, cookies: map[string]string{cookieName: former}}
		resp, _ := thief.get("/account/")
		thief.leadsTo(resp, "/account/sign-in/?next=%2Faccount%2F")
	})
}

func TestSecondStepOffersEveryWayTheAccountHas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.appOf()
		backup, key, b := w.backupCodes(), w.passkey(), w.browser()
		for range 2 { // with and without an unknown method
			b.signIn()
			for method, want := range map[string]string{"": "data-passkey-get", "carrier_pigeon": "data-passkey-get", "password": "data-passkey-get", "passkey": "data-passkey-get", "totp": `inputmode="numeric"`, "backup_code": `autocomplete="off" required`} {
				resp, text := b.get(second + "?method=" + method)
				if resp.StatusCode != http.StatusOK || !strings.Contains(text, want) || strings.Count(text, "?method=") != 2 {
					t.Errorf("%q: answered %d %s", method, resp.StatusCode, text)
				}
			}
		}
		resp, _ := b.post(second, url.Values{"method": {"password"}, "password": {pass}})
		b.stays(resp, http.StatusBadRequest) // it was the first step
		resp, _ = b.post(second, url.Values{"method": {"backup_code"}, "code": {strings.ToUpper(" " + backup[3])}})
		b.leadsTo(resp, "/account/")
		b.signedIn(authn.AAL2)

		b = w.browser()
		b.signIn()
		resp, _ = b.post(second, url.Values{"method": {"backup_code"}, "code": {backup[3]}})
		b.stays(resp, http.StatusUnauthorized) // used
		_, text := b.get(second)
		answer := key.Get([]byte(attribute(text, "data-passkey-get")))
		resp, text = b.post(second, url.Values{"method": {"passkey"}, "ticket": {ticketIn(text)}, "credential": {strings.Replace(string(answer), `"signature":"M`, `"signature":"N`, 1)}})
		b.stays(resp, http.StatusUnauthorized)
		resp, _ = b.post(second, url.Values{"method": {"passkey"}, "ticket": {ticketIn(text)}, "credential": {string(key.Get([]byte(attribute(text, "data-passkey-get"))))}})
		b.leadsTo(resp, "/account/")
		b.signedIn(authn.AAL2)
	})
}

// An answer to the challenge of one browser's step is no answer in another's.
func TestPasskeyOfOneStepIsNoneForAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key, b, other := w.passkey(), w.browser(), w.browser()
		b.signIn()
		other.signIn()
		_, text := b.get(second)
		resp, _ := other.post(second, url.Values{"method": {"passkey"}, "ticket": {ticketIn(text)}, "credential": {string(key.Get([]byte(attribute(text, "data-passkey-get"))))}})
		other.stays(resp, http.StatusUnauthorized)
	})
}

func TestCodeForTheSecondStepIsMailedOnRequestAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailFactor()
		b := w.browser()
		b.leadsTo(b.signIn("next", "/account/x/"), second+"?next=%2Faccount%2Fx%2F")
		for range 3 {
			if _, text := b.get(second + "?next=%2Faccount%2Fx%2F"); strings.Contains(text, `name="code"`) || !strings.Contains(text, "j•••@example.com") {
				t.Errorf("a page says that a code was mailed, or where it would go to all who look: %s", text)
			}
		}
		if w.codeMailed() != "" {
			t.Fatal("looking at a page mailed a code")
		}
		resp, _ := b.post(second+"mail/", url.Values{"next": {"/account/x/"}})
		b.leadsTo(resp, second+"?done=signin.done.code_sent&method=email_code&next=%2Faccount%2Fx%2F")
		first := w.codeMailed()
		b.post(second+"mail/", nil)
		code := w.codeMailed()
		resp, text := b.post(second, url.Values{"method": {"email_code"}, "code": {first}})
		b.stays(resp, http.StatusUnauthorized) // there is a newer one
		if !strings.Contains(text, `action="/account/sign-in/second/mail/"`) {
			t.Error("there is no way to another code")
		}
		resp, _ = b.post(second, url.Values{"method": {"email_code"}, "code": {code}, "next": {"/account/x/"}})
		b.leadsTo(resp, "/account/x/")
		b.signedIn(authn.AAL1) // mail is no second factor
	})
}

func TestMailingCodesIsLimitedAndSaysSo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.mailFactor()
		b := w.browser()
		b.signIn()
		for range 5 {
			b.post(second+"mail/", nil)
		}
		resp, text := b.post(second+"mail/", nil)
		b.stays(resp, http.StatusTooManyRequests)
		if resp.Header.Get("Retry-After") == "" || !strings.Contains(text, `role="alert"`) || !strings.Contains(text, `name="code"`) {
			t.Errorf("answered %s", text)
		}
		if resp, text := b.get(second + "mail/"); resp.StatusCode != http.StatusOK || !strings.Contains(text, `name="code"`) {
			t.Errorf("asked for anew, the same page answers %d", resp.StatusCode)
		}
	})
}

func TestTrustedDeviceIsNotAskedAgainWherePolicyAllowsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		code, b := w.appOf(), w.browser()
		b.signIn()
		if _, text := b.get(second); strings.Contains(text, `name="trust"`) {
			t.Error("a box is offered that policy does not allow")
		}
		b.post(second, url.Values{"method": {"totp"}, "code": {code()}, "trust": {"on"}})
		b.leadsTo(b.signIn(), second)
	})
	eachWith(t, func(c *signin.Config) { c.RememberDevices = 30 * 24 * time.Hour }, func(t *testing.T, w *world) {
		code, b := w.appOf(), w.browser()
		b.signIn()
		if _, text := b.get(second); !strings.Contains(text, `name="trust"`) {
			t.Error("there is no box")
		}
		b.post(second, url.Values{"method": {"totp"}, "code": {code()}})
		b.leadsTo(b.signIn(), second) // the box was not ticked
		b.post(second, url.Values{"method": {"totp"}, "code": {code()}, "trust": {"on"}})
		b.leadsTo(b.signIn(), "/account/")
		other := w.browser()
		other.leadsTo(other.signIn(), second)
		w.advance(31 * 24 * time.Hour)
		b.leadsTo(b.signIn(), second)
	})
}

func TestPolicyHasASecondFactorSetUpOnTheWayIn(t *testing.T) {
	demand := func(c *signin.Config) { c.Required, c.Grace = func(*account.Account) bool { return true }, 0 }
	eachWith(t, demand, func(t *testing.T, w *world) {
		b := w.browser()
		b.leadsTo(b.signIn("next", "/account/x/"), second+"?next=%2Faccount%2Fx%2F")
		resp, text := b.get(second + "?next=%2Faccount%2Fx%2F")
		key := regexp.MustCompile(`>([A-Z2-7]{4}( [A-Z2-7]{1,4})+)<`).FindStringSubmatch(text)
		if resp.StatusCode != http.StatusOK || !strings.Contains(text, "<svg") || key == nil {
			t.Fatalf("answered %d %s", resp.StatusCode, text)
		}
		resp, text = b.post(second, url.Values{"method": {"totp"}, "code": {wrongCode}})
		b.stays(resp, http.StatusUnauthorized)
		if !strings.Contains(text, key[1]) {
			t.Error("a wrong code changed the key that was typed")
		}
		resp, _ = b.post(second, url.Values{"method": {"totp"}, "code": {codes(w, strings.ReplaceAll(key[1], " ", ""))()}, "next": {"/account/x/"}})
		b.leadsTo(resp, "/account/x/")
		b.signedIn(authn.AAL2)
		other := w.browser()
		other.signIn()
		if _, text := other.get(second); strings.Contains(text, "<svg") || strings.Contains(text, key[1]) {
			t.Error("what is set up already is set up once more")
		}
	})
}

// What is left is worked out when it is asked for: a factor that is gone meanwhile is not asked for.
func TestStepWithoutAWayLeftBeginsAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.appOf()
		b := w.browser()
		b.signIn()
		w.Exec("DELETE FROM totp_device")
		resp, _ := b.get(second)
		b.leadsTo(resp, startsAgain)
		resp, _ = b.post(second, url.Values{"method": {"totp"}, "code": {wrongCode}})
		b.leadsTo(resp, startsAgain)
		b.stays(resp, http.StatusSeeOther)
	})
}

func TestPasskeyAloneSignsInOnThePages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key, b := w.passkey(), w.browser()
		resp, text := b.get("/account/sign-in/?next=%2Faccount%2Fx%2F")
		if attribute(text, "data-passkey-begin") != "/api/auth/passkeys/login/begin/" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "connect-src 'self';") {
			t.Errorf("a script has nowhere to ask: %s", text)
		}
		api := w.Serve(signin.Routes(w.flow), nil)
		begin := func() (ticket, options string) {
			a := api.Call("POST", "/passkeys/login/begin/", "{}", domaintest.OwnPage())
			ticket, _ = a.JSON["ticket"].(string)
			_, options, _ = strings.Cut(a.Text, `"publicKey":`)
			return ticket, strings.TrimSuffix(strings.TrimSpace(options), "}")
		}
		ticket, options := begin()
		resp, _ = b.post("/account/sign-in/passkey/", url.Values{"ticket": {ticket}, "credential": {string(key.Get([]byte(options)))}, "next": {"/account/x/"}, "remember": {"on"}})
		b.leadsTo(resp, "/account/x/")
		b.signedIn(authn.AAL2)
		for _, c := range resp.Cookies() {
			if c.Name == cookieName && c.MaxAge == 0 {
				t.Error("that the browser is to be remembered was forgotten")
			}
		}
		stranger := w.browser()
		ticket, options = begin()
		for name, form := range map[string]url.Values{
			"nothing":          {},
			"no answer":        {"ticket": {ticket}},
			"a used challenge": {"ticket": {ticket}, "credential": {string(key.Get([]byte(options)))}},
		} {
			if name == "a used challenge" {
				stranger.post("/account/sign-in/passkey/", form)
				delete(stranger.cookies, cookieName)
			}
			resp, text := stranger.post("/account/sign-in/passkey/", form)
			if resp.StatusCode < 400 || resp.StatusCode > 403 || stranger.cookies[cookieName] != "" || !strings.Contains(text, `role="alert"`) || !strings.Contains(text, `name="password"`) {
				t.Errorf("%s: answered %d", name, resp.StatusCode)
			}
		}
		if resp, _ := stranger.get("/account/sign-in/passkey/"); resp.StatusCode != http.StatusOK {
			t.Errorf("asked for anew, the page answers %d", resp.StatusCode)
		}
	})
}
