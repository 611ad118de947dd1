package identifier

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// ChangeUsername gives whoever is signed in another user name and returns their account. The former
// one is kept for them. It returns account.ErrUsername, account.ErrUsernameTaken, session.ErrEnded,
// session.ErrStale and ratelimit.ErrLimited.
func (s *Service) ChangeUsername(ctx context.Context, by session.Bearer, username string) (*account.Account, error) {
	to, err := account.ParseUsername(username)
	if err != nil {
		return nil, err
	}
	guess, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: guessesPerAccount, Key: by.AccountID.String()})
	if err != nil {
		return nil, err
	}
	a, err := s.changeUsername(ctx, by, to)
	if errors.Is(err, account.ErrTaken) {
		return nil, account.ErrUsernameTaken
	}
	guess.Refund() // nothing was found out about others
	return a, err
}

// changeUsername counts the change unless there is none in the end.
func (s *Service) changeUsername(ctx context.Context, by session.Bearer, to account.Username) (a *account.Account, err error) {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.UsernamesPerAccount, Key: by.AccountID.String()})
	if err != nil {
		return nil, err
	}
	var changed bool
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		a, changed, err = s.rename(ctx, tx, by, to)
		return err
	})
	if err != nil || !changed {
		taken.Refund()
	}
	if err != nil {
		return nil, err
	}
	a.Profile.Attributes = s.Schema.Shown(a.Profile.Attributes)
	return a, nil
}

func (s *Service) rename(ctx context.Context, tx *db.Tx, by session.Bearer, to account.Username) (a *account.Account, changed bool, err error) {
	if err := account.Lock(ctx, tx, by.AccountID, by.AccountID); err != nil {
		return nil, false, err
	}
	o, err := enter(ctx, tx, by)
	if err != nil {
		return nil, false, err
	}
	a = &o.account
	if a.Username == to.Typed {
		return a, false, nil
	}
	if err := account.SetUsername(ctx, tx, a.ID, to); err != nil {
		return nil, false, err
	}
	if o.usernameKey != "" && o.usernameKey != to.Key {
		if err := account.KeepUsername(ctx, tx, a.ID, account.Username{Typed: a.Username, Key: o.usernameKey}, tx.Now.Add(UsernameKept)); err != nil {
			return nil, false, err
		}
	}
	a.Username = to.Typed
	if err := audit.Record(ctx, tx, audit.Event{Kind: "username.changed", AccountID: a.ID, SessionID: by.SessionID}); err != nil {
		return nil, false, err
	}
	return a, true, s.Letters.Tell(ctx, tx, letter.UsernameChanged, a.ID)
}
