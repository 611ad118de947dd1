// Package manage is what administrators do: look accounts up, make, disable, sign out and rank
// them, and look after sessions, the audit and the mail queue. The console, the admin API, the
// command line and the library come here.
//
// Who may do what to whom is one function, [Allowed], asked in the transaction of the deed with ranks and
// roles read there. Each change is one transaction with its audit event, whose actor is the
// member of staff, or the context's audit.Source where the operator acts. What is only read goes by the
// rank and role that the caller was let in with.
package manage

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Failures a caller can act on, besides those of the packages account and password.
var (
	ErrSubject   = fault.New(fault.Invalid, "subject_invalid", "A subject has 1 to 255 printable ASCII characters without blanks.")
	ErrPasswords = fault.New(fault.Invalid, "password_ambiguous", "Give a password or a password hash, not both.")
	ErrAmbiguous = fault.New(fault.Conflict, "account_ambiguous", "Several accounts answer to this name. Use another of the account's names.")
	ErrInactive  = fault.New(fault.Conflict, "account_inactive", "The account is disabled. Enable it first.")
	ErrRank      = fault.New(fault.Invalid, "rank_contradictory", "A superuser is staff. Take both away, or none.")
	ErrBulk      = fault.New(fault.Invalid, "bulk_invalid", "Give one of the actions disable, enable, sign-out, send-reset and unlock, and 1 to 200 accounts.")
	ErrNoFactors = fault.New(fault.Conflict, "factors_none", "This account has no second factor.")
)

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	// Next asks for what follows, as After of the same question; empty at the end.
	Next string
}

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
	// StaffRole is what a member of staff may do; empty: role.Operator.
	StaffRole string
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
	Queue   *jobs.Queue
	Limiter *ratelimit.Limiter
	Roles   *role.Staff
	// SendReset queues a mail with a link to choose a new password, to the address on record.
	SendReset func(ctx context.Context, tx *db.Tx, a *account.Account) error
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
