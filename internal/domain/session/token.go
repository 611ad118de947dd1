package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// ErrNotRefreshToken is returned for every text that is not a refresh token of ours, made
// with a key that is still good. It does not say why.
var ErrNotRefreshToken = errors.New("session: not a refresh token of ours")

// A refresh token is refreshPrefix and base64url of: version (1 byte), key id (4), session
// id (16), counter (8, big-endian), and HMAC-SHA-256 over all before it (32). Version 2 is pinned to a
// tenant, whose id (16) stands before the HMAC.
const (
	refreshPrefix = "grt_" // lets scanners of leaked secrets find it
	unpinned      = 1
	pinned        = 2

	keyAt     = 1
	sessionAt = keyAt + len(secret.KeyID{})
	counterAt = sessionAt + len(uuid.UUID{})
	tenantAt  = counterAt + 8
	longest   = tenantAt + len(uuid.UUID{}) + sha256.Size // of all versions

	// maxCounter is the largest that the session table can hold.
	maxCounter = math.MaxInt64
)

// refreshEncoding refuses spare bits: with the exact length there is one spelling only.
var refreshEncoding = base64.RawURLEncoding.Strict()

// RefreshClaims is what a genuine refresh token says. Whether it is still good is the
// session's row to tell.
type RefreshClaims struct {
	// KeyID is the key that the token's successors are made with.
	KeyID     secret.KeyID
	SessionID uuid.UUID
	// Counter orders the tokens of a session, below 2^63.
	Counter uint64
	// TenantID is the tenant that the token is pinned to; uuid.Nil: none.
	TenantID uuid.UUID
}

// size is how long the token of a version is, less its HMAC.
func size(version byte) int {
	if version == pinned {
		return tenantAt + len(uuid.UUID{})
	}
	return tenantAt
}

// RefreshTokens makes and reads refresh tokens. It is safe for concurrent use.
type RefreshTokens struct{ keys secret.Ring }

// NewRefreshTokens returns a codec with the keys of purpose refresh.
func NewRefreshTokens(keys secret.Ring) *RefreshTokens { return &RefreshTokens{keys} }

// Mint returns the token of a session at a counter. The same claims always give the same
// text. A new session has no key id yet and takes the newest key; a successor keeps its
// predecessor's, and is refused with [ErrNotRefreshToken] when that key is gone.
func (t *RefreshTokens) Mint(c RefreshClaims) (string, error) {
	key := t.keys.Newest()
	if !c.KeyID.IsZero() && c.KeyID != key.ID() {
		var ok bool
		if key, ok = t.keys.Find(c.KeyID); !ok {
			return "", ErrNotRefreshToken
		}
	}
	if c.Counter > maxCounter {
		return "", errors.New("session: the counter has run out")
	}
	raw := make([]byte, 0, longest)
	id := key.ID()
	raw = append(raw, unpinned)
	raw = append(raw, id[:]...)
	raw = append(raw, c.SessionID[:]...)
	raw = binary.BigEndian.AppendUint64(raw, c.Counter)
	if c.TenantID != uuid.Nil {
		raw[0] = pinned
		raw = append(raw, c.TenantID[:]...)
	}
	mac := key.MAC(raw)
	return refreshPrefix + refreshEncoding.EncodeToString(append(raw, mac[:]...)), nil
}

// Parse returns what a token of ours says, or [ErrNotRefreshToken]. Nothing of a token is
// believed before its MAC is checked, and no database is asked.
func (t *RefreshTokens) Parse(token string) (RefreshClaims, error) {
	raw, ok := decodeRefresh(token)
	if !ok {
		return RefreshClaims{}, ErrNotRefreshToken
	}
	key, ok := t.keys.Find(secret.KeyID(raw[keyAt:sessionAt]))
	if !ok {
		return RefreshClaims{}, ErrNotRefreshToken
	}
	macAt := len(raw) - sha256.Size
	if mac := key.MAC(raw[:macAt]); !hmac.Equal(mac[:], raw[macAt:]) {
		return RefreshClaims{}, ErrNotRefreshToken
	}
	if raw[0] != unpinned && raw[0] != pinned || macAt != size(raw[0]) {
		return RefreshClaims{}, ErrNotRefreshToken
	}
	c := RefreshClaims{
		KeyID:     key.ID(),
		SessionID: uuid.UUID(raw[sessionAt:counterAt]),
		Counter:   binary.BigEndian.Uint64(raw[counterAt:tenantAt]),
	}
	if raw[0] == pinned {
		c.TenantID = uuid.UUID(raw[tenantAt:macAt])
	}
	if c.Counter > maxCounter || raw[0] == pinned && c.TenantID == uuid.Nil {
		return RefreshClaims{}, ErrNotRefreshToken
	}
	return c, nil
}

// decodeRefresh reads the one spelling of a token. The decoder skips line ends, but then
// a text of the right length gives too few bytes.
func decodeRefresh(token string) (raw []byte, ok bool) {
	text, ok := strings.CutPrefix(token, refreshPrefix)
	if !ok || len(text) != refreshEncoding.EncodedLen(size(unpinned)+sha256.Size) && len(text) != refreshEncoding.EncodedLen(longest) {
		return nil, false
	}
	raw = make([]byte, longest)
	n, err := refreshEncoding.Decode(raw, []byte(text))
	return raw[:n], err == nil && refreshEncoding.EncodedLen(n) == len(text)
}
