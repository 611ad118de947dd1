package enrol

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// NewCodes replaces the backup codes; they can be seen only now. It returns ErrNone where there is
// nothing that they could stand in for.
func (s *Service) NewCodes(ctx context.Context, by session.Bearer) (codes []string, err error) {
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		st, err := enter(ctx, tx, by)
		if err != nil {
			return err
		}
		if !st.Strong() {
			return ErrNone
		}
		codes, err = s.replaceCodes(ctx, tx, by)
		return err
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// replaceCodes makes backup codes, and says so.
func (s *Service) replaceCodes(ctx context.Context, tx *db.Tx, by session.Bearer) ([]string, error) {
	codes, err := s.BackupCodes.Replace(ctx, tx, by.AccountID)
	if err != nil {
		return nil, err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "backup_codes.replaced", AccountID: by.AccountID, SessionID: by.SessionID}); err != nil {
		return nil, err
	}
	return codes, s.Letters.Write(ctx, tx, letter.BackupCodesNew, by.AccountID, letter.Content{Count: len(codes)})
}

// ClearCodes makes all backup codes worthless. Having none is no mistake.
func (s *Service) ClearCodes(ctx context.Context, by session.Bearer) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		st, err := enter(ctx, tx, by)
		if err != nil || st.BackupCodes == 0 {
			return err
		}
		if err := s.BackupCodes.Clear(ctx, tx, by.AccountID); err != nil {
			return err
		}
		return s.tell(ctx, tx, by, "factor.removed", letter.FactorRemoved, thing{method: factor.BackupCode, name: "Backup codes"})
	})
}
