package db_test

import (
	"context"
	"errors"
	"slices"
	"strings"
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

// What was to go along with a statement that never reached the server is lost with it: BEGIN, the scope, an audit
// row. Nothing may follow, even where the use case looks past the error.
func TestNothingFollowsWhatWasNotSent(t *testing.T) {
	failing := map[string]func(ctx context.Context, tx *db.Tx) error{
		"its context had ended": func(ctx context.Context, tx *db.Tx) error {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			_, err := tx.Exec(ended, insertLimit, "x", 1)
			return err
		},
		"it cannot be prepared": func(ctx context.Context, tx *db.Tx) error {
			return tx.Row(ctx, "SELECT nothing FROM nowhere", nil, new(int))
		},
	}
	for name, fail := range failing {
		t.Run(name, func(t *testing.T) {
			o := newOrganisations(t, dbtest.Open(t, "postgres"))
			ctx, boom := t.Context(), errors.New("boom")
			exec := func(tx *db.Tx, k string) { _, _ = tx.Exec(ctx, insertLimit, k, 1) }
			for k, fn := range map[string]func(tx *db.Tx) error{
				"first, and undone":    func(tx *db.Tx) error { _ = fail(ctx, tx); exec(tx, "first, and undone"); return boom },
				"first, and committed": func(tx *db.Tx) error { _ = fail(ctx, tx); exec(tx, "first, and committed"); return nil },
				"first, and no more":   func(tx *db.Tx) error { _ = fail(ctx, tx); return nil },
				"with what was to be written later": func(tx *db.Tx) error {
					exec(tx, "with what was to be written later")
					err := tx.Later(ctx, insertLimit, "later", 1)
					_ = fail(ctx, tx)
					return err
				},
			} {
				if err := o.InTx(ctx, fn); err == nil {
					t.Errorf("%s: reported as done", k)
				}
				for _, k := range []string{k, "later"} {
					if _, err := get(t, o.DB.DB, k); !errors.Is(err, db.ErrNoRows) {
						t.Errorf("%s stayed: %v", k, err)
					}
				}
			}
			err := o.In(db.Tenant(o.a)).InTx(ctx, func(tx *db.Tx) error {
				if err := tx.Row(ctx, "SELECT 1", nil, new(int)); err != nil {
					return err
				}
				tx.Enter(db.Tenant(o.b))
				_ = fail(ctx, tx)
				var slug string
				if err := tx.Row(ctx, "SELECT slug FROM tenant", nil, &slug); err == nil {
					t.Errorf("a read in the scope of beta saw %s", slug)
				}
				return nil
			})
			if err == nil {
				t.Error("a transaction that lost its scope is reported as done")
			}
		})
	}
}

// The caller's slice of arguments stays the caller's.
func TestArgumentsAreNotKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		ctx := t.Context()
		err := d.InTx(ctx, func(tx *db.Tx) error {
			args := []any{"a", 1}
			err := tx.Later(ctx, insertLimit, args...)
			args[0] = "b"
			return errors.Join(err, tx.Later(ctx, insertLimit, args...))
		})
		if err != nil {
			t.Fatal(err)
		}
		all := append(make([]any, 0, 4), "a", "b")
		var one, two []string
		scan := func(into *[]string) func(func(...any) error) error {
			return func(scan func(...any) error) error {
				var k string
				err := scan(&k)
				*into = append(*into, k)
				return err
			}
		}
		in := d.In(db.All())
		err = errors.Join(
			in.Each(ctx, "SELECT k FROM rate_limit WHERE k = $1", all[:1], scan(&one)),
			in.Each(ctx, "SELECT k FROM rate_limit WHERE k IN ($1, $2) ORDER BY k", all, scan(&two)))
		if err != nil || !slices.Equal(one, []string{"a"}) || !slices.Equal(two, []string{"a", "b"}) {
			t.Errorf("%v, %v, %v", one, two, err)
		}
	})
}

func TestWaysToSendStatementsThatLoseTypesAreRefused(t *testing.T) {
	d := dbtest.Open(t, "postgres")
	for mode, refused := range map[string]bool{"exec": true, "simple_protocol": true, "cache_describe": false, "describe_exec": false, "cache_statement": false} {
		x, err := db.Open(t.Context(), db.Config{URL: d.URL + "&default_query_exec_mode=" + mode})
		if refused {
			if err == nil || !strings.Contains(err.Error(), "default_query_exec_mode") || strings.Contains(err.Error(), "://") {
				t.Errorf("%s: %v", mode, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", mode, err)
			continue
		}
		err = x.InTx(t.Context(), func(tx *db.Tx) error { return tx.Later(t.Context(), insertLimit, mode, 1) })
		if _, found := get(t, x, mode); err != nil || found != nil {
			t.Errorf("%s: %v, %v", mode, err, found)
		}
		x.Close()
	}
}
