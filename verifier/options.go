package verifier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"
)

// Sizes of the cache of verified tokens, in tokens. See [WithCacheSize].
const (
	DefaultCacheSize = 4096
	maxCacheSize     = 1 << 20
)

// Option changes what [New] makes. The defaults are the safe choice.
type Option func(*settings) error

type settings struct {
	audiences []string
	jwksURL   string
	client    *http.Client
	local     func() *KeySet
	remote    bool // an option about fetching was given
	now       func() time.Time
	cacheSize int
	logger    *slog.Logger
}

func (s *settings) check() error {
	if slices.Contains(s.audiences, "") {
		return errors.New("audience: must not be empty")
	}
	if s.local != nil && s.remote {
		return errors.New("WithKeySet: leaves nothing for WithJWKSURL and WithHTTPClient to do")
	}
	return nil
}

func (s *settings) source() keySource {
	if s.local != nil {
		return local(s.local)
	}
	return newRemote(s.jwksURL, cmp.Or(s.client, &http.Client{}), s.logger)
}

// WithAudiences accepts tokens for these audiences too. Any one in the token is enough;
// the condition [Audience] tells them apart again.
func WithAudiences(more ...string) Option {
	return func(s *settings) error {
		s.audiences = append(s.audiences, more...)
		return nil
	}
}

// WithJWKSURL names where the issuer's keys are fetched, for a service that reaches the
// issuer by another address. The same rule holds as for the issuer: https, or loopback.
func WithJWKSURL(url string) Option {
	return func(s *settings) error {
		s.jwksURL, s.remote = url, true
		return checkURL("WithJWKSURL", url)
	}
}

// WithHTTPClient fetches keys through client: its transport, proxy and certificates. The
// client is copied, and the copy follows no redirect.
func WithHTTPClient(client *http.Client) Option {
	return func(s *settings) error {
		s.client, s.remote = client, true
		return wantSet("WithHTTPClient", client != nil)
	}
}

// WithKeySet takes the keys from the process itself, which then fetches nothing. current
// is asked at every check, by many goroutines at once, and must be quick. It returns the
// same pointer for as long as the set is the same: a new pointer empties the caches. Nil
// means that there are no keys now, and every token is answered with [ErrUnavailable].
func WithKeySet(current func() *KeySet) Option {
	return func(s *settings) error {
		s.local = current
		return wantSet("WithKeySet", current != nil)
	}
}

// WithClock tells the time instead of [time.Now]: for expiry, for the age of keys, and for
// [FreshWithin]. Only the network time-outs of a fetch stay with the machine's clock. It is
// called by many goroutines at once.
func WithClock(now func() time.Time) Option {
	return func(s *settings) error {
		s.now = now
		return wantSet("WithClock", now != nil)
	}
}

// WithCacheSize bounds how many verified tokens are remembered, instead of
// [DefaultCacheSize]; it is rounded up to a power of two. An entry takes about three times
// its token's length, commonly 2 kB; a token of 8 KiB that is all permissions takes 100 kB.
func WithCacheSize(tokens int) Option {
	return func(s *settings) error {
		s.cacheSize = tokens
		if tokens < ways || tokens > maxCacheSize {
			return fmt.Errorf("WithCacheSize: must be from %d to %d", ways, maxCacheSize)
		}
		return nil
	}
}

// WithLogger logs to logger instead of [slog.Default]: at debug level why a token was
// refused, at warning and error level what stands in the way of checking. Nothing logged
// holds any part of a token.
func WithLogger(logger *slog.Logger) Option {
	return func(s *settings) error {
		s.logger = logger
		return wantSet("WithLogger", logger != nil)
	}
}

func wantSet(option string, set bool) error {
	if !set {
		return fmt.Errorf("%s: must not be nil", option)
	}
	return nil
}

// local is the process itself as the source of keys.
type local func() *KeySet

func (l local) current(time.Time) *KeySet { return l() }

// renew never finds more: what the process knows, current has already returned.
func (l local) renew(_ context.Context, _ time.Time, have *KeySet) (*KeySet, error) {
	if have == nil {
		return nil, ErrUnavailable.Wrap(reason("the process has no keys"))
	}
	return have, nil
}
