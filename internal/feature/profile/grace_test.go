package profile_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// leave sends DELETE me/ with a body.
func (w *world) leave(body string, by session.Bearer) domaintest.Answer {
	return w.client.Call(http.MethodDelete, "/me/", body, domaintest.Bearer(by))
}

func (w *world) keep(by session.Bearer) domaintest.Answer {
	return w.client.Call(http.MethodPost, "/me/keep/", "", domaintest.Bearer(by))
}

// eraseAt returns when an account is to be erased; zero: never.
func (w *world) eraseAt(id account.ID) (at time.Time) {
	w.Read(db.Time(&at), "SELECT erase_at FROM account WHERE id = $1", id)
	return at
}

// plan has the account erased in so many days, and signs in anew.
func (w *world) plan(t *testing.T, days string) {
	t.Helper()
	if a := w.leave(`{"password":"`+pass+`","grace_days":`+days+`}`, w.me); a.Status != http.StatusAccepted {
		t.Fatalf("answered %d %s", a.Status, a.Text)
	}
	w.me = w.Session(w.account.ID)
}

// due erases what is due and returns how many accounts were dealt with.
func (w *world) due(t *testing.T) int64 {
	t.Helper()
	n, err := w.service.EraseDue(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// before runs fn once, before the next statement that begins like this.
func (w *world) before(beginning string, fn func()) {
	w.Inspect(func(query string) error {
		if strings.HasPrefix(query, beginning) {
			w.Inspect(nil)
			fn()
		}
		return nil
	})
}

// stuck waits until something waits for a lock, or is done.
func (w *world) stuck(done chan error) {
	for waiting := 0; waiting == 0 && len(done) == 0; {
		w.Read(&waiting, "SELECT count(*) FROM pg_locks WHERE NOT granted")
	}
}

func TestAFreshProofIsEnoughToLeave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("DELETE FROM password_credential")
		if a := w.leave(`{"password":"`+pass+`"}`, w.me); a.Status != http.StatusConflict || a.Code != "password_none" {
			t.Errorf("a password that there is not: answered %d %s", a.Status, a.Code)
		}
		if a := w.leave(`{}`, w.me); a.Status != http.StatusNoContent || w.left() != 0 {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
	})
}

func TestAnOldProofIsNotEnoughToLeave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Advance(domaintest.Fresh + time.Minute)
		for _, body := range []string{`{}`, `{"grace_days":7}`} {
			a := w.leave(body, w.me)
			if a.Status != http.StatusUnauthorized || a.Code != "proof_stale" || a.JSON["max_age"] != domaintest.Fresh.Seconds() {
				t.Errorf("%s: answered %d %s", body, a.Status, a.Text)
			}
		}
		if a := w.erase("wrong", w.me); a.Status != http.StatusForbidden {
			t.Errorf("a wrong password: answered %d", a.Status)
		}
		if a := w.erase(pass, w.me); a.Status != http.StatusNoContent {
			t.Errorf("the right one: answered %d %s", a.Status, a.Code)
		}
	})
}

// A password and a session that were stolen together are not enough where there is a second factor.
func TestWithASecondFactorThePasswordAloneIsNotEnoughToLeave(t *testing.T) {
	factors := map[string]string{
		"an app":    `INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at) VALUES ($1, $2, '', $3, 0, 1, 1)`,
		"a passkey": `INSERT INTO passkey (id, account_id, name, credential_id, credential, created_at) VALUES ($1, $2, '', $3, '{}', 1)`,
	}
	for name, insert := range factors {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.Exec(insert, uuid.Must(uuid.NewV7()), w.account.ID, []byte("x"))
				w.Clock.Advance(domaintest.Fresh + time.Minute)
				if a := w.erase(pass, w.me); a.Status != http.StatusUnauthorized || a.Code != "proof_stale" {
					t.Errorf("answered %d %s", a.Status, a.Code)
				}
				w.Exec("UPDATE session SET auth_time = $1", w.Now())
				if a := w.erase(pass, w.me); a.Status != http.StatusUnauthorized || a.Code != "proof_stale" || !strings.Contains(a.Text, `"aal2"`) {
					t.Errorf("a fresh proof of the password alone: answered %d %s", a.Status, a.Text)
				}
				w.Exec("UPDATE session SET aal = 2")
				if a := w.erase("wrong", w.me); a.Status != http.StatusForbidden {
					t.Errorf("a wrong password with a fresh proof: answered %d", a.Status)
				}
				if a := w.leave("{}", w.me); a.Status != http.StatusNoContent {
					t.Errorf("answered %d %s", a.Status, a.Code)
				}
			})
		})
	}
}

