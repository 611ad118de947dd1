package recovery_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/flow/recovery"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

const (
	wait = 72 * time.Hour
	good = 7 * 24 * time.Hour // after the wait
)

// eachLost is each with an account that has every kind of second factor, and a device that is known.
func eachLost(t *testing.T, fn func(t *testing.T, w *world)) {
	each(t, func(t *testing.T, w *world) {
		w.enrol(w.account.ID)
		fn(t, w)
	})
}

func (w *world) enrol(id account.ID) {
	w.t.Helper()
	for _, name := range []string{"Phone", "Tablet"} {
		w.Exec("INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at) VALUES ($1, $2, $3, $4, 0, 1, 1)", uuid.New(), id, name, []byte("x"))
	}
	w.Exec("INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at) VALUES ($1, $2, 'waits', $3, 0, 1)", uuid.New(), id, []byte("x"))
	w.Exec("INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, 'Key', '{}', 1)", uuid.New(), id, []byte(uuid.NewString()))
	for i := range 2 {
		w.Exec("INSERT INTO backup_code (account_id, code_hash, created_at) VALUES ($1, $2, 1)", id, []byte{byte(i)})
	}
	w.Exec("INSERT INTO email_factor (account_id, created_at) VALUES ($1, 1)", id)
	w.known(id, 1)
}

// held is how many rows of second factors and devices an account has.
func (w *world) held(id account.ID) int {
	w.t.Helper()
	n := 0
	for _, table := range []string{"totp_device", "passkey", "backup_code", "email_factor", "device"} {
		n += w.Count("SELECT count(*) FROM "+table+" WHERE account_id = $1", id)
	}
	return n
}

const all = 8 // rows that enrol makes

// step returns the token of a sign-in whose first step was right.
func (w *world) step(id account.ID) string { return w.ticket(id, "mfa") }

