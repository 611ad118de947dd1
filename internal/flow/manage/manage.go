// Package manage is what an administrator does with accounts: make, find, list, disable, enable,
// and give them passwords. The command line, the library and the console come here.
//
// Who may do this is decided by the caller. Each change is one transaction with its audit event,
// whose actor is the context's audit.Source.
package manage

import (
	"context"
	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Failures a caller can act on, besides those of the packages account and password.
var (
	ErrSubject   = fault.New(fault.Invalid, "subject_invalid", "A subject has 1 to 255 printable ASCII characters without blanks.")
	ErrPasswords = fault.New(fault.Invalid, "password_ambiguous", "Give a password or a password hash, not both.")
	ErrAmbiguous = fault.New(fault.Conflict, "account_ambiguous", "Several accounts answer to this name. Use another of the account's names.")
)

// MaxPage is how many accounts List returns at most.
const MaxPage = 200

// New is what an account is made from. Only Email is required.
type New struct {
	Email      string
	Username   string
	FullName   string
	Phone      string
	Locale     string // BCP 47, such as de or pt-BR
	Attributes map[string]any
	// Subject names the account to the world if it had a name before: its id in the
	// system it comes from. It can never be changed. Empty: made here.
	Subject string
	// Password is checked by the policy unless AnyPassword. Without it and PasswordHash the account
	// has none, and its owner can choose one through a reset where that is allowed.
	Password    string
	AnyPassword bool
	// PasswordHash was made by another system; see password.Import for the formats.
	PasswordHash string
	// Unverified says that nobody vouches for the address.
	Unverified bool
	Staff      bool
	// Superuser includes Staff.
	Superuser bool
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB      *db.DB
	Hasher  *password.Hasher
	Policy  password.Policy
	Schema  account.Schema
	Letters *letter.Post
	// Unlock forgives an account its failed sign-ins.
	Unlock func(ctx context.Context, tx *db.Tx, id account.ID) error
}

// Service manages accounts. It is safe for concurrent use.
type Service struct{ Deps }

// NewService returns a Service.
func NewService(deps Deps) *Service { return &Service{deps} }

// maxSubject is what OpenID Connect Core section 2 allows for the claim sub.
const maxSubject = 255

func checkSubject(s string) error {
	if len(s) > maxSubject {
		return ErrSubject
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return ErrSubject
		}
	}
	return nil
}
