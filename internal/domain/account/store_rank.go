package account

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// LockSuperusers waits until no other transaction decides who is a superuser, and keeps others
// waiting until tx ends.
func LockSuperusers(ctx context.Context, tx *db.Tx) error {
	for {
		locked, err := tx.Exec(ctx, `UPDATE account SET superuser = superuser WHERE superuser`)
		if err != nil {
			return fmt.Errorf("account: lock superusers: %w", err)
		}
		// Whoever held the lock may have made another superuser, whom somebody else has locked now.
		var there int64
		if err := tx.Row(ctx, `SELECT count(*) FROM account WHERE superuser`, nil, &there); err != nil {
			return fmt.Errorf("account: lock superusers: %w", err)
		}
		if there == locked {
			return nil
		}
	}
}

// Lock keeps two accounts from changing until tx ends. They may be one, and need not exist.
func Lock(ctx context.Context, tx *db.Tx, a, b ID) error {
	if _, err := tx.Exec(ctx, `UPDATE account SET epoch = epoch WHERE id IN ($1, $2)`, a, b); err != nil {
		return fmt.Errorf("account: lock: %w", err)
	}
	return nil
}

// ActiveSuperusers counts who may do everything.
func ActiveSuperusers(ctx context.Context, tx *db.Tx) (n int, err error) {
	if err := tx.Row(ctx, `SELECT count(*) FROM account WHERE superuser AND active`, nil, &n); err != nil {
		return 0, fmt.Errorf("account: count superusers: %w", err)
	}
	return n, nil
}

// SetRank says whether an account is staff, by which role, and whether it may do everything.
func SetRank(ctx context.Context, tx *db.Tx, id ID, staff, superuser bool, role string) error {
	n, err := tx.Exec(ctx, `UPDATE account SET staff = $2, superuser = $3, staff_role = $4 WHERE id = $1`, id, staff, superuser, role)
	if err != nil {
		return fmt.Errorf("account: set rank: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}
