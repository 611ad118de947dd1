package join

import (
	"context"
	"errors"
	"net/netip"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/feature/invitation"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Registration is a wish for an account, of whoever holds the link of an invitation.
type Registration struct {
	Token    string
	Password string
	Username string // empty: none
	Profile  account.Change
	Address  netip.Addr
}

// SignUp makes the account of an invited address, confirmed by the mail that brought the token, and a
// member of the tenant: all of it or nothing. Registrations that wait for the address are forgotten, whoever
// made them. It returns letter.ErrLink, account.ErrTaken when the address has an account already,
// account.ErrUsername, account.ErrUsernameTaken, account.ErrProfile, password.ErrRefused, password.ErrBusy
// and ratelimit.ErrLimited.
func (s *Service) SignUp(ctx context.Context, in Registration) (*account.Account, *invitation.Open, error) {
	o, err := s.find(ctx, in.Token, in.Address)
	if err != nil {
		return nil, nil, err
	}
	n, err := s.check(ctx, o, in)
	if err != nil {
		return nil, nil, err
	}
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerLink, Key: o.ID.String()})
	if err != nil {
		return nil, nil, err
	}
	a, err := s.signUp(ctx, o, n, in.Password)
	if !errors.Is(err, account.ErrUsernameTaken) {
		taken.Refund() // nothing was guessed
	}
	return a, o, err
}

func (s *Service) signUp(ctx context.Context, o *invitation.Open, n account.New, chosen string) (a *account.Account, err error) {
	known, err := hasAccount(ctx, s.DB, n.Email.Key)
	if err != nil {
		return nil, err
	}
	if known {
		return nil, account.ErrTaken
	}
	hash, err := s.Hasher.Hash(ctx, chosen)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		if a, err = create(ctx, tx, n); err != nil {
			return err
		}
		if err := password.Set(ctx, tx, a.ID, hash); err != nil {
			return err
		}
		if err := forgetRegistrations(ctx, tx, n.Email.Key); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, audit.Event{Kind: "account.created", AccountID: a.ID}); err != nil {
			return err
		}
		return s.Invitations.Accept(ctx, tx, o, a)
	})
	if err != nil {
		return nil, s.Invitations.Refuse(ctx, o, uuid.Nil, err)
	}
	return a, nil
}

// check returns the account that shall be made, or all that is wrong with it, joined; programs are told
// the first.
func (s *Service) check(ctx context.Context, o *invitation.Open, in Registration) (account.New, error) {
	n := account.New{Verified: true, Active: true}
	var wrong []error
	var err error
	if n.Email, err = account.ParseEmail(o.Email); err != nil {
		return n, err
	}
	if in.Username != "" || s.cfg.UsernameRequired {
		if n.Username, err = account.ParseUsername(in.Username); err != nil {
			wrong = append(wrong, err)
		}
	}
	if n.Profile, err = s.Schema.Apply(account.Profile{}, in.Profile, true); err == nil {
		err = s.Schema.Complete(n.Profile)
	}
	if err != nil {
		wrong = append(wrong, err)
	}
	policy := s.Policy
	if len(wrong) > 0 {
		policy.Breach = nil // what is refused anyway, nobody else need be asked about
	}
	if err := policy.Check(ctx, in.Password, password.Person{Email: n.Email.Typed, Username: n.Username.Typed, FullName: n.Profile.FullName}); err != nil {
		wrong = append(wrong, err)
	}
	return n, errors.Join(wrong...)
}

// create makes the account, or says which of its names stands in its way.
func create(ctx context.Context, tx *db.Tx, n account.New) (*account.Account, error) {
	a, err := account.Create(ctx, tx, n)
	if !errors.Is(err, account.ErrTaken) {
		return a, err
	}
	taken, failed := account.EmailTaken(ctx, tx, n.Email, uuid.Nil)
	switch {
	case failed != nil:
		return nil, failed
	case taken:
		return nil, err
	default:
		return nil, account.ErrUsernameTaken
	}
}
