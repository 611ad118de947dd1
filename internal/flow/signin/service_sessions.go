package signin

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Sessions lists where the account is signed in.
func (s *Service) Sessions(ctx context.Context, accountID account.ID) ([]session.Session, error) {
	all, err := session.List(ctx, s.DB, accountID, s.DB.Now())
	for i := range all {
		if all[i].Client.Transport == session.Look {
			all[i].Device, all[i].Address = "", "" // of a member of staff: the owner learns that, not from where
		}
	}
	return all, err
}

// EndOne ends one session of an account. Another account's is not found.
func (s *Service) EndOne(ctx context.Context, accountID account.ID, id uuid.UUID) error {
	return s.end(ctx, id, session.EndedByOwner, func(owner account.ID) bool { return owner == accountID })
}

// EndOthers ends every session of whoever is signed in but the one that asks, and returns how many stood
// until then. It returns session.ErrEnded when that one has ended meanwhile.
func (s *Service) EndOthers(ctx context.Context, by session.Bearer) (n int64, err error) {
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		if n, err = session.EndOthers(ctx, tx, by.AccountID, by.SessionID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "session.others_ended", AccountID: by.AccountID, SessionID: by.SessionID, Reason: session.SignedOut})
	})
	if err != nil {
		return 0, fmt.Errorf("signin: end other sessions: %w", err)
	}
	return n, nil
}

// EndAll is EndOthers for the one that asks, too.
func (s *Service) EndAll(ctx context.Context, by session.Bearer) error {
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		if _, err := session.EndOthers(ctx, tx, by.AccountID, by.SessionID); err != nil {
			return err
		}
		if _, _, err := session.End(ctx, tx, by.SessionID, session.SignedOut); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "session.all_ended", AccountID: by.AccountID, SessionID: by.SessionID, Reason: session.SignedOut})
	})
	if err != nil {
		return fmt.Errorf("signin: end all sessions: %w", err)
	}
	return nil
}

// RememberedDevices returns how many browsers an account is known to sign in with.
func (s *Service) RememberedDevices(ctx context.Context, accountID account.ID) (int, error) {
	return device.Count(ctx, s.DB, accountID)
}

// ForgetDevices makes every browser a new one again for whoever is signed in: its next sign-in is told by
// mail and asked for the second step.
func (s *Service) ForgetDevices(ctx context.Context, by session.Bearer) error {
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := device.Forget(ctx, tx, by.AccountID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "device.forgotten", AccountID: by.AccountID, SessionID: by.SessionID})
	})
	if err != nil {
		return fmt.Errorf("signin: forget devices: %w", err)
	}
	return nil
}
