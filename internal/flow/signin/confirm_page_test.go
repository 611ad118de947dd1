package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
)

const confirm = "/account/confirm/"

// proven returns when the session's last proof was.
func (b *browser) proven() time.Time {
	b.w.t.Helper()
	v, err := b.w.flow.Visitor(b.w.t.Context(), b.cookies[cookieName], "")
	must(b.w.t, err)
	return v.AuthTime
}

// Whoever has a second factor is not asked for the password: it may have been stolen with the session.
func TestConfirmAsksForTheSecondFactorWhereThereIsOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.signIn()
		if _, text := b.get(confirm); !strings.Contains(text, `name="password"`) {
			t.Errorf("without a second factor: %s", text)
		}
		code, backup := w.appOf(), w.backupCodes()
		w.advance(time.Hour)
		before := b.proven()
		_, text := b.get(confirm + "?next=%2Faccount%2Fx%2F")
		if strings.Contains(text, `name="password"`) || !strings.Contains(text, `name="code"`) || strings.Count(text, "?method=") != 1 {
			t.Errorf("with one: %s", text)
		}
		for method, status := range map[string]int{"password": http.StatusBadRequest, "email_code": http.StatusBadRequest, "": http.StatusBadRequest, "totp": http.StatusForbidden, "backup_code": http.StatusForbidden} {
			resp, _ := b.post(confirm, url.Values{"method": {method}, "password": {pass}, "code": {wrongCode}, "next": {"/account/x/"}})
			if resp.StatusCode != status || b.proven() != before {
				t.Errorf("%s: answered %d, want %d", method, resp.StatusCode, status)
			}
		}
		for method, proof := range map[string]string{"totp": code(), "backup_code": backup[0]} {
			former := b.cookies[cookieName]
			resp, _ := b.post(confirm, url.Values{"method": {method}, "code": {proof}, "next": {"/account/x/"}})
			b.leadsTo(resp, "/account/x/")
			if b.cookies[cookieName] == former {
				t.Errorf("%s: a proof did not change the cookie", method)
			}
			b.signedIn(authn.AAL2)
		}
		if !b.proven().After(before) {
			t.Error("the proof is no fresher than before")
		}
	})
}

func TestConfirmByPasskey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b, other := w.browser(), w.browser()
		b.signIn()
		other.signIn()
		key := w.passkey()
		w.advance(time.Hour)
		_, text := b.get(confirm)
		form := url.Values{"method": {"passkey"}, "ticket": {ticketIn(text)}, "credential": {string(key.Get([]byte(attribute(text, "data-passkey-get"))))}}
		resp, _ := other.post(confirm, form)
		if resp.StatusCode != http.StatusForbidden || other.proven() == w.Now() {
			t.Errorf("the challenge of another session: answered %d", resp.StatusCode)
		}
		resp, text = b.post(confirm, form)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(text, `role="alert"`) {
			t.Errorf("a challenge that was answered elsewhere: answered %d", resp.StatusCode)
		}
		form = url.Values{"method": {"passkey"}, "ticket": {ticketIn(text)}, "credential": {string(key.Get([]byte(attribute(text, "data-passkey-get"))))}}
		resp, _ = b.post(confirm, form)
		b.leadsTo(resp, "/account/")
		b.signedIn(authn.AAL2)
	})
}

func TestConfirmByMailWhereThereIsNothingElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("DELETE FROM password_credential WHERE account_id = $1", w.account.ID)
		b := w.browser()
		resp, _ := b.post(mailCode, url.Values{"code": {b.asksByMail(email)}})
		b.leadsTo(resp, "/account/")
		w.advance(time.Hour)
		before := b.proven()
		for range 3 {
			if _, text := b.get(confirm); strings.Contains(text, `name="code"`) || !strings.Contains(text, `action="/account/confirm/mail/"`) {
				t.Errorf("before a code was mailed: %s", text)
			}
		}
		if w.codeMailed() != "" {
			t.Fatal("looking at the page mailed a code")
		}
		resp, _ = b.post(confirm+"mail/", url.Values{"next": {"/account/x/"}})
		b.leadsTo(resp, confirm+"?done=signin.done.code_sent&next=%2Faccount%2Fx%2F")
		code := w.codeMailed()
		resp, text := b.post(confirm, url.Values{"method": {"email_code"}, "code": {wrongCode + "00"}})
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(text, `aria-invalid="true"`) || b.proven() != before {
			t.Errorf("a wrong code: answered %d", resp.StatusCode)
		}
		elsewhere := w.browser()
		resp, _ = elsewhere.post(mailCode, url.Values{"code": {elsewhere.asksByMail(email)}})
		elsewhere.leadsTo(resp, "/account/")
		elsewhere.cookies["__Host-gatehouse-confirm"] = b.cookies["__Host-gatehouse-confirm"]
		if resp, _ := elsewhere.post(confirm, url.Values{"method": {"email_code"}, "code": {code}}); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("another session's code: answered %d", resp.StatusCode)
		}
		resp, _ = b.post(confirm, url.Values{"method": {"email_code"}, "code": {code}, "next": {"/account/x/"}})
		b.leadsTo(resp, "/account/x/")
		if !b.proven().After(before) || b.cookies["__Host-gatehouse-confirm"] != "" {
			t.Error("the proof is no fresher than before, or its cookie is left")
		}
		for range 5 {
			resp, text = b.post(confirm+"mail/", nil)
		}
		if resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(text, `role="alert"`) {
			t.Errorf("answered %d", resp.StatusCode)
		}
		if resp, _ := b.get(confirm + "mail/"); resp.StatusCode != http.StatusOK {
			t.Errorf("asked for anew, the page answers %d", resp.StatusCode)
		}
	})
}

func TestAKeptFormHoldsNoProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		resp, text := w.browser().post("/account/", url.Values{"name": {"kept"}, "ticket": {"carried"}, "credential": {"answered"}, "code": {"123"}})
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(text, `value="kept"`) || strings.Contains(text, "carried") || strings.Contains(text, "answered") {
			t.Errorf("answered %d %s", resp.StatusCode, text)
		}
	})
}

// What is proven anew is the browser's own session, even while its person looks at another's pages.
func TestConfirmIsForTheBrowsersOwnPerson(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET superuser = TRUE WHERE id = $1", w.account.ID)
		owner := w.Account("owner@example.com", "")
		b := w.browser()
		b.signIn()
		staff, err := w.flow.Visitor(t.Context(), b.cookies[cookieName], "")
		must(t, err)
		look, err := w.flow.Look(t.Context(), staff, owner.Subject, "asked for help with the profile")
		must(t, err)
		b.cookies["__Host-gatehouse-look"] = look.Value
		for _, path := range []string{confirm, confirm + "mail/"} {
			if _, text := b.get(path); !strings.Contains(text, email) || strings.Contains(text, "owner@example.com") {
				t.Errorf("%s asks for another's proof: %s", path, text)
			}
		}
		resp, _ := b.post(confirm+"mail/", nil) // they have a password
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("answered %d", resp.StatusCode)
		}
		resp, _ = b.post(confirm, url.Values{"method": {"password"}, "password": {pass}})
		b.leadsTo(resp, "/account/")
	})
}
