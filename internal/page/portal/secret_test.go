package portal_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/flow/signin"
)

const fresh = "warm woollen mittens"

// opens reports whether the account can be signed in to with a password.
func (w *world) opens(given string) bool {
	w.t.Helper()
	_, err := w.flow.Login(context.Background(), signin.Attempt{Email: "jo@example.com", Password: given, Transport: session.Body})
	if err != nil && !errors.Is(err, signin.ErrCredentials) {
		w.t.Fatal(err)
	}
	return err == nil
}

func TestANewPasswordKeepsThisSessionAndEndsTheOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.send("/account/password/", "old_password", pass, "new_password", fresh)
		w.did(a, "/account/password/", "Your password is changed.")
		if !w.Stands(w.here) || w.Stands(w.there) {
			t.Error("the wrong sessions stand")
		}
		if !w.opens(fresh) || w.opens(pass) {
			t.Error("the wrong password opens")
		}
		if w.Count("SELECT count(*) FROM page_cookie WHERE session_id = $1 AND token_hash = $2", w.here.SessionID, []byte("a")) != 0 {
			t.Error("the cookie is the same")
		}
		if !setsCookie(a, "__Host-gatehouse-session", false) {
			t.Errorf("cookies %v", a.Cookies)
		}
	})
}

// setsCookie reports whether an answer sets a cookie, or clears it.
func setsCookie(a domaintest.Answer, name string, clears bool) bool {
	for _, c := range a.Cookies {
		if c.Name == name && (c.MaxAge < 0) == clears {
			return true
		}
	}
	return false
}

func TestAWrongPasswordIsCountedAndNotShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range perAccount.Burst {
			a := w.send("/account/password/", "old_password", "not the one", "new_password", fresh)
			d := parse(t, a)
			if a.Status != http.StatusForbidden || d.blames("old_password") == "" || d.blames("new_password") != "" {
				t.Errorf("answered %d\n%s", a.Status, d.text())
			}
			if strings.Contains(a.Text, "not the one") || strings.Contains(a.Text, fresh) {
				t.Error("it shows a password")
			}
		}
		a := w.send("/account/delete/", "grace_days", "0", "password", pass)
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || len(parse(t, a).all("h1")) != 1 {
			t.Errorf("the right one after too many wrong ones: %d", a.Status)
		}
	})
}

func TestRulesOfPasswordsStandThereBeforeTheyAreBroken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if d := w.open("/account/password/"); !strings.Contains(d.text(), "at least 8 characters") || strings.Contains(d.text(), "data breach") {
			t.Errorf("it says\n%s", d.text())
		}
		a := w.send("/account/password/", "old_password", pass, "new_password", "short")
		if d := parse(t, a); a.Status != http.StatusBadRequest || d.blames("new_password") == "" || d.blames("old_password") != "" {
			t.Errorf("answered %d\n%s", a.Status, d.text())
		}
		if !w.Stands(w.there) || !w.opens(pass) {
			t.Error("something changed")
		}
	})
}

func TestWithoutAPasswordThePageShowsTheWayToOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("DELETE FROM password_credential")
		d := w.open("/account/password/").main()
		var leads bool
		for _, a := range d.all("a") {
			leads = leads || attr(a, "href") == "/account/forgot/"
		}
		if len(d.all("form")) != 0 || !leads {
			t.Errorf("it shows\n%s", d.text())
		}
	})
}

func TestTheCopyIsAFileWithoutSecrets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Page("/account/data/export/", domaintest.As(w.here))
		if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(a.Text, "jo@example.com") {
			t.Fatalf("answered %d %v", a.Status, a.Header)
		}
		for _, word := range []string{"hash", "token", "argon2"} {
			if strings.Contains(a.Text, word) {
				t.Errorf("it holds %q", word)
			}
		}
		w.Page("/account/data/export/", domaintest.As(w.here), domaintest.OwnPage())
		a = w.Page("/account/data/export/", domaintest.As(w.here))
		if d := parse(t, a); a.Status != http.StatusTooManyRequests || a.Header.Get("Content-Disposition") != "" || !strings.Contains(d.text(), "Too many") {
			t.Errorf("one too many: %d\n%s", a.Status, a.Text)
		}
	})
}

func TestALinkFromElsewhereTakesNoCopy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Page("/account/data/export/", domaintest.As(w.here), domaintest.Header("Sec-Fetch-Site", "cross-site"), domaintest.Header("Sec-Fetch-Mode", "navigate"), domaintest.Header("Sec-Fetch-Dest", "document"))
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account/data/" || len(w.Audited("account.exported")) != 0 {
			t.Errorf("answered %d to %q", a.Status, a.Header.Get("Location"))
		}
	})
}
