package survive

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// audienceOf is the default audience.
const audienceOf = origin

// verifierOf is a service that verifies tokens with keys it fetches from one server.
func verifierOf(t testing.TB, one *server, now func() time.Time) *verifier.Verifier {
	t.Helper()
	v, err := verifier.New(origin+"/api/auth", audienceOf, verifier.WithHTTPClient(one.client), verifier.WithClock(now), verifier.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// keepsKeysOf is the same with a plain library, which keeps the keys for as long as it may and asks
// for no others meanwhile, whatever key a token names.
func keepsKeysOf(t testing.TB, one *server, now func() time.Time) *verifier.Verifier {
	t.Helper()
	var mu sync.Mutex
	var set *verifier.KeySet
	var until time.Time
	v, err := verifier.New(origin+"/api/auth", audienceOf, verifier.WithClock(now), verifier.WithKeySet(func() *verifier.KeySet {
		mu.Lock()
		defer mu.Unlock()
		if now().Before(until) {
			return set
		}
		a := one.call("GET", "/api/auth/.well-known/jwks.json", nil)
		fresh, err := verifier.ParseKeySet(a.body)
		if err != nil {
			t.Errorf("the published keys: %v: %v", a, err)
		}
		set, until = fresh, now().Add(a.maxAge)
		return set
	}))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// kid returns the header of a token, which names its key.
func kid(token string) string {
	head, _, _ := strings.Cut(token, ".")
	return head
}

// A signing key is replaced beside three servers under load: no service that keeps the published
// keys for as long as it may ever fails to verify a good token, old or new.
func TestKeyRotationFailsNoVerification(t *testing.T) {
	s := newSite(t, "postgres", 3, generous...)
	s.any(0).account("ada@example.com", password(1))
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	before := s.any(0).signIn("ada@example.com", password(1))
	var services []*verifier.Verifier
	for _, one := range s.servers {
		services = append(services, verifierOf(t, one, now), keepsKeysOf(t, one, now))
	}
	for _, v := range services { // they know the keys from before
		if _, err := v.Verify(t.Context(), before.Access); err != nil {
			t.Error(err)
		}
	}
	s.mustRun("", "keys", "rotate", "sign")

	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	var kids sync.Map
	for i := range s.servers {
		p := s.any(i).signIn("ada@example.com", password(1))
		work.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				var a answer
				if p, a = s.any(n).refresh(p.Refresh); a.status != http.StatusOK {
					t.Errorf("refresh answered %v", a)
					return
				}
				kids.Store(kid(p.Access), true)
				for _, v := range services {
					if _, err := v.Verify(context.Background(), p.Access); err != nil {
						t.Errorf("a good token: %v", err)
					}
				}
			}
		})
	}
	step := func(d time.Duration) {
		s.advance(d)
		ahead.Add(int64(d))
		time.Sleep(100 * time.Millisecond) // for the load to go on at this time
	}
	for range 12 { // the key is used after 6 minutes; tokens live for 10
		step(40 * time.Second)
		if _, err := verifierOf(t, s.any(1), now).Verify(t.Context(), before.Access); err != nil {
			t.Errorf("an old token before its expiry: %v", err)
		}
		if a := s.any(2).get("/me/", before.Access); a.status != http.StatusOK {
			t.Errorf("me answered %v", a)
		}
	}
	for range 4 { // past the old token's expiry
		step(40 * time.Second)
	}
	if _, err := services[0].Verify(t.Context(), before.Access); err == nil {
		t.Error("an expired token is good")
	}
	stop()
	work.Wait()
	n := 0
	kids.Range(func(any, any) bool { n++; return true })
	if n != 2 {
		t.Errorf("the load saw %d keys, want the old and the new one", n)
	}
	stolenKey(t, s, now, step)
	s.calm()
}

// keysAreRead is longer than the time in which every server reads the keys again.
const keysAreRead = 11 * time.Second

// stolenKey replaces the signing key at once: what the former one signed is refused as soon as
// servers and services have heard of it.
func stolenKey(t *testing.T, s *site, now func() time.Time, step func(time.Duration)) {
	t.Helper()
	stolen := s.any(0).signIn("ada@example.com", password(1))
	service := verifierOf(t, s.any(1), now)
	if _, err := service.Verify(t.Context(), stolen.Access); err != nil {
		t.Fatal(err)
	}
	s.mustRun("", "keys", "rotate", "sign", "--now")
	step(keysAreRead)
	p := stolen
	for i := range s.servers {
		await(t, "a server to follow", func() bool { return s.any(i).get("/me/", stolen.Access).is(http.StatusUnauthorized, "token_invalid") })
		var a answer
		if p, a = s.any(i).refresh(p.Refresh); a.status != http.StatusOK {
			t.Fatalf("refresh answered %v", a)
		}
		if _, err := service.Verify(t.Context(), p.Access); err != nil || kid(p.Access) == kid(stolen.Access) {
			t.Errorf("a token after the change, of a new key: %v: %v", kid(p.Access) != kid(stolen.Access), err)
		}
	}
	if _, err := service.Verify(t.Context(), stolen.Access); err == nil {
		t.Error("a service that knows the new key takes what the stolen one signed")
	}
	s.mustRun("", "keys", "rotate", "refresh", "--now")
	step(keysAreRead)
	for i := range s.servers {
		await(t, "a server to follow", func() bool {
			_, a := s.any(i).refresh(p.Refresh)
			return a.is(http.StatusUnauthorized, "refresh_rejected")
		})
	}
}
