package manage

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

// enrol gives an account every kind of second factor and a known device.
func (w world) enrol(id account.ID) {
	w.Exec("INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at, last_used_at) VALUES ($1, $2, 'Phone', $3, 0, 1, 1, 2000)", uuid.New(), id, []byte("x"))
	w.Exec("INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at) VALUES ($1, $2, 'waits', $3, 0, 1)", uuid.New(), id, []byte("x"))
	w.Exec("INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, 'Key', '{}', 2)", uuid.New(), id, []byte(uuid.NewString()))
	w.Exec("INSERT INTO backup_code (account_id, code_hash, created_at, used_at) VALUES ($1, $2, 1, NULL), ($1, $3, 1, 1)", id, []byte("a"), []byte("b"))
	w.Exec("INSERT INTO email_factor (account_id, created_at) VALUES ($1, 1)", id)
	w.Exec("INSERT INTO device (id, account_id, token_hash, created_at) VALUES ($1, $2, $3, 1)", uuid.New(), id, []byte("x"))
}

// held counts what enrol made.
func (w world) held(id account.ID) int {
	n := 0
	for _, table := range []string{"totp_device", "passkey", "backup_code", "email_factor", "device"} {
		n += w.Count("SELECT count(*) FROM "+table+" WHERE account_id = $1", id)
	}
	return n
}

const all = 7

// lost makes somebody ask for the removal of an account's second factors.
func (w world) lost(id account.ID) {
	request := uuid.New()
	w.Exec("INSERT INTO factor_recovery (id, account_id, device, address, created_at, ready_at, expires_at) VALUES ($1, $2, 'Firefox on Linux', '192.0.2.7', $3, $4, $5)",
		request, id, w.Now(), w.Now().Add(72*time.Hour), w.Now().Add(240*time.Hour))
	w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at)
		SELECT $1, 'factor_cancel', id, email_key, epoch, $3, 1, CAST($4 AS BIGINT) FROM account WHERE id = $2`, request, id, []byte(request.String()), w.Now().Add(240*time.Hour))
}

func TestSuperusersResetSecondFactors(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		for _, a := range []*account.Account{s.person, s.member, s.second} {
			w.enrol(a.ID)
		}
		for _, a := range []*account.Account{s.person, s.second} {
			w.lost(a.ID)
			mine := w.Session(a.ID)
			changed, err := w.ResetFactors(w.ctx, w.ActorOf(s.root), a.Subject, "  showed an\n identity card ")
			if err != nil || changed.Epoch != a.Epoch+1 {
				t.Fatalf("%s: %v", a.Email, err)
			}
			if w.held(a.ID) != 0 || w.Stands(mine) {
				t.Errorf("%s keeps factors, devices or sessions", a.Email)
			}
			if d, err := w.Detail(w.ctx, operator, a.Subject); err != nil || d.Factors.Recovery != nil {
				t.Errorf("%s: a removal is waited for: %v", a.Email, err)
			}
			w.refused(t, "again", ErrNoFactors, func() error {
				_, err := w.ResetFactors(w.ctx, w.ActorOf(s.root), a.Subject, "showed an identity card")
				return err
			})
		}
		if w.held(s.member.ID) != all {
			t.Error("somebody else lost something")
		}
		if got := w.Audited("factor.reset_by_staff"); len(got) != 2 || got[0] != "showed an identity card" {
			t.Errorf("audited %q", got)
		}
		var by string
		if w.Read(&by, "SELECT min(actor) FROM audit_event WHERE kind = 'factor.reset_by_staff'"); by != s.root.ID.String() {
			t.Errorf("the audit names %q", by)
		}
		w.Drain()
		sent := w.World.Mails.Take()
		if len(sent) != 2 || sent[0].To != s.person.Email || !strings.Contains(sent[0].Subject, "were removed") {
			t.Errorf("sent %v", sent)
		}
		if _, err := w.ResetFactors(w.ctx, operator, s.member.Subject, "showed an identity card"); err != nil {
			t.Errorf("the operator: %v", err)
		}
	})
}

func TestResettingFactorsWantsAReason(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		w.enrol(s.person.ID)
		for _, reason := range []string{"", "too short", "         blanks        ", strings.Repeat("x", 301), "a nul\x00 in the middle", "not text \xff\xff\xff"} {
			w.refused(t, reason, audit.ErrReason, func() error { _, err := w.ResetFactors(w.ctx, operator, s.person.Subject, reason); return err })
		}
		if w.held(s.person.ID) != all {
			t.Error("factors were removed")
		}
		if _, err := w.ResetFactors(w.ctx, operator, s.person.Subject, strings.Repeat("ü", 300)); err != nil {
			t.Errorf("300 characters: %v", err)
		}
	})
}

func TestResettingFactorsIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		w.enrol(s.person.ID)
		mine, before := w.Session(s.person.ID), w.state(t)
		for n := 1; ; n++ {
			var err error
			if !w.FailAt(n, func() { _, err = w.ResetFactors(w.ctx, w.ActorOf(s.root), s.person.Subject, "showed an identity card") }) {
				if err != nil || n < 12 {
					t.Fatalf("after %d statements: %v", n-1, err)
				}
				return
			}
			if !errors.Is(err, domaintest.ErrBroken) || w.held(s.person.ID) != all || !w.Stands(mine) || w.state(t) != before {
				t.Fatalf("statement %d: half a reset: %v", n, err)
			}
		}
	})
}

func TestStaffCancelARemovalThatIsWaitedFor(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		s := w.staff(t)
		w.lost(s.person.ID)
		w.lost(s.colleague.ID)
		w.refused(t, "a colleague's", ErrProtected, func() error { _, err := w.CancelRecovery(w.ctx, w.ActorOf(s.member), s.colleague.Subject); return err })
		for range 2 { // twice comes to the same
			if _, err := w.CancelRecovery(w.ctx, w.ActorOf(s.member), s.person.Subject); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.Audited("recovery.factor_cancelled"); len(got) != 1 || got[0] != "staff" {
			t.Errorf("audited %q", got)
		}
		if n := w.Count("SELECT count(*) FROM factor_recovery WHERE cancelled_at IS NULL"); n != 1 {
			t.Errorf("%d are left", n)
		}
	})
}

func TestTheAdminAPIShowsAndResetsFactors(t *testing.T) {
	eachAPI(t, func(t *testing.T, w api) {
		path := "/admin/accounts/" + w.person.Subject + "/"
		a := w.call(w.byStaff, "GET", path, "")
		if !strings.Contains(a.Text, `"factors":{"password":false,"email_code":false,"backup_codes":0,"named":[],"recovery":null}`) {
			t.Errorf("without any: %s", a.Text)
		}
		w.enrol(w.person.ID)
		w.lost(w.person.ID)
		a = w.call(w.byStaff, "GET", path, "")
		for _, want := range []string{`"email_code":true,"backup_codes":1,"named":[{"method":"totp","name":"Phone","created_at":"1970-01-01T00:00:00.001Z","last_used_at":"1970-01-01T00:00:02Z"},{"method":"passkey","name":"Key",`,
			`"last_used_at":null}`, `"device":"Firefox on Linux","address":"192.0.2.7"}`} {
			if !strings.Contains(a.Text, want) {
				t.Errorf("lacks %s: %s", want, a.Text)
			}
		}
		body := `{"reason":"showed an identity card"}`
		if a := w.call(w.byStaff, "POST", path+"reset-factors/", body); a.Status != http.StatusForbidden || a.Code != "access_denied" {
			t.Errorf("staff: %d %s", a.Status, a.Code)
		}
		if a := w.call(w.byStaff, "POST", path+"cancel-recovery/", ""); a.Status != http.StatusOK || len(w.Audited("recovery.factor_cancelled")) != 1 {
			t.Errorf("cancel: %d %s", a.Status, a.Text)
		}
		if a := w.call(w.byRoot, "POST", path+"reset-factors/", `{"reason":"because"}`); a.Status != http.StatusBadRequest || a.Code != "reason_required" || !strings.Contains(a.Text, `"field":"reason"`) {
			t.Errorf("no reason: %d %s", a.Status, a.Text)
		}
		if err := w.Clock.Advance(domaintest.Fresh + time.Second); err != nil {
			t.Fatal(err)
		}
		if a := w.call(w.byRoot, "POST", path+"reset-factors/", body); a.Status != http.StatusUnauthorized || a.Code != "proof_stale" || w.held(w.person.ID) != all {
			t.Errorf("an old proof: %d %s", a.Status, a.Code)
		}
		if a := w.call(w.Session(w.root.ID), "POST", path+"reset-factors/", body); a.Status != http.StatusOK || a.JSON["id"] != w.person.Subject || w.held(w.person.ID) != 0 || w.Stands(w.byPerson) {
			t.Errorf("reset: %d %s", a.Status, a.Text)
		}
	})
}
