package invitation

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// A token is tokenPrefix and base64url of: id of the tenant (16 bytes), random bytes (32). It is looked up
// by the tenant that it names and by a keyed hash of the whole text, so naming another finds nothing.
const (
	tokenPrefix = "giv_"
	secretBytes = 32
	tokenBytes  = len(uuid.UUID{}) + secretBytes
)

var encoding = base64.RawURLEncoding.Strict()

func newToken(id tenant.ID) string {
	raw := make([]byte, tokenBytes)
	copy(raw, id[:])
	_, _ = rand.Read(raw[len(id):]) // never fails: it ends the program instead
	return tokenPrefix + encoding.EncodeToString(raw)
}

// tenantOf returns the tenant that a token names, if it has the form of one in its one spelling: the
// decoder passes over line ends, so they are refused by the length.
func tenantOf(token string) (id tenant.ID, ok bool) {
	text, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok || len(text) != encoding.EncodedLen(tokenBytes) {
		return uuid.Nil, false
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) != tokenBytes {
		return uuid.Nil, false
	}
	return tenant.ID(raw[:len(id)]), true
}
