// Package recovery gets people back into their accounts: the owner of a mail address can choose a new
// password, and who lost a second factor can be rid of it.
//
// A person asks with an address; nobody is told whether it has an account. The job that
// was queued looks it up and mails a link to the address on record. The link is good once and
// dies when anything happens that it was not asked for: another password, an ended or a new
// session, another address, a disabled account. A new password ends every session and opens
// none: signing in, with all it asks for, is left to flow/signin.
//
// A lost second factor (factor.go, factor_finish.go) is another matter: a password and a mailbox that
// were stolen together must not do at once. Who got past the first step of a sign-in asks; every
// address and every session is told and can say no for as long as it takes; then a mailed link and the
// password together remove all second factors, and everybody signs in anew.
package recovery

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/place"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Config is how recovery works. Every limit and Lifetime are required.
type Config struct {
	// Lifetime is how long a link is good, from when it is mailed.
	Lifetime time.Duration
	// WithoutPassword mails links also to accounts that have no password, which can then get
	// their first.
	WithoutPassword bool
	// PerMailbox and PerNetwork bound mails to one address and mails asked for from one network
	// address. Other flows that mail to typed addresses take the same limits.
	PerMailbox ratelimit.Limit
	PerNetwork ratelimit.Limit
	// PerAccount is the limit of failed sign-ins. A reset empties it: the owner has come.
	PerAccount ratelimit.Limit
	// PerStep is the limit of wrong second steps. A reset empties it as well.
	PerStep ratelimit.Limit
	// PerAddress bounds failed attempts to redeem links from one network address.
	PerAddress ratelimit.Limit
	// ByUsername says that people sign in by user name: password managers shall save the new
	// password under it.
	ByUsername bool
	// SignInURL is where people sign in; empty leaves the link out.
	SignInURL string
	// FactorDelay is how long whoever lost a second factor waits, so that whoever has it can say no:
	// 24 h to 30 days, 72 h where it is zero.
	FactorDelay time.Duration
}

func (c Config) validate() error {
	var problems []error
	if c.Lifetime < time.Minute || c.Lifetime > 24*time.Hour {
		problems = append(problems, errors.New("recovery: a link is good for 1 min to 24 h"))
	}
	if c.FactorDelay < minFactorDelay || c.FactorDelay > maxFactorDelay {
		problems = append(problems, errors.New("recovery: who lost a second factor waits for 24 h to 30 days"))
	}
	for _, l := range []ratelimit.Limit{c.PerMailbox, c.PerNetwork, c.PerAccount, c.PerStep, c.PerAddress} {
		if err := l.Validate(); err != nil {
			problems = append(problems, fmt.Errorf("recovery: limit %q: %w", l.Name, err))
		}
	}
	return errors.Join(problems...)
}

// Deps is what a Service works with. Every member but Places is required.
type Deps struct {
	DB      *db.DB
	Keys    *keyring.Keyring
	Hasher  *password.Hasher
	Policy  password.Policy
	Limiter *ratelimit.Limiter
	Queue   *jobs.Queue
	Letters *letter.Post
	UI      *ui.UI
	Places  *place.Finder // of network addresses; nil: none are known
}

// Service recovers accounts. It is safe for concurrent use.
type Service struct {
	Deps
	cfg    Config
	tokens *secret.Hasher
	notMe  *secret.Hasher // of tokens that tell of a sign-in
	factors
}

// purpose is what the rows and hashes of this flow's tokens are marked with.
const purpose = "reset"

// New checks cfg, returns a Service and registers its job with deps.Queue.
func New(cfg Config, deps Deps) (*Service, error) {
	cfg.FactorDelay = cmp.Or(cfg.FactorDelay, factorDelay)
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	f, err := newFactors(deps)
	if err != nil {
		return nil, err
	}
	s := &Service{Deps: deps, cfg: cfg, tokens: deps.Keys.Hasher(purpose), notMe: deps.Keys.Hasher(purposeNotMe), factors: f}
	deps.Queue.Register(job, jobs.JSON(s.sendLink))
	return s, nil
}
