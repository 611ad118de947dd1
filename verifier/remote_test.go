package verifier_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// issuerDouble answers for the issuer's key set. It is its own transport, so that a test in
// a synctest bubble decides how much time passes.
type issuerDouble struct {
	mu      sync.Mutex
	keys    []map[string]any
	down    bool
	fetches int
	hold    chan struct{} // when set, an answer waits for it to be closed
	last    *http.Request
}

func (d *issuerDouble) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	d.fetches++
	d.last = r
	body, down, hold := jwks(d.keys...), d.down, d.hold
	d.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if down {
		return nil, errors.New("connection refused")
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/jwk-set+json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func (d *issuerDouble) publish(keys ...map[string]any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys = keys
}

func (d *issuerDouble) setDown(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

func (d *issuerDouble) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fetches
}

// remoteTest runs a test in a bubble, where time passes only while all are waiting.
func remoteTest(t *testing.T, test func(t *testing.T, v *verifier.Verifier, d *issuerDouble)) {
	t.Helper()
	usual := es().jwk() // made outside the bubble
	synctest.Test(t, func(t *testing.T) {
		d := &issuerDouble{keys: []map[string]any{usual}}
		v, err := verifier.New(issuer, audience, verifier.WithHTTPClient(&http.Client{Transport: d}),
			verifier.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		test(t, v, d)
	})
}

// wantFetches wants n fetches since the start, once all that was begun has ended.
func wantFetches(t *testing.T, d *issuerDouble, n int) {
	t.Helper()
	synctest.Wait()
	if got := d.count(); got != n {
		t.Errorf("%d fetches, want %d", got, n)
	}
}

func unavailable(t *testing.T, v *verifier.Verifier, ctx context.Context, token string) {
	t.Helper()
	if id, err := v.Verify(ctx, token); id != nil || !errors.Is(err, verifier.ErrUnavailable) {
		t.Errorf("got %v, %v", id, err)
	}
}

func now(s signer) string { return s.good(claimsAt(time.Now())) }

func TestKeysAreFetchedWithTheFirstTokenThatNeedsThem(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		for _, nonsense := range []string{"x", "a.b.c", es().token(`{"alg":"none"}`, "{}"), strings.Repeat(".", 100_000)} {
			refused(t, v, "nonsense", nonsense, "")
		}
		wantFetches(t, d, 0)
		for range 10 {
			accepted(t, v, now(es()))
		}
		wantFetches(t, d, 1)
		if url := d.last.URL.String(); url != issuer+"/.well-known/jwks.json" {
			t.Errorf("fetched from %s", url)
		}
		if !d.last.Close {
			t.Error("the connection is kept, and with it a goroutine")
		}
	})
}

func TestManyFirstTokensCauseOneFetch(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		d.hold = make(chan struct{})
		token := now(es())
		var passed atomic.Int32
		for range 50 {
			go func() {
				if _, err := v.Verify(t.Context(), token); err == nil {
					passed.Add(1)
				}
			}()
		}
		synctest.Wait()
		close(d.hold)
		wantFetches(t, d, 1)
		if passed.Load() != 50 {
			t.Errorf("%d of 50 passed", passed.Load())
		}
	})
}

func TestKeysAreRefreshedInTheBackground(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		accepted(t, v, now(es()))
		time.Sleep(5*time.Minute - time.Millisecond)
		accepted(t, v, now(es()))
		wantFetches(t, d, 1)
		time.Sleep(time.Millisecond)
		d.hold = make(chan struct{})
		for range 10 { // nobody waits
			accepted(t, v, now(es()))
		}
		wantFetches(t, d, 2)
		close(d.hold)
		synctest.Wait()
		time.Sleep(5*time.Minute - time.Millisecond)
		accepted(t, v, now(es()))
		wantFetches(t, d, 2)
	})
}

