// Package identifier lets people be called something else: change the mail address of their account,
// and its user name.
//
// A new address counts once whoever asked has shown to read it, by a mailed link. The former one is
// told when that is asked, told again when it is done, and can undo it for a week, whatever happened
// in between: whoever reads it was the owner before somebody else could be. What an account gave up is
// kept from others for a while. The rows that say so are domain/account's.
package identifier

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/keyring"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// How long things are good for.
const (
	ChangeLifetime = time.Hour          // a link that confirms a new address, from when it is mailed
	UndoLifetime   = 7 * 24 * time.Hour // a link that undoes a change; as long, the former address is kept
	UsernameKept   = 90 * 24 * time.Hour
)

// Purpose is what a mailed link is good for.
type Purpose string

// The purposes, as rows name them.
const (
	Change Purpose = "email_change"
	Undo   Purpose = "email_undo"
)

// Config is how addresses and user names are changed. Every member is required.
type Config struct {
	// ChangeLink and UndoLink are where mails lead; their {token} is replaced.
	ChangeLink string
	UndoLink   string
	// PerMailbox and PerNetwork bound mails to one address and mails asked for from one network
	// address. Other flows that mail to typed addresses take the same limits.
	PerMailbox ratelimit.Limit
	PerNetwork ratelimit.Limit
	// PerAddress bounds failed attempts to redeem links from one network address.
	PerAddress ratelimit.Limit
	// EmailsPerAccount and UsernamesPerAccount bound changes of one account.
	EmailsPerAccount    ratelimit.Limit
	UsernamesPerAccount ratelimit.Limit
}

// guessesPerAccount bounds how many taken user names one account can find out.
var guessesPerAccount = ratelimit.Limit{Name: "username.guess", Burst: 10, Per: 24 * time.Hour}

func (c Config) validate() error {
	var problems []error
	for _, link := range []string{c.ChangeLink, c.UndoLink} {
		if !strings.Contains(link, "{token}") {
			problems = append(problems, errors.New("identifier: a link holds {token}"))
		}
	}
	for _, l := range []ratelimit.Limit{c.PerMailbox, c.PerNetwork, c.PerAddress, c.EmailsPerAccount, c.UsernamesPerAccount} {
		if err := l.Validate(); err != nil {
			problems = append(problems, fmt.Errorf("identifier: limit %q: %w", l.Name, err))
		}
	}
	return errors.Join(problems...)
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB      *db.DB
	Keys    *keyring.Keyring
	Schema  account.Schema // declares the custom attributes
	Limiter *ratelimit.Limiter
	Queue   *jobs.Queue
	Letters *letter.Post
}

// Service changes addresses and user names for their owners. It is safe for concurrent use.
type Service struct {
	Deps
	cfg    Config
	tokens map[Purpose]*secret.Hasher
}

// New checks cfg, returns a Service and registers its job with deps.Queue.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Service{Deps: deps, cfg: cfg, tokens: map[Purpose]*secret.Hasher{}}
	for _, p := range []Purpose{Change, Undo} {
		s.tokens[p] = deps.Keys.Hasher(string(p))
	}
	deps.Queue.Register(job, jobs.JSON(s.sendLink))
	return s, nil
}
