package portal_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

// strong gives the account a second factor that this session has proven.
func (w *world) strong() {
	w.Exec(`INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, '', '{}', 1)`, uuid.Must(uuid.NewV7()), w.account.ID, []byte("x"))
	w.Exec("UPDATE session SET aal = 2 WHERE id = $1", w.here.SessionID)
}

func TestDeletingLeadsOutForGood(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.send("/account/delete/", "grace_days", "0", "password", pass)
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account/goodbye/" || !setsCookie(a, "__Host-gatehouse-session", true) {
			t.Fatalf("answered %d %v\n%s", a.Status, a.Header, a.Text)
		}
		if w.Count("SELECT count(*) FROM account") != 0 || w.Stands(w.here) || w.Stands(w.there) || w.opens(pass) {
			t.Error("something is left")
		}
		w.Drain()
		if mails := w.Mails.Take(); len(mails) != 1 || mails[0].To != "jo@example.com" {
			t.Errorf("%d mails", len(mails))
		}
		bye := w.Page("/account/goodbye/")
		if d := parse(t, bye); bye.Status != http.StatusOK || !strings.Contains(d.text(), "Your account is deleted") || len(d.all("nav")) != 0 {
			t.Errorf("goodbye: %d\n%s", bye.Status, d.text())
		}
	})
}

func TestDeletingAsksForThePasswordAndSparesTheLastSuperuser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if d := w.open("/account/delete/"); d.field("password") == nil || d.value("grace_days") != "30" {
			t.Errorf("it asks for\n%s", d.text())
		}
		for _, given := range []string{"wrong", ""} {
			a := w.send("/account/delete/", "grace_days", "7", "password", given)
			if d := parse(t, a); a.Status != http.StatusForbidden || d.blames("password") == "" || d.value("grace_days") != "7" {
				t.Errorf("answered %d\n%s", a.Status, d.text())
			}
		}
		w.Exec("UPDATE account SET superuser = TRUE")
		a := w.send("/account/delete/", "grace_days", "0", "password", pass)
		if d := parse(t, a); a.Status != http.StatusConflict || !strings.Contains(d.text(), "last active superuser") {
			t.Errorf("answered %d\n%s", a.Status, d.text())
		}
		for _, days := range []string{"", "x", "31", "-1"} {
			if a := w.send("/account/delete/", "grace_days", days, "password", pass); a.Status != http.StatusBadRequest || !strings.Contains(parse(t, a).text(), "deleted at once, or after") {
				t.Errorf("%q: answered %d\n%s", days, a.Status, parse(t, a).text())
			}
		}
		if !w.Stands(w.here) || !w.Stands(w.there) {
			t.Error("a session ended")
		}
	})
}

func TestDeletingAsksForNoPasswordWhereAProofSaysMore(t *testing.T) {
	for name, set := range map[string]func(w *world){
		"no password":     func(w *world) { w.Exec("DELETE FROM password_credential") },
		"a second factor": (*world).strong,
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				set(w)
				if d := w.open("/account/delete/"); d.field("password") != nil || d.field("grace_days") == nil {
					t.Errorf("it asks for\n%s", d.text())
				}
				if a := w.send("/account/delete/", "grace_days", "0"); a.Header.Get("Location") != "/account/goodbye/" || w.Count("SELECT count(*) FROM account") != 0 {
					t.Errorf("answered %d\n%s", a.Status, a.Text)
				}
			})
		})
	}
}

func TestWhatCannotBeUndoneAsksForAFreshProofAndOneOfTheSecondFactor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.strong()
		w.Exec("UPDATE session SET aal = 1")
		for _, path := range freshPaths {
			if a := w.Page(path, domaintest.As(w.here)); a.Status != http.StatusUnauthorized {
				t.Errorf("%s by the password alone: answered %d", path, a.Status)
			}
			if a := w.send(path, "grace_days", "0", "email", "new@example.com", "username", "jo"); a.Status != http.StatusUnauthorized {
				t.Errorf("%s, sent by the password alone: answered %d\n%s", path, a.Status, a.Text)
			}
		}
		w.Exec("UPDATE session SET aal = 2")
		w.Clock.Advance(domaintest.Fresh + time.Minute)
		for _, path := range freshPaths {
			if a := w.Page(path, domaintest.As(w.here)); a.Status != http.StatusUnauthorized {
				t.Errorf("%s by an old proof: answered %d", path, a.Status)
			}
		}
	})
}

func TestWhoeverThinksAgainKeepsTheAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.send("/account/delete/", "grace_days", "7", "password", pass)
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account/sign-in/?done=portal.done.scheduled" || !setsCookie(a, "__Host-gatehouse-session", true) {
			t.Fatalf("answered %d %v\n%s", a.Status, a.Header, a.Text)
		}
		if w.Stands(w.here) || w.Stands(w.there) || !w.opens(pass) {
			t.Error("a session stands, or nobody can come back")
		}
		w.here = w.page("c")
		day := w.Now().Add(7 * 24 * time.Hour).Format("2 Jan 2006")
		for _, path := range []string{"/account/", "/account/delete/"} {
			if d := w.open(path).main(); !strings.Contains(d.text(), "will be deleted on "+day) || !slices.Contains(d.actions(), "/account/keep/") {
				t.Errorf("%s says\n%s", path, d.text())
			}
		}
		look := w.Page("/account/", domaintest.LookingAs(w.here))
		if d := parse(t, look).main(); !strings.Contains(d.text(), "will be deleted on "+day) || len(d.all("form")) != 0 {
			t.Errorf("who looks on sees\n%s", d.text())
		}
		w.did(w.send("/account/keep/"), "/account/", "Your account stays.")
		if d := w.open("/account/").main(); strings.Contains(d.text(), "will be deleted") || len(d.all("form")) != 0 {
			t.Errorf("it says\n%s", d.text())
		}
	})
}

func TestKeepingTooLateIsSaid(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET erase_at = $1", w.Now())
		a := w.send("/account/keep/")
		if d := parse(t, a); a.Status != http.StatusConflict || !strings.Contains(d.text(), "It is too late") || len(d.all("h1")) != 1 {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
	})
}
