package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
)

const (
	byMail   = "/account/sign-in/mail/"
	mailCode = "/account/sign-in/mail/code/"
	linkPath = "/account/sign-in/link/?token="
)

// asksByMail has a browser ask for a code and returns it; "" when none comes.
func (b *browser) asksByMail(address string, form ...string) (code string) {
	b.w.t.Helper()
	values := url.Values{"email": {address}}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	resp, _ := b.post(byMail, values)
	b.leadsTo(resp, mailCode)
	return b.w.codeMailed()
}

func TestMailedCodeSignsInWhereItWasAskedFor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		code := b.asksByMail(strings.ToUpper(email), "next", "/account/x/", "remember", "on")
		if _, text := b.get(mailCode); !strings.Contains(text, strings.ToUpper(email)) || strings.Contains(text, code) {
			t.Error("the page does not say where the mail went, or knows the code")
		}
		wrong := "12345678"
		if wrong == code {
			wrong = "87654321"
		}
		for _, no := range []string{wrong, "", code[1:], " " + code, code + "0", "١٢٣٤٥٦٧٨"} {
			resp, text := b.post(mailCode, url.Values{"code": {no}})
			if no == code+"0" { // the fifth: what comes now is too late
				break
			}
			b.stays(resp, http.StatusUnauthorized)
			if !strings.Contains(text, `aria-invalid="true"`) {
				t.Error("the page does not say what is wrong")
			}
		}
		resp, _ := b.post(mailCode, url.Values{"code": {code}})
		b.stays(resp, http.StatusUnauthorized)

		code = b.asksByMail(email, "next", "/account/x/", "remember", "on")
		resp, _ = b.post(mailCode, url.Values{"code": {code}})
		b.leadsTo(resp, "/account/x/")
		b.signedIn(authn.AAL1)
		for _, c := range resp.Cookies() {
			if c.Name == cookieName && c.MaxAge == 0 {
				t.Error("that the browser is to be remembered was forgotten")
			}
		}
		if b.cookies["__Host-gatehouse-mail"] != "" {
			t.Error("the browser still waits")
		}
	})
}

// The browser that asked needs one click; any other gets the code to type, and a warning.
func TestMailedLinkDependsOnTheBrowser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b, other := w.browser(), w.browser()
		code := b.asksByMail(email)
		resp, text := other.get(linkPath + code)
		if resp.StatusCode != http.StatusOK || !strings.Contains(text, ">"+code+"<") || strings.Contains(text, "<form") {
			t.Errorf("another browser: %d %s", resp.StatusCode, text)
		}
		resp, text = b.get(linkPath + code)
		if resp.StatusCode != http.StatusOK || strings.Count(text, "<form") != 1 || attribute(text, `name="code" value`) != code {
			t.Errorf("this browser: %d %s", resp.StatusCode, text)
		}
		resp, _ = other.post(mailCode, url.Values{"code": {code}})
		other.leadsTo(resp, byMail+"?over=yes")
		other.asksByMail("somebody@example.com")
		resp, _ = other.post(mailCode, url.Values{"code": {code}})
		other.stays(resp, http.StatusUnauthorized) // of another's asking
		resp, _ = b.post(mailCode, url.Values{"code": {code}})
		b.leadsTo(resp, "/account/")
		b.signedIn(authn.AAL1)
	})
}

// Programs that look at mail open every link, as often as they like, and send what forms they find.
func TestMailScannerBurnsNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		code := b.asksByMail(email)
		for range 10 {
			scanner := w.browser()
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r, err := http.NewRequestWithContext(t.Context(), method, domaintest.Origin+linkPath+code, nil)
				must(t, err)
				if resp := scanner.do(r); resp.StatusCode != http.StatusOK || len(scanner.cookies) != 0 {
					t.Fatalf("%s: answered %d with %d cookies", method, resp.StatusCode, len(scanner.cookies))
				}
			}
			scanner.post(mailCode, url.Values{"code": {code}})
			scanner.stays(&http.Response{}, 0)
		}
		if used := w.Count("SELECT count(*) FROM ticket WHERE used_at IS NOT NULL OR tries > 0"); used != 0 {
			t.Errorf("%d tickets were tried or used", used)
		}
		resp, _ := b.post(mailCode, url.Values{"code": {code}})
		b.leadsTo(resp, "/account/")
	})
}

func TestSignInByMailTellsNothingOfAnAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", w.Account("gone@example.com", "").ID)
		w.Exec("UPDATE account SET email_verified = FALSE WHERE id = $1", w.Account("unproven@example.com", "").ID)
		pages := map[string]bool{}
		for _, address := range []string{email, "nobody@example.com", "gone@example.com", "unproven@example.com"} {
			b := w.browser()
			if code := b.asksByMail(address); (code != "") != (address == email) {
				t.Errorf("%s: a mail with a code: %t", address, code != "")
			}
			_, text := b.get(mailCode)
			resp, refusal := b.post(mailCode, url.Values{"code": {wrongCode + "00"}})
			b.stays(resp, http.StatusUnauthorized)
			pages[strings.ReplaceAll(text+refusal, address, "…")] = true
		}
		if len(pages) != 1 {
			t.Error("the pages of addresses with and without an account differ")
		}
	})
}

func TestMailedLinkThatIsNoneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.asksByMail(email)
		for _, token := range []string{"", "1234567", "123456789", "1234567a", "%D9%A1%D9%A2%D9%A3%D9%A4", `12"><b>1`} {
			if resp, _ := b.get(linkPath + url.QueryEscape(token)); resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: answered %d", token, resp.StatusCode)
			}
		}
	})
}

func TestSignInByMailIsOverAfterTenMinutesAndOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		code := b.asksByMail(email)
		kept := b.cookies["__Host-gatehouse-mail"]
		resp, _ := b.post(mailCode, url.Values{"code": {code}})
		b.leadsTo(resp, "/account/")
		again := w.browser()
		again.cookies["__Host-gatehouse-mail"] = kept
		resp, _ = again.post(mailCode, url.Values{"code": {code}})
		again.stays(resp, http.StatusUnauthorized)

		late := w.browser()
		code = late.asksByMail(email)
		w.advance(10*time.Minute + time.Second)
		resp, _ = late.post(mailCode, url.Values{"code": {code}})
		late.stays(resp, http.StatusUnauthorized)
	})
}

func TestSignInByMailAsksForWhatElseTheAccountHas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		code := w.appOf()
		mailed := b.asksByMail(email, "next", "/account/x/")
		resp, _ := b.post(mailCode, url.Values{"code": {mailed}})
		b.leadsTo(resp, second+"?next=%2Faccount%2Fx%2F")
		b.stays(resp, http.StatusSeeOther)
		resp, _ = b.post(second, url.Values{"method": {"totp"}, "code": {code()}, "next": {"/account/x/"}})
		b.leadsTo(resp, "/account/x/")
		b.signedIn(authn.AAL2)
	})
	each(t, func(t *testing.T, w *world) {
		w.mailFactor() // so a code by mail alone, which would be the second step, is not enough
		b := w.browser()
		resp, _ := b.post(mailCode, url.Values{"code": {b.asksByMail(email)}})
		b.leadsTo(resp, second)
		if _, text := b.get(second); !strings.Contains(text, `name="password"`) || !strings.Contains(text, "/account/forgot/") {
			t.Errorf("the page asks for something else than the password: %s", text)
		}
		resp, text := b.post(second, url.Values{"method": {"password"}, "password": {"wrong horse battery"}})
		b.stays(resp, http.StatusUnauthorized)
		if strings.Contains(text, "wrong horse battery") || !strings.Contains(text, `aria-invalid="true"`) {
			t.Error("the password is repeated, or nobody says that it is wrong")
		}
		resp, _ = b.post(second, url.Values{"method": {"password"}, "password": {pass}})
		b.leadsTo(resp, "/account/")
	})
}

func TestSignInByMailCanBeSwitchedOff(t *testing.T) {
	eachWith(t, func(c *signin.Config) { c.NoEmailSignIn = true }, func(t *testing.T, w *world) {
		b := w.browser()
		if _, text := b.get("/account/sign-in/"); strings.Contains(text, byMail) {
			t.Error("the page leads to what is switched off")
		}
		if resp, _ := b.get(byMail); resp.StatusCode != http.StatusNotFound {
			t.Errorf("answered %d", resp.StatusCode)
		}
		resp, _ := b.post(byMail, url.Values{"email": {email}})
		b.stays(resp, http.StatusNotFound)
	})
	each(t, func(t *testing.T, w *world) {
		if _, text := w.browser().get("/account/sign-in/?next=%2Faccount%2Fx%2F"); !strings.Contains(text, byMail+"?next=%2faccount%2fx%2f") {
			t.Errorf("the page does not lead there: %s", text)
		}
	})
}

func TestSignInByMailKeepsWhatWasTypedAndSaysWhatIsWrong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		resp, text := b.post(byMail, url.Values{"email": {"nobody at all"}, "next": {"/account/x/"}, "remember": {"on"}})
		b.stays(resp, http.StatusBadRequest)
		if !strings.Contains(text, `value="nobody at all"`) || !strings.Contains(text, `value="/account/x/"`) || !strings.Contains(text, "checked") {
			t.Errorf("answered %s", text)
		}
		for range 5 {
			b.asksByMail(email)
		}
		resp, _ = b.post(byMail, url.Values{"email": {email}})
		b.stays(resp, http.StatusTooManyRequests)
		resp, _ = w.browser().get(mailCode)
		b.leadsTo(resp, byMail)
	})
}

// Where to go on to travels in a cookie, which browsers drop when it is too long.
func TestLongWayOnIsForgottenRatherThanTheSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		code := b.asksByMail(email, "next", "/account/?q="+strings.Repeat("&", 2000))
		if n := len("__Host-gatehouse-mail" + b.cookies["__Host-gatehouse-mail"]); n > 4096 {
			t.Fatalf("the cookie has %d bytes", n)
		}
		resp, _ := b.post(mailCode, url.Values{"code": {code}})
		b.leadsTo(resp, "/account/")
		code = b.asksByMail(email, "next", "https://evil.example.net/")
		resp, _ = b.get(mailCode)
		if strings.Contains(resp.Header.Get("Content-Security-Policy"), "evil") {
			t.Error("the policy allows a foreign place")
		}
		resp, _ = b.post(mailCode, url.Values{"code": {code}})
		b.leadsTo(resp, "/account/")
	})
}