func TestAnUnchangedSetKeepsWhatWasVerified(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		token := now(es())
		id := accepted(t, v, token)
		time.Sleep(6 * time.Minute)
		accepted(t, v, token)
		wantFetches(t, d, 2)
		if accepted(t, v, token) != id {
			t.Error("the same keys emptied the cache")
		}
		d.publish(es().jwk(), ed().jwk())
		time.Sleep(time.Minute)
		refused(t, v, "unknown key", now(newES("unknown")), "kid") // fetches
		wantFetches(t, d, 3)
		if accepted(t, v, token) == id {
			t.Error("other keys did not empty the cache")
		}
	})
}

func TestARetiredKeyIsRefusedAfterTheNextRefresh(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		token := now(es())
		accepted(t, v, token)
		d.publish(ed().jwk())
		accepted(t, v, token)
		time.Sleep(5 * time.Minute)
		accepted(t, v, token) // starts the refresh
		synctest.Wait()
		refused(t, v, "token of a retired key", token, "kid")
		accepted(t, v, now(ed()))
	})
}

func TestAReplacedKeyIsRefusedThoughItsIDStays(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		token, next := now(es()), newES(es().kid)
		accepted(t, v, token)
		d.publish(next.jwk())
		time.Sleep(5 * time.Minute)
		accepted(t, v, token) // starts the refresh
		synctest.Wait()
		refused(t, v, "token of a replaced key", token, "signature")
		accepted(t, v, now(next))
	})
}

func TestKeysAgeWhenTheClockIsSetBack(t *testing.T) {
	d, at := &issuerDouble{keys: []map[string]any{es().jwk()}}, newClock(start)
	v, err := verifier.New(issuer, audience, verifier.WithHTTPClient(&http.Client{Transport: d}), verifier.WithClock(at.Now))
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, v, es().good(claimsAt(start)))
	at.set(start.Add(-2 * time.Hour))
	accepted(t, v, es().good(claimsAt(at.Now())))
	if d.count() != 2 {
		t.Errorf("%d fetches", d.count())
	}
}

func TestANewKeyIsFoundAtOnce(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		accepted(t, v, now(es()))
		d.publish(es().jwk(), ed().jwk())
		accepted(t, v, now(ed()))
		wantFetches(t, d, 2)
	})
}

func TestUnknownKeyIDsCauseOneFetchIn30Seconds(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		stranger := newES("")
		storm := func() {
			for i := range 200 {
				stranger.kid = "made-up-" + strings.Repeat("x", i)
				token := now(stranger)
				go func() { refused(t, v, "unknown key", token, "kid: unknown") }()
			}
			synctest.Wait()
		}
		accepted(t, v, now(es()))
		storm()
		wantFetches(t, d, 2)
		time.Sleep(30*time.Second - time.Millisecond)
		storm()
		wantFetches(t, d, 2)
		time.Sleep(time.Millisecond)
		storm()
		wantFetches(t, d, 3)
		accepted(t, v, now(es()))
	})
}

func TestAnOutageStopsNobodyWhoseKeyIsKnown(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		accepted(t, v, now(es()))
		d.setDown(true)
		for range 59 {
			time.Sleep(time.Minute)
			accepted(t, v, now(es()))
			accepted(t, v, now(es()))
			refused(t, v, "an unknown key", now(newES("unknown")), "kid")
		}
		if d.count() < 50 {
			t.Errorf("only %d fetches were tried", d.count())
		}
		time.Sleep(time.Minute)
		unavailable(t, v, t.Context(), now(es())) // an hour since the last success
		d.setDown(false)
		time.Sleep(5 * time.Second)
		accepted(t, v, now(es()))
	})
}

func TestAFailedFetchIsNotRepeatedForEveryRequest(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		d.setDown(true)
		token := now(es())
		for range 100 {
			unavailable(t, v, t.Context(), token)
		}
		wantFetches(t, d, 1)
		time.Sleep(5*time.Second - time.Millisecond)
		unavailable(t, v, t.Context(), token)
		wantFetches(t, d, 1)
		d.setDown(false)
		time.Sleep(time.Millisecond)
		accepted(t, v, token)
		wantFetches(t, d, 2)
	})
}

func TestASetFetchedForAnUnknownKeyIDIsNotFetchedAgainForIt(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		refused(t, v, "unknown key", now(newES("unknown")), "kid: unknown")
		wantFetches(t, d, 1)
	})
}

