package enrol

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// EnableMail makes a code by mail the second step after the password. It is no second factor: no other
// session ends and no level rises. Having it already is no mistake. It returns ErrNoMail.
func (s *Service) EnableMail(ctx context.Context, by session.Bearer) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		st, err := enter(ctx, tx, by)
		if err != nil || st.Email {
			return err
		}
		if !st.mayMail() {
			return ErrNoMail
		}
		if err := s.EmailCodes.Enable(ctx, tx, by.AccountID); err != nil {
			return err
		}
		return s.tell(ctx, tx, by, "factor.added", letter.FactorAdded, thing{method: factor.EmailCode, name: st.account.Email})
	})
}

// DisableMail takes that step away. Not having it is no mistake.
func (s *Service) DisableMail(ctx context.Context, by session.Bearer) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		st, err := enter(ctx, tx, by)
		if err != nil {
			return err
		}
		was, err := s.EmailCodes.Disable(ctx, tx, by.AccountID)
		if err != nil || !was {
			return err
		}
		return s.tell(ctx, tx, by, "factor.removed", letter.FactorRemoved, thing{method: factor.EmailCode, name: st.account.Email})
	})
}
