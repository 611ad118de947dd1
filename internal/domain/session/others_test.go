package session_test

import (
	"errors"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

func TestEndOthersCountsWhatStood(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		id := w.Account("jo@example.com", "").ID
		mine, over, late, first, second := w.Session(id), w.Session(id), w.Session(id), w.Session(id), w.Session(id)
		stranger := w.Session(w.Account("ann@example.com", "").ID)
		w.Exec("UPDATE session SET ended_at = 1 WHERE id = $1", over.SessionID)
		w.Exec("UPDATE session SET rotated_at = 1 WHERE id = $1", late.SessionID)
		for i, want := range []int64{2, 0} {
			var n int64
			err := w.InTx(t.Context(), func(tx *db.Tx) (err error) {
				n, err = session.EndOthers(t.Context(), tx, id, mine.SessionID)
				return err
			})
			if err != nil || n != want {
				t.Errorf("time %d: %d ended, %v; want %d", i, n, err, want)
			}
		}
		if !w.Stands(mine) || !w.Stands(stranger) || w.Stands(first) || w.Stands(second) {
			t.Error("the wrong ones stand")
		}
	})
}

func TestEndOthersIsNotForASessionThatEnded(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		id := w.Account("jo@example.com", "").ID
		mine, other := w.Session(id), w.Session(id)
		w.Exec("UPDATE session SET ended_at = 1 WHERE id = $1", mine.SessionID)
		err := w.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := session.EndOthers(t.Context(), tx, id, mine.SessionID)
			return err
		})
		if !errors.Is(err, session.ErrEnded) || !w.Stands(other) {
			t.Errorf("got %v; the other stands: %v", err, w.Stands(other))
		}
	})
}
