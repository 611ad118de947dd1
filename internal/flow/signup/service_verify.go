package signup

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Verify makes the account of the registration that token was mailed for. The token is enough:
// it is for programs whose users just registered. username, if not empty, replaces the
// one registered. It returns letter.ErrLink, account.ErrUsername, ratelimit.ErrLimited, and
// account.ErrUsernameTaken: then the token stays good, to be sent again with another name.
func (s *Service) Verify(ctx context.Context, token, username string) (*account.Account, error) {
	p, err := findByToken(ctx, s.DB, s.tokens, token, s.DB.Now())
	if err != nil {
		return nil, err
	}
	if p.username == "" && username == "" {
		return s.redeem(ctx, token, func(*pending) error { return nil })
	}
	taken, err := s.guess(ctx, p)
	if err != nil {
		return nil, err
	}
	a, err := s.redeem(ctx, token, rename(username))
	settle(taken, err)
	return a, err
}

// Confirmation is what a person does on the page that the link leads to.
type Confirmation struct {
	Token string
	// Browser is the value of the cookie that the registering browser got; empty: none.
	Browser string
	// Password is the one chosen at registration. The registering browser need not send it.
	Password string
	// Fresh replaces the password chosen at registration, by whomever.
	Fresh string
	// Username, if not empty, replaces the one registered.
	Username string
}

// Confirm makes the account of a registration for a person at a page. Whoever registered may be
// a stranger, and the owner of the mailbox must not confirm a password that the stranger
// knows: so it asks for that password, or for a new one, unless this browser registered.
// Besides what Verify returns: password.ErrRejected, and password.ErrRefused for Fresh.
func (s *Service) Confirm(ctx context.Context, in Confirmation) (*account.Account, error) {
	p, err := findByToken(ctx, s.DB, s.tokens, in.Token, s.DB.Now())
	if err != nil {
		return nil, err
	}
	if in.Password == "" && in.Fresh == "" && !s.registeredBy(p, in.Browser) {
		return nil, password.ErrRejected // nothing was guessed
	}
	taken, err := s.guess(ctx, p)
	if err != nil {
		return nil, err
	}
	a, err := s.confirm(ctx, p, in)
	settle(taken, err)
	return a, err
}

func (s *Service) confirm(ctx context.Context, p *pending, in Confirmation) (*account.Account, error) {
	hash, err := s.owned(ctx, p, in)
	if err != nil {
		return nil, err
	}
	return s.redeem(ctx, in.Token, func(p *pending) error {
		p.hash = hash
		return rename(in.Username)(p)
	})
}

// owned returns the password hash that the account shall have.
func (s *Service) owned(ctx context.Context, p *pending, in Confirmation) (hash string, err error) {
	if in.Fresh != "" {
		if err := s.Policy.Check(ctx, in.Fresh, p.person()); err != nil {
			return "", password.InMember(err, "new_password")
		}
		return s.Hasher.Hash(ctx, in.Fresh)
	}
	if s.registeredBy(p, in.Browser) {
		return p.hash, nil
	}
	result, err := s.Hasher.Verify(ctx, p.hash, in.Password)
	if err != nil {
		return "", err
	}
	if !result.OK {
		refused := audit.RecordAlone(ctx, s.DB, audit.Event{Kind: "registration.refused", Reason: "wrong_password"})
		return "", cmp.Or(refused, error(password.ErrRejected))
	}
	return p.hash, nil
}

// registeredBy reports whether browser is the value that was given to the registering one.
func (s *Service) registeredBy(p *pending, browser string) bool {
	if browser == "" || p.browserHash == nil {
		return false
	}
	same := 0
	for _, hash := range s.browsers.Candidates(browser) {
		same |= subtle.ConstantTimeCompare(hash, p.browserHash)
	}
	return same == 1
}

// guess counts a try at what the holder of a link could guess.
func (s *Service) guess(ctx context.Context, p *pending) (*ratelimit.Taken, error) {
	return s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerLink, Key: p.id.String()})
}

// settle gives the try back unless something was guessed wrong.
func settle(taken *ratelimit.Taken, err error) {
	if !errors.Is(err, password.ErrRejected) && !errors.Is(err, account.ErrUsernameTaken) {
		taken.Refund()
	}
}

func rename(username string) func(*pending) error {
	return func(p *pending) error {
		if username == "" {
			return nil
		}
		name, err := account.ParseUsername(username)
		p.username = name.Typed
		return err
	}
}

// redeem makes the account in one transaction: all of it or nothing. The account comes before
// the registration is used up, so that parallel redemptions for one address queue up at
// the address and cannot lock each other's rows crosswise.
func (s *Service) redeem(ctx context.Context, token string, change func(*pending) error) (a *account.Account, err error) {
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		p, err := findByToken(ctx, tx, s.tokens, token, tx.Now)
		if err != nil {
			return err
		}
		if err := change(p); err != nil {
			return err
		}
		if a, err = create(ctx, tx, p); err != nil {
			return err
		}
		if err := password.Set(ctx, tx, a.ID, p.hash); err != nil {
			return err
		}
		if err := consume(ctx, tx, p); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "account.created", AccountID: a.ID})
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// create makes the account, or says what stands in its way: an address that was taken meanwhile
// ends the registration for good, a user name can be replaced.
func create(ctx context.Context, tx *db.Tx, p *pending) (*account.Account, error) {
	n := account.New{Email: p.email, Verified: true, Active: true, Profile: p.profile}
	if p.username != "" {
		var err error
		if n.Username, err = account.ParseUsername(p.username); err != nil {
			return nil, err
		}
	}
	a, err := account.Create(ctx, tx, n)
	if !errors.Is(err, account.ErrTaken) {
		return a, err
	}
	taken, err := account.EmailTaken(ctx, tx, p.email, uuid.Nil)
	switch {
	case err != nil:
		return nil, err
	case taken:
		return nil, letter.ErrLink
	default:
		return nil, account.ErrUsernameTaken
	}
}
