package factor_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

func removeAll(t *testing.T, w *domaintest.World, id account.ID) (had bool) {
	t.Helper()
	err := w.InTx(t.Context(), func(tx *db.Tx) (err error) {
		had, err = factor.RemoveAll(t.Context(), tx, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return had
}

func TestRemoveAllTellsWhetherThereWasASecondStep(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a, other := w.Account("jo@example.com", ""), w.Account("someone.else@example.com", "")
		waits := []any{"INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at) VALUES ($1, $2, 'waits', $3, 0, 1)", uuid.New(), a.ID, []byte("x")}
		for name, step := range map[string]struct {
			had bool
			row []any
		}{
			"nothing":           {false, nil},
			"an app":            {true, []any{"INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at) VALUES ($1, $2, 'Phone', $3, 0, 1, 1)", uuid.New(), a.ID, []byte("x")}},
			"one that waits":    {false, waits},
			"a passkey":         {true, []any{"INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, 'Key', '{}', 1)", uuid.New(), a.ID, []byte("x")}},
			"codes by mail":     {true, []any{"INSERT INTO email_factor (account_id, created_at) VALUES ($1, 1)", a.ID}},
			"backup codes left": {false, []any{"INSERT INTO backup_code (account_id, code_hash, created_at) VALUES ($1, $2, 1)", a.ID, []byte("x")}},
		} {
			w.Exec("INSERT INTO email_factor (account_id, created_at) VALUES ($1, 1) ON CONFLICT DO NOTHING", other.ID)
			if step.row != nil {
				w.Exec(step.row[0].(string), step.row[1:]...)
			}
			if had := removeAll(t, w, a.ID); had != step.had || removeAll(t, w, a.ID) {
				t.Errorf("%s: had %t", name, had)
			}
			if w.Count("SELECT (SELECT count(*) FROM totp_device) + (SELECT count(*) FROM passkey) + (SELECT count(*) FROM backup_code) + (SELECT count(*) FROM email_factor)") != 1 {
				t.Errorf("%s: a row is left, or another's is gone", name)
			}
		}
	})
}

func TestListNamesWhatCounts(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a := w.Account("jo@example.com", "")
		w.Exec("INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at, confirmed_at, last_used_at) VALUES ($1, $2, 'Phone', $3, 0, 2000, 2000, 3000)", uuid.New(), a.ID, []byte("x"))
		w.Exec("INSERT INTO totp_device (id, account_id, name, secret, last_step, created_at) VALUES ($1, $2, 'waits', $3, 0, 1)", uuid.New(), a.ID, []byte("x"))
		w.Exec("INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, 'Key', '{}', 1000)", uuid.New(), a.ID, []byte("x"))
		all, err := factor.List(t.Context(), w.DB.DB, a.ID)
		want := []factor.Named{{Method: factor.Passkey, Name: "Key", CreatedAt: time.Unix(1, 0).UTC()}, {Method: factor.TOTP, Name: "Phone", CreatedAt: time.Unix(2, 0).UTC(), LastUsedAt: time.Unix(3, 0).UTC()}}
		if err != nil || len(all) != 2 || all[0] != want[0] || all[1] != want[1] {
			t.Errorf("listed %+v, %v", all, err)
		}
	})
}
