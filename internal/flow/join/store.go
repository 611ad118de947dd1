package join

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// hasAccount reports whether an address, by its canonical key, has an account.
func hasAccount(ctx context.Context, d *db.DB, emailKey string) (has bool, err error) {
	if err := d.Row(ctx, `SELECT EXISTS (SELECT 1 FROM account WHERE email_key = $1)`, []any{emailKey}, &has); err != nil {
		return false, fmt.Errorf("join: has account: %w", err)
	}
	return has, nil
}

// forgetRegistrations ends all registrations that wait for an address.
func forgetRegistrations(ctx context.Context, tx *db.Tx, emailKey string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM registration WHERE email_key = $1`, emailKey); err != nil {
		return fmt.Errorf("join: forget registrations: %w", err)
	}
	return nil
}
