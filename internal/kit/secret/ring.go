package secret

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// KeyBytes is the length of a data key, in bytes.
const KeyBytes = 32

// KeyID names a data key within the values made with it. It is public. The zero value
// names none.
type KeyID [4]byte

// NewKeyID returns a random id.
func NewKeyID() KeyID {
	var id KeyID
	for id.IsZero() {
		_, _ = rand.Read(id[:]) // never fails: it ends the program instead
	}
	return id
}

// ParseKeyID reads the eight hexadecimal digits that String writes.
func ParseKeyID(text string) (KeyID, error) {
	var id KeyID
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) || hex.EncodeToString(b) != text {
		return id, errors.New("secret: a key id has eight lower-case hexadecimal digits")
	}
	return KeyID(b), nil
}

// String returns eight hexadecimal digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id names no key.
func (id KeyID) IsZero() bool { return id == KeyID{} }

// Key is a data key with its id. It prints as ***.
type Key struct {
	id KeyID
	// A function, because fmt looks through unexported fields without asking Format, and
	// prints nothing of one but its address.
	material func() []byte
}

// NewKey copies 32 random bytes into a key.
func NewKey(id KeyID, material []byte) (Key, error) {
	if len(material) != KeyBytes || id.IsZero() {
		return Key{}, fmt.Errorf("secret: a key has %d bytes and an id", KeyBytes)
	}
	kept := bytes.Clone(material)
	return Key{id, func() []byte { return kept }}, nil
}

// ID returns what names the key.
func (k Key) ID() KeyID { return k.id }

// Format prints the mask for every verb and flag.
func (k Key) Format(f fmt.State, _ rune) { printMask(f) }

// MAC returns the HMAC-SHA-256 (RFC 2104) of message under k.
func (k Key) MAC(message []byte) [sha256.Size]byte {
	h := hmac.New(sha256.New, k.material())
	h.Write(message)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}

// Ring tells which data keys of one purpose there are at the moment. Implementations are
// safe for concurrent use and answer quickly; each call may see newer keys than the last.
type Ring interface {
	// Newest returns the key for new values.
	Newest() Key
	// Find returns the key of an id, while values made with it may be about.
	Find(id KeyID) (Key, bool)
	// All returns every key that Find knows, newest first. The caller must not change it.
	All() []Key
}

// Keys is a [Ring] that never changes: at least one key, newest first.
type Keys []Key

// Newest returns the first key.
func (k Keys) Newest() Key { return k[0] }

// All returns the keys.
func (k Keys) All() []Key { return k }

// Find returns the key of an id.
func (k Keys) Find(id KeyID) (Key, bool) {
	for _, key := range k {
		if key.id == id {
			return key, true
		}
	}
	return Key{}, false
}
