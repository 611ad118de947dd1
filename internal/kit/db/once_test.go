package db_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func scanText(scan func(dest ...any) error) (string, error) {
	var s string
	return s, scan(&s)
}

func TestOnceAllReturnsEveryRowOfAWrite(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		const insert = "INSERT INTO rate_limit (k, tat) VALUES ($1, 1), ($2, 1), ($3, 1) ON CONFLICT (k) DO NOTHING RETURNING k"
		for i, c := range []struct{ args, want []any }{
			{[]any{"a", "b", "c"}, []any{"a", "b", "c"}},
			{[]any{"b", "c", "d"}, []any{"d"}},
			{[]any{"a", "b", "c"}, nil},
		} {
			got, err := db.OnceAll(t.Context(), d.DB, insert, c.args, scanText)
			if err != nil || len(got) != len(c.want) || len(got) > 0 && fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("run %d: %v, %v, want %v", i, got, err, c.want)
			}
		}
		if v, err := get(t, d.DB, "d"); v != 1 || err != nil {
			t.Errorf("not committed: %d, %v", v, err)
		}
		boom := errors.New("boom")
		_, err := db.OnceAll(t.Context(), d.DB, insert, []any{"x", "y", "z"}, func(func(...any) error) (string, error) { return "", boom })
		if !errors.Is(err, boom) {
			t.Errorf("the function's error is lost: %v", err)
		}
	})
}

func TestOnceAllRunsAgainAfterADeadlock(t *testing.T) {
	d := dbtest.Open(t, "postgres") // SQLite has one writer and no deadlocks
	ctx := t.Context()
	for _, k := range []string{"a", "b"} {
		if err := put(ctx, d.DB, k, 0); err != nil {
			t.Fatal(err)
		}
	}
	locked, wanted := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := d.InTx(ctx, func(tx *db.Tx) error {
			lock := func(k string) error {
				_, err := tx.Exec(ctx, "UPDATE rate_limit SET tat = tat + 1 WHERE k = $1", k)
				return err
			}
			if err := lock("b"); err != nil {
				return err
			}
			select {
			case <-locked:
			default:
				close(locked)
				<-wanted
			}
			return lock("a")
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-locked
	waiting := sync.OnceFunc(func() { close(wanted) })
	wg.Go(func() {
		defer waiting()
		for held := 0; held == 0; { // until the statement below holds "a" and waits for "b"
			err := d.Row(ctx, "SELECT count(*) FROM pg_locks WHERE NOT granted", nil, &held)
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	got, err := db.OnceAll(ctx, d.DB, "INSERT INTO rate_limit (k, tat) VALUES ('a', 0), ('b', 0) ON CONFLICT (k) DO UPDATE SET tat = rate_limit.tat + 1 RETURNING k", nil, scanText)
	if err != nil || !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("%v, %v: the rows of the run that counts, each once", got, err)
	}
	wg.Wait()
	for _, k := range []string{"a", "b"} {
		if v, _ := get(t, d.DB, k); v != 2 {
			t.Errorf("%s is %d, want 2", k, v)
		}
	}
}

// What is run again alone, because another undid its batch or it lost a race, still tells that it found nothing.
func TestAStatementThatFindsNothingSaysSoWhenItIsRunAgain(t *testing.T) {
	o := newOrganisations(t, dbtest.Open(t, "postgres"))
	d, _ := wired(t, o.URL)
	nothing := func() {
		if err := d.Once(t.Context(), "UPDATE rate_limit SET tat = 1 WHERE k = $1 RETURNING tat", []any{"missing"}, new(int)); !errors.Is(err, db.ErrNoRows) {
			t.Errorf("%v, want no rows", err)
		}
	}
	together(t, o, d, []func(){nothing, nothing, nothing, func() {
		if err := d.Once(t.Context(), "SELECT 1 / 0", nil); err == nil {
			t.Error("the division is none")
		}
	}})
	losing(t, o)
	if err := d.Once(t.Context(), "SELECT 1 WHERE NOT wins()", nil, new(int)); !errors.Is(err, db.ErrNoRows) {
		t.Errorf("after a lost race: %v, want no rows", err)
	}
}

func TestOnCommitRunsAfterTheCommitAlone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		ctx := t.Context()
		var ran []string
		insert := func(tx *db.Tx, k string) error {
			tx.OnCommit(func() {
				if _, err := get(t, d.DB, k); err != nil {
					t.Errorf("%s: called before the commit: %v", k, err)
				}
				ran = append(ran, k)
			})
			_, err := tx.Exec(ctx, "INSERT INTO rate_limit (k, tat) VALUES ($1, 1)", k)
			return err
		}
		if err := d.InTx(ctx, func(tx *db.Tx) error { return errors.Join(insert(tx, "a"), insert(tx, "b")) }); err != nil {
			t.Fatal(err)
		}
		boom := errors.New("boom")
		if err := d.InTx(ctx, func(tx *db.Tx) error { return errors.Join(insert(tx, "c"), boom) }); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(ctx)
		_ = d.InTx(gone, func(tx *db.Tx) error { err := insert(tx, "d"); cancel(); return errors.Join(err, gone.Err()) })
		if !reflect.DeepEqual(ran, []string{"a", "b"}) {
			t.Errorf("called for %v, want a and b", ran)
		}
	})
}

func TestAClosedDatabaseIsUnavailableToStatementsItHasPrepared(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		if err := put(t.Context(), d.DB, "a", 1); err != nil {
			t.Fatal(err)
		}
		d.Close()
		if err := put(t.Context(), d.DB, "b", 1); !errors.Is(err, db.ErrUnavailable) {
			t.Error(err)
		}
	})
}

func TestCallersWhoGoAwayInATransactionHarmNobodyElse(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		var leaving, writing sync.WaitGroup
		stop := make(chan struct{})
		for i := range 4 {
			leaving.Go(func() {
				for n := i; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%60)*50*time.Microsecond)
					_ = d.InTx(ctx, func(tx *db.Tx) error {
						_, err := tx.Exec(ctx, "UPDATE rate_limit SET tat = tat + 1")
						return err
					})
					cancel()
				}
			})
		}
		for i := range 4 {
			writing.Go(func() {
				for n := range 50 {
					if err := put(t.Context(), d.DB, fmt.Sprint(i, "-", n), 1); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writing.Wait()
		close(stop)
		leaving.Wait()
	})
}
