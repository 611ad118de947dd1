package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

var quiet = slog.New(slog.DiscardHandler)

func newKEK(t testing.TB) secret.KEK {
	t.Helper()
	var b [32]byte
	_, _ = rand.Read(b[:])
	k, err := secret.NewKEK(base64.StdEncoding.EncodeToString(b[:]))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newRing(t testing.TB) secret.KEKRing { return secret.KEKRing{Current: newKEK(t)} }

func open(t testing.TB, d *db.DB, kek secret.KEKRing, cfg Config) *Keyring {
	t.Helper()
	cfg.Logger = quiet
	k, err := Open(t.Context(), d, kek, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// handle opens the database once more, as another instance does.
func handle(t testing.TB, d *dbtest.DB) *db.DB {
	t.Helper()
	other, err := db.Open(t.Context(), db.Config{URL: d.URL, Clock: d.Clock, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return other
}

func listed(t testing.TB, k *Keyring, p Purpose) []Info {
	t.Helper()
	all, err := k.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(i Info) bool { return i.Purpose != p })
}

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// ids returns the id of the key that signs, and those published.
func ids(k *Keyring) (signing string, published []string) {
	for _, key := range k.Published().Keys {
		published = append(published, key.ID)
	}
	return k.Signer().Key().ID(), published
}

func TestFirstStartOfManyInstancesMakesOneSetOfKeys(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		kek := newRing(t)
		instances := make([]*Keyring, 8)
		handles := make([]*db.DB, len(instances))
		for i := range handles {
			handles[i] = handle(t, d)
		}
		var wg sync.WaitGroup
		for i := range instances {
			wg.Go(func() {
				var err error
				if instances[i], err = Open(t.Context(), handles[i], kek, Config{Logger: quiet}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		all := must(instances[0].List(t.Context()))(t)
		if len(all) != len(Purposes) {
			t.Fatalf("%d keys, want one of each purpose: %+v", len(all), all)
		}
		for _, info := range all {
			if info.State != Active || info.Generation != 1 || info.KEK != kek.Current.ID() {
				t.Errorf("%+v", info)
			}
		}
		sealed := must(instances[0].Sealer().Seal([]byte("plain"), nil))(t)
		for i, k := range instances {
			if k.Signer().Key().ID() != instances[0].Signer().Key().ID() || k.RefreshKeys().Newest().ID() != instances[0].RefreshKeys().Newest().ID() ||
				!bytes.Equal(k.Hasher("p").Sum("token"), instances[0].Hasher("p").Sum("token")) {
				t.Errorf("instance %d has other keys", i)
			}
			if _, err := k.Sealer().Open(sealed, nil); err != nil {
				t.Errorf("instance %d: %v", i, err)
			}
		}
	})
}

func TestFirstStartWithTwoSecretKeysLeavesOneInCharge(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		rings := []secret.KEKRing{newRing(t), newRing(t)}
		var good, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 6 {
			other := handle(t, d)
			wg.Go(func() {
				_, err := Open(t.Context(), other, rings[i%2], Config{Logger: quiet})
				switch {
				case err == nil:
					good.Add(1)
				case errors.Is(err, ErrUnreadable):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if good.Load() != 3 || refused.Load() != 3 {
			t.Errorf("%d started and %d were refused, want 3 of each", good.Load(), refused.Load())
		}
	})
}

func TestAnotherSecretKeyStartsNothingAndSaysWhatToSet(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		right, wrong := newRing(t), newRing(t)
		k := open(t, d.DB, right, Config{})
		_, err := Open(t.Context(), handle(t, d), wrong, Config{Logger: quiet})
		if !errors.Is(err, ErrUnreadable) {
			t.Fatal(err)
		}
		for _, word := range []string{"GATEHOUSE_SECRET_KEY", "GATEHOUSE_SECRET_KEY_PREVIOUS", right.Current.ID(), wrong.Current.ID()} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("the error does not name %s: %v", word, err)
			}
		}
		// A changed algorithm wants a new key, and gets none beside the unreadable ones.
		if _, err := Open(t.Context(), handle(t, d), wrong, Config{Algorithm: jose.EdDSA, Logger: quiet}); !errors.Is(err, ErrUnreadable) {
			t.Errorf("changed algorithm: %v", err)
		}
		if n := len(must(k.List(t.Context()))(t)); n != len(Purposes) {
			t.Errorf("%d keys, want %d", n, len(Purposes))
		}
		if _, err := Open(t.Context(), d.DB, secret.KEKRing{}, Config{}); err == nil || !strings.Contains(err.Error(), "GATEHOUSE_SECRET_KEY") {
			t.Errorf("no secret key: %v", err)
		}
	})
}

func TestRewrapLetsTheFormerSecretKeyGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		former, current := newKEK(t), newKEK(t)
		before := open(t, d.DB, secret.KEKRing{Current: former}, Config{})
		sealed := must(before.Sealer().Seal([]byte("plain"), nil))(t)
		both := open(t, handle(t, d), secret.KEKRing{Current: current, Previous: []secret.KEK{former}}, Config{})
		if n, err := both.Rewrap(t.Context()); n != len(Purposes) || err != nil {
			t.Fatalf("%d keys, %v, want %d", n, err, len(Purposes))
		}
		if n, err := both.Rewrap(t.Context()); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
		after := open(t, handle(t, d), secret.KEKRing{Current: current}, Config{})
		if after.Signer().Key().ID() != before.Signer().Key().ID() {
			t.Error("rewrapping made other keys")
		}
		if plain, err := after.Sealer().Open(sealed, nil); err != nil || string(plain) != "plain" {
			t.Errorf("what was sealed before: %v", err)
		}
		if _, err := Open(t.Context(), handle(t, d), secret.KEKRing{Current: former}, Config{Logger: quiet}); !errors.Is(err, ErrUnreadable) {
			t.Errorf("the former key still opens: %v", err)
		}
		// An instance that still has the former key alone goes on with the keys it knows.
		if err := before.Reload(t.Context()); err != nil {
			t.Errorf("after the rewrap: %v", err)
		}
		must(after.Rotate(t.Context(), Sign, true))(t)
		if err := before.Reload(t.Context()); !errors.Is(err, ErrUnreadable) || before.Signer() == nil {
			t.Errorf("a key that it cannot open: %v", err)
		}
	})
}

func TestSealedKeysOpenNowhereButInTheirRow(t *testing.T) {
	swaps := map[string]string{
		"sealed":           "UPDATE key_material SET sealed = (SELECT other.sealed FROM key_material other WHERE other.purpose = 'seal') WHERE purpose = 'hash'",
		"id":               "UPDATE key_material SET id = '01020304' WHERE purpose = 'hash'",
		"purpose":          "UPDATE key_material SET purpose = 'other' WHERE purpose = 'hash'",
		"generation":       "UPDATE key_material SET generation = 2 WHERE purpose = 'hash'",
		"algorithm":        "UPDATE key_material SET algorithm = 'EdDSA' WHERE purpose = 'sign'",
		"imported":         "UPDATE key_material SET imported = TRUE WHERE purpose = 'sign'",
		"created_at":       "UPDATE key_material SET created_at = created_at + 1 WHERE purpose = 'sign'",
		"active_at":        "UPDATE key_material SET active_at = active_at + 1 WHERE purpose = 'sign'",
		"sealed cut":       "UPDATE key_material SET sealed = substr(sealed, 1, 40) WHERE purpose = 'sign'",
		"copied elsewhere": "INSERT INTO key_material SELECT '01020304', purpose, 2, algorithm, imported, sealed, kek, created_at, active_at FROM key_material WHERE purpose = 'hash'",
	}
	for name, query := range swaps {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
				kek := newRing(t)
				running := open(t, handle(t, d), kek, Config{})
				signing, _ := ids(running)
				if err := d.Once(t.Context(), query, nil); err != nil {
					t.Fatal(err)
				}
				if _, err := Open(t.Context(), d.DB, kek, Config{Logger: quiet}); !errors.Is(err, ErrUnreadable) {
					t.Errorf("start: %v", err)
				}
				err := running.Reload(t.Context())
				if sameRow := strings.HasPrefix(name, "sealed"); !sameRow && !errors.Is(err, ErrUnreadable) {
					t.Errorf("running: %v", err) // what it has opened once it does not open again
				}
				if now, _ := ids(running); now != signing {
					t.Error("a running instance lost its keys")
				}
			})
		})
	}
}

