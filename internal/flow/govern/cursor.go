package govern

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
)

// A cursor is base64url of a digest of the question (8 bytes), the last tenant's id (16), when it was
// made (8), and its key. It holds nothing its reader has not seen, and a forged one only leads elsewhere
// in a list that its maker may read.
const (
	cursorHead = 8 + 16 + 8
	maxCursor  = 2048 // characters
)

// digest names what a list was narrowed to. A cursor answers to no other question.
func (q Query) digest() (digest [8]byte) {
	sum := sha256.Sum256([]byte(strings.Join([]string{q.By, q.Status, q.Prefix}, "\x00")))
	return [8]byte(sum[:8])
}

func (q Query) cursor(p *tenant.Place) string {
	if p == nil {
		return ""
	}
	digest := q.digest()
	raw := append(digest[:], p.ID[:]...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.Created.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(raw, p.Key...))
}

// place reads q.After; nil is the beginning. It returns ErrQuery.
func (q Query) place() (*tenant.Place, error) {
	if q.After == "" {
		return nil, nil
	}
	refused := ErrQuery.WithField("after", "invalid", "Take it from the page before, with the same question.")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.After)
	if err != nil || len(q.After) > maxCursor || len(raw) < cursorHead || base64.RawURLEncoding.EncodeToString(raw) != q.After || [8]byte(raw) != q.digest() {
		return nil, refused
	}
	at := int64(binary.BigEndian.Uint64(raw[24:cursorHead]))
	p := &tenant.Place{ID: uuid.UUID(raw[8:24]), Created: time.UnixMilli(at).UTC(), Key: string(raw[cursorHead:])}
	if at < 0 || !utf8.ValidString(p.Key) || strings.ContainsRune(p.Key, 0) {
		return nil, refused
	}
	return p, nil
}
