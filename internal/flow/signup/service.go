package signup

import (
	"context"
	"errors"
	"net/netip"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Registration is a wish for an account.
type Registration struct {
	Email    string
	Password string
	Username string // empty: none
	Profile  account.Change
	// Browser is the random value that the registering browser keeps as a cookie, so that its
	// owner need not type the password again. Empty: there is no such browser.
	Browser string
	Address netip.Addr
}

// Register writes the registration down and queues its mail. It does the same statements and
// the same hash whether or not the address has an account, and returns the address as it was
// understood. It returns ErrClosed, account.ErrEmail, account.ErrUsername, account.ErrProfile,
// password.ErrRefused, password.ErrBusy and ratelimit.ErrLimited.
func (s *Service) Register(ctx context.Context, in Registration) (email string, err error) {
	p, err := s.check(ctx, in)
	if err != nil {
		return "", err
	}
	taken, err := s.mayMail(ctx, p.email, in.Address)
	if err != nil {
		return "", err
	}
	if p.hash, err = s.Hasher.Hash(ctx, in.Password); err != nil {
		taken.Refund() // nothing will be mailed
		return "", err
	}
	if p.id, err = uuid.NewV7(); err != nil {
		return "", err
	}
	token := secret.NewToken()
	p.tokenHash = s.tokens.Sum(token)
	if in.Browser != "" {
		p.browserHash = s.browsers.Sum(in.Browser)
	}
	p.device = audit.FromContext(ctx).Device
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		p.createdAt, p.expiresAt = tx.Now, tx.Now.Add(s.cfg.Lifetime)
		if err := insert(ctx, tx, p); err != nil {
			return err
		}
		return s.Queue.Enqueue(ctx, tx, jobs.Job{Kind: linkJob, Recipient: p.email.Typed, Payload: link{Registration: p.id, Token: token}})
	})
	return p.email.Typed, err
}

// check reads what a person typed and returns all that is wrong with it, joined; programs are told
// the first. It asks no database, so its refusals tell nothing about accounts.
func (s *Service) check(ctx context.Context, in Registration) (*pending, error) {
	if s.cfg.Closed {
		return nil, ErrClosed
	}
	var p pending
	var wrong []error
	var err error
	if p.email, err = account.ParseEmail(in.Email); err != nil {
		wrong = append(wrong, err)
	}
	if in.Username != "" || s.cfg.UsernameRequired {
		name, err := account.ParseUsername(in.Username)
		if err != nil {
			wrong = append(wrong, err)
		}
		p.username = name.Typed
	}
	if p.profile, err = s.profile(in.Profile); err != nil {
		wrong = append(wrong, err)
	}
	policy := s.Policy
	if len(wrong) > 0 {
		policy.Breach = nil // what is refused anyway, nobody else need be asked about
	}
	if err := policy.Check(ctx, in.Password, p.person()); err != nil {
		wrong = append(wrong, err)
	}
	return &p, errors.Join(wrong...)
}

func (s *Service) profile(typed account.Change) (account.Profile, error) {
	p, err := s.Schema.Apply(account.Profile{}, typed, true)
	if err != nil {
		return p, err
	}
	return p, s.Schema.Complete(p)
}

// mayMail counts a mail before it is known whether one will be sent.
func (s *Service) mayMail(ctx context.Context, to account.Email, from netip.Addr) (*ratelimit.Taken, error) {
	return s.Limiter.Take(ctx,
		ratelimit.Bucket{Limit: s.cfg.PerMailbox, Key: to.Key},
		ratelimit.Bucket{Limit: s.cfg.PerNetwork, Key: ratelimit.AddressKey(from)})
}

// Resend queues another mail for the newest registration that waits for an address. Whether
// there is one is found out by the job. It returns account.ErrEmail and ratelimit.ErrLimited.
func (s *Service) Resend(ctx context.Context, email string, from netip.Addr) error {
	to, err := account.ParseEmail(email)
	if err != nil {
		return err
	}
	if _, err := s.mayMail(ctx, to, from); err != nil {
		return err
	}
	return s.Queue.Submit(ctx, jobs.Job{Kind: resendJob, Recipient: to.Typed, Payload: again{EmailKey: to.Key, Token: secret.NewToken()}})
}

func (p *pending) person() password.Person {
	return password.Person{Email: p.email.Typed, Username: p.username, FullName: p.profile.FullName}
}
