package portal_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
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
