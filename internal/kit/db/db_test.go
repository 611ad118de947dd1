package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func put(ctx context.Context, d *db.DB, k string, v int64) error {
	return d.Once(ctx, "INSERT INTO rate_limit (k, tat) VALUES ($1, $2)", []any{k, v})
}

func get(t *testing.T, d *db.DB, k string) (v int64, err error) {
	t.Helper()
	err = d.Row(t.Context(), "SELECT tat FROM rate_limit WHERE k = $1", []any{k}, &v)
	return v, err
}

func TestInTxCommitsOnNilAndRollsBackOnErrorAndPanic(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		ctx := t.Context()
		insert := func(tx *db.Tx, k string) error {
			_, err := tx.Exec(ctx, "INSERT INTO rate_limit (k, tat) VALUES ($1, 1)", k)
			return err
		}
		if err := d.InTx(ctx, func(tx *db.Tx) error { return insert(tx, "kept") }); err != nil {
			t.Fatal(err)
		}
		boom := errors.New("boom")
		if err := d.InTx(ctx, func(tx *db.Tx) error { return errors.Join(insert(tx, "error"), boom) }); !errors.Is(err, boom) {
			t.Fatalf("error of the function is lost: %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = d.InTx(ctx, func(tx *db.Tx) error { _ = insert(tx, "panic"); panic(boom) })
		}()
		cancelled, cancel := context.WithCancel(ctx)
		err := d.InTx(cancelled, func(tx *db.Tx) error { e := insert(tx, "cancelled"); cancel(); return errors.Join(e, cancelled.Err()) })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled: %v", err)
		}
		for k, want := range map[string]error{"kept": nil, "error": db.ErrNoRows, "panic": db.ErrNoRows, "cancelled": db.ErrNoRows} {
			if _, err := get(t, d.DB, k); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", k, err, want)
			}
		}
	})
}

func TestOneSetOfValuesOnBothEngines(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		ctx := t.Context()
		id, now := uuid.Must(uuid.NewV7()), d.Now()
		err := d.Once(ctx, `INSERT INTO audit_event (id, at, kind, account_id, session_id, actor, address, device, request_id, reason, detail)
			VALUES ($1, $2, $3, $4, NULL, '', '', '', '', '', $5)`, []any{id, now, "test", id, "{\"a\":\"ü\"}"})
		if err != nil {
			t.Fatal(err)
		}
		var gotID, account uuid.UUID
		var session uuid.NullUUID
		var at time.Time
		var detail string
		err = d.Row(ctx, "SELECT id, at, account_id, session_id, detail FROM audit_event WHERE id = $1", []any{id}, &gotID, db.Time(&at), &account, &session, &detail)
		if err != nil {
			t.Fatal(err)
		}
		if gotID != id || account != id || session.Valid || !at.Equal(now) || detail != "{\"a\":\"ü\"}" {
			t.Errorf("read back %v %v %v %v %q", gotID, account, session, at, detail)
		}
		if _, err := get(t, d.DB, "missing"); !errors.Is(err, db.ErrNoRows) {
			t.Errorf("missing row: %v", err)
		}
	})
}

func TestOnceGathersAndEachStatementFailsAlone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		ctx := t.Context()
		if err := put(ctx, d.DB, "taken", 1); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		errs := make([]error, 200)
		for i := range errs {
			wg.Go(func() {
				k := fmt.Sprint("k", i)
				if i%10 == 0 {
					k = "taken"
				}
				errs[i] = put(ctx, d.DB, k, int64(i))
			})
		}
		wg.Wait()
		for i, err := range errs {
			if i%10 == 0 {
				if !d.Unique(err) {
					t.Fatalf("statement %d: want a unique violation, got %v", i, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("statement %d: %v", i, err)
			}
			if v, err := get(t, d.DB, fmt.Sprint("k", i)); err != nil || v != int64(i) {
				t.Fatalf("row %d: %d, %v", i, v, err)
			}
		}
	})
}