func TestWhoeverAsksForItWronglyDoesNotLeave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for body, code := range map[string]string{
			"": "media_type_unsupported", "null": "fields_invalid", "[]": "fields_invalid", "{": "json_invalid",
			`{"password":null}`: "fields_invalid", `{"password":""}`: "fields_invalid", `{"password":7}`: "fields_invalid",
			`{"grace_days":null}`: "fields_invalid", `{"grace_days":"7"}`: "fields_invalid", `{"grace_days":1.5}`: "fields_invalid", `{"grace_days":1e300}`: "fields_invalid",
			`{"grace_days":-1}`: "grace_invalid", `{"grace_days":31}`: "grace_invalid",
			`{"Password":"x"}`: "json_invalid", `{"GRACE_DAYS":7}`: "json_invalid", `{"days":7}`: "fields_invalid", `{"grace_days":7,"grace_days":7}`: "json_invalid",
		} {
			if a := w.leave(body, w.me); a.Code != code || a.Status < 400 || a.Status >= 500 {
				t.Errorf("%q: answered %d %s, want %s", body, a.Status, a.Code, code)
			}
		}
		if w.left() == 0 || !w.Stands(w.me) || !w.eraseAt(w.account.ID).IsZero() {
			t.Error("something was done")
		}
	})
}

func TestLeavingWithGraceEndsSessionsAndTellsUntilWhen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := w.Session(w.account.ID)
		a := w.leave(`{"password":"`+pass+`","grace_days":7}`, w.me)
		at, err := time.Parse(time.RFC3339, a.JSON["erase_at"].(string))
		if a.Status != http.StatusAccepted || len(a.JSON) != 1 || err != nil || !at.Equal(w.eraseAt(w.account.ID)) {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if left := at.Sub(w.Now()); left > 7*24*time.Hour || left < 7*24*time.Hour-time.Minute {
			t.Errorf("it is erased in %v", left)
		}
		if w.Stands(w.me) || w.Stands(other) {
			t.Error("a session stands")
		}
		w.Drain()
		mails := w.Mails.Take()
		if want, _, _, _ := w.Letters.Preview(letter.EraseScheduled, ""); len(mails) != 1 || mails[0].Subject != want || mails[0].To != "Jo@example.com" || !strings.Contains(mails[0].Text, domaintest.Origin+"/account/delete/") {
			t.Errorf("mails %v", mails)
		}
		if n := w.Count(`SELECT count(*) FROM audit_event WHERE kind = 'account.erase_scheduled' AND account_id = $1 AND session_id = $2 AND detail = '{"days":"7"}'`, w.account.ID, w.me.SessionID); n != 1 {
			t.Errorf("%d events", n)
		}
		if n := w.due(t); n != 0 || w.Count("SELECT count(*) FROM account") != 1 {
			t.Error("it was erased before its time")
		}
		w.me = w.Session(w.account.ID)
		if a := w.export(); a.JSON["erase_at"] == nil {
			t.Error("the export does not say so")
		}
		if m, err := w.service.Summary(t.Context(), w.account.ID); err != nil || !m.EraseAt.Equal(at) {
			t.Errorf("the summary says %v, %v", m.EraseAt, err)
		}
	})
}

func TestWhoeverComesBackKeepsTheAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.plan(t, "1")
		for range 2 { // twice is no mistake
			if a := w.keep(w.me); a.Status != http.StatusOK {
				t.Errorf("answered %d %s", a.Status, a.Text)
			}
		}
		if n := len(w.Audited("account.erase_cancelled")); n != 1 || !w.eraseAt(w.account.ID).IsZero() || !w.Stands(w.me) {
			t.Errorf("%d events, or it is not kept", n)
		}
		w.Clock.Advance(48 * time.Hour)
		if n := w.due(t); n != 0 || w.left() == 0 {
			t.Error("it was erased")
		}
	})
}

func TestWhatIsDueIsErased(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stays := w.Account("ann@example.com", "")
		w.furnish(t)
		w.plan(t, "1")
		w.Drain()
		w.Mails.Take()
		w.Clock.Advance(24 * time.Hour)
		// It is too late, whether the job has come by or not.
		if a := w.keep(w.me); a.Status != http.StatusConflict || a.Code != "erase_due" {
			t.Errorf("keep answered %d %s", a.Status, a.Code)
		}
		if n := w.due(t); n != 1 || w.left() != 0 {
			t.Errorf("%d were dealt with, %d rows are left", n, w.left())
		}
		if mails := w.Mails.Take(); len(mails) != 1 || mails[0].To != "Jo@example.com" {
			t.Errorf("mails %v", mails)
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'account.erased' AND account_id = $1 AND actor = 'system'", w.account.ID); n != 1 {
			t.Errorf("%d events", n)
		}
		if w.Count("SELECT count(*) FROM account WHERE id = $1", stays.ID) != 1 || w.due(t) != 0 {
			t.Error("it went on")
		}
	})
}

