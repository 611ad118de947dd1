package jose

import (
	"cmp"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"slices"

	gojose "github.com/go-jose/go-jose/v4"
)

// PublicKey is the public half of a signing key.
type PublicKey struct {
	// ID is the key's thumbprint (RFC 7638 with SHA-256, base64url): the kid in headers and
	// JWK Sets. The same key has the same id wherever it is.
	ID        string
	Algorithm Algorithm
	// Key is *ecdsa.PublicKey on P-256, ed25519.PublicKey or *rsa.PublicKey, in the order
	// of the algorithms. It must not be changed.
	Key crypto.PublicKey
}

func newPublicKey(key crypto.PublicKey) (PublicKey, error) {
	alg, err := algorithmOf(key)
	if err != nil {
		return PublicKey{}, err
	}
	sum, err := (&gojose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, err
	}
	return PublicKey{base64.RawURLEncoding.EncodeToString(sum), alg, key}, nil
}

// MarshalSet returns keys as a JWK Set (RFC 7517 section 5): public members, kid, alg, and
// use "sig", ordered by kid. The same keys always give the same bytes.
func MarshalSet(keys []PublicKey) ([]byte, error) {
	set := gojose.JSONWebKeySet{Keys: make([]gojose.JSONWebKey, 0, len(keys))}
	for _, k := range slices.SortedFunc(slices.Values(keys), func(a, b PublicKey) int { return cmp.Compare(a.ID, b.ID) }) {
		set.Keys = append(set.Keys, gojose.JSONWebKey{Key: k.Key, KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"})
	}
	return json.Marshal(set)
}