func TestASlowIssuerIsWaitedForTenSeconds(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		d.hold = make(chan struct{}) // for ever
		begin := time.Now()
		unavailable(t, v, t.Context(), now(es()))
		if waited := time.Since(begin); waited != 10*time.Second {
			t.Errorf("waited %v", waited)
		}
	}) // and the bubble ends only because no goroutine is left
}

func TestACallerWhoGivesUpDisturbsNobody(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		d.hold = make(chan struct{})
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		token := now(es())
		patient := make(chan error)
		go func() {
			_, err := v.Verify(hasty, token)
			if !errors.Is(err, verifier.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the hasty one got %v", err)
			}
		}()
		synctest.Wait()
		go func() {
			_, err := v.Verify(t.Context(), token)
			patient <- err
		}()
		time.Sleep(2 * time.Second)
		close(d.hold)
		if err := <-patient; err != nil {
			t.Errorf("the patient one got %v", err)
		}
		wantFetches(t, d, 1)
	})
}

func TestATokenThatExpiresDuringTheFetchIsRefused(t *testing.T) {
	remoteTest(t, func(t *testing.T, v *verifier.Verifier, d *issuerDouble) {
		d.hold = make(chan struct{})
		token := es().good(claimsAt(time.Now()).with("exp", time.Now().Unix()+2))
		time.AfterFunc(3*time.Second, func() { close(d.hold) })
		refused(t, v, "expired meanwhile", token, "exp: expired")
	})
}

func TestAnUnusableAnswerIsNoKeySet(t *testing.T) {
	good := jwks(es().jwk())
	for name, answer := range map[string]http.HandlerFunc{
		"500":          func(w http.ResponseWriter, _ *http.Request) { reply(w, 500, "application/json", good) },
		"204":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"404":          func(w http.ResponseWriter, _ *http.Request) { reply(w, 404, "application/json", good) },
		"203":          func(w http.ResponseWriter, _ *http.Request) { reply(w, 203, "application/json", good) },
		"HTML":         func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, "text/html", "<p>Sign in</p>") },
		"keys as HTML": func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, "text/html", good) },
		"HTML as keys": func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, "application/json", "<p>Sign in</p>") },
		"nothing":      func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, "application/json", "") },
		"no keys":      func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, "application/json", `{"keys":[]}`) },
		"huge": func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, "application/json", good+strings.Repeat(" ", 1<<20))
		},
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9999")
			reply(w, 200, "application/json", good)
		},
		"a dead socket": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		server := httptest.NewServer(answer)
		unavailable(t, verifierOf(t, server), t.Context(), now(es()))
		server.Close()
		if t.Failed() {
			t.Fatalf("with %s", name)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		reply(w, 200, "application/json", jwks(es().jwk()))
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		unavailable(t, verifierOf(t, server), t.Context(), now(es()))
		server.Close()
	}
	if asked.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestKeysAreFetchedOverTheNetwork(t *testing.T) {
	for _, kind := range []string{"application/json", "application/json; charset=utf-8", "application/jwk-set+json"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/auth/.well-known/jwks.json" {
				t.Errorf("asked for %s", r.URL)
			}
			reply(w, 200, kind, jwks(es().jwk()))
		}))
		v, err := verifier.New(server.URL+"/api/auth", audience, verifier.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		accepted(t, v, es().good(claimsAt(time.Now()).with("iss", server.URL+"/api/auth")))
		server.Close()
	}
}

func TestFailedFetchesAreLogged(t *testing.T) {
	var log bytes.Buffer
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	token := now(es())
	unavailable(t, verifierOf(t, server, verifier.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))), t.Context(), token)
	if !strings.Contains(log.String(), "status 404") || strings.Contains(log.String(), token[:20]) {
		t.Errorf("logged %q", log.String())
	}
}

func verifierOf(t *testing.T, server *httptest.Server, opts ...verifier.Option) *verifier.Verifier {
	t.Helper()
	v, err := verifier.New(issuer, audience, append([]verifier.Option{
		verifier.WithJWKSURL(server.URL), verifier.WithLogger(slog.New(slog.DiscardHandler)),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func reply(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}
