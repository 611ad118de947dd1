package gatehousetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

// The battery checks signatures by itself, from RFC 7515, 7517 and 7518 and with the standard
// library, so that it does not share a mistake with package verifier.

// jwk is a published key.
type jwk struct {
	ID        string `json:"kid"`
	Type      string `json:"kty"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
	N         string `json:"n"`
	E         string `json:"e"`
}

// verifies reports whether signature is that of input by the key's algorithm.
func (k jwk) verifies(input string, signature []byte) bool {
	digest := sha256.Sum256([]byte(input))
	x, y := unbase64(k.X), unbase64(k.Y)
	switch k.Algorithm + " " + k.Type + " " + k.Curve {
	case "ES256 EC P-256":
		if len(signature) != 64 {
			return false
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return err == nil && ecdsa.Verify(public, digest[:], r, s)
	case "EdDSA OKP Ed25519":
		return len(x) == ed25519.PublicKeySize && ed25519.Verify(x, []byte(input), signature)
	case "RS256 RSA ":
		public := &rsa.PublicKey{N: new(big.Int).SetBytes(unbase64(k.N)), E: int(new(big.Int).SetBytes(unbase64(k.E)).Int64())}
		return public.N.BitLen() >= 2048 && rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	default:
		return false
	}
}

// unbase64 decodes base64url without padding; what is none is empty.
func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

// jwsHeader is the protected header of an access token.
type jwsHeader struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	KeyID     string `json:"kid"`
}

// readToken checks a token with a key set and returns its header and claims.
func readToken(t testing.TB, token string, keys []jwk) (head jwsHeader, claims []byte) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 || json.Unmarshal(unbase64(parts[0]), &head) != nil {
		t.Fatal("the access token is no JWS in compact serialization")
	}
	for _, k := range keys {
		if k.ID != head.KeyID {
			continue
		}
		if k.Algorithm != head.Algorithm || k.Use != "sig" || !k.verifies(parts[0]+"."+parts[1], unbase64(parts[2])) {
			t.Fatalf("the published key %q (%s, use %q) does not verify the access token, which says %s", k.ID, k.Algorithm, k.Use, head.Algorithm)
		}
		return head, unbase64(parts[1])
	}
	t.Fatalf("none of %d published keys is named %q, as the access token's is", len(keys), head.KeyID)
	return head, nil
}

// hs256 signs claims with a shared secret, naming a key that is no secret.
func hs256(t testing.TB, keyID string, secret []byte, claims string) string {
	t.Helper()
	input := encoded(t, members{"alg": "HS256", "typ": "at+jwt", "kid": keyID}) + "." + claims
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte(input)) // never fails
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func encoded(t testing.TB, o members) string {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
