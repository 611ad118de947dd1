package keyring

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
)

// lead and overlap are those of the default configuration; slack is more than a test takes.
const (
	lead    = 6 * time.Minute
	overlap = 15 * time.Minute
	slack   = 30 * time.Second
)

func TestSigningKeyIsPublishedBeforeItSignsAndAfter(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		k := open(t, d.DB, newRing(t), Config{})
		old, _ := ids(k)
		made := must(k.Rotate(t.Context(), Sign, false))(t)
		expect := func(when, wantSigning string, wantPublished ...string) {
			t.Helper()
			signing, published := ids(k)
			slices.Sort(published)
			slices.Sort(wantPublished)
			if signing != wantSigning || !slices.Equal(published, wantPublished) {
				t.Errorf("%s: %s signs and %v are published, want %s and %v", when, signing, published, wantSigning, wantPublished)
			}
		}
		if made.State != Upcoming {
			t.Errorf("the new key is %s", made.State)
		}
		expect("at once", old, old, made.ID)
		d.Clock.Advance(lead - slack)
		expect("just before", old, old, made.ID)
		d.Clock.Advance(slack)
		expect("from then on", made.ID, old, made.ID)
		d.Clock.Advance(overlap - slack)
		expect("overlap", made.ID, old, made.ID)
		if gone := must(k.Sweep(t.Context()))(t); len(gone) != 0 {
			t.Errorf("swept within the overlap: %+v", gone)
		}
		d.Clock.Advance(slack)
		expect("afterwards", made.ID, made.ID)
		if gone := must(k.Sweep(t.Context()))(t); len(gone) != 1 || gone[0].ID != old {
			t.Errorf("swept %+v, want the old key", gone)
		}
		if left := listed(t, k, Sign); len(left) != 1 || left[0].State != Active || !left[0].RetiredAt.IsZero() {
			t.Errorf("left: %+v", left)
		}
	})
}

func TestPublishedStaysTheSameWhileNothingChanges(t *testing.T) {
	d := dbtest.Open(t, "sqlite")
	k := open(t, d.DB, newRing(t), Config{JWKSCache: 2 * time.Minute})
	before := k.Published()
	if err := k.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.Clock.Advance(time.Hour)
	must(k.Rotate(t.Context(), Hash, true))(t)
	if k.Published() != before {
		t.Error("the set is another one though no signing key changed")
	}
	made := must(k.Rotate(t.Context(), Sign, false))(t)
	after := k.Published()
	if after == before || after.ETag == before.ETag || !bytes.Contains(after.JWKS, []byte(made.ID)) || bytes.Contains(after.JWKS, []byte(`"d"`)) {
		t.Errorf("after a rotation: %s %s", after.ETag, after.JWKS)
	}
	if after.MaxAge != 2*time.Minute || !strings.HasPrefix(after.ETag, `"`) || !strings.HasSuffix(after.ETag, `"`) {
		t.Errorf("max age %v, ETag %s", after.MaxAge, after.ETag)
	}
}

func TestDataKeysRotateWithOverlap(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		k := open(t, d.DB, newRing(t), Config{SessionLifetime: 24 * time.Hour, HashLifetime: 48 * time.Hour, SealLifetime: 72 * time.Hour})
		hasher, sealer, refresh := k.Hasher("p"), k.Sealer(), k.RefreshKeys()
		hash, sealed, first := hasher.Sum("token"), must(sealer.Seal([]byte("plain"), nil))(t), refresh.Newest().ID()
		for _, p := range []Purpose{Refresh, Hash, Seal} {
			must(k.Rotate(t.Context(), p, false))(t)
		}
		if refresh.Newest().ID() != first || len(refresh.All()) != 2 {
			t.Error("a refresh key is used before all can know it")
		}
		d.Clock.Advance(lead)
		good := func() (refreshed, hashed, opened bool) {
			_, refreshed = refresh.Find(first)
			hashed = slices.ContainsFunc(hasher.Candidates("token"), func(c []byte) bool { return bytes.Equal(c, hash) })
			_, err := sealer.Open(sealed, nil)
			return refreshed, hashed, err == nil
		}
		if refresh.Newest().ID() == first || bytes.Equal(hasher.Sum("token")[:4], hash[:4]) || bytes.Equal(must(sealer.Seal(nil, nil))(t)[1:5], sealed[1:5]) {
			t.Error("the new keys are not used for new values")
		}
		// Each purpose outlives its successor's start by a day more than the one before.
		for day, want := range [][3]bool{{true, true, true}, {false, true, true}, {false, false, true}, {false, false, false}} {
			r, h, s := good()
			if got := [3]bool{r, h, s}; got != want {
				t.Errorf("day %d: refresh, hash, seal are good: %v, want %v", day, got, want)
			}
			if n := len(must(k.Sweep(t.Context()))(t)); (day == 0) != (n == 0) {
				t.Errorf("day %d: swept %d", day, n)
			}
			d.Clock.Advance(24 * time.Hour)
		}
	})
}

func TestEmergencyRotationWithdrawsAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		k := open(t, d.DB, newRing(t), Config{})
		hash, sealed := k.Hasher("p").Sum("token"), must(k.Sealer().Seal(nil, nil))(t)
		refresh, old := k.RefreshKeys().Newest().ID(), must(k.Rotate(t.Context(), Sign, false))(t)
		made := map[Purpose]Info{}
		for _, p := range Purposes {
			made[p] = must(k.Rotate(t.Context(), p, true))(t)
			if made[p].State != Active {
				t.Errorf("the new key of purpose %s is %s", p, made[p].State)
			}
		}
		if signing, published := ids(k); signing != made[Sign].ID || len(published) != 1 || signing == old.ID {
			t.Errorf("%s signs, %v are published, want %s alone", signing, published, made[Sign].ID)
		}
		if _, ok := k.RefreshKeys().Find(refresh); ok || k.RefreshKeys().Newest().ID().String() != made[Refresh].ID {
			t.Error("the withdrawn refresh key is still good")
		}
		if slices.ContainsFunc(k.Hasher("p").Candidates("token"), func(c []byte) bool { return bytes.Equal(c, hash) }) {
			t.Error("the withdrawn hash key is still good")
		}
		if _, err := k.Sealer().Open(sealed, nil); err != nil {
			t.Error("what was sealed is lost")
		}
		if n := len(listed(t, k, Seal)); n != 2 {
			t.Errorf("%d seal keys, want 2", n)
		}
	})
	d := dbtest.Open(t, "sqlite")
	if _, err := open(t, d.DB, newRing(t), Config{}).Rotate(t.Context(), "cookie", false); err == nil {
		t.Error("an unknown purpose was rotated")
	}
}

func TestRotateDueMakesOneSuccessorInTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		kek := newRing(t)
		var instances []*Keyring
		for range 4 {
			instances = append(instances, open(t, handle(t, d), kek, Config{}))
		}
		k := instances[0]
		first := listed(t, k, Sign)[0]
		d.Clock.Advance(90*24*time.Hour - lead - slack)
		if made := must(k.RotateDue(t.Context()))(t); made.ID != "" {
			t.Fatalf("rotated early: %+v", made)
		}
		d.Clock.Advance(slack)
		var wg sync.WaitGroup
		for _, instance := range instances {
			wg.Go(func() {
				if _, err := instance.RotateDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		keys := listed(t, k, Sign)
		if len(keys) != 2 || keys[0].ID != first.ID || keys[0].State != Active || keys[1].State != Upcoming {
			t.Fatalf("keys: %+v", keys)
		}
		if late := keys[1].ActiveAt.Sub(first.ActiveAt.Add(90 * 24 * time.Hour)); late < 0 || late > slack {
			t.Errorf("the successor begins %v after 90 days", late)
		}
		d.Clock.Advance(lead)
		for i, instance := range instances {
			if signing, _ := ids(instance); signing != keys[1].ID {
				t.Errorf("instance %d signs with %s, want %s", i, signing, keys[1].ID)
			}
		}
	})
}

func TestChangedAlgorithmBringsASuccessorAtTheNextStart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		kek := newRing(t)
		before := open(t, handle(t, d), kek, Config{Algorithm: jose.RS256})
		old, _ := ids(before)
		k := open(t, handle(t, d), kek, Config{Algorithm: jose.ES256})
		open(t, handle(t, d), kek, Config{Algorithm: jose.ES256})
		keys := listed(t, k, Sign)
		if len(keys) != 2 || keys[0].Algorithm != "RS256" || keys[1].Algorithm != "ES256" || keys[1].State != Upcoming {
			t.Fatalf("keys: %+v", keys)
		}
		if signing, published := ids(k); signing != old || len(published) != 2 {
			t.Errorf("%s signs, %v are published", signing, published)
		}
		d.Clock.Advance(lead)
		for _, instance := range []*Keyring{before, k} {
			if alg := instance.Signer().Key().Algorithm(); alg != jose.ES256 {
				t.Errorf("signs with %s", alg)
			}
			if jwks := string(instance.Published().JWKS); !strings.Contains(jwks, "RS256") || !strings.Contains(jwks, "ES256") {
				t.Errorf("published: %s", jwks)
			}
		}
	})
}

func TestImportedKeySignsAndComesOutAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		for file, alg := range map[string]jose.Algorithm{"p256": jose.ES256, "ed25519": jose.EdDSA, "rsa2048": jose.RS256, "rsa3072": jose.RS256} {
			kek := newRing(t)
			d := dbtest.Open(t, d.Engine())
			k := open(t, d.DB, kek, Config{})
			made, _ := ids(k)
			text := must(os.ReadFile("../../kit/jose/testdata/" + file + ".pem"))(t)
			info := must(k.Import(t.Context(), text, true))(t)
			if signing, published := ids(k); signing != info.ID || len(published) != 2 || !slices.Contains(published, made) {
				t.Errorf("%s: %s signs, %v are published", file, signing, published)
			}
			if !info.Imported || info.Algorithm != string(alg) || info.State != Active {
				t.Errorf("%s: %+v", file, info)
			}
			if out := must(k.Export())(t); !bytes.Equal(out, text) {
				t.Errorf("%s: comes out differently", file)
			}
			if _, err := k.Import(t.Context(), text, true); !errors.Is(err, ErrKnown) {
				t.Errorf("%s again: %v", file, err)
			}
			// Its algorithm is the operator's choice: the next start leaves it.
			again := open(t, handle(t, d), kek, Config{Algorithm: jose.ES256})
			if signing, _ := ids(again); signing != info.ID || len(listed(t, again, Sign)) != 2 {
				t.Errorf("%s: the next start replaces it", file)
			}
		}
	})
}

func TestImportedKeyIsPublishedFirst(t *testing.T) {
	d := dbtest.Open(t, "sqlite")
	k := open(t, d.DB, newRing(t), Config{})
	old, _ := ids(k)
	info := must(k.Import(t.Context(), must(os.ReadFile("../../kit/jose/testdata/p256.pem"))(t), false))(t)
	if signing, published := ids(k); signing != old || !slices.Contains(published, info.ID) || info.State != Upcoming {
		t.Errorf("%s signs, %v are published", signing, published)
	}
	for _, file := range []string{"p384.pem", "rsa1024.pem", "p256-public.pem", "README.md"} {
		if _, err := k.Import(t.Context(), must(os.ReadFile("../../kit/jose/testdata/"+file))(t), false); err == nil {
			t.Errorf("%s was taken", file)
		}
	}
	if n := len(listed(t, k, Sign)); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
}

func TestParallelRotationsAllHappenInOneOrder(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		kek := newRing(t)
		var wg sync.WaitGroup
		for i := range 4 {
			k := open(t, handle(t, d), kek, Config{})
			wg.Go(func() {
				if _, err := k.Rotate(t.Context(), Sign, i == 0); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		keys := listed(t, open(t, d.DB, kek, Config{}), Sign)
		if last := keys[len(keys)-1]; last.Generation != 5 {
			t.Errorf("newest generation is %d, want 5: %+v", last.Generation, keys)
		}
		for i, info := range keys[1:] {
			if info.Generation != keys[i].Generation+1 || info.Generation == 1 {
				t.Errorf("generations: %+v", keys)
			}
		}
	})
}

func TestEventsAreToldInTheTransactionOfTheChange(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		var told []string
		var refuse error
		cfg := Config{Record: func(_ context.Context, tx *db.Tx, event Event, key Info) error {
			told = append(told, string(event)+" "+string(key.Purpose))
			return refuse
		}}
		former := newKEK(t)
		ring := newRing(t)
		ring.Previous = append(ring.Previous, former)
		expect := func(want ...string) {
			t.Helper()
			if !slices.Equal(told, want) {
				t.Errorf("told %q, want %q", told, want)
			}
			told = nil
		}
		k := open(t, handle(t, d), ring, cfg)
		expect("created sign", "created refresh", "created hash", "created seal")
		must(k.Rotate(t.Context(), Refresh, true))(t)
		expect("withdrawn refresh", "created refresh")
		must(k.Import(t.Context(), must(os.ReadFile("../../kit/jose/testdata/ed25519.pem"))(t), true))(t)
		expect("imported sign")
		d.Clock.Advance(overlap)
		must(k.Sweep(t.Context()))(t)
		expect("expired sign")
		ring.Current, ring.Previous[0] = former, ring.Current
		again := open(t, handle(t, d), ring, cfg)
		must(again.Rewrap(t.Context()))(t)
		expect("resealed hash", "resealed refresh", "resealed seal", "resealed sign")

		refuse = errors.New("boom")
		before := must(k.List(t.Context()))(t)
		if _, err := k.Rotate(t.Context(), Sign, true); !errors.Is(err, refuse) {
			t.Errorf("rotate: %v", err)
		}
		if after := must(k.List(t.Context()))(t); !slices.Equal(before, after) {
			t.Error("what could not be recorded has happened all the same")
		}
	})
}
