package password_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

func newHasher(t testing.TB, c password.HasherConfig) *password.Hasher {
	t.Helper()
	h, err := password.NewHasher(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hash(t testing.TB, h *password.Hasher, pw string) string {
	t.Helper()
	stored, err := h.Hash(t.Context(), pw)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func verify(t testing.TB, h *password.Hasher, stored, pw string) password.Result {
	t.Helper()
	r, err := h.Verify(t.Context(), stored, pw)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHashVerifiesOnlyItsPassword(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	const pw = "correct horse battery"
	stored := hash(t, h, pw)
	if !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("not argon2id with the default parameters")
	}
	if hash(t, h, pw) == stored {
		t.Error("two hashes of one password are equal: no fresh salt")
	}
	if got := verify(t, h, stored, pw); !got.OK || got.Upgrade {
		t.Errorf("the right password: %+v", got)
	}
	for name, twin := range map[string]string{
		"case":           "Correct horse battery",
		"trailing blank": pw + " ",
		"leading blank":  " " + pw,
		"NUL":            pw + "\x00",
		"cut":            pw[:len(pw)-1],
		"empty":          "",
	} {
		if got := verify(t, h, stored, twin); got.OK || got.Upgrade {
			t.Errorf("%s twin: %+v", name, got)
		}
	}
}

func TestOwnHashIsOverTheNormalisedPassword(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	stored := hash(t, h, "Zu\u0308rich\u00a0ﬁne") // decomposed ü, no-break space, ligature
	if !verify(t, h, stored, "Z\u00fcrich fine").OK {
		t.Error("the same text typed on another keyboard is refused")
	}
}

func TestLongPasswordsAreVerifiedWhole(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	for _, long := range []string{
		strings.Repeat("a", 64), strings.Repeat("a", 128), strings.Repeat("a", 256), strings.Repeat("a", 1024),
		strings.Repeat("ü", 64), strings.Repeat("界", 128), strings.Repeat("🔑", 256),
	} {
		stored := hash(t, h, long)
		if !verify(t, h, stored, long).OK {
			t.Errorf("%d bytes: refused", len(long))
		}
		last := []rune(long)
		last[len(last)-1]++
		if verify(t, h, stored, string(last)).OK {
			t.Errorf("%d bytes: the last character does not count", len(long))
		}
	}
}

func TestHashRefusesWhatCanNeverVerify(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	for name, pw := range map[string]string{
		"empty": "", "1025 bytes": strings.Repeat("a", 1025), "NUL": "long enough\x00", "not UTF-8": "long enough\xff",
	} {
		if _, err := h.Hash(t.Context(), pw); !errors.Is(err, password.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOtherParametersAreUpgradedOnlyForTheRightPassword(t *testing.T) {
	old := newHasher(t, password.HasherConfig{})
	current := newHasher(t, password.HasherConfig{Params: password.Params{MemoryKiB: 19 << 10, Time: 3, Threads: 1}})
	stored := hash(t, old, "correct horse battery")
	if got := verify(t, current, stored, "correct horse battery"); !got.OK || !got.Upgrade {
		t.Errorf("right password, old parameters: %+v", got)
	}
	if got := verify(t, current, stored, "wrong horse battery"); got.OK || got.Upgrade {
		t.Errorf("wrong password, old parameters: %+v", got)
	}
	if got := verify(t, current, hash(t, current, "correct horse battery"), "correct horse battery"); !got.OK || got.Upgrade {
		t.Errorf("after the upgrade: %+v", got)
	}
}

func TestDamagedStoredHashIsAnInternalError(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	for _, stored := range []string{
		"x", "correct horse battery", "imported:", "imported:imported:$1$abcd$XaCvgisE4eBk0wQa2Zjv6.",
		"$1$abcd$XaCvgisE4eBk0wQa2Zjv6.", // imported, but its mark is lost
		"imported:$2b$31$abcdefghijklmnopqrstuudiTfhLKcnsbvqtMwAdv3OL6eyERax.a",
		"$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		got, err := h.Verify(t.Context(), stored, "correct horse battery")
		if err == nil || got.OK {
			t.Errorf("%q: accepted", stored)
		}
		if _, ok := fault.From(err); ok {
			t.Errorf("%q: %v tells the caller to act", stored, err)
		}
	}
}

// allocated returns the bytes that fn allocates. An argon2 hash allocates its memory cost,
// which makes its parameters visible without measuring time.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestEveryFailureCostsTheConfiguredHash(t *testing.T) {
	const memory = 40 << 20
	h := newHasher(t, password.HasherConfig{Params: password.Params{MemoryKiB: memory >> 10, Time: 2, Threads: 1}})
	stored := hash(t, h, "correct horse battery")
	for name, fn := range map[string]func(){
		"wrong password":   func() { verify(t, h, stored, "wrong horse battery") },
		"unusable account": func() { verify(t, h, "", "wrong horse battery") },
		"empty password":   func() { verify(t, h, stored, "") },
		"malformed":        func() { verify(t, h, stored, "\xff\x00") },
		"too long":         func() { verify(t, h, stored, strings.Repeat("a", 2000)) },
		"missing account": func() {
			if err := h.VerifyNothing(t.Context(), "wrong horse battery"); err != nil {
				t.Error(err)
			}
		},
	} {
		if got := allocated(fn); got < memory || got > memory*5/4 {
			t.Errorf("%s: %d KiB of memory cost, want about %d", name, got>>10, memory>>10)
		}
	}
}

func TestUnusablePasswordNeverVerifies(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	for _, pw := range []string{"", "x", "correct horse battery"} {
		if got := verify(t, h, "", pw); got.OK || got.Upgrade {
			t.Errorf("%q opens an account without a password", pw)
		}
	}
}

func TestNewHasherComputesNoHash(t *testing.T) {
	if got := allocated(func() { newHasher(t, password.HasherConfig{}) }); got > 1<<20 {
		t.Errorf("construction allocates %d KiB", got>>10)
	}
}

func TestNewHasherReportsEveryProblemAtOnce(t *testing.T) {
	_, err := password.NewHasher(password.HasherConfig{
		Params: password.Params{MemoryKiB: 1, Time: 1, Threads: 1}, Slots: -1, Queue: 10_001, Wait: -time.Second,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"MemoryKiB", "Time", "Slots", "Queue", "Wait"} {
		if !strings.Contains(err.Error(), field+":") {
			t.Errorf("%s is not reported in %q", field, err)
		}
	}
}

func TestHasherKeepsToItsSlotsUnderLoad(t *testing.T) {
	h := newHasher(t, password.HasherConfig{Slots: 2, Queue: 2, Wait: time.Minute})
	var wg sync.WaitGroup
	results := make(chan error, 12)
	for range cap(results) {
		wg.Go(func() { results <- h.VerifyNothing(context.Background(), "correct horse battery") })
	}
	wg.Wait()
	close(results)
	served := 0
	for err := range results {
		switch {
		case err == nil:
			served++
		case !errors.Is(err, password.ErrBusy):
			t.Error(err)
		}
	}
	stats := h.Stats()
	if served < 4 || uint64(served)+stats.Refused != 12 {
		t.Errorf("%d served, %d refused", served, stats.Refused)
	}
	if stats.InFlight != 0 || stats.Waiting != 0 || stats.Slots != 2 || stats.HashTime <= 0 {
		t.Errorf("after the load: %+v", stats)
	}
}

func TestEachHashIsAnnouncedInItsSlot(t *testing.T) {
	var under, most, begun atomic.Int64
	h := newHasher(t, password.HasherConfig{Slots: 2, Wait: time.Minute, Around: func() func() {
		begun.Add(1)
		if n := under.Add(1); n > most.Load() {
			most.Store(n)
		}
		return func() { under.Add(-1) }
	}})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := h.VerifyNothing(t.Context(), "correct horse battery"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	hash(t, h, "correct horse battery")
	if begun.Load() != 7 || under.Load() != 0 || most.Load() > 2 {
		t.Errorf("%d hashes of 7 announced, %d did not end, %d at once in 2 slots", begun.Load(), under.Load(), most.Load())
	}
}

func TestPanicAroundAHashKeepsNoSlot(t *testing.T) {
	for name, around := range map[string]func() func(){
		"before": func() func() { panic("before") }, "after": func() func() { return func() { panic("after") } },
	} {
		h := newHasher(t, password.HasherConfig{Slots: 1, Around: around})
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			_ = h.VerifyNothing(t.Context(), "correct horse battery")
		}()
		if s := h.Stats(); s.InFlight != 0 {
			t.Errorf("%s: %d hashes under way", name, s.InFlight)
		}
	}
}

func TestVerifyReturnsTheCallersContextError(t *testing.T) {
	h := newHasher(t, password.HasherConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "correct horse battery"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash: %v", err)
	}
	if err := h.VerifyNothing(ctx, "correct horse battery"); !errors.Is(err, context.Canceled) {
		t.Errorf("VerifyNothing: %v", err)
	}
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(b, password.HasherConfig{})
	b.ReportAllocs()
	for b.Loop() {
		hash(b, h, "correct horse battery")
	}
}
