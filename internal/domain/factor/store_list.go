package factor

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Named is a second factor that its owner has given a name.
type Named struct {
	Method     string // TOTP or Passkey
	Name       string
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
}

// List returns the named factors of an account, the oldest first. It is one statement.
func List(ctx context.Context, d *db.DB, id uuid.UUID) ([]Named, error) {
	var all []Named
	err := d.Each(ctx, `SELECT '`+TOTP+`', name, created_at, last_used_at FROM totp_device WHERE account_id = $1 AND confirmed_at IS NOT NULL
		UNION ALL SELECT '`+Passkey+`', name, created_at, last_used_at FROM passkey WHERE account_id = $1 ORDER BY 3, 2`, []any{id},
		func(scan func(...any) error) error {
			var n Named
			err := scan(&n.Method, &n.Name, db.Time(&n.CreatedAt), db.Time(&n.LastUsedAt))
			all = append(all, n)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("factor: list: %w", err)
	}
	return all, nil
}
