package emailcode

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

func enable(ctx context.Context, tx *db.Tx, accountID uuid.UUID) error {
	_, err := tx.Exec(ctx, `INSERT INTO email_factor (account_id, created_at) VALUES ($1, $2) ON CONFLICT (account_id) DO NOTHING`, accountID, tx.Now)
	if tx.Orphan(err) {
		return account.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("emailcode: enable: %w", err)
	}
	return nil
}

func disable(ctx context.Context, tx *db.Tx, accountID uuid.UUID) (was bool, err error) {
	n, err := tx.Exec(ctx, `DELETE FROM email_factor WHERE account_id = $1`, accountID)
	if err != nil {
		return false, fmt.Errorf("emailcode: disable: %w", err)
	}
	return n > 0, nil
}
