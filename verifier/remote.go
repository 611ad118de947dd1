package verifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// How keys are fetched. The package comment states these.
const (
	freshFor        = 5 * time.Minute  // a set is used without a thought
	usableFor       = time.Hour        // and in an outage, counted from the last success
	unknownInterval = 30 * time.Second // between fetches for the sake of an unknown key id
	retryInterval   = 5 * time.Second  // from a failed fetch to the next
	fetchTimeout    = 10 * time.Second // of one fetch, the machine's time
	maxJWKS         = 64 << 10         // bytes of one answer
)

// remote is the issuer's JWK Set as the source of keys. Asking for the current set takes
// one atomic load while it is fresh.
type remote struct {
	url    string
	client *http.Client
	logger *slog.Logger

	held atomic.Pointer[fetched] // the last success; nil before the first

	mu       sync.Mutex
	running  *flight   // the one fetch under way, nil when there is none
	failed   *flight   // the last fetch that failed
	unknowns time.Time // when an unknown key id last caused a fetch
}

// fetched is a key set and when it was asked for. A later answer that holds the same keys
// brings a new time and the old pointer, so what was verified under it stays so.
type fetched struct {
	set *KeySet
	at  time.Time
}

// flight is one fetch. err may be read once done is closed.
type flight struct {
	started time.Time
	done    chan struct{}
	err     error
}

func newRemote(url string, client *http.Client, logger *slog.Logger) *remote {
	return &remote{url: url, client: client, logger: logger}
}

func (r *remote) current(now time.Time) *KeySet {
	h := r.held.Load()
	if h == nil {
		return nil
	}
	age := distance(now, h.at)
	if age < freshFor {
		return h.set
	}
	r.refresh(now)
	if age < usableFor {
		return h.set
	}
	return nil
}

// distance is how far apart two times are. A clock that was set back ages keys as well.
func distance(a, b time.Time) time.Duration { return a.Sub(b).Abs() }

// refresh starts a fetch, unless one is under way or the last one failed just now, and
// returns the one whose outcome counts. It returns nil where the set held is fresh: then
// another request has been quicker.
func (r *remote) refresh(now time.Time) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := r.held.Load(); h != nil && distance(now, h.at) < freshFor {
		return nil
	}
	if r.running == nil && r.failed != nil && distance(now, r.failed.started) < retryInterval {
		return r.failed
	}
	return r.start(now)
}

// lookAgain starts a fetch for the sake of an unknown key id, unless one is under way. It
// returns nil where the last such fetch is too recent: strangers make up key ids for free.
func (r *remote) lookAgain(now time.Time) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == nil {
		if !r.unknowns.IsZero() && distance(now, r.unknowns) < unknownInterval {
			return nil
		}
		r.unknowns = now
	}
	return r.start(now)
}

// start returns the fetch under way, or a new one. The caller holds mu.
func (r *remote) start(now time.Time) *flight {
	if r.running == nil {
		r.running = &flight{started: now, done: make(chan struct{})}
		go r.fly(r.running)
	}
	return r.running
}

func (r *remote) renew(ctx context.Context, now time.Time, have *KeySet) (*KeySet, error) {
	ask := r.refresh
	if have != nil {
		ask = r.lookAgain
	}
	if f := ask(now); f != nil {
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ErrUnavailable.Wrap(fmt.Errorf("keys: waiting for them: %w", ctx.Err()))
		}
		if f.err != nil && have == nil {
			return nil, ErrUnavailable.Wrap(f.err)
		}
	}
	// Where looking again failed, what is held is all there is to know, and the id is not in it.
	return r.held.Load().set, nil
}

// fly runs one fetch. It is nobody's request: whoever asked for it may give up, and others
// still get the answer.
func (r *remote) fly(f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	set, err := r.fetch(ctx)
	if err == nil {
		if h := r.held.Load(); h != nil && h.set.equal(set) {
			set = h.set
		}
		r.held.Store(&fetched{set: set, at: f.started})
	} else {
		f.err = fmt.Errorf("keys: %w", err)
		r.logger.LogAttrs(ctx, slog.LevelWarn, "verifier: can't fetch the issuer's keys", slog.Any("error", err))
	}
	r.mu.Lock()
	r.running = nil
	if err != nil {
		r.failed = f
	}
	r.mu.Unlock()
	close(f.done)
}

// fetch gets the key set.
func (r *remote) fetch(ctx context.Context) (*KeySet, error) {
	body, err := getJSON(ctx, r.client, r.url, "", maxJWKS)
	if err != nil {
		return nil, err
	}
	return ParseKeySet(body)
}

// statusError is an answer of another status than 200.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

// getJSON reads an answer in JSON of at most so many bytes; where there is a token, the request carries it. The connection is
// closed with the answer: the next request is minutes away, and nothing is to be left running until then.
func getJSON(ctx context.Context, client *http.Client, url, token string, most int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read as far as it matters
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp.StatusCode)
	}
	switch kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind {
	case "application/json", "application/jwk-set+json":
	default:
		return nil, errors.New("the answer is not JSON")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(body) > most {
		return nil, fmt.Errorf("the answer is longer than %d bytes", most)
	}
	return body, nil
}
