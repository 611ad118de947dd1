package device

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// maxKept is how many devices of an account are remembered, the newest.
const maxKept = 50

// Note remembers that the account signed in with the browser of this token.
func (b *Book) Note(ctx context.Context, tx *db.Tx, accountID uuid.UUID, token string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("device: note: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO device (id, account_id, token_hash, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, token_hash) DO NOTHING`,
		id, accountID, b.tokens.Sum(token), tx.Now)
	if err == nil {
		_, err = tx.Exec(ctx, `DELETE FROM device WHERE account_id = $1 AND id NOT IN (SELECT id FROM device WHERE account_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)`, accountID, maxKept)
	}
	if err != nil {
		return fmt.Errorf("device: note: %w", err)
	}
	return nil
}

// Trust lets a noted device go without the second step for a while: until the account's epoch moves on
// at the latest, as a new password and signing out everywhere make it do.
func (b *Book) Trust(ctx context.Context, tx *db.Tx, accountID uuid.UUID, epoch int64, token string, life time.Duration) error {
	for _, hash := range b.Hashes(token) {
		_, err := tx.Exec(ctx, `UPDATE device SET trusted_until = $3, trusted_epoch = $4 WHERE account_id = $1 AND token_hash = $2`, accountID, hash, tx.Now.Add(life), epoch)
		if err != nil {
			return fmt.Errorf("device: trust: %w", err)
		}
	}
	return nil
}

// Trusted reports whether the device of this token may go without the second step.
func (b *Book) Trusted(ctx context.Context, d *db.DB, accountID uuid.UUID, epoch int64, token string) (bool, error) {
	for _, hash := range b.Hashes(token) {
		var trusted bool
		err := d.Row(ctx, `SELECT EXISTS (SELECT 1 FROM device WHERE account_id = $1 AND token_hash = $2 AND trusted_until > $3 AND trusted_epoch = $4)`,
			[]any{accountID, hash, d.Now(), epoch}, &trusted)
		if err != nil || trusted {
			return trusted, err
		}
	}
	return false, nil
}

// Forget makes every device of an account a new one again.
func Forget(ctx context.Context, tx *db.Tx, accountID uuid.UUID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM device WHERE account_id = $1`, accountID); err != nil {
		return fmt.Errorf("device: forget: %w", err)
	}
	return nil
}
