package device

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Count returns how many devices of an account are remembered.
func Count(ctx context.Context, d *db.DB, accountID uuid.UUID) (n int, err error) {
	if err := d.Row(ctx, `SELECT count(*) FROM device WHERE account_id = $1`, []any{accountID}, &n); err != nil {
		return 0, fmt.Errorf("device: count: %w", err)
	}
	return n, nil
}
