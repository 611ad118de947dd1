// Package ticket carries what is under way from one request of a ceremony to the next: the second
// step of a sign-in, a passkey's challenge, a mailed code. A ticket is a row; its holder has a random
// token, of which the row keeps a keyed hash. It is good once, for its purpose, for a few tries, for a
// short while, and only as long as its account is active and its epoch stays. What a ticket allows is
// for the package to say that issues it.
package ticket

import (
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// ErrRejected is the one refusal of a ticket, whatever is wrong with it: unknown, of another purpose,
// used, tried too often, expired, or overtaken by a change of its account.
var ErrRejected = fault.New(fault.Unauthenticated, "step_rejected", "This step is not or no longer good. Start again.")

// MaxTries is how often a ticket may be tried.
const MaxTries = 5

// CodeDigits is the length of a mailed code. An address can be sent 5 mails an hour by default, and each
// ticket bears 5 tries, so that an hour of guessing finds one with a chance of 1 in 4,000,000.
const CodeDigits = 8

// Ticket is one row.
type Ticket struct {
	ID        uuid.UUID
	Purpose   string
	AccountID uuid.UUID // uuid.Nil: not known yet
	Epoch     int64     // the account's when it was bound to it
	SessionID uuid.UUID // uuid.Nil: no session asks
	EmailKey  string    // of the address that a mail is for; empty: none
	Data      string    // the issuer's, never a secret
	Tries     int
	CreatedAt time.Time
	ExpiresAt time.Time

	code []byte // hash of what was mailed, nil: nothing was
}

// Book issues and redeems tickets. It is safe for concurrent use.
type Book struct {
	tokens, codes *secret.Hasher
}

// NewBook returns a Book with the keys of purpose hash.
func NewBook(hasher func(purpose string) *secret.Hasher) *Book {
	return &Book{tokens: hasher("ticket"), codes: hasher("ticket code")}
}
