package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrNoRecovery says that nobody waits for an account to be rid of its second factors.
var ErrNoRecovery = fault.New(fault.NotFound, "recovery_none", "No removal of lost second factors is under way.")

// Recovery is somebody's wish to be rid of second factors that they lost. It waits until ReadyAt, so
// that whoever still has them can say no; until ExpiresAt it can then be done. How it is asked for
// and done is the business of flow/recovery.
type Recovery struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	AskedAt   time.Time
	ReadyAt   time.Time
	ExpiresAt time.Time
	Device    string // of whoever asked, by their own claim
	Address   string // network address they asked from
}

// FindRecovery returns the recovery that an account waits for at a time, or ErrNoRecovery. It has ended
// when it was done or cancelled, is too old, or when anything happened to the account that ends its
// sessions or changed its address: what the account was when it was asked is kept in the one-time
// token that says no, which has its id.
func FindRecovery(ctx context.Context, r Rower, accountID uuid.UUID, now time.Time) (*Recovery, error) {
	w := Recovery{AccountID: accountID}
	err := r.Row(ctx, `SELECT f.id, f.created_at, f.ready_at, f.expires_at, f.device, f.address FROM factor_recovery f
		JOIN one_time_token n ON n.id = f.id JOIN account a ON a.id = f.account_id
		WHERE f.account_id = $1 AND f.cancelled_at IS NULL AND f.done_at IS NULL AND f.expires_at > $2
			AND a.active AND a.epoch = n.epoch AND a.email_key = n.email_key`,
		[]any{accountID, now}, &w.ID, db.Time(&w.AskedAt), db.Time(&w.ReadyAt), db.Time(&w.ExpiresAt), &w.Device, &w.Address)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrNoRecovery
	}
	if err != nil {
		return nil, fmt.Errorf("factor: find recovery: %w", err)
	}
	return &w, nil
}

// CancelRecovery ends a recovery, or returns ErrNoRecovery when it was done or cancelled before. Its
// account is locked; audit is the caller's.
func CancelRecovery(ctx context.Context, tx *db.Tx, id uuid.UUID) error {
	n, err := tx.Exec(ctx, `UPDATE factor_recovery SET cancelled_at = $2 WHERE id = $1 AND cancelled_at IS NULL AND done_at IS NULL`, id, tx.Now)
	if err != nil {
		return fmt.Errorf("factor: cancel recovery: %w", err)
	}
	if n == 0 {
		return ErrNoRecovery
	}
	return nil
}