func (w *world) ticket(id account.ID, purpose string) (token string) {
	w.t.Helper()
	t := &ticket.Ticket{Purpose: purpose, AccountID: id, Data: "{}"}
	w.Read(&t.Epoch, "SELECT epoch FROM account WHERE id = $1", id)
	err := w.InTx(context.Background(), func(tx *db.Tx) (err error) {
		token, err = ticket.NewBook(w.Keys.Hasher).Issue(context.Background(), tx, t, 5*time.Minute)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *world) lose(step string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/recovery/factor/", `{"mfa_token":"`+step+`"}`)
}

// asked asks for the account and returns the token that says no.
func (w *world) asked() (no string) {
	w.t.Helper()
	if a := w.lose(w.step(w.account.ID)); a.Status != http.StatusAccepted {
		w.t.Fatalf("answered %d %s", a.Status, a.Text)
	}
	mails := w.mails()
	if len(mails) != 1 || mails[0].To != "Jo@example.com" {
		w.t.Fatalf("mails: %v", mails)
	}
	return domaintest.Token(mails[0])
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if err := w.Clock.Advance(d); err != nil {
		w.t.Fatal(err)
	}
}

// told does what is done every few minutes and returns what was mailed.
func (w *world) told() []mail.Message {
	w.t.Helper()
	if err := w.flow.TellReady(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return w.mails()
}

// ready waits and returns the token that does it.
func (w *world) ready() string {
	w.t.Helper()
	w.pass(wait)
	mails := w.told()
	if len(mails) != 1 || mails[0].To != "Jo@example.com" {
		w.t.Fatalf("mails: %v", mails)
	}
	return domaintest.Token(mails[0])
}

func (w *world) finish(token, pass string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/recovery/factor/finish/", `{"token":"`+token+`","password":"`+pass+`"}`)
}

func (w *world) sayNo(token string) domaintest.Answer {
	w.t.Helper()
	return w.Call(http.MethodPost, "/recovery/factor/cancel/", `{"token":"`+token+`"}`)
}

func TestLostFactorsAreRemovedAfterTheWait(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		other := w.Account("someone.else@example.com", "")
		w.enrol(other.ID)
		stranger, look := w.Session(other.ID), w.Session(other.ID)
		w.Exec("INSERT INTO page_cookie (session_id, token_hash, remembered, staff_id, staff_session_id, reason) VALUES ($1, $2, FALSE, $3, $4, 'asked to')", look.SessionID, []byte("x"), w.account.ID, w.session.SessionID)

		a := w.Call(http.MethodPost, "/recovery/factor/", `{"mfa_token":"`+w.step(w.account.ID)+`"}`, domaintest.Header("User-Agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"), domaintest.Header("X-Forwarded-Host", "evil.example.net"))
		want := w.Now().Add(wait).Format(time.RFC3339)
		if a.Status != http.StatusAccepted || len(a.Cookies) != 0 || !strings.HasPrefix(fmt.Sprint(a.JSON["ready_at"]), want[:len(want)-4]) {
			t.Fatalf("answered %d %s, want ready at about %s", a.Status, a.Text, want)
		}
		mails := w.mails()
		if len(mails) != 1 || !strings.Contains(mails[0].Text, domaintest.Origin+"/account/recover-factor/cancel/?token=") || !strings.Contains(mails[0].Text, "Firefox on Windows") {
			t.Fatalf("mails: %v", mails)
		}
		mine := w.Call(http.MethodGet, "/recovery/factor/", "", domaintest.Bearer(w.session))
		if mine.Status != http.StatusOK || mine.JSON["device"] != "Firefox on Windows" || mine.JSON["ready_at"] != a.JSON["ready_at"] || mine.JSON["asked_at"] == nil || mine.JSON["address"] == "" || len(mine.JSON) != 4 {
			t.Errorf("answered %d %s", mine.Status, mine.Text)
		}
		if w.held(w.account.ID) != all || !w.Stands(w.session) {
			t.Fatal("asking changed something")
		}

		w.pass(wait)
		mails = w.told()
		if len(mails) != 1 || !strings.Contains(mails[0].Text, domaintest.Origin+"/account/recover-factor/finish/?token=") {
			t.Fatalf("mails: %v", mails)
		}
		token, sessions := domaintest.Token(mails[0]), w.Count("SELECT count(*) FROM session")
		a = w.finish(token, oldPassword)
		if a.Status != http.StatusOK || len(a.JSON) != 1 || a.JSON["detail"] == "" || len(a.Cookies) != 0 {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if n := w.held(w.account.ID); n != 0 {
			t.Errorf("%d rows of factors and devices are left", n)
		}
		if w.Stands(w.session) || w.Stands(look) || w.Count("SELECT count(*) FROM session") != sessions {
			t.Error("a session stands, or one was made")
		}
		if w.held(other.ID) != all || !w.Stands(stranger) {
			t.Error("somebody else lost something")
		}
		refused(t, w.finish(token, oldPassword), http.StatusBadRequest, "link_invalid")
		for _, kind := range []string{"recovery.factor_asked", "recovery.factor_done"} {
			if n := len(w.Audited(kind)); n != 1 {
				t.Errorf("%s: audited %d times", kind, n)
			}
		}
		if mails = w.mails(); len(mails) != 1 || mails[0].To != "Jo@example.com" || !strings.Contains(mails[0].Subject, "were removed") {
			t.Errorf("mails: %v", mails)
		}
		if !w.opens(oldPassword) || len(w.told()) != 0 {
			t.Error("the password changed, or it was told again")
		}
	})
}

func TestAskingAgainChangesNothing(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		step := w.step(w.account.ID)
		first := w.lose(step)
		w.mails()
		w.pass(time.Minute)
		again := w.lose(step) // asking does not use the step up
		w.pass(24 * time.Hour)
		later := w.lose(w.step(w.account.ID))
		for _, a := range []domaintest.Answer{again, later} {
			if a.Status != http.StatusAccepted || a.Text != first.Text {
				t.Errorf("answered %d %s, first %s", a.Status, a.Text, first.Text)
			}
		}
		if mails := w.mails(); len(mails) != 0 || w.Count("SELECT count(*) FROM factor_recovery") != 1 || len(w.Audited("recovery.factor_asked")) != 1 {
			t.Errorf("it began anew; mails: %v", mails)
		}
		w.pass(wait - 24*time.Hour - time.Hour)
		if mails := w.told(); len(mails) != 0 {
			t.Errorf("told too early: %v", mails)
		}
		w.pass(time.Hour)
		if mails := w.told(); len(mails) != 1 {
			t.Errorf("the wait was prolonged: %v", mails)
		}
	})
}

