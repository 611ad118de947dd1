package verifier

import (
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/gatehouse-auth/gatehouse/verifier/internal/strictjson"
)

// ParseKeySet reads a JWK Set (RFC 7517 section 5). Keys that are for something else are
// skipped: another use, another kty, crv or alg, no kid, no alg. Whatever is for us must be
// flawless: a malformed or weak key, two keys of one id, a private part published, or no key
// at all is an error, and so is any JSON that two readers could understand differently.
func ParseKeySet(jwks []byte) (*KeySet, error) {
	var list string
	err := strictjson.Object(string(jwks), func(name, value string) error {
		if name == "keys" {
			list = value
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("verifier: key set: %w", err)
	}
	if list == "" {
		return nil, errors.New("verifier: key set: no member keys")
	}
	var keys []Key
	err = strictjson.Array(list, func(element string) error {
		entry, err := readJWK(element)
		if err != nil || !entry.wanted() {
			return err
		}
		k, err := entry.key()
		keys = append(keys, k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("verifier: key set: %w", err)
	}
	return NewKeySet(keys...)
}

// jwk is one entry of a JWK Set, its members still as text (RFC 7517 section 4, RFC 7518
// section 6, RFC 8037 section 2).
type jwk struct {
	kid, kty, use, alg, crv string
	ops                     []string
	x, y, n, e              string
}

func readJWK(element string) (jwk, error) {
	var j jwk
	err := strictjson.Object(element, func(name, value string) error {
		ok := true
		switch name {
		case "kid":
			j.kid, ok = strictjson.String(value)
		case "kty":
			j.kty, ok = strictjson.String(value)
		case "use":
			j.use, ok = strictjson.String(value)
		case "alg":
			j.alg, ok = strictjson.String(value)
		case "crv":
			j.crv, ok = strictjson.String(value)
		case "key_ops":
			j.ops, ok = strictjson.Strings(value)
		case "x":
			j.x, ok = strictjson.String(value)
		case "y":
			j.y, ok = strictjson.String(value)
		case "n":
			j.n, ok = strictjson.String(value)
		case "e":
			j.e, ok = strictjson.String(value)
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k":
			return errors.New("a private key is published")
		}
		if !ok {
			return errors.New(name + " is not of its kind")
		}
		return nil
	})
	return j, err
}

// wanted reports whether the entry is a key that access tokens may be signed with.
func (j jwk) wanted() bool {
	if j.kid == "" || j.use != "" && j.use != "sig" || j.ops != nil && !slices.Contains(j.ops, "verify") {
		return false
	}
	switch j.alg {
	case es256:
		return j.kty == "EC" && j.crv == "P-256"
	case edDSA:
		return j.kty == "OKP" && j.crv == "Ed25519"
	case rs256:
		return j.kty == "RSA"
	}
	return false
}

// key makes the key of a wanted entry.
func (j jwk) key() (Key, error) {
	k := Key{ID: j.kid, Algorithm: j.alg}
	var err error
	switch j.alg {
	case es256:
		k.Public, err = j.point()
	case edDSA:
		var x string
		x, err = fixed(j.x, ed25519.PublicKeySize)
		k.Public = ed25519.PublicKey(x)
	case rs256:
		k.Public, err = j.modulus()
	}
	if err != nil {
		return Key{}, fmt.Errorf("key %q: %w", j.kid, err)
	}
	return k, nil
}

// point reads an EC key. Coordinates have the full length of the curve, leading zeros
// included (RFC 7518 section 6.2.1.2).
func (j jwk) point() (any, error) {
	const coordinate = 32
	x, errX := fixed(j.x, coordinate)
	y, errY := fixed(j.y, coordinate)
	if err := errors.Join(errX, errY); err != nil {
		return nil, err
	}
	return parsePoint([]byte("\x04" + x + y))
}

// modulus reads an RSA key. Its numbers have no leading zeros (RFC 7518 section 6.3.1).
func (j jwk) modulus() (any, error) {
	n, okN := decode(j.n)
	e, okE := decode(j.e)
	if !okN || !okE || n == "" || n[0] == 0 || e == "" || e[0] == 0 || len(e) > 4 {
		return nil, errMalformed
	}
	exponent := new(big.Int).SetBytes([]byte(e)).Int64()
	return &rsa.PublicKey{N: new(big.Int).SetBytes([]byte(n)), E: int(exponent)}, nil
}

var errMalformed = errors.New("is malformed")

// fixed decodes a number of exactly size bytes.
func fixed(text string, size int) (string, error) {
	number, ok := decode(text)
	if !ok || len(number) != size {
		return "", errMalformed
	}
	return number, nil
}