func TestWhoeverIsDisabledIsErasedAllTheSame(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.plan(t, "1")
		w.Exec("UPDATE account SET active = FALSE, superuser = TRUE")
		w.Clock.Advance(24 * time.Hour)
		if n := w.due(t); n != 1 || w.left() != 0 {
			t.Error("it is still there")
		}
	})
}

func TestTheLastSuperuserIsKeptForADayMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.plan(t, "1")
		w.Exec("UPDATE account SET superuser = TRUE")
		if a := w.leave(`{"grace_days":1}`, w.me); a.Status != http.StatusConflict || a.Code != "last_superuser" {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
		w.Exec("DELETE FROM audit_event")
		w.Clock.Advance(24 * time.Hour)
		for range 3 {
			w.due(t)
		}
		if got := w.Audited("account.erase_refused"); !slices.Equal(got, []string{"last_superuser"}) {
			t.Errorf("audited %q", got)
		}
		if left := w.eraseAt(w.account.ID).Sub(w.Now()); left > 24*time.Hour || left < 24*time.Hour-time.Minute {
			t.Errorf("it is erased in %v", left)
		}
		other := w.Account("ann@example.com", "")
		w.Exec("UPDATE account SET superuser = TRUE WHERE id = $1", other.ID)
		w.Clock.Advance(24 * time.Hour)
		w.due(t)
		if w.Count("SELECT count(*) FROM account WHERE id = $1", w.account.ID) != 0 {
			t.Error("with another one: it is still there")
		}
	})
}

// One instance is about to erase the one superuser when another finds the other first. SQLite writes
// one transaction at a time: there nothing can come between.
func TestOneOfTwoSuperusersWhoAreDueAtOnceStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if w.Engine() == "sqlite" {
			return
		}
		other := w.Account("ann@example.com", "")
		w.Exec("UPDATE account SET superuser = TRUE, erase_at = CASE WHEN id = $1 THEN 3 ELSE 2 END", other.ID)
		came := make(chan error, 1)
		w.before("UPDATE account", func() { // nothing is locked yet
			w.Exec("UPDATE account SET erase_at = 1 WHERE id = $1", other.ID)
			w.before("DELETE FROM account", func() {
				go func() { _, err := w.service.EraseDue(context.Background(), 1); came <- err }()
				w.stuck(came)
			})
		})
		if _, err := w.service.EraseDue(t.Context(), 1); err != nil {
			t.Error(err)
		}
		if err := <-came; err != nil {
			t.Error(err)
		}
		if n := w.Count("SELECT count(*) FROM account WHERE superuser"); n != 1 || len(w.Audited("account.erase_refused")) != 1 {
			t.Errorf("%d superusers are left", n)
		}
	})
}

// SQLite writes one transaction at a time: there nothing can come between.
func TestWhatWasKeptMeanwhileIsNotErased(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if w.Engine() == "sqlite" {
			return
		}
		w.Exec("UPDATE account SET erase_at = $1", w.Now())
		w.before("UPDATE account SET erase_at = erase_at", func() { w.Exec("UPDATE account SET erase_at = NULL") })
		if w.due(t); w.left() == 0 || len(w.Audited("account.erased")) != 0 {
			t.Error("it was erased")
		}
	})
}

// One that cannot be erased keeps no other from it.
func TestOneFailureKeepsNoOtherAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Account("ann@example.com", "")
		w.Exec("UPDATE account SET erase_at = $1", w.Now())
		failed := false
		w.Inspect(func(query string) error {
			if !failed && strings.HasPrefix(query, "DELETE FROM account") {
				failed = true
				return domaintest.ErrBroken
			}
			return nil
		})
		n, err := w.service.EraseDue(t.Context(), 10)
		if w.Inspect(nil); n != 1 || !errors.Is(err, domaintest.ErrBroken) || w.Count("SELECT count(*) FROM account") != 1 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestNewAsksForWhatIsMissing(t *testing.T) {
	for name, cfg := range map[string]profile.Config{
		"limit": {Fresh: time.Minute, DeleteURL: "x"}, "fresh": {PerExport: perExport, DeleteURL: "x"}, "link": {PerExport: perExport, Fresh: time.Minute},
	} {
		if _, err := profile.New(cfg, profile.Deps{}); err == nil {
			t.Errorf("%s: it is not missed", name)
		}
	}
}