func TestDatabaseHoldsNoKeyBytes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		k := open(t, d.DB, newRing(t), Config{Algorithm: jose.EdDSA})
		must(k.Rotate(t.Context(), Seal, false))(t)
		var dump bytes.Buffer
		rows := must(list(t.Context(), d.DB))(t)
		for _, r := range rows {
			fmt.Fprintf(&dump, "%+v %x %s\n", r, r.sealed, r.sealed)
		}
		if path, ok := strings.CutPrefix(d.URL, "sqlite:"); ok {
			for _, suffix := range []string{"", "-wal"} {
				dump.Write(must(os.ReadFile(path + suffix))(t))
			}
		}
		for _, r := range rows {
			plain := must(k.unseal(r))(t)
			// The tail: of a private key in PKCS #8 the head is the same for every key.
			tail := plain[len(plain)-16:]
			for _, form := range []string{string(tail), hex.EncodeToString(tail), strings.ToUpper(hex.EncodeToString(tail)),
				strings.Trim(fmt.Sprint(tail), "[]"), base64.RawStdEncoding.EncodeToString(tail[:15]), base64.RawURLEncoding.EncodeToString(tail[1:])} {
				if strings.Contains(dump.String(), form) {
					t.Errorf("key of purpose %s is in the database", r.purpose)
				}
			}
		}
	})
}

