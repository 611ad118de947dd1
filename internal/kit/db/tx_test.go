package db_test

import (
	"errors"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

const insertLimit = "INSERT INTO rate_limit (k, tat) VALUES ($1, $2)"

func TestLaterIsSeenByTheNextStatementAndCommitted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		ctx := t.Context()
		err := d.InTx(ctx, func(tx *db.Tx) error {
			if err := errors.Join(tx.Later(ctx, insertLimit, "a", 1), tx.Later(ctx, "UPDATE rate_limit SET tat = 2 WHERE k = $1", "a")); err != nil {
				return err
			}
			var seen int
			if err := tx.Row(ctx, "SELECT tat FROM rate_limit WHERE k = $1", []any{"a"}, &seen); err != nil || seen != 2 {
				t.Errorf("the next statement sees %d, %v", seen, err)
			}
			n, err := tx.Exec(ctx, "UPDATE rate_limit SET tat = 3 WHERE k = $1", "a")
			if n != 1 {
				t.Errorf("%d rows changed", n)
			}
			return errors.Join(err, tx.Later(ctx, insertLimit, "b", 4))
		})
		if err != nil {
			t.Fatal(err)
		}
		for k, want := range map[string]int64{"a": 3, "b": 4} {
			if got, err := get(t, d.DB, k); got != want || err != nil {
				t.Errorf("%s is %d, %v, want %d", k, got, err, want)
			}
		}
	})
}

func TestWhatFailsLaterUndoesTheTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		ctx := t.Context()
		if err := put(ctx, d.DB, "taken", 0); err != nil {
			t.Fatal(err)
		}
		for name, fn := range map[string]func(tx *db.Tx) error{
			"last": func(tx *db.Tx) error { return tx.Later(ctx, insertLimit, "taken", 1) },
			"before": func(tx *db.Tx) error {
				return errors.Join(tx.Later(ctx, insertLimit, "taken", 1), tx.Row(ctx, "SELECT 1", nil, new(int)))
			},
			"before a write": func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, "DELETE FROM rate_limit WHERE k = $1", "nothing")
				if err == nil {
					err = tx.Later(ctx, insertLimit, "taken", 1)
				}
				if err == nil {
					_, err = tx.Exec(ctx, insertLimit, "other", 1)
				}
				return err
			},
		} {
			committed := false
			err := d.InTx(ctx, func(tx *db.Tx) error {
				tx.OnCommit(func() { committed = true })
				if err := tx.Later(ctx, insertLimit, name, 1); err != nil {
					return err
				}
				return fn(tx)
			})
			if !d.Unique(err) || committed {
				t.Errorf("%s: %v, committed %v", name, err, committed)
			}
			for _, k := range []string{name, "other"} {
				if _, err := get(t, d.DB, k); !errors.Is(err, db.ErrNoRows) {
					t.Errorf("%s: %s stayed: %v", name, k, err)
				}
			}
		}
		if v, err := get(t, d.DB, "taken"); v != 0 || err != nil {
			t.Errorf("taken is %d, %v", v, err)
		}
	})
}

// PostgreSQL answers the COMMIT of a transaction in which something failed with ROLLBACK, and that is no error of its own.
func TestACommitThatRolledBackIsAnError(t *testing.T) {
	d := dbtest.Open(t, "postgres")
	ctx := t.Context()
	err := d.InTx(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, insertLimit, "a", 1); err != nil {
			return err
		}
		_, _ = tx.Exec(ctx, "SELECT 1 / 0") // and nobody looks
		return nil
	})
	if err == nil {
		t.Error("what was not committed is reported as done")
	}
	if _, err := get(t, d.DB, "a"); !errors.Is(err, db.ErrNoRows) {
		t.Errorf("a stayed: %v", err)
	}
}

func TestARaceThatIsLostAtTheCommitIsRunAgain(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	losing(t, o)
	ctx, tries := t.Context(), 0
	err := o.In(db.Tenant(o.a)).InTx(ctx, func(tx *db.Tx) error {
		tries++
		return tx.Later(ctx, "UPDATE tenant SET version = version + 1 WHERE slug = $1 AND wins()", "alpha")
	})
	if err != nil || tries != 2 {
		t.Errorf("%d tries, want 2: %v", tries, err)
	}
}
