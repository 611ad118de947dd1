// Package profile shows an account to its owner, lets them change what people may tell about
// themselves, take a copy of all that is held about them, and erase it, at once or after a time to think
// again. What a profile may hold is decided by domain/account; addresses, passwords and status are
// changed elsewhere and cannot be reached from here.
package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Failures of whoever wants to leave.
var (
	// ErrLastSuperuser keeps an installation from being left without anybody who may run it.
	ErrLastSuperuser = fault.New(fault.Conflict, "last_superuser", "You are the last active superuser. Make somebody else one first.")
	ErrGrace         = fault.New(fault.Invalid, "grace_invalid", "An account can be deleted at once, or after 1 to 30 days.")
	ErrDue           = fault.New(fault.Conflict, "erase_due", "It is too late to keep this account: it is being deleted.")
)

// Config is how a Service works. Every member is required.
type Config struct {
	// PerExport bounds how often one account's data is gathered.
	PerExport ratelimit.Limit
	// Fresh is how old a proof may be that lets somebody erase their account.
	Fresh time.Duration
	// DeleteURL is where the letter about an account that will be erased leads: its owner can keep it
	// there.
	DeleteURL string
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB      *db.DB
	Schema  account.Schema // declares the custom attributes
	Limiter *ratelimit.Limiter
	Letters *letter.Post
	// Prove returns nil when password is that of whoever is signed in. It counts tries before it
	// looks, and audits those that fail.
	Prove func(ctx context.Context, by session.Bearer, password string) error
}

// Service reads, changes, exports and erases accounts for their owners. It is safe for
// concurrent use.
type Service struct {
	Deps
	cfg Config
}

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.PerExport.Validate(); err != nil {
		return nil, fmt.Errorf("profile: limit of exports: %w", err)
	}
	if cfg.Fresh <= 0 || cfg.DeleteURL == "" {
		return nil, errors.New("profile: how old a proof may be, and where an account can be kept, are required")
	}
	return &Service{Deps: deps, cfg: cfg}, nil
}
