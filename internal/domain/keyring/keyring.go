// Package keyring owns the keys: it makes them, keeps them sealed in the database, rotates
// them with overlap, and hands out what works with them.
//
// A key of purpose sign is a private key whose public half is published as a JWK Set;
// keys of the other purposes are 32 random bytes. All are sealed by the key-encryption key,
// which does nothing else. Instances share the table: any may rotate, and each reads it
// again every few seconds. Who may rotate, and what is written about it, is the caller's.
package keyring

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jose"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Purpose is what a key is for. No key serves two.
type Purpose string

// The purposes there are. Each has at least one key at any time.
const (
	Sign    Purpose = "sign"    // access tokens
	Refresh Purpose = "refresh" // the MAC of refresh tokens
	Hash    Purpose = "hash"    // random tokens, hashed for storage
	Seal    Purpose = "seal"    // what must be read back
)

// Purposes lists them all.
var Purposes = []Purpose{Sign, Refresh, Hash, Seal}

// ErrUnreadable means that the key-encryption keys given cannot open what the database holds.
// Nothing is made beside keys that cannot be read. The error's text says which key is
// wanted and what to set.
var ErrUnreadable = errors.New("the keys in the database cannot be opened")

// ErrKnown is returned for a key to import that is there already.
var ErrKnown = errors.New("keyring: this key is already in the key ring")

const (
	// reloadEvery is how often the table is read in the background. Without that work, keys
	// are read in passing as soon as they are twice as old.
	reloadEvery = 10 * time.Second
	staleAfter  = 2 * reloadEvery
	// missEvery bounds how often a key id that nobody knows makes the table be read: such
	// an id is a rotation seen first elsewhere, or a guess.
	missEvery = time.Second
	// margin is added to the JWK Set's cache lifetime before a new key is used, for every
	// instance to have read it and for their clocks to differ.
	margin = time.Minute
	// readTimeout bounds, in real time, how long a caller can wait for a read in passing.
	readTimeout = 2 * time.Second
)

// Config is what a key ring needs to know. The zero value is the default.
type Config struct {
	// Algorithm of new signing keys; empty means ES256. When it differs from that of the
	// newest signing key, and that one was not imported, Open makes a successor.
	Algorithm jose.Algorithm
	// Active is how long a signing key signs before RotateDue replaces it; 0 means 90 days.
	Active time.Duration
	// JWKSCache is how long others may keep the JWK Set; 0 means 5 minutes. A new key is
	// used only after it and a minute more.
	JWKSCache time.Duration
	// Overlap is how long a signing key stays published after its last use: the life of
	// an access token and JWKSCache; 0 means 10 minutes and JWKSCache.
	Overlap time.Duration
	// SessionLifetime is the absolute lifetime of a session, and how long a refresh key
	// outlives its successor's start; 0 means 30 days.
	SessionLifetime time.Duration
	// HashLifetime is the longest life of a token that is stored hashed; 0 means
	// SessionLifetime (of page cookies) and 7 days.
	HashLifetime time.Duration
	// SealLifetime is the longest that a sealed value lives before it is gone or sealed
	// anew; 0 means 30 days.
	SealLifetime time.Duration
	// Record, where set, is called within the transaction of each change: its error undoes
	// the change. It may be called again when a transaction is run again.
	Record func(ctx context.Context, tx *db.Tx, event Event, key Info) error
	// Logger hears of reads that fail; nil means slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	const day = 24 * time.Hour
	c.Algorithm = cmp.Or(c.Algorithm, jose.ES256)
	c.Active = cmp.Or(c.Active, 90*day)
	c.JWKSCache = cmp.Or(c.JWKSCache, 5*time.Minute)
	c.Overlap = cmp.Or(c.Overlap, 10*time.Minute+c.JWKSCache)
	c.SessionLifetime = cmp.Or(c.SessionLifetime, 30*day)
	c.HashLifetime = cmp.Or(c.HashLifetime, c.SessionLifetime+7*day)
	c.SealLifetime = cmp.Or(c.SealLifetime, 30*day)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if !c.Algorithm.Valid() {
		return c, errors.New("keyring: Algorithm: must be ES256, EdDSA or RS256")
	}
	if min(c.JWKSCache, c.Overlap, c.SessionLifetime, c.HashLifetime, c.SealLifetime) < 0 {
		return c, errors.New("keyring: a lifetime is negative")
	}
	if c.Active <= c.lead() {
		return c, fmt.Errorf("keyring: Active: must be longer than %v, in which a new key becomes known", c.lead())
	}
	return c, nil
}

// lead is how long a new key is known before it is used.
func (c Config) lead() time.Duration { return c.JWKSCache + margin }

// retention is how long a key is kept after a later one has begun.
func (c Config) retention(p Purpose) time.Duration {
	switch p {
	case Sign:
		return c.Overlap
	case Refresh:
		return c.SessionLifetime
	case Hash:
		return c.HashLifetime
	default:
		return c.SealLifetime
	}
}

// Keyring holds the keys in memory. It is safe for concurrent use, and whatever it hands
// out goes on working with the keys as they are at the moment of each use.
type Keyring struct {
	db  *db.DB
	kek secret.KEKRing
	cfg Config

	reading sync.Mutex // held by the one who reads the table
	view    atomic.Pointer[view]
}

