package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// A sign-in that meets the erasing of its account is refused, and is no failure of ours.
func TestCreateIsRefusedWhileTheAccountIsErased(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		a, made := w.Account("owner@example.com", ""), make(chan error, 1)
		err := w.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Exec(t.Context(), "DELETE FROM account WHERE id = $1", a.ID); err != nil {
				return err
			}
			go func() {
				made <- w.InTx(context.WithoutCancel(t.Context()), func(tx *db.Tx) error {
					s := &session.Session{Client: session.Client{ID: session.FirstParty, Transport: session.Body}, Idle: time.Hour, ExpiresAt: tx.Now.Add(time.Hour)}
					_, err := session.Create(t.Context(), tx, s, authn.Evidence{AccountID: a.ID, Epoch: a.Epoch, Methods: []string{authn.Password}, Level: authn.AAL1, At: tx.Now}, nil)
					return err
				})
			}()
			waiting := 0
			for strings.Contains(t.Name(), "postgres") && waiting == 0 && len(made) == 0 {
				w.Read(&waiting, "SELECT count(*) FROM pg_locks WHERE NOT granted")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-made; !errors.Is(err, session.ErrRefused) {
			t.Errorf("got %v, want %v", err, session.ErrRefused)
		}
	})
}
