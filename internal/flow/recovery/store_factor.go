package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// create writes a recovery down with the token that says no, for an account that is locked and waits
// for none. What is left of one that was overtaken makes room. It returns ticket.ErrRejected when the
// account's epoch is another by now.
func create(ctx context.Context, tx *db.Tx, w *factor.Recovery, epoch int64, no []byte) error {
	_, err := tx.Exec(ctx, `UPDATE factor_recovery SET cancelled_at = $2 WHERE account_id = $1 AND cancelled_at IS NULL AND done_at IS NULL`, w.AccountID, tx.Now)
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO factor_recovery (id, account_id, device, address, created_at, ready_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			w.ID, w.AccountID, w.Device, w.Address, w.AskedAt, w.ReadyAt, w.ExpiresAt)
	}
	if err != nil {
		return fmt.Errorf("recovery: create: %w", err)
	}
	// The token has the recovery's id, and keeps what the account was; see factor.FindRecovery.
	n, err := issueFor(ctx, tx, w, w.ID, cancelPurpose, "", no, epoch)
	if err == nil && n == 0 {
		return ticket.ErrRejected
	}
	return err
}

// issueFor writes down a mailed permission that is good as long as w, if the account's epoch is this.
func issueFor(ctx context.Context, tx *db.Tx, w *factor.Recovery, id uuid.UUID, purpose, data string, tokenHash []byte, epoch int64) (int64, error) {
	n, err := tx.Exec(ctx, `INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data)
		SELECT $1, $2, a.id, a.email_key, a.epoch, $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT), $7 FROM account a WHERE a.id = $3 AND a.active AND a.epoch = $8`,
		id, purpose, w.AccountID, tokenHash, tx.Now, w.ExpiresAt, data, epoch)
	if err != nil {
		return 0, fmt.Errorf("recovery: issue %s: %w", purpose, err)
	}
	return n, nil
}
