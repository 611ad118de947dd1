package identifier_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
)

// renames sends POST me/username/.
func (w *world) renames(by session.Bearer, name string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/me/username/", `{"username":"`+name+`"}`, domaintest.Bearer(by))
}

func TestUserNameChanges(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(`UPDATE profile SET attributes = '{"team":"red","former":"x"}'`)
		a := w.renames(w.me, " Jo.D ")
		attributes, _ := a.JSON["attributes"].(map[string]any)
		if a.Status != http.StatusOK || a.JSON["username"] != "Jo.D" || a.JSON["email"] != "Jo@example.com" || len(attributes) != 1 {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if w.Count("SELECT count(*) FROM account WHERE username = 'Jo.D' AND username_key = 'jo.d'") != 1 {
			t.Error("it is not written down")
		}
		w.says(w.mails()["Jo@example.com"], letter.UsernameChanged)
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'username.changed' AND account_id = $1 AND session_id = $2", w.account.ID, w.me.SessionID); n != 1 {
			t.Errorf("%d events", n)
		}
		if !w.Stands(w.me) {
			t.Error("the session ended")
		}
	})
}

func TestUserNameOfAnotherIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.Session(w.Account("ann@example.com", "").ID)
		w.renames(ann, "ann")
		w.renames(w.me, "jo")
		refused(t, w.renames(w.me, "ANN"), http.StatusConflict, "username_taken")
		w.renames(ann, "ann2")
		refused(t, w.renames(w.me, "ann"), http.StatusConflict, "username_taken")
		if a := w.renames(ann, "Ann"); a.Status != http.StatusTooManyRequests {
			t.Errorf("a third change: answered %d", a.Status)
		}
		w.Exec("DELETE FROM rate_limit")
		if a := w.renames(ann, "Ann"); a.Status != http.StatusOK || a.JSON["username"] != "Ann" {
			t.Errorf("back to one's own: answered %d %s", a.Status, a.Text)
		}
		w.renames(ann, "ann3")
		w.Clock.Advance(identifier.UsernameKept)
		if a := w.renames(w.Session(w.account.ID), "ann"); a.Status != http.StatusOK {
			t.Errorf("when its time was over: answered %d %s", a.Status, a.Code)
		}
	})
}

func TestUserNameTakesAFreshProofAndARule(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, bad := range []string{"", "two words", "jo@example.com", "jо"} { // the last has a Cyrillic letter
			refused(t, w.renames(w.me, bad), http.StatusBadRequest, "username_invalid")
		}
		w.Clock.Advance(domaintest.Fresh + time.Minute)
		refused(t, w.renames(w.me, "jo"), http.StatusUnauthorized, "proof_stale")
	})
}

func TestOnlyChangesOfTheUserNameAreCounted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.renames(w.Session(w.Account("ann@example.com", "").ID), "ann")
		w.renames(w.me, "jo")
		for range 12 {
			if a := w.renames(w.me, "jo"); a.Status != http.StatusOK {
				t.Errorf("the same again: answered %d", a.Status)
			}
		}
		for range 3 {
			refused(t, w.renames(w.me, "ann"), http.StatusConflict, "username_taken")
		}
		if a := w.renames(w.me, "JO"); a.Status != http.StatusOK || w.Count("SELECT count(*) FROM reserved_name") != 0 {
			t.Errorf("another spelling: answered %d", a.Status)
		}
		refused(t, w.renames(w.me, "jo3"), http.StatusTooManyRequests, "rate_limited")
		if n := len(w.Audited("username.changed")); n != 3 {
			t.Errorf("%d events", n)
		}
	})
}

func TestTakenUserNamesCannotBeProbed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.renames(w.Session(w.Account("ann@example.com", "").ID), "ann")
		for range 10 {
			refused(t, w.renames(w.me, "ann"), http.StatusConflict, "username_taken")
		}
		refused(t, w.renames(w.me, "ann"), http.StatusTooManyRequests, "rate_limited")
	})
}

func TestOfTwoAccountsOneGetsAUserName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		both := []session.Bearer{w.me, w.Session(w.Account("ann@example.com", "").ID)}
		var work sync.WaitGroup
		answers := make([]domaintest.Answer, 2)
		for i, by := range both {
			work.Go(func() { answers[i] = w.renames(by, "wanted") })
		}
		work.Wait()
		if answers[0].Status+answers[1].Status != http.StatusOK+http.StatusConflict || w.Count("SELECT count(*) FROM account WHERE username_key = 'wanted'") != 1 {
			t.Errorf("answered %d %d", answers[0].Status, answers[1].Status)
		}
	})
}
