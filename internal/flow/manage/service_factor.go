package manage

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// ResetFactors takes all second factors from the account with this subject, whose owner has lost them,
// signs it out everywhere and tells its owner. By what else the owner was known to be the owner is for
// the reason to say. It returns audit.ErrReason and ErrNoFactors.
func (s *Service) ResetFactors(ctx context.Context, by Actor, subject, reason string) (*account.Account, error) {
	reason, err := audit.Reason(reason)
	if err != nil {
		return nil, err
	}
	return s.act(ctx, by, ResetFactors, subject, func(ctx context.Context, tx *db.Tx, a *account.Account) error {
		had, err := factor.RemoveAll(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if !had {
			return ErrNoFactors
		}
		if err := device.Forget(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := endAll(ctx, tx, a); err != nil {
			return err
		}
		if err := audit.Record(ctx, tx, audit.Event{Kind: "factor.reset_by_staff", AccountID: a.ID, Reason: reason}); err != nil {
			return err
		}
		return s.Letters.Tell(ctx, tx, letter.FactorsReset, a.ID)
	})
}

// CancelRecovery ends what somebody waits for who asked for the removal of the second factors of the
// account with this subject. That nobody did is no mistake.
func (s *Service) CancelRecovery(ctx context.Context, by Actor, subject string) (*account.Account, error) {
	return s.act(ctx, by, CancelRecovery, subject, func(ctx context.Context, tx *db.Tx, a *account.Account) error {
		w, err := factor.FindRecovery(ctx, tx, a.ID, tx.Now)
		if errors.Is(err, factor.ErrNoRecovery) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := factor.CancelRecovery(ctx, tx, w.ID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "recovery.factor_cancelled", AccountID: a.ID, Reason: "staff"})
	})
}

// Factors is by what the owner of an account can prove themselves.
type Factors struct {
	factor.Held
	Named    []factor.Named
	Recovery *factor.Recovery // what is waited for; nil: nothing
}

func (s *Service) factors(ctx context.Context, id account.ID) (f Factors, err error) {
	if f.Held, err = factor.Of(ctx, s.DB, id); err != nil {
		return f, err
	}
	if f.Named, err = factor.List(ctx, s.DB, id); err != nil {
		return f, err
	}
	f.Recovery, err = factor.FindRecovery(ctx, s.DB, id, s.DB.Now())
	if errors.Is(err, factor.ErrNoRecovery) {
		err = nil
	}
	return f, err
}
