package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Signer signs the tokens of one type with one key. It is safe for concurrent use and
// prints as ***.
type Signer struct {
	key       *PrivateKey
	prefix    string // the protected header, encoded, and its dot
	signature int    // its length in bytes
}

// NewSigner returns a signer whose tokens carry typ in their header, for example "at+jwt"
// (RFC 9068 section 2.1).
func NewSigner(key *PrivateKey, typ string) (*Signer, error) {
	header, err := json.Marshal(struct {
		Algorithm Algorithm `json:"alg"`
		KeyID     string    `json:"kid"`
		Type      string    `json:"typ"`
	}{key.Algorithm(), key.ID(), typ})
	if err != nil {
		return nil, err
	}
	s := &Signer{key: key, prefix: base64url.EncodeToString(header) + ".", signature: 64} // ES256 and EdDSA
	if rsaKey, ok := key.signer().(*rsa.PrivateKey); ok {
		s.signature = rsaKey.Size()
	}
	return s, nil
}

var base64url = base64.RawURLEncoding

// Key returns the key that signs.
func (s *Signer) Key() *PrivateKey { return s.key }

// Sign returns the JWS compact serialization (RFC 7515 section 7.1) of claims, a JSON
// object in UTF-8, which is taken as it is.
func (s *Signer) Sign(claims []byte) (string, error) {
	length := len(s.prefix) + base64url.EncodedLen(len(claims)) + 1 + base64url.EncodedLen(s.signature)
	token := append(make([]byte, 0, length), s.prefix...)
	token = base64url.AppendEncode(token, claims)
	signature, err := s.sign(token)
	if err != nil {
		return "", fmt.Errorf("jose: sign: %w", err)
	}
	token = append(token, '.')
	return string(base64url.AppendEncode(token, signature)), nil
}

func (s *Signer) sign(input []byte) ([]byte, error) {
	switch key := s.key.signer().(type) {
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256(input)
		der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			return nil, err
		}
		return rawECDSA(der)
	case ed25519.PrivateKey:
		return ed25519.Sign(key, input), nil
	case *rsa.PrivateKey:
		digest := sha256.Sum256(input)
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	}
	return nil, errAlgorithm
}

// rawECDSA turns the SEQUENCE of two INTEGERs that crypto/ecdsa writes into r‖s, 32 bytes
// each (RFC 7518 section 3.4).
func rawECDSA(der []byte) ([]byte, error) {
	var inner cryptobyte.String
	var r, s []byte // without zeros in front
	input := cryptobyte.String(der)
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || len(r) > 32 || len(s) > 32 {
		return nil, errors.New("the signature is malformed")
	}
	raw := make([]byte, 64)
	copy(raw[32-len(r):], r)
	copy(raw[64-len(s):], s)
	return raw, nil
}

// Format prints *** for every verb and flag.
func (s Signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }
