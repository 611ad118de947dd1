package identifier_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/feature/identifier"
)

func TestUndoGivesTheFormerAddressBackAndEndsEverySession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		undo := w.moves(w.me, "thief@example.net")
		waits := w.link(w.me, "thief2@example.net")
		// The thief has chosen a password since, as feature/password does it.
		w.Exec("UPDATE account SET epoch = epoch + 1 WHERE id = $1", w.account.ID)
		thief := w.Session(w.account.ID)
		w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at) VALUES ($1, 'reset', $2, 'thief@example.net', 1, $3, $4, $5)`,
			uuid.Must(uuid.NewV7()), w.account.ID, []byte("r"), w.Now(), w.Now().Add(time.Hour))
		a := w.undo(undo)
		if a.Status != http.StatusOK || a.JSON["email"] != "Jo@example.com" || w.email(w.account.ID) != "Jo@example.com" {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if w.Stands(w.me) || w.Stands(thief) {
			t.Error("a session stands")
		}
		refused(t, w.confirm(waits), http.StatusBadRequest, "link_invalid")
		refused(t, w.undo(undo), http.StatusBadRequest, "link_invalid")
		if w.Count("SELECT count(*) FROM one_time_token WHERE used_at IS NULL") != 0 {
			t.Error("a link of the thief's is left")
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'email.change_undone' AND account_id = $1", w.account.ID); n != 1 {
			t.Errorf("%d events", n)
		}
		if len(w.mails()) != 0 {
			t.Error("somebody was mailed to")
		}
	})
}

// A passkey survives any new password: what a thief added after changing the address goes with the undo,
// and what the owner had before stays.
func TestUndoTakesAwayWhatWasAddedSinceTheChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		add := func(name string) {
			w.Exec("INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, $4, '{}', $5)",
				uuid.Must(uuid.NewV7()), w.account.ID, []byte(name), name, w.Now())
		}
		undo := w.moves(w.me, "thief@example.net")
		add("thief's")
		w.Exec("INSERT INTO backup_code (account_id, code_hash, created_at) VALUES ($1, $2, $3)", w.account.ID, []byte("code"), w.Now())
		w.Exec("INSERT INTO device (id, account_id, token_hash, created_at) VALUES ($1, $2, $3, $4)", uuid.Must(uuid.NewV7()), w.account.ID, []byte("thief's"), w.Now())
		w.Exec("INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at) VALUES ($1, $2, 'owner''s', $3, 0, $4, $4)",
			uuid.Must(uuid.NewV7()), w.account.ID, []byte("sealed"), w.Now().Add(-time.Hour))
		if a := w.undo(undo); a.Status != http.StatusOK {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if keys, codes, apps, devices := w.Count("SELECT count(*) FROM passkey"), w.Count("SELECT count(*) FROM backup_code"), w.Count("SELECT count(*) FROM totp_device"),
			w.Count("SELECT count(*) FROM device"); keys != 0 || codes != 0 || apps != 1 || devices != 0 {
			t.Errorf("%d passkeys, %d codes, %d apps, %d devices are left", keys, codes, apps, devices)
		}
		if m := w.mails(); len(m) != 1 || len(w.Audited("factor.removed")) != 1 {
			t.Errorf("%d mails, audited %v", len(m), w.Audited("factor.removed"))
		}
	})
}

// Whoever came second cannot undo what came before them, nor keep it from being undone.
func TestThiefCannotGetAroundTheUndo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.moves(w.me, "thief@example.net")
		second := w.moves(w.me, "thief2@example.net")
		third := w.moves(w.me, "thief3@example.net")
		if a := w.undo(second); a.Status != http.StatusOK || w.email(w.account.ID) != "thief@example.net" {
			t.Fatalf("the thief's own: answered %d %s", a.Status, a.Text)
		}
		refused(t, w.undo(third), http.StatusBadRequest, "link_invalid")
		fourth := w.moves(w.Session(w.account.ID), "thief4@example.net")
		if a := w.undo(first); a.Status != http.StatusOK || w.email(w.account.ID) != "Jo@example.com" {
			t.Fatalf("the owner's: answered %d %s", a.Status, a.Text)
		}
		refused(t, w.undo(fourth), http.StatusBadRequest, "link_invalid")
		if w.email(w.account.ID) != "Jo@example.com" {
			t.Error("the thief got it back")
		}
	})
}

// Two instances' clocks may be seconds apart: what undoes a later change must not survive for that.
func TestChangesAreUndoneInTheirOrderWhateverClocksSay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.moves(w.me, "thief@example.net")
		w.Exec("UPDATE one_time_token SET created_at = created_at + 10000 WHERE purpose = 'email_undo'")
		second := w.moves(w.me, "thief2@example.net")
		if a := w.undo(first); a.Status != http.StatusOK {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		refused(t, w.undo(second), http.StatusBadRequest, "link_invalid")
	})
}

func TestUndoIsGoodForAWeekAndTheAddressFreeAfterThat(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		undo := w.moves(w.me, "new@example.com")
		w.Clock.Advance(identifier.UndoLifetime - time.Minute)
		ann := w.Session(w.Account("ann@example.com", "").ID)
		token := w.link(ann, "jo@example.com")
		if token != "" {
			t.Error("the former address is free for others")
		}
		if l, err := w.service.Find(t.Context(), identifier.Undo, undo); err != nil || l.Email != "Jo@example.com" {
			t.Errorf("a minute before the end: %v, %v", l, err)
		}
		w.Clock.Advance(time.Minute)
		refused(t, w.undo(undo), http.StatusBadRequest, "link_invalid")
	})
}

// A change of nothing but the spelling can be undone too, and keeps nothing from its owner.
func TestAnotherSpellingOfOnesOwnAddressIsNoOtherAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		undo := w.moves(w.me, "jo@EXAMPLE.com")
		if n := w.Count("SELECT count(*) FROM reserved_name"); n != 0 {
			t.Errorf("%d addresses are kept", n)
		}
		if a := w.undo(undo); a.Status != http.StatusOK || w.email(w.account.ID) != "Jo@example.com" {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
	})
}

func TestUndoOfAnAddressThatFoundAnotherAccountIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		undo := w.moves(w.me, "new@example.com")
		w.Exec("DELETE FROM reserved_name")
		w.Account("jo@example.com", "")
		refused(t, w.undo(undo), http.StatusBadRequest, "link_invalid")
		if !w.Stands(w.me) || w.email(w.account.ID) != "new@example.com" {
			t.Error("something changed")
		}
	})
}

// CVE-2026-32700: of two changes at once, one is the address in the end, whole.
func TestOfParallelChangesOneWins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for round := range 3 {
			var tokens []string
			for i := range 2 {
				w.Exec("DELETE FROM rate_limit")
				tokens = append(tokens, w.link(w.me, fmt.Sprintf("new%d.%d@example.com", round, i)))
			}
			var mu sync.Mutex
			var won []string
			var work sync.WaitGroup
			for i := range 16 {
				work.Go(func() {
					a := w.confirm(tokens[i%2])
					mu.Lock()
					defer mu.Unlock()
					if a.Status == http.StatusOK {
						won = append(won, a.JSON["email"].(string))
					} else if a.Code != "link_invalid" {
						t.Errorf("answered %d %s", a.Status, a.Code)
					}
				})
			}
			work.Wait()
			if got := w.email(w.account.ID); len(won) != 1 || won[0] != got {
				t.Errorf("%q were told that it is theirs, it is %s", won, got)
			}
			if n := w.Count("SELECT count(*) FROM one_time_token WHERE used_at IS NULL AND purpose = 'email_change'"); n != 0 {
				t.Errorf("%d links are left", n)
			}
			if len(w.mails()) != 1 || len(w.Audited("email.changed")) != round+1 {
				t.Error("it was told or written down twice")
			}
		}
	})
}

// SQLite writes one transaction at a time: there nothing can come between.
func TestAChangeWaitsForTheOneBeforeIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if w.Engine() == "sqlite" {
			return
		}
		first, second := w.link(w.me, "new@example.com"), w.link(w.me, "new2@example.com")
		came := make(chan domaintest.Answer, 1)
		w.Inspect(func(query string) error {
			if strings.HasPrefix(query, "UPDATE account SET email") {
				w.Inspect(nil)
				go func() { came <- w.confirm(second) }()
				for waiting := 0; waiting == 0 && len(came) == 0; {
					w.Read(&waiting, "SELECT count(*) FROM pg_locks WHERE NOT granted")
				}
			}
			return nil
		})
		if a := w.confirm(first); a.Status != http.StatusOK {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
		refused(t, <-came, http.StatusBadRequest, "link_invalid")
		if got := w.email(w.account.ID); got != "new@example.com" {
			t.Errorf("it is %s", got)
		}
	})
}

func TestOfTwoAccountsOneGetsAnAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ann := w.Session(w.Account("ann@example.com", "").ID)
		tokens := []string{w.link(w.me, "new@example.com"), w.link(ann, "new@example.com")}
		var work sync.WaitGroup
		answers := make([]domaintest.Answer, 2)
		for i, token := range tokens {
			work.Go(func() { answers[i] = w.confirm(token) })
		}
		work.Wait()
		if answers[0].Status+answers[1].Status != http.StatusOK+http.StatusBadRequest || answers[0].Code+answers[1].Code != "link_invalid" {
			t.Errorf("answered %d %d", answers[0].Status, answers[1].Status)
		}
		if n := w.Count("SELECT count(*) FROM account WHERE email_key = 'new@example.com'"); n != 1 {
			t.Errorf("%d accounts have it", n)
		}
	})
}

// A change and the undo of the one before it at the same moment leave one address, and never the
// thief's.
func TestUndoWinsOverAChangeAtTheSameMoment(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 4 {
			w.Exec("DELETE FROM rate_limit")
			me := w.Session(w.account.ID)
			undo, next := w.moves(me, "thief@example.net"), w.link(me, "thief2@example.net")
			var work sync.WaitGroup
			work.Go(func() {
				if a := w.undo(undo); a.Status != http.StatusOK {
					t.Errorf("undo answered %d %s", a.Status, a.Text)
				}
			})
			work.Go(func() { w.confirm(next) })
			work.Wait()
			if got := w.email(w.account.ID); got != "Jo@example.com" || w.Count("SELECT count(*) FROM one_time_token WHERE used_at IS NULL") != 0 {
				t.Fatalf("it is %s, or a link is left", got)
			}
			w.mails()
		}
	})
}

func TestRedeemingIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.link(w.me, "new@example.com")
		state := func() string {
			var s string
			w.Read(&s, `SELECT email || (SELECT count(*) FROM one_time_token WHERE used_at IS NULL) || (SELECT count(*) FROM reserved_name) || (SELECT count(*) FROM audit_event) || (SELECT count(*) FROM job) || epoch
				FROM account WHERE id = $1`, w.account.ID)
			return s
		}
		for _, step := range []func() domaintest.Answer{
			func() domaintest.Answer { return w.confirm(token) },
			func() domaintest.Answer { return w.undo(token) },
		} {
			before := state()
			for n := 1; ; n++ {
				var a domaintest.Answer
				if !w.FailAt(n, func() { a = step() }) {
					if a.Status != http.StatusOK || state() == before || n < 8 {
						t.Errorf("after %d statements: %d %s", n-1, a.Status, a.Text)
					}
					break
				}
				if got := state(); a.Status < 500 || got != before {
					t.Fatalf("statement %d: answered %d, left %s of %s", n, a.Status, got, before)
				}
			}
			token = domaintest.Token(w.mails()["Jo@example.com"])
		}
	})
}
