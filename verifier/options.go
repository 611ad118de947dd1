package verifier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
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
	remote    bool             // an option about fetching keys was given
	lookUp    PermissionLookup // nil: there is none
	lookUpAt  string           // or the address to ask
	now       func() time.Time
	cacheSize int
	logger    *slog.Logger
}

func (s *settings) check() error {
	if slices.Contains(s.audiences, "") {
		return errors.New("audience: must not be empty")
	}
	if s.local != nil && (s.remote || s.client != nil && s.lookUpAt == "") {
		return errors.New("WithKeySet: leaves nothing for WithJWKSURL and WithHTTPClient to do")
	}
	if s.lookUp != nil && s.lookUpAt != "" {
		return errors.New("WithPermissionLookup: leaves nothing for WithPermissionsFrom to do")
	}
	return nil
}

func (s *settings) source() keySource {
	if s.local != nil {
		return local(s.local)
	}
	return newRemote(s.jwksURL, s.ownClient(), s.logger)
}

func (s *settings) lookup() PermissionLookup {
	if s.lookUpAt != "" {
		return permissionsFrom(s.lookUpAt, s.ownClient())
	}
	return s.lookUp
}

// ownClient is a copy of the client that follows no redirect.
func (s *settings) ownClient() *http.Client {
	own := *cmp.Or(s.client, &http.Client{})
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
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

// WithHTTPClient fetches keys, and permissions where [WithPermissionsFrom] is given, through
// client: its transport, proxy and certificates. The client is copied, and the copy follows
// no redirect.
func WithHTTPClient(client *http.Client) Option {
	return func(s *settings) error {
		s.client = client
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

// WithPermissionLookup finds permissions of tokens that have too many to carry them. Without
// it, [Permission] and [AnyPermission] refuse such tokens.
func WithPermissionLookup(find PermissionLookup) Option {
	return func(s *settings) error {
		s.lookUp = find
		return wantSet("WithPermissionLookup", find != nil)
	}
}

// WithPermissionsFrom is a [WithPermissionLookup] that asks the Gatehouse at url, which is the
// issuer or the address that this service reaches it by, with the caller's own token:
// GET {url}/tenants/{tenant_id}/permissions/. It asks once for each token, for 10 seconds at
// most. The same rule holds as for the issuer: https, or loopback.
func WithPermissionsFrom(url string) Option {
	return func(s *settings) error {
		s.lookUpAt = strings.TrimSuffix(url, "/")
		if err := checkURL("WithPermissionsFrom", url); err != nil {
			return err
		}
		if strings.Contains(url, "?") {
			return errors.New("WithPermissionsFrom: must have no query")
		}
		return nil
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
