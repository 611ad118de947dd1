package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
)

// enrol gives an account an app, a passkey and two codes, one of them used.
func (w *world) enrol(a *account.Account) {
	w.Exec("INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at, last_used_at) VALUES ($1, $2, '<b>Phone', $3, 0, 1, 1, 1767225600000)", uuid.New(), a.ID, []byte("x"))
	w.Exec("INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, 'Blue key', '{}', 2)", uuid.New(), a.ID, []byte(uuid.NewString()))
	w.Exec("INSERT INTO backup_code (account_id, code_hash, created_at, used_at) VALUES ($1, $2, 1, NULL), ($1, $3, 1, 1)", a.ID, []byte("a"), []byte("b"))
}

// lost makes somebody ask for the removal of an account's second factors.
func (w *world) lost(a *account.Account) {
	id := uuid.New()
	w.Exec("INSERT INTO factor_recovery (id, account_id, device, address, created_at, ready_at, expires_at) VALUES ($1, $2, 'Firefox on Linux', '192.0.2.7', $3, $4, $5)",
		id, a.ID, w.Now(), w.Now().Add(72*time.Hour), w.Now().Add(240*time.Hour))
	w.Exec(`INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at)
		SELECT $1, 'factor_cancel', id, email_key, epoch, $3, 1, CAST($4 AS BIGINT) FROM account WHERE id = $2`, id, a.ID, []byte(id.String()), w.Now().Add(240*time.Hour))
}

func (w *world) factors(a *account.Account) int {
	return w.Count("SELECT (SELECT count(*) FROM totp_device WHERE account_id = $1) + (SELECT count(*) FROM passkey WHERE account_id = $1) + (SELECT count(*) FROM backup_code WHERE account_id = $1)", a.ID)
}

func TestStaffSeeWhatAnAccountCanProveItselfWith(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		page := w.client.Page(path(w.person, ""), w.asSuper)
		w.shows(page, 200, "Second factors", "Backup codes left")
		w.hides(page, path(w.person, "reset-factors/"), path(w.person, "cancel-recovery/"))
		w.enrol(w.person)
		w.shows(w.client.Page(path(w.person, ""), w.asSuper), 200, "&lt;b&gt;Phone", "Blue key", "App</td>", "Passkey</td>", "1 Jan 2026", "Never", path(w.person, "reset-factors/"))
		w.hides(w.client.Page(path(w.person, ""), w.asStaff), path(w.person, "reset-factors/"))
		w.enrol(w.super)
		w.hides(w.client.Page(path(w.super, ""), w.asSuper), path(w.super, "reset-factors/")) // never one's own
	})
}

func TestStaffCancelARemovalOfLostFactors(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.enrol(w.person)
		w.lost(w.person)
		w.shows(w.client.Page(path(w.person, ""), w.asStaff), 200, "somebody asked from", "Firefox on Linux", "192.0.2.7", path(w.person, "cancel-recovery/"))
		w.shows(w.client.Page(path(w.person, "cancel-recovery/"), w.asStaff), 200, "Cancel the removal of second factors?", "gatehouse account cancel-recovery "+w.person.Subject,
			issuer+"/admin/accounts/"+w.person.Subject+"/cancel-recovery/")
		if len(w.Audited("recovery.factor_cancelled")) != 0 {
			t.Fatal("asking cancelled it")
		}
		for range 2 {
			w.leads(w.client.Submit(path(w.person, "cancel-recovery/"), nil, w.asStaff), path(w.person, "?done=cancel-recovery"))
		}
		if got := w.Audited("recovery.factor_cancelled"); len(got) != 1 || got[0] != "staff" {
			t.Errorf("audited %q", got)
		}
		page := w.client.Page(path(w.person, "?done=cancel-recovery"), w.asStaff)
		w.shows(page, 200, "is cancelled")
		w.hides(page, "192.0.2.7", path(w.person, "cancel-recovery/"))
		w.lost(w.super)
		w.hides(w.client.Page(path(w.super, ""), w.asStaff), path(w.super, "cancel-recovery/"))
		if a := w.client.Submit(path(w.super, "cancel-recovery/"), nil, w.asStaff); a.Status < 400 || len(w.Audited("recovery.factor_cancelled")) != 1 {
			t.Errorf("staff cancelled a superuser's: %d", a.Status)
		}
	})
}

func TestSuperusersResetFactorsForAReason(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.enrol(w.person)
		ask, given := path(w.person, "reset-factors/"), url.Values{"reason": {"showed an identity card"}}
		w.shows(w.client.Page(ask, w.asSuper), 200, "Remove all second factors?", "gatehouse account reset-factors --reason=Reason "+w.person.Subject, issuer+"/admin/accounts/"+w.person.Subject+"/reset-factors/", "<textarea")
		for who, as := range map[string]domaintest.Option{"staff": w.asStaff, "a person": w.asPerson} {
			if a, b := w.client.Page(ask, as), w.client.Submit(ask, given, as); a.Status != http.StatusForbidden || b.Status != http.StatusForbidden {
				t.Errorf("%s: %d and %d", who, a.Status, b.Status)
			}
		}
		a := w.client.Submit(ask, url.Values{"reason": {"because"}}, w.asSuper)
		w.shows(a, 400, "because", `role="alert"`, "10 to 300 characters")
		if w.factors(w.person) != 4 || !w.Stands(w.theirs) {
			t.Fatal("a refused request changed something")
		}
		w.leads(w.client.Submit(ask, given, w.asSuper), path(w.person, "?done=reset-factors"))
		if w.factors(w.person) != 0 || w.Stands(w.theirs) {
			t.Error("factors or sessions are left")
		}
		if got := w.Audited("factor.reset_by_staff"); len(got) != 1 || got[0] != given.Get("reason") {
			t.Errorf("audited %q", got)
		}
		w.shows(w.client.Page(path(w.person, "?done=reset-factors"), w.asSuper), 200, "All second factors are removed", "factor.reset_by_staff", given.Get("reason"))
		w.shows(w.client.Submit(ask, given, w.asSuper), 409, "no second factor")
		w.enrol(w.super)
		if a, b := w.client.Page(path(w.super, "reset-factors/"), w.asSuper), w.client.Submit(path(w.super, "reset-factors/"), given, w.asSuper); a.Status != http.StatusForbidden || b.Status != http.StatusForbidden || w.factors(w.super) != 4 {
			t.Errorf("one's own: %d and %d", a.Status, b.Status)
		}
		if a := w.client.Submit(strings.Replace(ask, w.person.Subject, "nobody", 1), given, w.asSuper); a.Status != http.StatusNotFound {
			t.Errorf("nobody's: %d", a.Status)
		}
	})
}
