package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

// PrivateKey is a checked private key, bound to one algorithm. It prints as ***. It is safe
// for concurrent use.
type PrivateKey struct {
	// signer returns *ecdsa.PrivateKey, ed25519.PrivateKey or *rsa.PrivateKey. It is a function
	// because fmt looks through unexported fields, and prints nothing of one but its address.
	signer func() crypto.Signer
	public PublicKey
}

// Generate returns a new random key: P-256, Ed25519, or RSA with 3072 bits (which takes
// about a second).
func Generate(alg Algorithm) (*PrivateKey, error) {
	var signer crypto.Signer
	var err error
	switch alg {
	case ES256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	case RS256:
		signer, err = rsa.GenerateKey(rand.Reader, newRSABits)
	default:
		err = errAlgorithm
	}
	if err != nil {
		return nil, err
	}
	return newPrivateKey(signer)
}

// ParsePEM reads one private key in PKCS #8 (RFC 5958), unencrypted, and nothing else. The
// algorithm follows from the key: P-256, Ed25519, or RSA of 2048 to 4096 bits. The errors
// say what to do and hold nothing of the key.
func ParsePEM(text []byte) (*PrivateKey, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("jose: no PEM block in the file")
	case block.Type == "EC PRIVATE KEY" || block.Type == "RSA PRIVATE KEY" || block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("jose: the key must be plain PKCS #8: convert it with `openssl pkcs8 -topk8 -nocrypt`")
	case block.Type != pemType:
		return nil, errors.New("jose: the PEM block must be of type PRIVATE KEY")
	case len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(bytes.TrimSpace(text), pemBegin) || bytes.Count(text, pemBegin) > 1:
		return nil, errors.New("jose: the file must hold one PEM block and nothing else")
	}
	return ParsePKCS8(block.Bytes)
}

const pemType = "PRIVATE KEY"

var pemBegin = []byte("-----BEGIN ")

// ParsePKCS8 reads the DER inside what [ParsePEM] reads.
func ParsePKCS8(der []byte) (*PrivateKey, error) {
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 {
		return nil, errPKCS8 // crypto/x509 overlooks what follows the key
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errPKCS8 // its text may name what it read
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errKind
	}
	return newPrivateKey(signer)
}

var (
	errPKCS8 = errors.New("jose: the key cannot be read as PKCS #8")
	errKind  = errors.New("jose: the key must be P-256, Ed25519 or RSA")
)

func newPrivateKey(signer crypto.Signer) (*PrivateKey, error) {
	switch key := signer.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			return nil, errKind
		}
	case ed25519.PrivateKey:
	case *rsa.PrivateKey:
		if err := checkRSA(key); err != nil {
			return nil, err
		}
	default:
		return nil, errKind
	}
	public, err := newPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	return &PrivateKey{func() crypto.Signer { return signer }, public}, nil
}

// checkRSA adds to crypto/rsa's own checks what verifiers will ask of the public half: a
// key they refuse must not be taken in. The exponent's bounds are FIPS 186-5 section A.1.1
// and the widest that common libraries read.
func checkRSA(key *rsa.PrivateKey) error {
	switch bits := key.N.BitLen(); {
	case bits < minRSABits || bits > maxRSABits:
		return fmt.Errorf("jose: an RSA key must have %d to %d bits", minRSABits, maxRSABits)
	case key.E < 65537 || key.E&1 == 0 || key.E > 1<<31-1:
		return errors.New("jose: an RSA key must have an odd exponent of 65537 or more")
	case len(key.Primes) != 2:
		return errors.New("jose: an RSA key must have two primes")
	}
	if err := key.Validate(); err != nil {
		return errors.New("jose: the RSA key's numbers do not belong together")
	}
	return nil
}

// ID returns the key's id, see [PublicKey].
func (k *PrivateKey) ID() string { return k.public.ID }

// Algorithm returns the one algorithm the key signs with.
func (k *PrivateKey) Algorithm() Algorithm { return k.public.Algorithm }

// Public returns the public half.
func (k *PrivateKey) Public() PublicKey { return k.public }

// PKCS8 returns the key as unencrypted PKCS #8 in DER, to be sealed at once.
func (k *PrivateKey) PKCS8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.signer()) }

// PEM returns the key as [ParsePEM] reads it: unencrypted.
func (k *PrivateKey) PEM() ([]byte, error) {
	der, err := k.PKCS8()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// Format prints *** for every verb and flag.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }
