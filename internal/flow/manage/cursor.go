package manage

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	// Next asks for what follows, as After of the same question; empty at the end.
	Next string
}

// place is where a page ended. A cursor is base64url of version (1 byte), digest of the
// question (8), id (16), time (8), and key. It holds nothing its reader has not seen, and a
// forged one only leads elsewhere in a list that its maker may read.
type place struct {
	id  uuid.UUID
	at  time.Time
	key string
}

const (
	cursorVersion = 1
	cursorHead    = 1 + 8 + 16 + 8
	maxCursor     = 1024 // characters
)

// question names a list and what it was narrowed to. A cursor answers to no other.
func question(parts ...string) (digest [8]byte) {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return [8]byte(sum[:8])
}

func (p place) cursor(q [8]byte) string {
	raw := append([]byte{cursorVersion}, q[:]...)
	raw = append(raw, p.id[:]...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.at.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(raw, p.key...))
}

// placeOf reads a cursor of this question; nil is the beginning. It returns ErrQuery.
func placeOf(q [8]byte, cursor string) (*place, error) {
	if cursor == "" {
		return nil, nil
	}
	refused := ErrQuery.WithField("after", "invalid", "Take it from the page before, with the same question.")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(cursor) > maxCursor || len(raw) < cursorHead || base64.RawURLEncoding.EncodeToString(raw) != cursor ||
		raw[0] != cursorVersion || [8]byte(raw[1:9]) != q {
		return nil, refused
	}
	at := int64(binary.BigEndian.Uint64(raw[25:cursorHead]))
	p := place{id: uuid.UUID(raw[9:25]), at: time.UnixMilli(at).UTC(), key: string(raw[cursorHead:])}
	if at < 0 || p.id == uuid.Nil || !utf8.ValidString(p.key) || strings.ContainsRune(p.key, 0) {
		return nil, refused
	}
	return &p, nil
}
