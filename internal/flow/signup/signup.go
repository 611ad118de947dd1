// Package signup makes accounts for people who prove that a mail address is theirs.
//
// A registration is a pending row, not an account: several may wait for one address, from
// the owner and from strangers, and nobody is told whether the address has an account
// already. What the row's mail says is decided by the job that sends it. The account is made
// from the row whose own token comes back; the others die with it, so whoever registered
// an address that is not theirs keeps nothing. Signing in is left to flow/signin.
package signup

import (
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// ErrClosed says that this server takes no registrations.
var ErrClosed = fault.New(fault.Forbidden, "registration_closed", "This service takes no new registrations.")

// Config is how registration works. Every limit and Lifetime are required.
type Config struct {
	// Closed refuses new registrations. Those that wait may still be redeemed.
	Closed bool
	// UsernameRequired refuses a registration without a user name, where people sign in by it.
	UsernameRequired bool
	// UsernameOffered asks for a user name on the page, though none is required: where people may
	// sign in by it.
	UsernameOffered bool
	// Lifetime is how long a registration waits and its link is good.
	Lifetime time.Duration
	// PerMailbox and PerNetwork bound mails to one address and mails asked for from one network
	// address. Other flows that mail to typed addresses take the same limits.
	PerMailbox ratelimit.Limit
	PerNetwork ratelimit.Limit
	// PerLink bounds what can be guessed by whoever holds a link: the password it was
	// registered with, and which user names are taken.
	PerLink ratelimit.Limit
	// SignInURL is where people sign in; empty leaves the link out.
	SignInURL string
}

func (c Config) validate() error {
	var problems []error
	if c.Lifetime < time.Minute || c.Lifetime > 30*24*time.Hour {
		problems = append(problems, errors.New("signup: a registration waits 1 min to 30 days"))
	}
	for _, l := range []ratelimit.Limit{c.PerMailbox, c.PerNetwork, c.PerLink} {
		if err := l.Validate(); err != nil {
			problems = append(problems, fmt.Errorf("signup: limit %q: %w", l.Name, err))
		}
	}
	return errors.Join(problems...)
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB         *db.DB
	Keys       *keyring.Keyring
	Hasher     *password.Hasher
	Policy     password.Policy
	Schema     account.Schema
	Attributes []account.Attribute // as declared in Schema; the page asks for those that are required
	Limiter    *ratelimit.Limiter
	Queue      *jobs.Queue
	Letters    *letter.Post
	UI         *ui.UI
}

// Service registers people. It is safe for concurrent use.
type Service struct {
	Deps
	cfg      Config
	tokens   *secret.Hasher // of links
	browsers *secret.Hasher // of the cookie that the registering browser keeps
}

// New checks cfg, returns a Service and registers its jobs with deps.Queue.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Service{Deps: deps, cfg: cfg, tokens: deps.Keys.Hasher("registration"), browsers: deps.Keys.Hasher("registration browser")}
	deps.Queue.Register(linkJob, jobs.JSON(s.sendLink))
	deps.Queue.Register(resendJob, jobs.JSON(s.sendAgain))
	return s, nil
}
