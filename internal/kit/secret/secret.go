// Package secret makes random tokens, hashes them for storage, and seals what must be
// read back.
//
// [Text] carries a secret that must not be printed. [Hasher] and [Sealer] work with data
// keys that rotate while the program runs: each value they make names its key, and a [Ring]
// tells which keys there are. Data keys themselves are sealed by a key-encryption key, a
// [KEK], which does nothing else. Where keys are kept and when they rotate is decided
// elsewhere.
package secret

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// TokenBytes is how many random bytes a token holds: twice the 128 bits that put guessing
// out of the question.
const TokenBytes = 32

// NewToken returns a random bearer value: 32 random bytes as 43 characters of base64url
// (RFC 4648 section 5), safe in URLs and cookies.
func NewToken() string {
	var b [TokenBytes]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// IsToken reports whether s has the form of a token, so that nothing is looked up for what has not.
func IsToken(s string) bool {
	var b [TokenBytes + 2]byte // the decoder asks for room for a whole last group
	if len(s) != base64.RawURLEncoding.EncodedLen(TokenBytes) {
		return false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(s))
	return err == nil && n == TokenBytes
}

// mask is what is printed in place of a secret. It does not tell whether there is one.
const mask = "***"

// Text is a string that prints as *** wherever it is formatted, logged or encoded. The
// zero value holds the empty string. Reading one from text or JSON works as for a string.
type Text struct {
	// A pointer, because fmt reaches unexported fields without asking their methods: then
	// it prints an address.
	value *string
}

// NewText wraps a secret.
func NewText(value string) Text { return Text{&value} }

// Reveal returns the secret itself, for the one place that uses it.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Format prints the mask for every verb and flag.
func (t Text) Format(f fmt.State, _ rune) { printMask(f) }

// LogValue is the mask.
func (t Text) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText returns the mask: encoders of JSON, YAML and the like use it.
func (t Text) MarshalText() ([]byte, error) { return []byte(mask), nil }

// UnmarshalText takes the secret from a configuration or a request.
func (t *Text) UnmarshalText(text []byte) error {
	*t = NewText(string(text))
	return nil
}

func printMask(f fmt.State) { _, _ = io.WriteString(f, mask) }
