// Package emailcode knows people by codes that they read in their mailbox: as the way in, and as a step
// besides another.
//
// Whoever asks gets a ticket, the mailbox gets the code, and it takes both: who reads the mail but did
// not ask cannot use it, so a scanner that opens every link burns nothing, and who asked but cannot
// read the mail has a few guesses at eight digits. The link in the mail holds the code and nothing else.
// Nobody is told whether an address has an account: the job that was queued finds that out.
// Whether signing in by mail is allowed and what a code opens is left to flow/signin.
package emailcode

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// PurposeSignIn is the purpose of the tickets that Ask issues.
const PurposeSignIn = "email_signin"

// Lifetime is how long such a ticket and its code are good, from when they were asked for.
const Lifetime = 10 * time.Minute

// Config is how codes are mailed. Every member is required.
type Config struct {
	// PerMailbox bounds mails to one typed address, and second steps mailed to one account. PerNetwork
	// bounds mails asked for from one network address. Other flows that mail to typed addresses take
	// the same limits.
	PerMailbox ratelimit.Limit
	PerNetwork ratelimit.Limit
	// Link is where the mail leads. It holds {token}, which is replaced by the code: the page there
	// finishes with one click in the browser that asked, because that one has the ticket, and shows
	// the code to type in elsewhere.
	Link string
}

func (c Config) validate() error {
	var problems []error
	for _, l := range []ratelimit.Limit{c.PerMailbox, c.PerNetwork} {
		if err := l.Validate(); err != nil {
			problems = append(problems, fmt.Errorf("emailcode: limit %q: %w", l.Name, err))
		}
	}
	if u, err := url.Parse(letter.With(c.Link, "0")); err != nil || u.Host == "" || !strings.Contains(c.Link, "{token}") {
		problems = append(problems, errors.New("emailcode: Link: must be an absolute URL that holds {token}"))
	}
	return errors.Join(problems...)
}

// Deps are what a Service works with. Every member is required.
type Deps struct {
	DB      *db.DB
	Limiter *ratelimit.Limiter
	Queue   *jobs.Queue
	Letters *letter.Post
	Tickets *ticket.Book
}

// Service mails codes and checks them. It is safe for concurrent use.
type Service struct {
	Deps
	cfg Config
}

// New checks cfg, returns a Service and registers its job with deps.Queue.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Service{Deps: deps, cfg: cfg}
	deps.Queue.Register(job, jobs.JSON(s.mailSignIn))
	return s, nil
}
