// Package cursor writes where a page of a list ended, as a text that asks for the page after it.
//
// A cursor is base64url without padding (RFC 4648 section 5) of a version (1 byte), the digest of its
// question (8), and of the page's last row the id (16), the time in Unix milliseconds (8) and the key. It
// holds nothing that its reader has not seen, and permits nothing: a forged one only leads elsewhere in a
// list that its maker may read.
package cursor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

const (
	version = 1
	head    = 1 + 8 + 16 + 8
	longest = 4096 // characters: the longest key of a row fits
)

// Place is the row that a page ended with.
type Place struct {
	ID  uuid.UUID // not uuid.Nil
	At  time.Time // from 1970 on, to the millisecond
	Key string    // what the list is sorted by, where that is a text
}

// Question is what a list was asked. A cursor answers to no other.
type Question [8]byte

// Of returns a question: the list's name, the tenant's id where it is of one tenant, and all that it was
// narrowed to.
func Of(parts ...string) Question {
	var said []byte
	for _, part := range parts {
		said = binary.BigEndian.AppendUint64(said, uint64(len(part))) // no two questions read the same
		said = append(said, part...)
	}
	sum := sha256.Sum256(said)
	return Question(sum[:8])
}

// Write returns the cursor that asks for what follows p.
func (q Question) Write(p Place) string {
	raw := append([]byte{version}, q[:]...)
	raw = append(raw, p.ID[:]...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.At.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(raw, p.Key...))
}

// Read returns where a page shall begin after; nil for the empty cursor, which is the beginning. It
// returns web.ErrQuery for what Write did not return for this question.
func (q Question) Read(cursor string) (*Place, error) {
	if cursor == "" {
		return nil, nil
	}
	refused := web.ErrQuery.WithField("after", "invalid", "Take it from the page before, with the same question.")
	if len(cursor) > longest {
		return nil, refused
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < head || raw[0] != version || Question(raw[1:9]) != q {
		return nil, refused
	}
	at := int64(binary.BigEndian.Uint64(raw[25:head]))
	p := Place{ID: uuid.UUID(raw[9:25]), At: time.UnixMilli(at).UTC(), Key: string(raw[head:])}
	// The decoder skips line breaks and spare bits: what is not spelt as Write does is refused too.
	if at < 0 || p.ID == uuid.Nil || !utf8.ValidString(p.Key) || strings.ContainsRune(p.Key, 0) || q.Write(p) != cursor {
		return nil, refused
	}
	return &p, nil
}
