package profile_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/profile"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// erase sends DELETE me/.
func (w *world) erase(given string, by session.Bearer) domaintest.Answer {
	return w.client.Call(http.MethodDelete, "/me/", `{"password":"`+given+`"}`, domaintest.Bearer(by))
}

// left counts what is there of the account, audit aside.
func (w *world) left() int {
	w.Drain()
	return w.Count(`SELECT (SELECT count(*) FROM account WHERE id = $1) + (SELECT count(*) FROM profile WHERE account_id = $1) + (SELECT count(*) FROM session WHERE account_id = $1)
		+ (SELECT count(*) FROM password_credential WHERE account_id = $1) + (SELECT count(*) FROM one_time_token WHERE account_id = $1)
		+ (SELECT count(*) FROM page_cookie) + (SELECT count(*) FROM registration)
		+ (SELECT count(*) FROM totp_device) + (SELECT count(*) FROM passkey) + (SELECT count(*) FROM backup_code) + (SELECT count(*) FROM email_factor)
		+ (SELECT count(*) FROM device) + (SELECT count(*) FROM factor_grace) + (SELECT count(*) FROM factor_recovery) + (SELECT count(*) FROM reserved_name)
		+ (SELECT count(*) FROM membership WHERE account_id = $1) + (SELECT count(*) FROM invitation WHERE invited_by = $1 OR email_key = 'jo@example.com')`, w.account.ID)
}

// furnish gives the account all that can hang on one, and has its sessions proven with it.
func (w *world) furnish(t *testing.T) {
	t.Helper()
	now := w.Now()
	w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at) VALUES ($1, 'reset', $2, 'jo@example.com', 0, $3, $4, $5)`,
		uuid.Must(uuid.NewV7()), w.account.ID, []byte("a-token-hash"), now, now.Add(time.Hour))
	w.Exec(`INSERT INTO page_cookie (session_id, token_hash, remembered, reason) VALUES ($1, $2, TRUE, '')`, w.Session(w.account.ID).SessionID, []byte("a-cookie-hash"))
	w.Exec(`INSERT INTO registration (id, email, email_key, password_hash, full_name, phone, locale, attributes, token_hash, device, created_at, expires_at)
		VALUES ($1, 'Jo@Example.com', 'jo@example.com', '', '', '', '', '{}', $2, '', $3, $4)`, uuid.Must(uuid.NewV7()), []byte("b"), now, now.Add(time.Hour))
	w.Exec(`UPDATE session SET aal = 2 WHERE account_id = $1`, w.account.ID)
	for _, device := range []string{"Phone", "Tablet"} {
		w.Exec(`INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at, last_used_at) VALUES ($1, $2, $3, $4, 0, $5, $6, $7)`,
			uuid.Must(uuid.NewV7()), w.account.ID, device, []byte("a-totp-key"), now, map[string]any{"Phone": now.UnixMilli()}[device], now)
	}
	w.Exec(`INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, 'Laptop', '{"a":"public-key"}', $4)`, uuid.Must(uuid.NewV7()), w.account.ID, []byte("a-credential"), now)
	for i, used := range []any{nil, nil, now.UnixMilli()} {
		w.Exec(`INSERT INTO backup_code (account_id, code_hash, created_at, used_at) VALUES ($1, $2, $3, $4)`, w.account.ID, []byte{byte(i)}, now, used)
	}
	w.Exec(`INSERT INTO email_factor (account_id, created_at) VALUES ($1, $2)`, w.account.ID, now)
	w.Exec(`INSERT INTO factor_grace (account_id, due_at) VALUES ($1, $2)`, w.account.ID, now)
	w.Exec(`INSERT INTO device (id, account_id, token_hash, created_at, trusted_until) VALUES ($1, $2, $3, $4, $4)`, uuid.Must(uuid.NewV7()), w.account.ID, []byte("a-device-hash"), now)
	w.Exec(`INSERT INTO factor_recovery (id, account_id, device, address, created_at, ready_at, expires_at) VALUES ($1, $2, 'Lynx', '192.0.2.7', $3, $3, $4)`, uuid.Must(uuid.NewV7()), w.account.ID, now, now.Add(time.Hour))
	w.Exec(`INSERT INTO reserved_name (kind, name_key, account_id, until) VALUES ('email', 'former@example.com', $1, $2)`, w.account.ID, now.Add(time.Hour))
	w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data) VALUES ($1, 'email_change', $2, 'jo@example.com', 0, $3, $4, $5, 'new@example.com')`,
		uuid.Must(uuid.NewV7()), w.account.ID, []byte("c"), now.Add(time.Second), now.Add(time.Hour))
	owner := w.Account("owner@example.com", "").ID
	in := w.Tenant("acme", owner)
	w.Join(in, w.account.ID, "admin")
	for i, by := range []uuid.UUID{owner, w.account.ID} {
		to := []string{"jo@example.com", "else@example.com"}[i]
		for j, accepted := range []any{nil, now.UnixMilli()} {
			w.Exec(`INSERT INTO invitation (id, tenant_id, email, email_key, role, locale, token_hash, invited_by, sent, created_at, expires_at, accepted_at) VALUES ($1, $2, $3, $3, 'member', '', $4, $5, 1, $6, $6, $7)`,
				uuid.Must(uuid.NewV7()), in.ID, to, []byte{byte(i), byte(j)}, by, now, accepted)
		}
	}
	err := w.InTx(context.Background(), func(tx *db.Tx) error {
		return w.Letters.Tell(context.Background(), tx, letter.PasswordChanged, w.account.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEraseLeavesNothingButTheAudit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish(t)
		other := w.Account("ann@example.com", "")
		stays := w.Session(other.ID)
		if a := w.erase(pass, w.me); a.Status != http.StatusNoContent || a.Text != "" {
			t.Fatalf("answered %d %s", a.Status, a.Text)
		}
		if n := w.left(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if w.Stands(w.me) || !w.Stands(stays) {
			t.Error("the wrong sessions stand")
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE kind = 'account.erased' AND account_id = $1 AND session_id = $2", w.account.ID, w.me.SessionID); n != 1 {
			t.Errorf("%d events", n)
		}
		if n := w.Count("SELECT count(*) FROM audit_event WHERE lower(detail || reason || actor) LIKE '%jo@example.com%'"); n != 0 {
			t.Error("the audit names the address")
		}
		if a := w.erase(pass, w.me); a.Status != http.StatusUnauthorized {
			t.Errorf("again: answered %d %s", a.Status, a.Code)
		}
	})
}

func TestEraseSendsOneLastMailAndNoOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish(t)
		for _, address := range []string{"Jo@example.com", "jo@example.com", "ann@example.com"} {
			w.Exec("INSERT INTO job (id, kind, recipient, attempt, run_at, leased_until, created_at, done_at, last_error) VALUES ($1, 'letter', $2, 1, 1, 0, 1, 1, '')", uuid.Must(uuid.NewV7()), address)
		}
		w.erase(pass, w.me)
		if n := w.Count("SELECT count(*) FROM job WHERE recipient <> 'ann@example.com'"); n != 1 {
			t.Errorf("%d jobs", n)
		}
		w.Drain()
		mails := w.Mails.Take()
		if len(mails) != 1 || mails[0].To != "Jo@example.com" {
			t.Fatalf("%d mails", len(mails))
		}
		if strings.Contains(mails[0].Text, "password was changed") {
			t.Errorf("the wrong mail:\n%s", mails[0].Text)
		}
		if n := w.Count("SELECT count(*) FROM job WHERE payload IS NOT NULL"); n != 0 {
			t.Errorf("%d payloads are kept", n)
		}
	})
}

func TestEraseAsksForThePassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range perAccount.Burst {
			if a := w.erase("wrong", w.me); a.Status != http.StatusForbidden || a.Code != "password_rejected" {
				t.Errorf("answered %d %s", a.Status, a.Code)
			}
		}
		if a := w.erase(pass, w.me); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
			t.Errorf("the right one after too many wrong ones: %d %s", a.Status, a.Code)
		}
		if w.left() == 0 || !w.Stands(w.me) {
			t.Error("it was erased")
		}
	})
}

// A right password costs no try, and what could not be erased in the end still stands whole.
func TestEraseIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.furnish(t)
		before := w.left()
		w.Mails.Take()
		var a domaintest.Answer
		for n := 2; ; n++ { // the first is the harness's: whose token it is
			if !w.FailAt(n, func() { a = w.erase(pass, w.me) }) {
				break
			}
			if a.Status != http.StatusInternalServerError {
				t.Errorf("statement %d: answered %d %s", n, a.Status, a.Code)
			}
			if got := w.left(); got != before || len(w.Mails.Take()) != 0 {
				t.Fatalf("statement %d: %d of %d rows are left", n, got, before)
			}
		}
		if a.Status != http.StatusNoContent || w.left() != 0 {
			t.Errorf("in the end: %d %s", a.Status, a.Code)
		}
	})
}

func TestWhatChangedMeanwhileStopsErasing(t *testing.T) {
	changes := map[string]string{
		"signed out everywhere": "UPDATE account SET epoch = epoch + 1",
		"signed out":            "UPDATE session SET ended_at = 1",
		"another password":      "UPDATE account SET epoch = epoch + 1; UPDATE session SET epoch = epoch + 1",
		"made a superuser":      "UPDATE account SET superuser = TRUE",
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.meanwhile = func() {
					for one := range strings.SplitSeq(change, "; ") {
						w.Exec(one)
					}
				}
				if a := w.erase(pass, w.me); a.Status != http.StatusUnauthorized || a.Code != "token_invalid" {
					t.Errorf("answered %d %s", a.Status, a.Code)
				}
				if w.left() == 0 {
					t.Error("it was erased")
				}
			})
		})
	}
}

func TestTheLastSuperuserStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec("UPDATE account SET superuser = TRUE")
		disabled := w.Account("off@example.com", "")
		w.Exec("UPDATE account SET superuser = TRUE, active = FALSE WHERE id = $1", disabled.ID)
		if a := w.erase(pass, w.me); a.Status != http.StatusConflict || a.Code != "last_superuser" {
			t.Errorf("answered %d %s", a.Status, a.Code)
		}
		if got := w.Audited("account.erase_refused"); !slices.Equal(got, []string{"last_superuser"}) {
			t.Errorf("audited %q", got)
		}
		if !w.Stands(w.me) {
			t.Error("the session ended")
		}
		w.Exec("UPDATE account SET active = TRUE WHERE id = $1", disabled.ID)
		if a := w.erase(pass, w.me); a.Status != http.StatusNoContent {
			t.Errorf("with another one: %d %s", a.Status, a.Code)
		}
	})
}

func TestOneOfTwoSuperusersWhoLeaveAtOnceStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		hash, err := passHash()
		if err != nil {
			t.Fatal(err)
		}
		for _, email := range []string{"a@example.com", "b@example.com", "c@example.com", "d@example.com"} {
			w.leaveAtOnce(t, w.Session(w.Account(email, hash).ID))
		}
	})
}

// leaveAtOnce makes another and the one who is left superusers, and has both leave: both have
// proved who they are before either goes on.
func (w *world) leaveAtOnce(t *testing.T, other session.Bearer) {
	t.Helper()
	w.Exec("UPDATE account SET superuser = TRUE")
	var work, proved sync.WaitGroup
	proved.Add(2)
	w.meanwhile = func() {
		proved.Done()
		proved.Wait()
	}
	both := []session.Bearer{w.me, other}
	errs := make([]error, 2)
	for i, by := range both {
		work.Go(func() { _, errs[i] = w.service.Erase(context.Background(), by, profile.Leaving{Password: pass}) })
	}
	work.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), profile.ErrLastSuperuser) {
		t.Fatalf("answered %v", errs)
	}
	if n := w.Count("SELECT count(*) FROM account WHERE superuser AND active"); n != 1 {
		t.Fatalf("%d superusers are left", n)
	}
	if errs[0] == nil {
		w.me = other
	}
}

func TestNoSessionOutlivesTheAccountItIsBornWith(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 10 {
			w.race(t)
		}
	})
}

// race erases an account while it is signed in to and refreshed.
func (w *world) race(t *testing.T) {
	t.Helper()
	hash, err := passHash()
	if err != nil {
		t.Fatal(err)
	}
	a := w.Account("race@example.com", hash)
	me := w.Session(a.ID)
	ctx := context.Background()
	var work sync.WaitGroup
	work.Go(func() {
		if _, err := w.service.Erase(ctx, me, profile.Leaving{Password: pass}); err != nil {
			t.Errorf("erase: %v", err)
		}
	})
	for range 4 {
		work.Go(func() { w.signInUntilGone(ctx, a) })
		work.Go(func() {
			for counter := uint64(0); ; counter++ {
				if _, err := session.Refresh(ctx, w.DB.DB, me.SessionID, counter, session.Client{ID: session.FirstParty, Transport: session.Body}, w.Now(), time.Minute); err != nil {
					return
				}
			}
		})
	}
	work.Wait()
	if n := w.Count("SELECT count(*) FROM session WHERE account_id = $1", a.ID) + w.Count("SELECT count(*) FROM account WHERE id = $1", a.ID); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// signInUntilGone makes sessions as sign-in does until it is refused.
func (w *world) signInUntilGone(ctx context.Context, a *account.Account) {
	for {
		err := w.InTx(ctx, func(tx *db.Tx) error {
			row := &session.Session{Client: session.Client{ID: session.FirstParty, Transport: session.Body}, Idle: time.Hour, ExpiresAt: tx.Now.Add(time.Hour)}
			_, err := session.Create(ctx, tx, row, authn.Evidence{AccountID: a.ID, Epoch: 0, Methods: []string{authn.Password}, Level: authn.AAL1, At: tx.Now}, nil)
			return err
		})
		if err != nil {
			return
		}
	}
}

func TestEraseEndsWhatStaffLooksAt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		looked := w.Session(w.Account("ann@example.com", "").ID)
		w.Exec(`INSERT INTO page_cookie (session_id, token_hash, remembered, staff_id, staff_session_id, reason) VALUES ($1, $2, FALSE, $3, $4, 'why')`,
			looked.SessionID, []byte("c"), w.account.ID, w.me.SessionID)
		w.erase(pass, w.me)
		if w.Stands(looked) {
			t.Error("it goes on")
		}
	})
}