func TestManyWhoAskAtOnceBeginOne(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		var work sync.WaitGroup
		for range 16 {
			step := w.step(w.account.ID)
			work.Go(func() {
				if a := w.lose(step); a.Status != http.StatusAccepted && a.Code != "rate_limited" {
					t.Errorf("answered %d %s", a.Status, a.Text)
				}
			})
		}
		work.Wait()
		if n := w.Count("SELECT count(*) FROM factor_recovery"); n != 1 || len(w.mails()) != 1 {
			t.Errorf("%d began", n)
		}
	})
}

// forge writes a finish link down as if it had been mailed before its time.
func (w *world) forge() (token string) {
	w.t.Helper()
	token = secret.NewToken()
	var id uuid.UUID
	w.Read(&id, "SELECT id FROM factor_recovery")
	w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data)
		SELECT $1, 'factor_recovery', id, email_key, epoch, $2, 1, CAST($3 AS BIGINT), $4 FROM account WHERE email_key = 'jo@example.com'`,
		uuid.New(), w.Keys.Hasher("factor_recovery").Sum(token), w.Now().Add(100*24*time.Hour), id.String())
	return token
}

func TestRemovalHasItsTime(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		early := w.forge()
		w.pass(wait - time.Hour)
		refused(t, w.finish(early, oldPassword), http.StatusBadRequest, "link_invalid")
		if a := w.Page("/account/recover-factor/finish/?token=" + early); a.Status != http.StatusBadRequest {
			t.Errorf("page answered %d", a.Status)
		}
		w.pass(time.Hour)
		token := domaintest.Token(w.told()[0])
		w.pass(good - time.Hour)
		if a := w.Page("/account/recover-factor/finish/?token=" + token); a.Status != http.StatusOK {
			t.Errorf("an hour before the end: page answered %d", a.Status)
		}
		w.pass(time.Hour)
		refused(t, w.finish(token, oldPassword), http.StatusBadRequest, "link_invalid")
		refused(t, w.finish(early, oldPassword), http.StatusBadRequest, "link_invalid")
		if w.held(w.account.ID) != all {
			t.Error("factors were removed")
		}
		w.asked() // and it can be asked for anew
	})
}

func TestNobodyIsToldOfWhatIsTooOld(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		w.pass(wait + good)
		if mails := w.told(); len(mails) != 0 || w.Count("SELECT count(*) FROM factor_recovery WHERE cancelled_at IS NULL") != 0 {
			t.Errorf("mails: %v", mails)
		}
	})
}

func TestCancellingEndsIt(t *testing.T) {
	for how, reason := range map[string]string{"link": "link", "session": "session", "page": "link"} {
		for _, when := range []string{"before", "after"} {
			t.Run(how+" "+when, func(t *testing.T) {
				eachLost(t, func(t *testing.T, w *world) {
					no, token := w.asked(), ""
					if when == "after" {
						token = w.ready()
					}
					cancel := func() domaintest.Answer {
						switch how {
						case "link":
							return w.sayNo(no)
						case "session":
							return w.Call(http.MethodDelete, "/recovery/factor/", "", domaintest.Bearer(w.session))
						default:
							return w.Submit("/account/recover-factor/cancel/", map[string][]string{"token": {no}})
						}
					}
					if a := cancel(); a.Status >= 400 {
						t.Fatalf("answered %d %s", a.Status, a.Text)
					}
					if a := cancel(); how == "session" && a.Code != "recovery_none" || how != "session" && a.Status >= 400 {
						t.Errorf("again: %d %s", a.Status, a.Text)
					}
					if got := w.Audited("recovery.factor_cancelled"); len(got) != 1 || got[0] != reason {
						t.Errorf("audited %q", got)
					}
					if when == "before" {
						w.pass(wait)
						if mails := w.told(); len(mails) != 0 {
							t.Fatalf("told all the same: %v", mails)
						}
						token = w.forge()
					}
					refused(t, w.finish(token, oldPassword), http.StatusBadRequest, "link_invalid")
					refused(t, w.Call(http.MethodGet, "/recovery/factor/", "", domaintest.Bearer(w.session)), http.StatusNotFound, "recovery_none")
					if w.held(w.account.ID) != all || !w.Stands(w.session) {
						t.Error("cancelling changed something")
					}
				})
			})
		}
	}
}

// A link of a removal that was cancelled is no good for the next.
func TestLinkIsForItsOwnRemoval(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		no := w.asked()
		old := w.ready()
		w.sayNo(no)
		w.asked()
		w.pass(wait)
		w.told()
		refused(t, w.finish(old, oldPassword), http.StatusBadRequest, "link_invalid")
		if a := w.sayNo(no); a.Status != http.StatusOK || w.Count("SELECT count(*) FROM factor_recovery WHERE cancelled_at IS NULL") != 1 {
			t.Errorf("the first no cancels the second removal: %d", a.Status)
		}
	})
}

func TestChangesOfTheAccountEndIt(t *testing.T) {
	for name, sql := range map[string]string{
		"password changed": "UPDATE account SET epoch = epoch + 1",
		"address changed":  "UPDATE account SET email = 'new@example.com', email_key = 'new@example.com'",
		"disabled":         "UPDATE account SET active = FALSE",
		"erased":           "DELETE FROM account",
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(name+" "+when, func(t *testing.T) {
				eachLost(t, func(t *testing.T, w *world) {
					w.asked()
					if when == "before" {
						w.Exec(sql)
						w.pass(wait)
						if mails := w.told(); len(mails) != 0 || w.Count("SELECT count(*) FROM factor_recovery WHERE cancelled_at IS NULL") != 0 {
							t.Errorf("mails: %v", mails)
						}
						return
					}
					token := w.ready()
					w.Exec(sql)
					refused(t, w.finish(token, oldPassword), http.StatusBadRequest, "link_invalid")
					if name != "erased" && w.held(w.account.ID) != all {
						t.Error("factors were removed")
					}
					if pending, err := w.flow.Pending(t.Context(), w.account.ID); err != nil || pending != nil {
						t.Errorf("it is still shown: %v %v", pending, err)
					}
					if name == "password changed" {
						w.asked() // anew, and nothing is in the way
					}
				})
			})
		}
	}
}

// An app or a passkey that is used was not lost. A backup code says nothing of that.
func TestUsingASecondFactorEndsIt(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		for what, ends := range map[string]bool{
			"UPDATE totp_device SET last_used_at = $1 WHERE name = 'Tablet'": true,
			"UPDATE passkey SET last_used_at = $1":                           true,
			"UPDATE backup_code SET used_at = $1":                            false,
		} {
			eachLost(t, func(t *testing.T, w *world) {
				w.Exec("UPDATE totp_device SET last_used_at = $1", w.Now()) // before it was lost
				w.pass(time.Minute)
				w.asked()
				token := ""
				if when == "after" {
					token = w.ready()
				}
				w.pass(time.Minute)
				w.Exec(what, w.Now())
				if pending, err := w.flow.Pending(t.Context(), w.account.ID); err != nil || pending == nil {
					t.Errorf("%s: whoever signs in is not told that somebody asked: %v", what, err)
				}
				if when == "before" {
					w.pass(wait)
					if mails := w.told(); (len(mails) == 0) != ends || (len(w.Audited("recovery.factor_cancelled")) == 1) != ends {
						t.Errorf("%s: mails: %v", what, mails)
					}
					return
				}
				if a := w.finish(token, oldPassword); (a.Status != http.StatusOK) != ends {
					t.Errorf("%s: answered %d %s", what, a.Status, a.Text)
				}
			})
		}
	}
}

// The password is checked outside of a transaction; what happens meanwhile counts.
func TestChangeWhileThePasswordIsCheckedEndsIt(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		token := w.ready()
		var once sync.Once
		w.Inspect(func(query string) error {
			if strings.Contains(query, "INSERT INTO rate_limit") {
				once.Do(func() {
					w.Inspect(nil)
					w.Exec("UPDATE account SET epoch = epoch + 1")
				})
			}
			return nil
		})
		// The first count is that of the network address, before the link is looked at.
		defer w.Inspect(nil)
		refused(t, w.finish(token, oldPassword), http.StatusBadRequest, "link_invalid")
		if w.held(w.account.ID) != all {
			t.Error("factors were removed")
		}
	})
}

func TestEveryAddressOfTheOwnerIsTold(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		former := func(owner account.ID, typed string, until time.Duration) {
			email, err := account.ParseEmail(typed)
			if err != nil {
				t.Fatal(err)
			}
			w.Exec("INSERT INTO reserved_name (kind, name_key, account_id, until) VALUES ('email', $1, $2, $3)", email.Key, owner, w.Now().Add(until))
			w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data)
				VALUES ($1, 'email_undo', $2, 'x', 0, $3, $4, $5, $6)`, uuid.New(), owner, []byte(typed), w.Now(), w.Now().Add(until), typed)
		}
		other := w.Account("someone.else@example.com", "")
		former(w.account.ID, "Jo.Before@example.com", 48*time.Hour)
		former(w.account.ID, "first@example.com", time.Minute)
		former(w.account.ID, "long.ago@example.com", -time.Minute)
		former(w.account.ID, "JO@example.com", 48*time.Hour) // the present one, which it was before
		former(other.ID, "others@example.com", 48*time.Hour)
		w.Exec("INSERT INTO reserved_name (kind, name_key, account_id, until) VALUES ('username', 'user@example.com', $1, $2)", w.account.ID, w.Now().Add(time.Hour))
		w.Exec("UPDATE profile SET locale = 'de' WHERE account_id = $1", w.account.ID)
		if a := w.lose(w.step(w.account.ID)); a.Status != http.StatusAccepted {
			t.Fatalf("answered %d", a.Status)
		}
		tokens := map[string]string{}
		mails := w.mails()
		for _, m := range mails {
			tokens[m.To] = domaintest.Token(m)
		}
		if len(mails) != 3 || tokens["Jo@example.com"] == "" || tokens["Jo.Before@example.com"] == "" || tokens["first@example.com"] == "" {
			t.Fatalf("told %d", len(tokens))
		}
		if a := w.sayNo(tokens["Jo.Before@example.com"]); a.Status != http.StatusOK || len(w.Audited("recovery.factor_cancelled")) != 1 {
			t.Errorf("a former address may not say no: %d %s", a.Status, a.Text)
		}
	})
}

