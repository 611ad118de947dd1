package verifier

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync/atomic"
)

// Sizes of RSA keys, in bits. Below the least they can be broken (RFC 8725 section 3.2),
// above the most checking one signature takes milliseconds.
const (
	minRSABits = 2048
	maxRSABits = 8192
	minRSAExp  = 65537 // FIPS 186-5 section A.1.1
)

// maxHeaders is how many headers a key set remembers: an issuer writes one per key.
const maxHeaders = 16

// Key is a public key and the one algorithm it may be used with.
type Key struct {
	ID        string           // the kid in a token's header; opaque, not empty
	Algorithm string           // ES256, EdDSA or RS256
	Public    crypto.PublicKey // *ecdsa.PublicKey on P-256, ed25519.PublicKey or *rsa.PublicKey, in this order
}

// KeySet is an unchanging set of keys. It is safe for concurrent use.
type KeySet struct {
	keys    map[string]*key
	headers atomic.Pointer[map[string]*key] // of tokens that passed; copied when it grows
}

// NewKeySet checks and copies keys. At least one is wanted, each with an id of its own.
func NewKeySet(keys ...Key) (*KeySet, error) {
	set := &KeySet{keys: make(map[string]*key, len(keys))}
	for _, given := range keys {
		k, err := newKey(given)
		if err != nil {
			return nil, fmt.Errorf("verifier: key %q: %w", given.ID, err)
		}
		if set.keys[k.id] != nil {
			return nil, fmt.Errorf("verifier: key %q: a second one of this id", k.id)
		}
		set.keys[k.id] = k
	}
	if len(keys) == 0 {
		return nil, errors.New("verifier: a key set without keys")
	}
	return set, nil
}

func newKey(given Key) (*key, error) {
	if given.ID == "" {
		return nil, errors.New("has no id")
	}
	k := &key{id: given.ID, algorithm: given.Algorithm}
	var err error
	switch given.Algorithm {
	case es256:
		k.length = 64
		k.public, err = copyECDSA(given.Public)
	case edDSA:
		k.length = ed25519.SignatureSize
		k.public, err = copyEd25519(given.Public)
	case rs256:
		var public *rsa.PublicKey
		if public, err = copyRSA(given.Public); err == nil {
			k.public, k.length = public, public.Size()
		}
	default:
		err = errors.New("algorithm must be ES256, EdDSA or RS256")
	}
	return k, err
}

var errKeyType = errors.New("is not of the type its algorithm takes")

// copyECDSA refuses what is not a point on P-256 (RFC 8725 section 3.4).
func copyECDSA(public crypto.PublicKey) (*ecdsa.PublicKey, error) {
	p, ok := public.(*ecdsa.PublicKey)
	if !ok || p == nil || p.X == nil || p.Y == nil { //nolint:staticcheck // Bytes panics on a key without coordinates
		return nil, errKeyType
	}
	point, err := p.Bytes()
	if err != nil {
		return nil, errPoint
	}
	return parsePoint(point)
}

var errPoint = errors.New("is not a point on P-256")

func parsePoint(point []byte) (*ecdsa.PublicKey, error) {
	p, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, errPoint
	}
	return p, nil
}

func copyEd25519(public crypto.PublicKey) (ed25519.PublicKey, error) {
	p, ok := public.(ed25519.PublicKey)
	if !ok || len(p) != ed25519.PublicKeySize {
		return nil, errKeyType
	}
	return bytes.Clone(p), nil
}

func copyRSA(public crypto.PublicKey) (*rsa.PublicKey, error) {
	p, ok := public.(*rsa.PublicKey)
	if !ok || p == nil || p.N == nil {
		return nil, errKeyType
	}
	switch bits := p.N.BitLen(); {
	case p.N.Sign() < 0 || p.N.Bit(0) == 0:
		return nil, errors.New("has a modulus that is not odd")
	case bits < minRSABits || bits > maxRSABits:
		return nil, fmt.Errorf("must have %d to %d bits", minRSABits, maxRSABits)
	case p.E < minRSAExp || p.E&1 == 0 || p.E > 1<<31-1:
		return nil, fmt.Errorf("must have an odd exponent of %d or more", minRSAExp)
	}
	return &rsa.PublicKey{N: new(big.Int).Set(p.N), E: p.E}, nil
}

// equal reports whether both sets hold the same keys.
func (s *KeySet) equal(other *KeySet) bool {
	return maps.EqualFunc(s.keys, other.keys, func(a, b *key) bool {
		public, ok := a.public.(interface{ Equal(crypto.PublicKey) bool })
		return ok && a.algorithm == b.algorithm && public.Equal(b.public)
	})
}

// key returns the key of an id, nil where there is none or no set.
func (s *KeySet) key(id string) *key {
	if s == nil {
		return nil
	}
	return s.keys[id]
}

// remembered returns the key for a header, in base64url, that has passed before. It saves
// decoding and reading the few headers an issuer ever writes.
func (s *KeySet) remembered(header string) *key {
	if s == nil {
		return nil
	}
	if headers := s.headers.Load(); headers != nil {
		return (*headers)[header]
	}
	return nil
}

// remember keeps the header of a token whose signature was right, so strangers fill nothing.
func (s *KeySet) remember(header string, k *key) {
	var headers map[string]*key
	old := s.headers.Load()
	if old != nil {
		if len(*old) >= maxHeaders {
			return
		}
		headers = maps.Clone(*old)
	} else {
		headers = make(map[string]*key, 1)
	}
	headers[strings.Clone(header)] = k
	s.headers.CompareAndSwap(old, &headers)
}