func TestKeyEncryptionKeyIsAskedOnceForEachKey(t *testing.T) {
	d := dbtest.Open(t, "sqlite")
	inner := newRing(t)
	open(t, d.DB, inner, Config{})
	asked := &countingKEK{KEK: inner.Current}
	k := open(t, d.DB, secret.KEKRing{Current: asked}, Config{})
	before := asked.opened.Load()
	for range 3 {
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.opened.Load() - before; n != 0 {
		t.Errorf("%d more keys were opened in three reloads, want 0", n)
	}
}

type countingKEK struct {
	secret.KEK
	opened atomic.Int64
}

func (c *countingKEK) Decrypt(sealed, aad []byte) ([]byte, error) {
	c.opened.Add(1)
	return c.KEK.Decrypt(sealed, aad)
}

func TestConfigIsChecked(t *testing.T) {
	d := dbtest.Open(t, "sqlite")
	for name, cfg := range map[string]Config{
		"algorithm": {Algorithm: "HS256"},
		"negative":  {Overlap: -time.Second},
		"too short": {Active: 6 * time.Minute},
	} {
		if _, err := Open(t.Context(), d.DB, newRing(t), cfg); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	cfg, err := Config{}.withDefaults()
	if err != nil || cfg.Active != 90*24*time.Hour || cfg.Overlap != 15*time.Minute || cfg.JWKSCache != 5*time.Minute {
		t.Errorf("defaults: %+v, %v", cfg, err)
	}
}

func TestKeyringIsNotPrinted(t *testing.T) {
	d := dbtest.Open(t, "sqlite")
	k := open(t, d.DB, newRing(t), Config{})
	var secrets []string
	for _, r := range must(list(t.Context(), d.DB))(t) {
		plain := must(k.unseal(r))(t)
		secrets = append(secrets, strings.Trim(fmt.Sprint(plain[len(plain)-12:]), "[]"), hex.EncodeToString(plain[len(plain)-12:]))
	}
	view := k.view.Load()
	for _, value := range []any{view.keys, view.data, *view, k.Sealer(), k.Hasher("p"), k.Signer(), k.kek} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			out := fmt.Sprintf(verb, value)
			if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(out, s) }) {
				t.Errorf("%s of %T shows a key", verb, value)
			}
		}
	}
}