func TestFinishLinkGoesToThePresentAddressAlone(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.Exec("INSERT INTO reserved_name (kind, name_key, account_id, until) VALUES ('email', 'old@example.com', $1, $2)", w.account.ID, w.Now().Add(1000*time.Hour))
		w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data)
			VALUES ($1, 'email_undo', $2, 'x', 0, $3, 1, $4, 'old@example.com')`, uuid.New(), w.account.ID, []byte("x"), w.Now().Add(1000*time.Hour))
		w.lose(w.step(w.account.ID))
		if n := len(w.mails()); n != 2 {
			t.Fatalf("told %d", n)
		}
		w.ready()
	})
}

func TestWhoIsPastTheFirstStepAloneMayAsk(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		step := w.step(w.account.ID)
		overtaken, disabled := w.step(w.account.ID), w.Account("disabled@example.com", "x")
		w.enrol(disabled.ID)
		gone := w.step(disabled.ID)
		w.Exec("UPDATE account SET active = FALSE WHERE id = $1", disabled.ID)
		used := w.step(w.account.ID)
		if _, err := ticket.NewBook(w.Keys.Hasher).Spend(t.Context(), w.DB.DB, "mfa", used); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string]string{"guessed": secret.NewToken(), "cut": step[:42], "of a passkey": w.ticket(w.account.ID, "passkey"), "disabled": gone, "used": used} {
			a := w.lose(bad)
			if a.Status != http.StatusUnauthorized || a.Code != "step_rejected" {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Code)
			}
		}
		refused(t, w.lose(""), http.StatusBadRequest, "fields_invalid")
		w.Exec("UPDATE account SET epoch = epoch + 1 WHERE id = $1", w.account.ID)
		refused(t, w.lose(overtaken), http.StatusUnauthorized, "step_rejected")
		w.pass(5 * time.Minute)
		refused(t, w.lose(step), http.StatusUnauthorized, "step_rejected")

		weak := w.Account("weak@example.com", "x")
		w.Exec("INSERT INTO email_factor (account_id, created_at) VALUES ($1, 1)", weak.ID)
		refused(t, w.lose(w.step(weak.ID)), http.StatusConflict, "recovery_needless")
		passwordless := w.Account("passwordless@example.com", "")
		w.enrol(passwordless.ID)
		refused(t, w.lose(w.step(passwordless.ID)), http.StatusConflict, "recovery_needs_password")
		if mails := w.mails(); len(mails) != 0 || w.Count("SELECT count(*) FROM factor_recovery") != 0 || len(w.Audited("recovery.factor_asked")) != 0 {
			t.Errorf("it began; mails: %v", mails)
		}
	})
}

func TestAskingIsLimited(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		for range 3 {
			no := w.asked()
			w.lose(w.step(w.account.ID)) // an answer that begins nothing is not counted
			w.sayNo(no)
		}
		a := w.lose(w.step(w.account.ID))
		refused(t, a, http.StatusTooManyRequests, "rate_limited")
		if len(w.mails()) != 0 {
			t.Error("told")
		}
	})
}

func TestOnlyTheOwnerSeesAndCancelsIt(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		stranger := w.Session(w.Account("someone.else@example.com", "").ID)
		w.asked()
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			refused(t, w.Call(method, "/recovery/factor/", ""), http.StatusUnauthorized, "token_missing")
			refused(t, w.Call(method, "/recovery/factor/", "", domaintest.Bearer(stranger)), http.StatusNotFound, "recovery_none")
		}
		if pending, err := w.flow.Pending(t.Context(), w.account.ID); err != nil || pending == nil {
			t.Errorf("a stranger cancelled it: %v", err)
		}
	})
}

// Row 63 and 64 of SECURITY.md: no token of one purpose does what another allows, whether it is the
// row's purpose or the hash's that is another.
func TestTokensOfOtherPurposesAreRefused(t *testing.T) {
	purposes := []string{"reset", "factor_cancel", "factor_recovery", "not_me", "email", "email_undo", "erase", "ticket"}
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		w.ready()
		var id uuid.UUID
		w.Read(&id, "SELECT id FROM factor_recovery")
		uses := map[string]func(token string) domaintest.Answer{
			"reset":           func(token string) domaintest.Answer { return w.confirm(token, newPassword) },
			"factor_cancel":   w.sayNo,
			"factor_recovery": func(token string) domaintest.Answer { return w.finish(token, oldPassword) },
		}
		for use, try := range uses {
			for _, row := range purposes {
				for _, hashed := range purposes {
					if row == use && hashed == use {
						continue
					}
					token := secret.NewToken()
					w.Exec("DELETE FROM one_time_token WHERE data = 'forged'")
					w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data)
						SELECT $1, $2, id, email_key, epoch, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT), $6 FROM account WHERE email_key = 'jo@example.com'`,
						uuid.New(), row, w.Keys.Hasher(hashed).Sum(token), w.Now().Add(time.Hour), w.Now().Add(2*time.Hour), id.String())
					if a := try(token); a.Status != http.StatusBadRequest || a.Code != "link_invalid" {
						t.Errorf("%s: a row of %s hashed for %s: answered %d %s", use, row, hashed, a.Status, a.Code)
					}
					w.Exec("DELETE FROM rate_limit")
				}
			}
		}
		if w.held(w.account.ID) != all || !w.opens(oldPassword) || len(w.Audited("recovery.factor_cancelled")) != 0 {
			t.Error("something was done")
		}
	})
}