// Open reads the keys and makes those that are missing: the first of each purpose, active at
// once, and a signing key of the configured algorithm. Several instances may open an empty
// database at once: one of them makes the whole set. The error is [ErrUnreadable] when
// kek is not what the keys are sealed with.
func Open(ctx context.Context, d *db.DB, kek secret.KEKRing, cfg Config) (*Keyring, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if kek.Current == nil {
		return nil, errors.New("keyring: no key-encryption key: set GATEHOUSE_SECRET_KEY")
	}
	k := &Keyring{db: d, kek: kek, cfg: cfg}
	k.view.Store(&view{})
	if _, err := k.change(ctx, k.missing); err != nil {
		return nil, err
	}
	if err := k.Reload(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// Run reads the table every ten seconds of clock time until ctx ends. It is optional: without
// it the same is done in passing, and some caller waits for it.
func (k *Keyring) Run(ctx context.Context) {
	for {
		if err := clock.Sleep(ctx, k.db.Clock(), k.db.Now().Add(reloadEvery)); err != nil {
			return
		}
		k.tryReload(ctx)
	}
}

// Reload reads the table now. When that fails the keys known so far stay in use.
func (k *Keyring) Reload(ctx context.Context) error {
	k.reading.Lock()
	defer k.reading.Unlock()
	return k.reload(ctx)
}

// tryReload logs what Reload returns: whoever comes next tries again.
func (k *Keyring) tryReload(ctx context.Context) {
	if err := k.Reload(ctx); err != nil && ctx.Err() == nil {
		k.cfg.Logger.ErrorContext(ctx, "keys cannot be read", "error", err)
	}
}

func (k *Keyring) reload(ctx context.Context) error {
	old, now := k.view.Load(), k.db.Now()
	keys, err := k.load(ctx)
	if err == nil && !complete(keys) {
		err = errors.New("keyring: keys are missing from the table key_material: restore it, or start again to have new ones made")
	}
	until := now.Add(staleAfter)
	if err != nil {
		keys, until = old.keys, now.Add(reloadEvery)
	}
	if len(keys) > 0 { // none are known only while Open fails
		k.view.Store(newView(keys, k.cfg, now, until, old.published))
	}
	return err
}

// keys returns the keys as they are at this moment. It reads the table first when the clock
// has passed a moment at which they change or get too old.
func (k *Keyring) keys() *view {
	return k.unless(func(v *view, now time.Time) bool { return now.Before(v.until) })
}

// after returns the keys for a caller that missed one: read again, unless that was just done.
func (k *Keyring) after() *view {
	return k.unless(func(v *view, now time.Time) bool { return now.Before(v.read.Add(missEvery)) })
}

// unless reads the table unless the view satisfies its caller, who may have waited for
// somebody else to read it.
func (k *Keyring) unless(good func(v *view, now time.Time) bool) *view {
	if v := k.view.Load(); good(v, k.db.Now()) {
		return v
	}
	k.reading.Lock()
	defer k.reading.Unlock()
	if v := k.view.Load(); good(v, k.db.Now()) {
		return v
	}
	// Not the caller's context: others wait for the same, and it must not end with one of them.
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	if err := k.reload(ctx); err != nil {
		k.cfg.Logger.ErrorContext(ctx, "keys cannot be read", "error", err)
	}
	return k.view.Load()
}

// Signer returns what signs access tokens at this moment. Ask again for each token.
func (k *Keyring) Signer() *jose.Signer { return k.keys().signer }

// Published returns the public halves of the signing keys: upcoming, active, and retired ones
// until no token of theirs can be valid. It is the same pointer while nothing changes.
func (k *Keyring) Published() *Published { return k.keys().published }

// Hasher returns the hasher for one kind of token, see [secret.NewHasher].
func (k *Keyring) Hasher(purpose string) *secret.Hasher {
	return secret.NewHasher(ring{k, Hash}, purpose)
}

// Sealer returns what seals values that must be read back.
func (k *Keyring) Sealer() *secret.Sealer { return secret.NewSealer(ring{k, Seal}) }

// RefreshKeys returns the keys of refresh tokens.
func (k *Keyring) RefreshKeys() secret.Ring { return ring{k, Refresh} }

// Export returns the active signing key, unsealed, as PKCS #8 in PEM. It is for development:
// whoever holds it can make tokens for anybody.
func (k *Keyring) Export() ([]byte, error) { return k.keys().signer.Key().PEM() }

// ring is the data keys of one purpose, as they are at each call.
type ring struct {
	keyring *Keyring
	purpose Purpose
}

func (r ring) Newest() secret.Key { return r.keyring.keys().data[r.purpose].newest }
func (r ring) All() []secret.Key  { return r.keyring.keys().data[r.purpose].all }

func (r ring) Find(id secret.KeyID) (secret.Key, bool) {
	if key, ok := r.keyring.keys().data[r.purpose].all.Find(id); ok {
		return key, true
	}
	return r.keyring.after().data[r.purpose].all.Find(id)
}
