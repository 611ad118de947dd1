// Package jose makes signing keys, signs JSON Web Tokens with them, and writes their public
// halves as a JWK Set (RFC 7515, 7517, 7519, 7638).
//
// There is one list of algorithms, all asymmetric, and a key has exactly one of them.
// Signatures are put together by hand around the standard library's, because a token is
// signed with every refresh; go-jose writes the public keys. Tokens of our own are
// checked by package verifier, not here.
package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
)

// Algorithm is how a key signs (RFC 7518 section 3.1, RFC 8037 section 3.1).
type Algorithm string

// The algorithms there are.
const (
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256: the default, every library checks it
	EdDSA Algorithm = "EdDSA" // Ed25519
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256, for what knows nothing newer
)

// Valid reports whether a is one of the three.
func (a Algorithm) Valid() bool { return a == ES256 || a == EdDSA || a == RS256 }

// Sizes of RSA keys, in bits. Below the least a key can be broken (RFC 8725 section 3.2);
// above the most one signature takes tens of milliseconds. New ones are of strength 128.
const (
	minRSABits = 2048
	newRSABits = 3072
	maxRSABits = 4096
)

var errAlgorithm = errors.New("jose: the algorithm must be ES256, EdDSA or RS256")

// algorithmOf returns the one algorithm of a public key that has passed the checks.
func algorithmOf(public crypto.PublicKey) (Algorithm, error) {
	switch public.(type) {
	case *ecdsa.PublicKey:
		return ES256, nil
	case ed25519.PublicKey:
		return EdDSA, nil
	case *rsa.PublicKey:
		return RS256, nil
	}
	return "", errAlgorithm
}