func TestLinkOfOneAccountDoesNothingToAnother(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		other := w.Account("someone.else@example.com", "")
		w.Exec("INSERT INTO password_credential (account_id, hash, changed_at) SELECT $1, hash, 1 FROM password_credential", other.ID)
		w.enrol(other.ID)
		w.lose(w.step(other.ID))
		w.pass(wait)
		w.mails()
		for _, m := range w.told() {
			if m.To == "Jo@example.com" {
				if a := w.finish(domaintest.Token(m), oldPassword); a.Status != http.StatusOK {
					t.Errorf("answered %d %s", a.Status, a.Text)
				}
			}
		}
		if w.held(w.account.ID) != 0 || w.held(other.ID) != all {
			t.Error("it was done to the wrong account")
		}
	})
}

func TestFinishCountsGuessesWithThoseOfSignIn(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		token := w.ready()
		limit := ratelimit.Bucket{Limit: ratelimit.Limit{Name: "signin.account", Burst: 10, Per: 15 * time.Minute}, Key: w.account.ID.String()}
		for range 9 {
			if _, err := w.Limiter.Take(t.Context(), limit); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, w.finish(token, newPassword), http.StatusForbidden, "password_rejected")
		refused(t, w.finish(token, oldPassword), http.StatusTooManyRequests, "rate_limited")
		if got := w.Audited("recovery.factor_refused"); !slices.Equal(got, []string{"wrong_password", "rate_limited"}) {
			t.Errorf("audited %q", got)
		}
		if w.held(w.account.ID) != all {
			t.Fatal("factors were removed")
		}
		w.pass(15 * time.Minute)
		if a := w.finish(token, oldPassword); a.Status != http.StatusOK {
			t.Errorf("answered %d %s", a.Status, a.Text)
		}
		for range 10 { // the right one was given back
			if _, err := w.Limiter.Take(t.Context(), limit); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestGuessedLinksAreCountedBeforeAnythingIsHashed(t *testing.T) {
	eachWith(t, func(c *recovery.Config) { c.PerAddress.Burst = 2 }, func(t *testing.T, w *world) {
		w.enrol(w.account.ID)
		w.asked()
		token, hashed := w.ready(), w.hasher.Stats()
		for range 2 {
			refused(t, w.finish(secret.NewToken(), oldPassword), http.StatusBadRequest, "link_invalid")
		}
		refused(t, w.finish(token, oldPassword), http.StatusTooManyRequests, "rate_limited")
		refused(t, w.sayNo(secret.NewToken()), http.StatusTooManyRequests, "rate_limited")
		if after := w.hasher.Stats(); after != hashed {
			t.Errorf("hashed: %+v, before %+v", after, hashed)
		}
	})
}

func TestAccountThatLostItsPasswordNeedsSupport(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		token := w.ready()
		w.Exec("DELETE FROM password_credential")
		refused(t, w.finish(token, ""), http.StatusConflict, "recovery_needs_password")
		a := w.Page("/account/recover-factor/finish/?token=" + token)
		if a.Status != http.StatusOK || !strings.Contains(words(t, a), "Ask whoever runs this service") || len(elements(t, a, "form")) != 0 {
			t.Errorf("answered %d\n%s", a.Status, a.Text)
		}
	})
}

