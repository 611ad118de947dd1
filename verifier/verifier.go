// Package verifier checks the access tokens of a Gatehouse (RFC 9068, at+jwt).
//
// # What to use first
//
// Make one [Verifier] when the service starts, and put [Verifier.Require] around
// what is to be protected. The handler finds out who is calling with [FromContext]:
//
//	v, err := verifier.New("https://id.example.com/api/auth", "https://notes.example.com")
//	…
//	mux.Handle("POST /tenants/{tenant}/notes", v.Require(createNote,
//		verifier.Tenant(verifier.FromPath("tenant")), verifier.Permission("notes.write")))
//
// Where there is no http.Handler to wrap, [Verifier.Check] does the same to a request,
// and [Verifier.Verify] to a bare token; [WriteError] writes their refusals. Tests of a
// handler put an identity into its context with [NewContext].
//
// Where a service has tenants, say which one a request is about ([Tenant], with [FromPath],
// [FromHeader] or [FromHost]), then which [Role], then which [Permission]: conditions are asked
// in the order they are written. Permissions that are too many for a token are looked up where
// [WithPermissionsFrom] or [WithPermissionLookup] says how, and are refused otherwise.
//
// A check is stateless: it proves that the issuer made the token, for this service, and
// that its time has not run out. A session that ends refuses its refresh token at once,
// but its last access token passes here until it expires, minutes later. Nothing but the
// token lets anybody in: no address, no host name, no cookie.
//
// # Key management
//
// [New] does no I/O. The first token fetches {issuer}/.well-known/jwks.json; [WithJWKSURL]
// names another address. A key set is fresh for 5 minutes. After that it is fetched again
// in the background while the old one serves, for at most an hour since the last success,
// so an outage of the issuer stops nobody whose token has not expired. A token that names
// an unknown key makes the verifier look again, at most once in 30 seconds. There is one
// fetch at a time, it lasts 10 seconds at most, follows no redirect, reads no more than
// 64 KiB, and is the only goroutine this package starts. No key ever comes from a token.
// The algorithm is the key's, never the token's: ES256, EdDSA (Ed25519) or RS256 (RSA of
// 2048 bits or more).
//
// Memory is bounded: keys, one answer per token seen lately ([WithCacheSize]) and with it the
// permissions that were looked up for it, nothing else.
//
// # Compatibility
//
// The package imports the standard library only. Exported names, error codes and the
// statuses they are answered with stay what they are within a major version. What is
// refused may grow: a token that Gatehouse itself makes will always pass, one that merely
// happened to pass may not. Reasons in the text of errors are for people and may change.
package verifier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
)

// Verifier checks access tokens of one issuer. Make it with [New]; it is safe for
// concurrent use, and there should be one per service, because it holds the caches.
type Verifier struct {
	issuer    string
	audiences []string
	keys      keySource
	seen      *cache
	lookUp    PermissionLookup // nil: there is none
	now       func() time.Time
	logger    *slog.Logger
}

// keySource is where the keys come from: the issuer's JWK Set, or the process itself.
type keySource interface {
	// current returns the set to use at now without waiting, nil when there is none.
	current(now time.Time) *KeySet
	// renew waits for a set that may hold more than have, which is nil when current had
	// none. Where asking again is of no use yet, it returns what there is. Only ctx and the
	// source's own time-out end the wait.
	renew(ctx context.Context, now time.Time, have *KeySet) (*KeySet, error)
}

// New returns a Verifier for the tokens that issuer makes for audience. Both are compared
// as exact strings with the claims iss and aud. It checks its arguments, all of them at
// once, and does no I/O.
//
// issuer is an absolute https URL (http for loopback hosts only) without query, fragment
// or trailing slash: a Gatehouse's public URL and mount path.
func New(issuer, audience string, opts ...Option) (*Verifier, error) {
	s := settings{
		audiences: []string{audience},
		jwksURL:   issuer + "/.well-known/jwks.json",
		now:       time.Now,
		cacheSize: DefaultCacheSize,
		logger:    slog.Default(),
	}
	problems := []error{checkURL("issuer", issuer)}
	if strings.HasSuffix(issuer, "/") || strings.Contains(issuer, "?") {
		problems = append(problems, errors.New("issuer: must have no query and no trailing slash"))
	}
	for _, option := range opts {
		if option == nil {
			problems = append(problems, errors.New("a nil option"))
			continue
		}
		problems = append(problems, option(&s))
	}
	problems = append(problems, s.check())
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	return &Verifier{
		issuer:    issuer,
		audiences: s.audiences,
		keys:      s.source(),
		seen:      newCache(s.cacheSize),
		lookUp:    s.lookup(),
		now:       s.now,
		logger:    s.logger,
	}, nil
}

// checkURL wants an absolute https URL, or http on a loopback host: whoever can change
// the keys on their way here can sign in as anybody.
func checkURL(what, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Contains(text, "#") {
		return fmt.Errorf("%s: must be an absolute URL without user and fragment", what)
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return fmt.Errorf("%s: must be https (http for loopback hosts only)", what)
	}
	return nil
}

// Verify checks an access token and returns who it speaks for. The identity is shared with
// other calls and must not be changed.
//
// The errors are [ErrTokenMissing] for an empty token, [ErrUnavailable] when there are no
// keys to check it with, and [ErrTokenInvalid], which holds the precise reason for the log
// and no part of the token. ctx bounds the wait for keys; cancelling it disturbs no other call.
func (v *Verifier) Verify(ctx context.Context, token string) (*Identity, error) {
	if token == "" {
		return nil, ErrTokenMissing
	}
	if len(token) > maxToken {
		return nil, invalid("longer than 8 KiB")
	}
	now := v.now()
	set := v.keys.current(now)
	hash := v.seen.hash(token)
	if id := v.seen.find(hash, token, set, now); id != nil {
		return id, nil
	}
	entry, err := v.verify(ctx, token, set, now)
	if err != nil {
		return nil, err
	}
	entry.hash = hash
	v.seen.add(entry, now)
	return &entry.id, nil
}

// verify is the whole check, and returns what the cache is to remember of it. The signature
// comes before anything that the payload says.
func (v *Verifier) verify(ctx context.Context, token string, set *KeySet, now time.Time) (*seen, error) {
	parts, err := split(token)
	if err != nil {
		return nil, err
	}
	k := set.remembered(parts.header)
	known := k != nil
	if !known {
		var h header
		if h, err = parseHeader(parts.header); err != nil {
			return nil, err
		}
		if set, k, err = v.find(ctx, h, set, now); err != nil {
			return nil, err
		}
		now = v.now() // find may have waited
	}
	text := []byte(token)
	if !k.verify(text[:parts.signed], parts.signature) {
		return nil, invalid("signature: wrong")
	}
	if !known {
		set.remember(parts.header, k)
	}
	payload, ok := decode(parts.payload)
	if !ok {
		return nil, invalid("payload: not base64url")
	}
	entry := &seen{token: text, keys: set}
	return entry, v.identify(&entry.id, payload, now)
}

// find returns the key that the header names, asking the source again at most once.
func (v *Verifier) find(ctx context.Context, h header, set *KeySet, now time.Time) (*KeySet, *key, error) {
	k := set.key(h.kid)
	if k == nil {
		var err error
		if set, err = v.keys.renew(ctx, now, set); err != nil {
			return nil, nil, err
		}
		k = set.key(h.kid)
	}
	switch {
	case k == nil:
		return nil, nil, invalid("kid: unknown")
	case k.algorithm != h.alg:
		return nil, nil, invalid("alg: not the key's")
	}
	return set, k, nil
}
