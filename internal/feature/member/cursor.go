package member

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// place is where a page ended. A cursor is base64url of its time (8 bytes) and id (16): a forged one
// leads elsewhere in a list that its maker may read.
type place struct {
	at time.Time
	id uuid.UUID
}

const cursorLen = 8 + len(uuid.UUID{})

func (p place) cursor() string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(p.at.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(raw, p.id[:]...))
}

// placeOf reads a cursor; the empty one is the beginning. It returns ErrQuery.
func placeOf(cursor string) (place, error) {
	if cursor == "" {
		return place{at: time.UnixMilli(0)}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != cursorLen || raw[0] != 0 || base64.RawURLEncoding.EncodeToString(raw) != cursor {
		return place{}, ErrQuery.WithField("after", "invalid", "Take it from the page before, with the same question.")
	}
	return place{time.UnixMilli(int64(binary.BigEndian.Uint64(raw))).UTC(), uuid.UUID(raw[8:])}, nil
}