// Whoever cancels and whoever finishes at the same moment: one of the two is done, and all of it.
func TestCancelAndFinishRace(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		no := w.asked()
		token := w.ready()
		var work sync.WaitGroup
		var mu sync.Mutex
		answers := map[string]int{}
		for i := range 24 {
			work.Go(func() {
				name, a := "cancel", domaintest.Answer{}
				if i%2 == 0 {
					a = w.sayNo(no)
				} else {
					name, a = "finish", w.finish(token, oldPassword)
				}
				mu.Lock()
				defer mu.Unlock()
				answers[fmt.Sprint(name, a.Status, a.Code)]++
			})
		}
		work.Wait()
		cancelled, done := len(w.Audited("recovery.factor_cancelled")), len(w.Audited("recovery.factor_done"))
		if cancelled+done != 1 || w.held(w.account.ID) != all*cancelled || w.Stands(w.session) != (cancelled == 1) {
			t.Errorf("cancelled %d, done %d, %d rows left: %v", cancelled, done, w.held(w.account.ID), answers)
		}
		if answers["finish200"] != done || done == 1 && answers["cancel200"] > 0 {
			t.Errorf("answers: %v", answers)
		}
	})
}

func TestOneOfManyParallelFinishesWins(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		token := w.ready()
		var work sync.WaitGroup
		var mu sync.Mutex
		answers := map[string]int{}
		for range 24 {
			work.Go(func() {
				a := w.finish(token, oldPassword)
				mu.Lock()
				defer mu.Unlock()
				answers[fmt.Sprint(a.Status, a.Code)]++
			})
		}
		work.Wait()
		if answers["200"] != 1 || answers["200"]+answers["400link_invalid"]+answers["429rate_limited"] != 24 || len(w.mails()) != 1 {
			t.Errorf("answers: %v", answers)
		}
	})
}

