package jose

import (
	"bytes"
	"cmp"
	"crypto"
	"encoding/base64"
	"slices"

	gojose "github.com/go-jose/go-jose/v4"
)

// PublicKey is the public half of a [PrivateKey], which alone makes one.
type PublicKey struct {
	// ID is the key's thumbprint (RFC 7638 with SHA-256, base64url): the kid in headers and
	// JWK Sets. The same key has the same id wherever it is.
	ID        string
	Algorithm Algorithm
	// Key is *ecdsa.PublicKey on P-256, ed25519.PublicKey or *rsa.PublicKey, in the order
	// of the algorithms. It must not be changed.
	Key crypto.PublicKey

	jwk []byte
}

func newPublicKey(key crypto.PublicKey) (PublicKey, error) {
	alg, err := algorithmOf(key)
	if err != nil {
		return PublicKey{}, err
	}
	jwk := gojose.JSONWebKey{Key: key, Algorithm: string(alg), Use: "sig"}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, err
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	text, err := jwk.MarshalJSON()
	return PublicKey{jwk.KeyID, alg, key, text}, err
}

// MarshalSet returns keys as a JWK Set (RFC 7517 section 5): public members, kid, alg, and
// use "sig", ordered by kid. The same keys always give the same bytes.
func MarshalSet(keys []PublicKey) []byte {
	var members [][]byte
	for _, k := range slices.SortedFunc(slices.Values(keys), func(a, b PublicKey) int { return cmp.Compare(a.ID, b.ID) }) {
		members = append(members, k.jwk)
	}
	return slices.Concat([]byte(`{"keys":[`), bytes.Join(members, []byte(",")), []byte("]}"))
}
