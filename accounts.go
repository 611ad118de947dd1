package gatehouse

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/flow/manage"
)

// Account is a person's record, as the API shows it.
type Account struct {
	ID          string         `json:"id"` // the claim sub of their tokens
	Email       string         `json:"email"`
	Verified    bool           `json:"email_verified"`
	Username    *string        `json:"username"` // nil: none
	FullName    string         `json:"full_name"`
	Phone       string         `json:"phone"`
	Locale      string         `json:"locale"`
	Attributes  map[string]any `json:"attributes"`
	IsActive    bool           `json:"is_active"`
	IsStaff     bool           `json:"is_staff"`
	IsSuperuser bool           `json:"is_superuser"`
	StaffRole   string         `json:"staff_role,omitempty"` // empty: no member of staff
	DateJoined  time.Time      `json:"date_joined"`
	LastLogin   *time.Time     `json:"last_login"` // nil: never
}

// LogValue is the id: an account that is logged by itself says no more of the person.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.ID) }

// NewAccount is what [Gatehouse.CreateAccount] makes an account from. Only Email is required.
type NewAccount struct {
	Email      string
	Username   string
	FullName   string
	Phone      string
	Locale     string // BCP 47, such as de or pt-BR
	Attributes map[string]any
	// Subject becomes Account.ID, for accounts that had an id in another system: 1 to 255
	// printable ASCII characters. It can never be changed. Empty: Gatehouse makes one.
	Subject string
	// Password is held to the password policy unless AnyPassword. Without it and PasswordHash the
	// account has none: until somebody sets one, or its owner chooses one through a reset where
	// Config.Password.FirstByReset allows it.
	Password    string `json:"-"`
	AnyPassword bool
	// PasswordHash was made by another system: Django's formats, bcrypt, argon2, scrypt, PBKDF2
	// or crypt(3). The first sign-in replaces it.
	PasswordHash string `json:"-"`
	// Unverified says that nobody vouches for the address; then signing in has to wait.
	Unverified bool
	Staff      bool
	// StaffRole is what a member of staff may do: operator (default), support, auditor, or one of
	// Config.Staff.
	StaffRole string
	// Superuser includes Staff.
	Superuser bool
}

// Format prints the id alone, for every verb: there is a password beside it.
func (n NewAccount) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "NewAccount(%s)", n.Subject) }

// LogValue is the id.
func (n NewAccount) LogValue() slog.Value { return slog.StringValue(n.Subject) }

// CreateAccount makes an active account without asking its owner: for the first administrator,
// for imports and for tests. People register themselves through the API. Error codes:
// account_exists, password_refused, password_hash_unsupported, staff_role_unknown, rank_contradictory, and
// those of malformed members.
func (g *Gatehouse) CreateAccount(ctx context.Context, n NewAccount) (*Account, error) {
	return shown(g.manage.Create(ctx, manage.New(n)))
}

// FindAccount returns the account with this address, id or user name. Error codes:
// account_not_found, and account_ambiguous when one account's id is another's user name.
func (g *Gatehouse) FindAccount(ctx context.Context, name string) (*Account, error) {
	return shown(g.manage.Find(ctx, name))
}

// Accounts returns accounts in the order they were made, at most limit and 200, starting after the
// one with the id given; empty starts with the first.
func (g *Gatehouse) Accounts(ctx context.Context, after string, limit int) ([]*Account, error) {
	found, err := g.manage.List(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	all := make([]*Account, len(found))
	for i, a := range found {
		all[i] = show(a)
	}
	return all, nil
}

// AccountOption changes how an account is changed.
type AccountOption uint8

// Force lets a change leave no active superuser. Without it such a change fails with the error code
// last_superuser.
const Force AccountOption = 1

func operator(options []AccountOption) manage.Actor {
	return manage.Operator(slices.Contains(options, Force))
}

// DisableAccount keeps the account with this id from signing in and ends all its sessions.
// Disabling it again changes nothing. Error codes: account_not_found, last_superuser.
func (g *Gatehouse) DisableAccount(ctx context.Context, id string, options ...AccountOption) (*Account, error) {
	return shown(g.manage.Disable(ctx, operator(options), id))
}

// EnableAccount lets a disabled account sign in again. Error code: account_not_found.
func (g *Gatehouse) EnableAccount(ctx context.Context, id string) (*Account, error) {
	return shown(g.manage.Enable(ctx, operator(nil), id))
}

// SetPassword gives the account with this id a new password, ends all its sessions and tells its
// owner by mail. anyPassword leaves the password policy unasked. Error codes: account_not_found,
// password_refused.
func (g *Gatehouse) SetPassword(ctx context.Context, id, password string, anyPassword bool) (*Account, error) {
	return shown(g.manage.SetPassword(ctx, id, password, anyPassword))
}

// SetAttributes changes attributes of the account with this id, also those that are read-only to its owner: nil
// removes one, those left out stay. A value is a string, a float64 or a bool. Error codes: account_not_found, profile_invalid.
func (g *Gatehouse) SetAttributes(ctx context.Context, id string, attributes map[string]any) (*Account, error) {
	return shown(g.manage.SetAttributes(ctx, operator(nil), id, attributes))
}

func shown(a *account.Account, err error) (*Account, error) {
	if err != nil {
		return nil, err
	}
	return show(a), nil
}

func show(a *account.Account) *Account {
	s := Account(a.JSON())
	return &s
}
