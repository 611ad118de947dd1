package password

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// owner is an account with its password.
type owner struct {
	account account.Account
	hash    string // empty: none
	held    factor.Held
}

// findOwner returns whose session this is, or session.ErrEnded when it stands no more.
func findOwner(ctx context.Context, d *db.DB, by session.Bearer) (*owner, error) {
	var o owner
	dest, done := o.account.Dest()
	err := d.Row(ctx, `SELECT COALESCE(c.hash, ''), `+factor.Columns+`, `+account.Columns+` FROM session s
		JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id LEFT JOIN password_credential c ON c.account_id = a.id
		WHERE s.id = $1 AND a.id = $3 AND `+session.Live, []any{by.SessionID, d.Now(), by.AccountID}, slices.Concat([]any{&o.hash}, o.held.Dest(), dest)...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, session.ErrEnded
	}
	if err != nil {
		return nil, fmt.Errorf("password: find: %w", err)
	}
	return &o, done()
}

// swap stores a new hash unless the password is no longer the one that was checked; then it
// returns ErrRejected.
func swap(ctx context.Context, tx *db.Tx, id account.ID, old, hash string) error {
	n, err := tx.Exec(ctx, `UPDATE password_credential SET hash = $3, changed_at = $4 WHERE account_id = $1 AND hash = $2`, id, old, hash, tx.Now)
	if err != nil {
		return fmt.Errorf("password: change: %w", err)
	}
	if n == 0 {
		return ErrRejected
	}
	return nil
}

// Set gives an account a password, whatever it had before. hash comes from [Hasher.Hash] or
// [Import]. Ending sessions, audit and letters are the caller's.
func Set(ctx context.Context, tx *db.Tx, id account.ID, hash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO password_credential (account_id, hash, changed_at) VALUES ($1, $2, $3)
		ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at`, id, hash, tx.Now)
	if err != nil {
		return fmt.Errorf("password: set: %w", err)
	}
	return nil
}