func TestInstancesTellOnce(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		w.pass(wait)
		var work sync.WaitGroup
		for range 8 {
			work.Go(func() {
				if err := w.flow.TellReady(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
		if n := len(w.mails()); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestTellReadyTellsEverybody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 105 {
			a := w.Account(fmt.Sprintf("a%d@example.com", i), "x")
			w.Exec("INSERT INTO email_factor (account_id, created_at) VALUES ($1, 1)", a.ID)
			id := uuid.New()
			w.Exec("INSERT INTO factor_recovery (id, account_id, device, address, created_at, ready_at, expires_at) VALUES ($1, $2, '', '', 1, $3, $4)", id, a.ID, w.Now(), w.Now().Add(good))
			w.Exec("INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at) SELECT $1, 'factor_cancel', id, email_key, epoch, $3, 1, CAST($4 AS BIGINT) FROM account WHERE id = $2", id, a.ID, []byte(a.Email), w.Now().Add(good))
		}
		if n := len(w.told()); n != 105 {
			t.Errorf("told %d", n)
		}
	})
}

func TestAskingIsWholeOrNothing(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		step := w.step(w.account.ID)
		for n := 1; ; n++ {
			var a domaintest.Answer
			w.Exec("DELETE FROM rate_limit")
			if !w.FailAt(n, func() { a = w.lose(step) }) {
				if a.Status != http.StatusAccepted || n < 10 {
					t.Fatalf("after %d statements: %d %s", n-1, a.Status, a.Text)
				}
				return
			}
			if a.Status < 500 || w.Count("SELECT count(*) FROM factor_recovery") != 0 || w.Count("SELECT count(*) FROM job") != 0 || len(w.Audited("recovery.factor_asked")) != 0 {
				t.Fatalf("statement %d: half a wish: %d %s", n, a.Status, a.Text)
			}
		}
	})
}

