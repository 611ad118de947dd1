package backupcode_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/feature/backupcode"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

type world struct {
	*domaintest.World
	*backupcode.Service
	t *testing.T
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	domaintest.Each(t, func(t *testing.T, d *domaintest.World) {
		fn(t, &world{d, backupcode.New(backupcode.Deps{Hasher: d.Keys.Hasher("backup code")}), t})
	})
}

func (w *world) make(a *account.Account) []string {
	w.t.Helper()
	codes, err := w.tryMake(a)
	if err != nil {
		w.t.Fatal(err)
	}
	return codes
}

func (w *world) tryMake(a *account.Account) (codes []string, err error) {
	ctx := context.Background()
	err = w.InTx(ctx, func(tx *db.Tx) (err error) { codes, err = w.Replace(ctx, tx, a.ID); return err })
	return codes, err
}

func (w *world) use(a *account.Account, code string) (left int, err error) {
	ctx := context.Background()
	err = w.InTx(ctx, func(tx *db.Tx) (err error) { left, err = w.Spend(ctx, tx, a.ID, code); return err })
	return left, err
}

// left is what the account holds, as sign-in sees it.
func (w *world) left(a *account.Account) int {
	w.t.Helper()
	held, err := factor.Of(context.Background(), w.DB.DB, a.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return held.BackupCodes
}

func (w *world) refuses(a *account.Account, code, what string) {
	w.t.Helper()
	if left, err := w.use(a, code); !errors.Is(err, factor.ErrCode) || left != 0 {
		w.t.Errorf("%s: %d, %v", what, left, err)
	}
}

func TestEachCodeIsGoodOnceAndTellsWhatIsLeft(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		codes := w.make(a)
		if len(codes) != backupcode.Codes || w.left(a) != backupcode.Codes {
			t.Fatalf("%d codes, %d held", len(codes), w.left(a))
		}
		for i, code := range codes {
			left, err := w.use(a, code)
			if err != nil || left != len(codes)-1-i || w.left(a) != left {
				t.Errorf("after %d: %d left, %d held, %v", i+1, left, w.left(a), err)
			}
			w.refuses(a, code, "the same code")
			w.refuses(a, strings.ToUpper(code), "the same code in capitals")
		}
	})
}

func TestCodesOfASetAndOfTwoAccountsDiffer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		seen := map[string]bool{}
		for _, name := range []string{"jo", "al", "bo"} {
			for _, code := range w.make(w.Account(name+"@example.com", "")) {
				if seen[code] {
					t.Fatal("a code was given twice")
				}
				seen[code] = true
			}
		}
	})
}

func TestCodesAreTakenAsPeopleTypeThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		codes := w.make(a)
		for i, typed := range []string{
			strings.ToUpper(codes[0]), strings.ReplaceAll(codes[1], "-", ""), strings.ReplaceAll(codes[2], "-", " "), " " + codes[3] + "\n",
			strings.NewReplacer("0", "o", "1", "l").Replace(codes[4]), strings.NewReplacer("0", "O", "1", "I").Replace(codes[5]),
		} {
			if _, err := w.use(a, typed); err != nil {
				t.Errorf("spelling %d: %v", i, err)
			}
		}
	})
}

func TestCodesAreGoodForTheirAccountAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.Account("jo@example.com", ""), w.Account("al@example.com", "")
		codes := w.make(a)
		w.make(other)
		w.refuses(other, codes[0], "another account's code")
		// Nor does it help to copy the hash of one's own code into another's rows.
		w.Exec("UPDATE backup_code SET account_id = $1 WHERE account_id = $2", other.ID, a.ID)
		w.refuses(other, codes[0], "a copied row")
	})
}

func TestReplaceEndsTheFormerSet(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.Account("jo@example.com", ""), w.Account("al@example.com", "")
		former, others := w.make(a), w.make(other)
		if _, err := w.use(a, former[0]); err != nil {
			t.Fatal(err)
		}
		codes := w.make(a)
		w.refuses(a, former[1], "a former code")
		if n := w.Count("SELECT count(*) FROM backup_code WHERE account_id = $1", a.ID); n != backupcode.Codes || w.left(a) != backupcode.Codes {
			t.Errorf("%d rows, %d held", n, w.left(a))
		}
		if _, err := w.use(a, codes[0]); err != nil {
			t.Error(err)
		}
		if _, err := w.use(other, others[0]); err != nil {
			t.Errorf("another account's: %v", err)
		}
		ctx := t.Context()
		if err := w.InTx(ctx, func(tx *db.Tx) error { return w.Clear(ctx, tx, a.ID) }); err != nil {
			t.Fatal(err)
		}
		w.refuses(a, codes[1], "a code that was cleared")
		if w.left(a) != 0 || w.left(other) != backupcode.Codes-1 {
			t.Errorf("%d and %d held", w.left(a), w.left(other))
		}
	})
}

func TestNobodyGetsCodesWithoutAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if codes, err := w.tryMake(&account.Account{ID: uuid.New()}); !errors.Is(err, account.ErrNotFound) || codes != nil {
			t.Errorf("%d codes, %v", len(codes), err)
		}
	})
}

func TestOfManyEqualCodesAtOnceOneIsTaken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		code := w.make(a)[0]
		var won, lost atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				switch left, err := w.use(a, code); {
				case err == nil && left == backupcode.Codes-1:
					won.Add(1)
				case errors.Is(err, factor.ErrCode):
					lost.Add(1)
				default:
					t.Error(left, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != 63 || w.left(a) != backupcode.Codes-1 {
			t.Errorf("%d won, %d lost, %d held", won.Load(), lost.Load(), w.left(a))
		}
	})
}

func TestOfManySetsMadeAtOnceOneStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		w.make(a)
		var mu sync.Mutex
		var sets [][]string
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				codes, err := w.tryMake(a)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				sets = append(sets, codes)
			})
		}
		all.Wait()
		if n := w.Count("SELECT count(*) FROM backup_code"); n != backupcode.Codes {
			t.Fatalf("%d codes are stored", n)
		}
		good := 0
		for _, set := range sets {
			if _, err := w.use(a, set[0]); err == nil {
				good++
			}
		}
		if good != 1 {
			t.Errorf("%d sets are good", good)
		}
	})
}

func TestTableHoldsNoCode(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		codes := w.make(a)
		err := w.DB.Each(t.Context(), "SELECT code_hash FROM backup_code", nil, func(scan func(...any) error) error {
			var hash []byte
			err := scan(&hash)
			for _, code := range codes {
				if bytes.Contains(hash, []byte(code)) || bytes.Contains(hash, []byte(strings.ReplaceAll(code, "-", ""))) || len(hash) != 36 {
					t.Error("a code is stored as it is")
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestWhatCanBeNoCodeIsNotLookedUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		code := w.make(a)[0]
		for _, bad := range []string{"", code[1:], code + "0", code + "\x00", strings.Repeat("0", 4096)} {
			if asked := w.Statements(func() { w.refuses(a, bad, fmt.Sprintf("%d bytes", len(bad))) }); len(asked) != 0 {
				t.Errorf("%d bytes are looked up", len(bad))
			}
		}
		if asked := w.Statements(func() { w.refuses(a, "0000-0000-0000-0000", "a wrong code") }); len(asked) != 1 {
			t.Errorf("a wrong code takes %d statements", len(asked))
		}
	})
}

func TestCodesOutliveTheNextKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		codes := w.make(a)
		if _, err := w.Keys.Rotate(t.Context(), keyring.Hash, false); err != nil {
			t.Fatal(err)
		}
		if err := w.Clock.Advance(time.Hour); err != nil {
			t.Fatal(err)
		}
		if left, err := w.use(a, codes[0]); err != nil || left != backupcode.Codes-1 {
			t.Errorf("%d, %v", left, err)
		}
		w.refuses(a, codes[0], "the same code")
	})
}

func TestFailureLeavesNothingHalfDone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		codes := w.make(a)
		fails := func(what string, do func() error) {
			t.Helper()
			for n := 1; ; n++ {
				var err error
				if reached := w.FailAt(n, func() { err = do() }); !reached {
					if n == 1 || err != nil {
						t.Errorf("%s: %v", what, err)
					}
					return
				}
				if !errors.Is(err, domaintest.ErrBroken) || w.left(a) != backupcode.Codes {
					t.Fatalf("%s: %v, and %d are left", what, err, w.left(a))
				}
			}
		}
		fails("replace", func() error {
			made, err := w.tryMake(a)
			if err == nil {
				codes = made
			} else if made != nil {
				t.Error("codes are shown that were not stored")
			}
			return err
		})
		fails("spend", func() error { _, err := w.use(a, codes[0]); return err })
	})
}

func TestCodesGoWithTheirAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.Account("jo@example.com", "")
		w.make(a)
		w.Exec("DELETE FROM account WHERE id = $1", a.ID)
		if n := w.Count("SELECT count(*) FROM backup_code"); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}
