// Package device knows the browsers that an account has signed in with. A browser holds a random token
// in a cookie for as long as it may; each account that it signs in to keeps a keyed hash of it. So the
// token proves nothing by itself, says nothing, and is worth nothing for another account.
package device

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// CookieLife is how long a browser keeps its token: as long as browsers keep anything.
const CookieLife = 400 * 24 * time.Hour

// Book knows devices by their tokens. It is safe for concurrent use.
type Book struct{ tokens *secret.Hasher }

// NewBook returns a Book with the keys of purpose hash.
func NewBook(hasher func(purpose string) *secret.Hasher) *Book {
	return &Book{tokens: hasher("device")}
}

// Hashes returns what token may be stored under, the newest key's first; none where it is no token.
func (b *Book) Hashes(token string) [][]byte {
	if !secret.IsToken(token) {
		return nil
	}
	return b.tokens.Candidates(token)
}
