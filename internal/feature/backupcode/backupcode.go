// Package backupcode knows people by codes that they keep on paper for the day their other factors are
// lost: look-up secrets (NIST SP 800-63B-4 section 3.1.2). An account has one set of ten; each code is
// good once, and only a keyed hash of it is stored. How often somebody may guess, who may make a new
// set and who is told of it is left to the flows.
package backupcode

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

const (
	// Codes is how many a set has.
	Codes = 10

	codeBytes = 10 // random bytes of a code
	symbols   = 16 // that they are written in
	group     = 4  // symbols between two dashes
	maxTyped  = 64 // bytes of what is looked at: a code with far more blanks than anybody types
)

// alphabet has no letter that is taken for a digit: o for 0, i and l for 1, u for v.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// Deps are what a Service works with. Every member is required.
type Deps struct {
	Hasher *secret.Hasher
}

// Service makes and redeems backup codes. It is safe for concurrent use.
type Service struct{ Deps }

// New returns a Service.
func New(deps Deps) *Service { return &Service{deps} }

// generate returns a new code without dashes.
func generate() string {
	var b [codeBytes]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	return encoding.EncodeToString(b[:])
}

// written returns a code as people read it, xxxx-xxxx-xxxx-xxxx.
func written(code string) string {
	var groups []string
	for ; len(code) > group; code = code[group:] {
		groups = append(groups, code[:group])
	}
	return strings.Join(append(groups, code), "-")
}

// canonical returns the one form of a code that somebody typed, or not ok where it can be none. Case,
// blanks and dashes do not matter, nor what is taken for 0 and 1. Letters are folded in ASCII only.
func canonical(typed string) (code string, ok bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	var b strings.Builder
	for _, r := range typed {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Dash, r):
			continue
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		}
		switch r {
		case 'o':
			r = '0'
		case 'i', 'l':
			r = '1'
		}
		if !strings.ContainsRune(alphabet, r) {
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), b.Len() == symbols
}

// bound is what is hashed of a code: with its account, so that a hash is worth nothing in another's row.
func bound(accountID uuid.UUID, code string) string { return accountID.String() + " " + code }