func TestFinishIsWholeOrNothing(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		token := w.ready()
		jobs := w.Count("SELECT count(*) FROM job")
		for n := 1; ; n++ {
			var a domaintest.Answer
			if !w.FailAt(n, func() { a = w.finish(token, oldPassword) }) {
				if a.Status != http.StatusOK || n < 16 {
					t.Fatalf("after %d statements: %d %s", n-1, a.Status, a.Text)
				}
				return
			}
			if a.Status < 500 {
				t.Errorf("statement %d: answered %d", n, a.Status)
			}
			if w.held(w.account.ID) != all || !w.Stands(w.session) || w.Count("SELECT count(*) FROM job") != jobs || len(w.Audited("recovery.factor_done")) != 0 {
				t.Fatalf("statement %d: half a removal", n)
			}
		}
	})
}

func TestSweepRemovesOldRecoveries(t *testing.T) {
	eachLost(t, func(t *testing.T, w *world) {
		w.asked()
		w.pass(wait + good + 23*time.Hour)
		if n, err := recovery.SweepFactors(t.Context(), w.DB.DB, 10); err != nil || n != 0 {
			t.Errorf("23 hours after its end: removed %d, %v", n, err)
		}
		w.pass(time.Hour)
		for _, want := range []int64{1, 0} {
			if n, err := recovery.SweepFactors(t.Context(), w.DB.DB, 10); err != nil || n != want {
				t.Errorf("removed %d, %v; want %d", n, err, want)
			}
		}
	})
}

func TestTheWaitIsAtLeastADay(t *testing.T) {
	for delay, ok := range map[time.Duration]bool{time.Hour: false, 24*time.Hour - 1: false, 24 * time.Hour: true, 30 * 24 * time.Hour: true, 31 * 24 * time.Hour: false, -1: false} {
		domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
			limit := ratelimit.Limit{Name: "x", Burst: 1, Per: time.Hour}
			_, err := recovery.New(recovery.Config{Lifetime: lifetime, PerMailbox: limit, PerNetwork: limit, PerAccount: limit, PerStep: limit, PerAddress: limit, FactorDelay: delay},
				recovery.Deps{DB: d.DB.DB, Keys: d.Keys, Limiter: d.Limiter, Queue: d.Queue, Letters: d.Letters})
			if (err == nil) != ok {
				t.Errorf("%v: %v", delay, err)
			}
		})
	}
}
