package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// KEK is a key-encryption key: it seals data keys and does nothing else, so that a key
// management service can hold it. Implementations are safe for concurrent use.
type KEK interface {
	// ID names the key; it is stored beside what the key has sealed, and is public.
	ID() string
	// Encrypt and Decrypt are an AEAD: the associated data of both must be equal.
	Encrypt(plain, aad []byte) ([]byte, error)
	Decrypt(sealed, aad []byte) ([]byte, error)
}

// localKEK is a key-encryption key in memory.
type localKEK struct {
	tink.AEAD
	id string
}

// ID returns 16 hexadecimal digits of a hash of the key. They tell two keys apart and
// nothing about either: a hash of 256 random bits cannot be guessed back.
func (k *localKEK) ID() string { return k.id }

// Format prints the mask for every verb and flag.
func (k *localKEK) Format(f fmt.State, _ rune) { printMask(f) }

// NewKEK reads a key-encryption key: 32 random bytes in base64, as `openssl rand -base64
// 32` prints them. It refuses what was plainly not drawn at random: one byte repeated,
// short patterns, counting sequences as in the RFCs' examples, and text. The errors say
// what to do and never show the key.
func NewKEK(text string) (KEK, error) {
	key, ok := decodeKey(strings.TrimSpace(text))
	if !ok {
		return nil, errors.New("secret: the key must be 32 bytes in base64: make one with `openssl rand -base64 32`")
	}
	if weak(key) {
		return nil, errors.New("secret: the key is not random: make one with `openssl rand -base64 32`")
	}
	aead, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		return nil, err
	}
	fingerprint := sha256.Sum256(append([]byte("gatehouse key-encryption key id\x00"), key...))
	return &localKEK{aead, hex.EncodeToString(fingerprint[:8])}, nil
}

func decodeKey(text string) ([]byte, bool) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if key, err := e.Strict().DecodeString(text); err == nil {
			return key, len(key) == KeyBytes
		}
	}
	return nil, false
}

// weak reports whether 32 bytes were not drawn at random. Random ones fail a check less
// than once in 10^13 draws.
func weak(key []byte) bool {
	distinct := slices.Compact(slices.Sorted(slices.Values(key)))
	half := len(key) / 2
	return len(distinct) < 16 ||
		bytes.Equal(key[:half], key[half:]) ||
		counting(key) ||
		!bytes.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
}

// counting reports whether each byte is the same step away from the one before.
func counting(key []byte) bool {
	step := key[1] - key[0]
	for i := range key[1:] {
		if key[i+1]-key[i] != step {
			return false
		}
	}
	return true
}

// KEKRing is the key-encryption key in use, and former ones until everything is sealed anew.
type KEKRing struct {
	Current  KEK
	Previous []KEK
}

// Seal encrypts with the current key. The caller stores its ID beside the result.
func (r KEKRing) Seal(plain, aad []byte) ([]byte, error) { return r.Current.Encrypt(plain, aad) }

// Knows reports whether the key of that id is in the ring.
func (r KEKRing) Knows(id string) bool { return r.find(id) != nil }

// Open decrypts what the key of that id has sealed. The error is [ErrOpen] and says why:
// unlike a Sealer's, it is for the operator alone.
func (r KEKRing) Open(id string, sealed, aad []byte) ([]byte, error) {
	key := r.find(id)
	if key == nil {
		return nil, fmt.Errorf("%w: no key-encryption key has the id %s", ErrOpen, id)
	}
	plain, err := key.Decrypt(sealed, aad)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOpen, err)
	}
	return plain, nil
}

func (r KEKRing) find(id string) KEK {
	for _, key := range append([]KEK{r.Current}, r.Previous...) {
		if key.ID() == id {
			return key
		}
	}
	return nil
}
