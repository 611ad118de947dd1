package session

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// EndOthers ends every session of an account but one, by raising the account's epoch, and returns how many
// of them stood until then. It returns ErrEnded when that one has ended itself: whoever holds it may
// not do so any more.
func EndOthers(ctx context.Context, tx *db.Tx, accountID, keep uuid.UUID) (n int64, err error) {
	epoch, err := account.EndSessions(ctx, tx, accountID)
	if err != nil {
		return 0, err
	}
	if err := Keep(ctx, tx, keep, epoch); err != nil {
		return 0, err
	}
	err = tx.Row(ctx, `SELECT count(*) FROM session WHERE account_id = $1 AND epoch = $3 AND id <> $4
		AND ended_at IS NULL AND expires_at > $2 AND rotated_at + idle_ms > $2`, []any{accountID, tx.Now, epoch - 1, keep}, &n)
	if err != nil {
		return 0, fmt.Errorf("session: end others: %w", err)
	}
	return n, nil
}
