package govern

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// countDeclared counts the permissions that were declared while running.
func countDeclared(ctx context.Context, tx *db.Tx) (n int, err error) {
	if err := tx.Row(ctx, `SELECT count(*) FROM declared_permission`, nil, &n); err != nil {
		return 0, fmt.Errorf("govern: count permissions: %w", err)
	}
	return n, nil
}
