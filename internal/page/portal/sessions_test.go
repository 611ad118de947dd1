package portal_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

func TestSessionsShowWhichIsThisOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE session SET transport = 'look', device = '' WHERE id = $1", w.page("c").SessionID)
		d := w.open("/account/sessions/").main()
		for _, said := range []string{"Browser a This one", "Browser b", "192.0.2.9", "Password", "A program or an app Staff looking on"} {
			if !strings.Contains(d.text(), said) {
				t.Errorf("it does not say %q:\n%s", said, d.text())
			}
		}
		ends := 0
		for _, n := range d.all("input") {
			if attr(n, "name") == "id" {
				ends++
			}
			if attr(n, "value") == w.here.SessionID.String() {
				t.Error("this one can be ended as if it were another")
			}
		}
		if ends != 2 {
			t.Errorf("%d can be ended", ends)
		}
	})
}

func TestSessionsAloneSaySo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE session SET ended_at = 1 WHERE id = $1", w.there.SessionID)
		d := w.open("/account/sessions/").main()
		if !strings.Contains(d.text(), "signed in nowhere else") || !slices.Equal(d.actions(), []string{"/account/sessions/all/"}) {
			t.Errorf("it shows %v\n%s", d.actions(), d.text())
		}
	})
}

func TestOneSessionEndsOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.did(w.send("/account/sessions/end/", "id", w.there.SessionID.String()), "/account/sessions/", "That device is signed out.")
		if w.Stands(w.there) || !w.Stands(w.here) {
			t.Error("the wrong one ended")
		}
		a := w.send("/account/sessions/end/", "id", w.there.SessionID.String())
		if d := parse(t, a); a.Status != http.StatusNotFound || !strings.Contains(d.text(), "no such session") || !strings.Contains(d.text(), "Browser a") {
			t.Errorf("again: %d\n%s", a.Status, d.text())
		}
		if got := w.Audited("session.ended"); !slices.Equal(got, []string{"ended_by_owner"}) {
			t.Errorf("audited %q", got)
		}
	})
}

func TestAnothersSessionIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.Session(w.Account("ann@example.com", "").ID)
		for _, id := range []string{other.SessionID.String(), w.here.SessionID.String(), strings.ToUpper(w.there.SessionID.String()), "", "x", "%"} {
			if a := w.send("/account/sessions/end/", "id", id); a.Status != http.StatusNotFound {
				t.Errorf("%q: answered %d", id, a.Status)
			}
		}
		if !w.Stands(other) || !w.Stands(w.here) || !w.Stands(w.there) {
			t.Error("one ended")
		}
	})
}

func TestSignOutElsewhereKeepsThisOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 2 {
			w.did(w.send("/account/sessions/others/"), "/account/sessions/", "Everywhere else you are signed out.")
		}
		if w.Stands(w.there) || !w.Stands(w.here) {
			t.Error("the wrong ones stand")
		}
		if n := len(w.Audited("session.others_ended")); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

func TestSignOutEverywhereLeadsToTheSignInPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.send("/account/sessions/all/")
		if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/account/sign-in/") || !setsCookie(a, "__Host-gatehouse-session", true) {
			t.Errorf("answered %d to %s, cookies %v", a.Status, a.Header.Get("Location"), a.Cookies)
		}
		if w.Stands(w.there) || w.Stands(w.here) {
			t.Error("one stands")
		}
		if a := w.Page("/account/", domaintest.As(w.here)); a.Status != http.StatusUnauthorized {
			t.Errorf("back: %d", a.Status)
		}
	})
}

// All that is written is written together.
func TestSigningOutIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for n := 2; ; n++ { // the first is the harness's: whose page it is
			var a domaintest.Answer
			if !w.FailAt(n, func() { a = w.send("/account/sessions/all/") }) {
				break
			}
			if a.Status != http.StatusInternalServerError || !w.Stands(w.here) || !w.Stands(w.there) {
				t.Fatalf("statement %d: answered %d", n, a.Status)
			}
		}
		if w.Stands(w.here) || w.Stands(w.there) {
			t.Error("one stands in the end")
		}
	})
}

func TestSessionsSayWhereAndHow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE session SET amr = 'pwd otp mfa' WHERE id = $1", w.here.SessionID)
		w.Exec("UPDATE session SET amr = 'swk mfa hwk backup_code email staff', address = '203.0.113.7', device = 'Firefox on Linux' WHERE id = $1", w.there.SessionID)
		w.Exec("UPDATE profile SET locale = 'en'")
		boxes := w.open("/account/sessions/").main().all("section")
		here, there := dom{boxes[0]}.text(), dom{boxes[1]}.text()
		for _, said := range []string{"Browser a This one", "192.0.2.9", "Place Berlin · Germany", "How Password · Code of an app"} {
			if !strings.Contains(here, said) {
				t.Errorf("here it does not say %q:\n%s", said, here)
			}
		}
		if !strings.Contains(there, "Firefox on Linux") || !strings.Contains(there, "How Passkey · Backup code · Mail") || strings.Contains(there, "Place") || strings.Contains(there, "This one") {
			t.Errorf("there it says:\n%s", there)
		}
		if strings.Contains(here+there, "mfa") || strings.Contains(here+there, "staff") {
			t.Error("it shows what is no way to sign in")
		}
	})
}

func TestRememberedBrowsersAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const forget = "/account/sessions/forget/"
		if d := w.open("/account/sessions/").main(); slices.Contains(d.actions(), forget) {
			t.Error("there is nothing to forget yet")
		}
		book, other := device.NewBook(w.Keys.Hasher), w.Account("ann@example.com", "").ID
		must(t, w.InTx(t.Context(), func(tx *db.Tx) error {
			for _, id := range []account.ID{w.account.ID, w.account.ID, other} {
				if err := book.Note(t.Context(), tx, id, secret.NewToken()); err != nil {
					return err
				}
			}
			return nil
		}))
		if d := w.open("/account/sessions/").main(); !slices.Contains(d.actions(), forget) || !strings.Contains(d.text(), "We know 2 browsers") {
			t.Errorf("it shows %v\n%s", d.actions(), d.text())
		}
		if a := w.Page("/account/sessions/", domaintest.LookingAs(w.here)); strings.Contains(a.Text, forget) {
			t.Error("staff are offered to change it")
		}
		if a := w.Submit(forget, nil, domaintest.LookingAs(w.here)); a.Status != http.StatusForbidden || w.Count("SELECT count(*) FROM device") != 3 {
			t.Errorf("staff: answered %d", a.Status)
		}
		w.did(w.send(forget), "/account/sessions/", "We know none of your browsers any more.")
		if n := w.Count("SELECT count(*) FROM device"); n != 1 || !w.Stands(w.here) || !w.Stands(w.there) || len(w.Audited("device.forgotten")) != 1 {
			t.Errorf("%d are known", n)
		}
	})
}
