// Package enrol lets whoever is signed in add, name and remove the ways to prove themselves besides a
// password: authenticator apps, passkeys, backup codes, and codes by mail.
//
// What a way is and how it is checked belongs to its feature; here is what they have in common. A
// change is one transaction: the account is locked, the session must stand and, where there is a
// second factor already, have been opened or confirmed with one; then the change, its audit event and
// the letter to the owner are written together. With the first second factor all other sessions end,
// because they were opened without it; with the last one the backup codes go. Where policy asks for a
// second factor the last one stays. Asking for a factor at sign-in is the business of flow/signin,
// getting rid of lost ones of flow/recovery.
package enrol

import (
	"errors"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/backupcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/emailcode"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Failures a caller can act on.
var (
	ErrRequired = fault.New(fault.Conflict, "factor_required", "This service asks for a second factor, and this is your last. Add another one first.")
	ErrNone     = fault.New(fault.Conflict, "factor_none", "Add an authenticator app or a passkey first: backup codes are for when you do not have those at hand.")
	ErrNoMail   = fault.New(fault.Conflict, "email_code_unavailable", "A code by mail is a second step for accounts with a password and a confirmed address.")
)

// Config is how factors are added.
type Config struct {
	// PerAccount bounds wrong codes of apps that are being added. Required.
	PerAccount ratelimit.Limit
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB          *db.DB
	TOTP        *totp.Service
	BackupCodes *backupcode.Service
	EmailCodes  *emailcode.Service
	Passkeys    *passkey.Service
	Letters     *letter.Post
	Limiter     *ratelimit.Limiter
	// Required tells of whom policy asks a second factor.
	Required func(a *account.Account) bool
}

// Service changes what an account can prove itself with. It is safe for concurrent use.
type Service struct {
	Deps
	cfg Config
}

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.PerAccount.Validate(); err != nil {
		return nil, fmt.Errorf("enrol: limit per account: %w", err)
	}
	if deps.Required == nil {
		return nil, errors.New("enrol: Required is missing")
	}
	return &Service{Deps: deps, cfg: cfg}, nil
}
