package secret

import (
	"encoding/binary"
	"errors"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// ErrOpen is returned for everything that cannot be opened: changed, cut short, moved to
// another row, made with a key that is gone. It does not say which (an answer that differs
// would help whoever tries).
var ErrOpen = errors.New("secret: a sealed value cannot be opened")

// sealVersion is the first byte of a sealed value; another format takes another.
const sealVersion = 1

const sealHeader = 1 + len(KeyID{})

// Sealer encrypts values that must be read back, with XChaCha20-Poly1305: its nonces are
// long enough to be random for any number of values. It is safe for concurrent use.
type Sealer struct{ ring Ring }

// NewSealer returns a sealer that seals with ring's newest key and opens with any.
func NewSealer(ring Ring) *Sealer { return &Sealer{ring} }

// Seal encrypts plain: version (1 byte), key id (4), nonce (24), ciphertext and tag (16).
// The associated data aad says where the value belongs, see [AAD]; it is not stored, and
// Open wants the same.
func (s *Sealer) Seal(plain, aad []byte) ([]byte, error) {
	key := s.ring.Newest()
	cipher, err := subtle.NewXChaCha20Poly1305(key.material())
	if err != nil {
		return nil, err
	}
	sealed, err := cipher.Encrypt(plain, aad)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, sealHeader+len(sealed))
	out = append(append(out, sealVersion), key.id[:]...)
	return append(out, sealed...), nil
}

// Open decrypts what Seal made with the same associated data, or returns [ErrOpen].
func (s *Sealer) Open(sealed, aad []byte) ([]byte, error) {
	if len(sealed) < sealHeader || sealed[0] != sealVersion {
		return nil, ErrOpen
	}
	key, ok := s.ring.Find(KeyID(sealed[1:sealHeader]))
	if !ok {
		return nil, ErrOpen
	}
	cipher, err := subtle.NewXChaCha20Poly1305(key.material())
	if err != nil {
		return nil, err
	}
	plain, err := cipher.Decrypt(sealed[sealHeader:], aad)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// AAD encodes where a sealed value belongs, commonly table, row id and column, so that no two
// lists of parts give the same bytes: each part follows its length.
func AAD(parts ...string) []byte {
	var out []byte
	for _, p := range parts {
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}
