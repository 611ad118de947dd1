package keyring

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// reads counts how often the table is read from now on, and has each read answered by fail.
func reads(d *db.DB, fail func() error) *atomic.Int64 {
	var n atomic.Int64
	d.Inspect(func(query string) error {
		if !strings.HasPrefix(query, "SELECT") || !strings.Contains(query, "key_material") {
			return nil
		}
		n.Add(1)
		if fail == nil {
			return nil
		}
		return fail()
	})
	return &n
}

func TestInstanceWithoutWorkersHearsOfRotations(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		kek := newRing(t)
		k, other := open(t, handle(t, d), kek, Config{}), open(t, handle(t, d), kek, Config{})
		made := must(other.Rotate(t.Context(), Sign, true))(t)
		d.Clock.Advance(staleAfter)
		if signing, published := ids(k); signing != made.ID || len(published) != 1 {
			t.Errorf("%s signs, %v are published, want %s", signing, published, made.ID)
		}
	})
}

func TestUnknownKeyIsLookedForOnceASecond(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		kek := newRing(t)
		mine := handle(t, d)
		k, other := open(t, mine, kek, Config{}), open(t, handle(t, d), kek, Config{})
		made := must(other.Rotate(t.Context(), Refresh, true))(t)
		id, err := secret.ParseKeyID(made.ID)
		if err != nil {
			t.Fatal(err)
		}
		d.Clock.Advance(missEvery)
		if _, ok := k.RefreshKeys().Find(id); !ok {
			t.Error("a key that another instance made is unknown")
		}
		start, n := time.Now(), reads(mine, nil)
		for range 200 {
			if _, ok := k.RefreshKeys().Find(secret.NewKeyID()); ok {
				t.Fatal("a guessed key is known")
			}
		}
		if most := 1 + int64(time.Since(start)/missEvery); n.Load() > most {
			t.Errorf("200 guesses read the table %d times, want at most %d", n.Load(), most)
		}
	})
}

func TestManyCallersAfterAPauseReadOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		kek := newRing(t)
		mine := handle(t, d)
		k, other := open(t, mine, kek, Config{}), open(t, handle(t, d), kek, Config{})
		made := must(other.Rotate(t.Context(), Sign, true))(t)
		n := reads(mine, nil)
		d.Clock.Advance(time.Hour)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if id := k.Signer().Key().ID(); id != made.ID {
					t.Errorf("a caller signs with %s, want %s", id, made.ID)
				}
			})
		}
		wg.Wait()
		if n.Load() != 1 {
			t.Errorf("the table was read %d times, want once", n.Load())
		}
	})
}

func TestKeysStayInUseWhileTheDatabaseIsAway(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		kek := newRing(t)
		mine := handle(t, d)
		k, other := open(t, mine, kek, Config{}), open(t, handle(t, d), kek, Config{})
		planned := must(other.Rotate(t.Context(), Sign, false))(t)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		down := errors.New("down")
		n := reads(mine, func() error { return down })
		if err := k.Reload(t.Context()); !errors.Is(err, down) {
			t.Errorf("reload: %v", err)
		}
		if signing, _ := ids(k); signing == planned.ID || signing == "" {
			t.Errorf("%s signs", signing)
		}
		d.Clock.Advance(lead)
		n.Store(0)
		for range 100 {
			if signing, _ := ids(k); signing != planned.ID {
				t.Fatalf("%s signs, want the planned %s: its time has come", signing, planned.ID)
			}
		}
		if n.Load() != 1 {
			t.Errorf("100 callers asked the database %d times, want once in %v", n.Load(), reloadEvery)
		}
		mine.Inspect(nil)
		made := must(other.Rotate(t.Context(), Sign, true))(t)
		d.Clock.Advance(reloadEvery)
		if signing, _ := ids(k); signing != made.ID {
			t.Errorf("back again, %s signs, want %s", signing, made.ID)
		}
	})
}

func TestEmptiedTableTakesNoKeysFromARunningInstance(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		k := open(t, d.DB, newRing(t), Config{})
		signing, _ := ids(k)
		for _, query := range []string{"DELETE FROM key_material WHERE purpose = 'hash'", "DELETE FROM key_material"} {
			if err := d.Once(t.Context(), query, nil); err != nil {
				t.Fatal(err)
			}
			if err := k.Reload(t.Context()); err == nil {
				t.Error("a table without keys was taken")
			}
			if now, _ := ids(k); now != signing || len(k.Hasher("p").Sum("token")) != 36 {
				t.Error("keys are gone")
			}
		}
	})
}

func TestRunReadsInTheBackgroundAndEndsWithItsContext(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		k := open(t, d.DB, newRing(t), Config{})
		read := make(chan struct{}, 100)
		d.Inspect(func(query string) error {
			if strings.Contains(query, "key_material") {
				read <- struct{}{}
			}
			return nil
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			k.Run(ctx)
		}()
		for n := 0; n < 3; { // nothing but Run asks, each time the clock has moved on
			d.Clock.Advance(reloadEvery)
			select {
			case <-read:
				n++
			case <-time.After(10 * time.Millisecond): // it was not waiting yet
			}
		}
		stop()
		<-ended
	})
}

func TestKeysMayBeUsedWhileTheyRotate(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		k := open(t, d.DB, newRing(t), Config{})
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				hasher, sealer := k.Hasher("p"), k.Sealer()
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := k.Signer().Sign([]byte("{}")); err != nil {
						t.Error(err)
					}
					sealed, err := sealer.Seal([]byte("plain"), nil)
					if err != nil {
						t.Error(err)
					}
					if _, err := sealer.Open(sealed, nil); err != nil {
						t.Error(err)
					}
					hasher.Candidates(string(hasher.Sum("token")))
					k.Published()
				}
			})
		}
		for range 5 {
			for _, p := range Purposes {
				must(k.Rotate(t.Context(), p, p == Seal))(t)
			}
			d.Clock.Advance(lead)
			must(k.Sweep(t.Context()))(t)
		}
		close(stop)
		wg.Wait()
	})
}
