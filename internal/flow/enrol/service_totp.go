package enrol

import (
	"cmp"
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// StartApp makes the secret of an authenticator app, which waits for its first code. One that the
// account set up before and that still waits is replaced; one that counts is never.
func (s *Service) StartApp(ctx context.Context, by session.Bearer, name string) (*totp.Setup, error) {
	st, err := s.look(ctx, by)
	if err != nil {
		return nil, err
	}
	return s.TOTP.Begin(ctx, by, st.account.Email, name)
}

// WaitingApp returns the app that StartApp has made, as long as it waits, else totp.ErrNoSetup: it is for
// the page that is shown once more after a wrong code. Whoever else is signed in may have put another in
// its place, whose secret they know; its id is another.
func (s *Service) WaitingApp(ctx context.Context, by session.Bearer, id uuid.UUID) (*totp.Setup, error) {
	st, err := s.look(ctx, by)
	if err != nil {
		return nil, err
	}
	setup, err := s.TOTP.Waiting(ctx, by.AccountID, st.account.Email)
	if err == nil && setup.ID != id {
		return nil, totp.ErrNoSetup
	}
	return setup, err
}

// ConfirmApp lets the app count that waits, if code is its. It returns new backup codes where it is
// the account's first second factor; they can be seen only now. Wrong codes are counted, before they are
// looked at. It returns factor.ErrCode, totp.ErrNoSetup and ratelimit.ErrLimited.
func (s *Service) ConfirmApp(ctx context.Context, by session.Bearer, code string) (app *totp.Device, codes []string, err error) {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAccount, Key: by.AccountID.String()})
	if errors.Is(err, ratelimit.ErrLimited) {
		return nil, nil, cmp.Or(s.refused(ctx, by, thing{method: factor.TOTP}, "rate_limited"), err)
	}
	if err != nil {
		return nil, nil, err
	}
	codes, err = s.add(ctx, by, authn.TOTP, func(tx *db.Tx) (t thing, err error) {
		if app, err = s.TOTP.Confirm(ctx, tx, by.AccountID, code); err != nil {
			return t, err
		}
		return thingOf(app), nil
	})
	if errors.Is(err, factor.ErrCode) {
		return nil, nil, cmp.Or(s.refused(ctx, by, thing{method: factor.TOTP}, "wrong_code"), err)
	}
	if err != nil {
		return nil, nil, err
	}
	taken.Refund()
	return app, codes, nil
}

// RenameApp changes what an app is called. It returns totp.ErrNotFound.
func (s *Service) RenameApp(ctx context.Context, by session.Bearer, id uuid.UUID, name string) error {
	return s.rename(ctx, by, thing{method: factor.TOTP, id: id}, func(tx *db.Tx) error {
		return s.TOTP.Rename(ctx, tx, by.AccountID, id, name)
	})
}

// RemoveApp takes an app away. It returns totp.ErrNotFound and ErrRequired.
func (s *Service) RemoveApp(ctx context.Context, by session.Bearer, id uuid.UUID) error {
	return s.remove(ctx, by, func(tx *db.Tx) ([]thing, error) {
		app, err := s.TOTP.Remove(ctx, tx, by.AccountID, id)
		if err != nil {
			return nil, err
		}
		return []thing{thingOf(app)}, nil
	})
}

// RemoveApps takes all apps away that there are. It returns totp.ErrNotFound where there is none, or
// where one is gone meanwhile, and ErrRequired.
func (s *Service) RemoveApps(ctx context.Context, by session.Bearer) error {
	all, err := s.TOTP.List(ctx, by.AccountID)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return totp.ErrNotFound
	}
	return s.remove(ctx, by, func(tx *db.Tx) ([]thing, error) {
		taken := make([]thing, len(all))
		for i := range all {
			if _, err := s.TOTP.Remove(ctx, tx, by.AccountID, all[i].ID); err != nil {
				return nil, err
			}
			taken[i] = thingOf(&all[i])
		}
		return taken, nil
	})
}

func thingOf(app *totp.Device) thing { return thing{method: factor.TOTP, id: app.ID, name: app.Name} }
