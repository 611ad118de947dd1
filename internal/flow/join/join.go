// Package join lets whoever was invited into a tenant accept: with the account that they are signed in to,
// or with a new one.
//
// The mail of an invitation proves its mailbox, so an account that is made with it needs no other mail, and
// is made where registration is closed too: account, membership and the use of the invitation are one
// transaction. Whether the address has an account is told to whoever holds the link, and to nobody else.
// What an invitation is worth is feature/invitation's to say; signing in is flow/signin's.
package join

import (
	"errors"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Config is how invitations are accepted. Every limit is required.
type Config struct {
	// UsernameRequired refuses a new account without a user name, where people sign in by it.
	UsernameRequired bool
	// UsernameOffered asks for a user name on the page, though none is required.
	UsernameOffered bool
	// PerAddress bounds failed attempts to redeem links from one network address.
	PerAddress ratelimit.Limit
	// PerLink bounds what the holder of a link could guess: which user names are taken.
	PerLink ratelimit.Limit
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB          *db.DB
	Invitations *invitation.Service
	Hasher      *password.Hasher
	Policy      password.Policy
	Schema      account.Schema
	Attributes  []account.Attribute // as declared in Schema; the page asks for those that are required
	Limiter     *ratelimit.Limiter
	UI          *ui.UI
	Visitor     Visitor
}

// Service accepts invitations. It is safe for concurrent use.
type Service struct {
	Deps
	cfg Config
}

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	var problems []error
	for _, l := range []ratelimit.Limit{cfg.PerAddress, cfg.PerLink} {
		if err := l.Validate(); err != nil {
			problems = append(problems, fmt.Errorf("join: limit %q: %w", l.Name, err))
		}
	}
	return &Service{Deps: deps, cfg: cfg}, errors.Join(problems...)
}
