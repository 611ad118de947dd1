package profile

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// find asks whether the session stands and reads its account at once.
func find(ctx context.Context, d *db.DB, by session.Bearer) (*account.Account, error) {
	var a account.Account
	dest, done := a.Dest()
	err := d.Row(ctx, `SELECT `+account.Columns+` FROM session s JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id
		WHERE s.id = $1 AND a.subject = $3 AND `+session.Live, []any{by.SessionID, d.Now(), by.Subject}, dest...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, session.ErrEnded
	}
	if err != nil {
		return nil, fmt.Errorf("profile: find: %w", err)
	}
	return &a, done()
}

// lock holds a profile until the transaction ends, so that whoever reads it next sees what was
// written.
func lock(ctx context.Context, tx *db.Tx, id account.ID) error {
	n, err := tx.Exec(ctx, `UPDATE profile SET updated_at = $2 WHERE account_id = $1`, id, tx.Now)
	if err != nil {
		return fmt.Errorf("profile: lock: %w", err)
	}
	if n == 0 {
		return account.ErrNotFound
	}
	return nil
}