func TestOnceCountsExactlyUnderConcurrency(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		if err := put(t.Context(), d.DB, "n", 0); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		seen := map[int64]bool{}
		var wg sync.WaitGroup
		for range 300 {
			wg.Go(func() {
				var v int64
				if err := d.Once(t.Context(), "UPDATE rate_limit SET tat = tat + 1 WHERE k = $1 RETURNING tat", []any{"n"}, &v); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if seen[v] {
					t.Errorf("%d was handed out twice", v)
				}
				seen[v] = true
			})
		}
		wg.Wait()
		if v, _ := get(t, d.DB, "n"); v != 300 {
			t.Errorf("counted %d, want 300", v)
		}
	})
}

func TestOnceSurvivesItsCallersGoingAway(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		var wg sync.WaitGroup
		for i := range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			wg.Go(func() {
				if err := put(ctx, d.DB, fmt.Sprint("k", i), 1); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
			if i%2 == 0 {
				cancel()
			} else {
				defer cancel()
			}
		}
		wg.Wait()
		for i := 1; i < 100; i += 2 {
			if _, err := get(t, d.DB, fmt.Sprint("k", i)); err != nil {
				t.Errorf("k%d: %v", i, err)
			}
		}
	})
}

func TestInTxRunsAgainAfterADeadlock(t *testing.T) {
	d := dbtest.Open(t, "postgres") // SQLite has one writer and no deadlocks
	ctx := t.Context()
	for _, k := range []string{"a", "b"} {
		if err := put(ctx, d.DB, k, 0); err != nil {
			t.Fatal(err)
		}
	}
	var tries atomic.Int64
	var wg, crossed sync.WaitGroup
	crossed.Add(2)
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			met := sync.OnceFunc(func() { crossed.Done(); crossed.Wait() })
			err := d.InTx(ctx, func(tx *db.Tx) error {
				tries.Add(1)
				for _, k := range order {
					if _, err := tx.Exec(ctx, "UPDATE rate_limit SET tat = tat + 1 WHERE k = $1", k); err != nil {
						return err
					}
					met() // both hold their first row before either asks for its second
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if tries.Load() < 3 { // more where PostgreSQL lets both go, which it may when they look at the same moment
		t.Errorf("%d tries, want 3: one of the two is run again", tries.Load())
	}
	for _, k := range []string{"a", "b"} {
		if v, _ := get(t, d.DB, k); v != 2 {
			t.Errorf("%s is %d, want 2", k, v)
		}
	}
}

func TestServingRoleCannotChangeTheSchemaOrRewriteHistory(t *testing.T) {
	d := dbtest.Open(t, "postgres")
	for _, s := range []string{"DROP TABLE session", "ALTER TABLE account ADD COLUMN x TEXT", "TRUNCATE audit_event", "DELETE FROM gatehouse_migration"} {
		if err := d.Once(t.Context(), s, nil); err == nil {
			t.Errorf("%s was allowed", s)
		}
	}
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		id := uuid.Must(uuid.NewV7())
		err := d.Once(t.Context(), "INSERT INTO audit_event (id, at, kind, actor, address, device, request_id, reason, detail) VALUES ($1, 1, 'x', '', '', '', '', '', '')", []any{id})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Once(t.Context(), "UPDATE audit_event SET kind = 'y' WHERE id = $1", []any{id}); err == nil {
			t.Error("an audit event was changed")
		}
	})
}

func TestAnUnreachableDatabaseIsUnavailable(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		d.Close()
		for name, err := range map[string]error{
			"row":  d.Row(t.Context(), "SELECT 1", nil, new(int)),
			"once": put(t.Context(), d.DB, "x", 1),
			"tx":   d.InTx(t.Context(), func(*db.Tx) error { return nil }),
		} {
			if !errors.Is(err, db.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
