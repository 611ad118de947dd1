package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Columns are what an account has, for a SELECT from account a. Dest takes them.
const Columns = `EXISTS (SELECT 1 FROM password_credential h0 WHERE h0.account_id = a.id),
	(SELECT count(*) FROM totp_device h1 WHERE h1.account_id = a.id AND h1.confirmed_at IS NOT NULL),
	(SELECT count(*) FROM passkey h2 WHERE h2.account_id = a.id),
	(SELECT count(*) FROM backup_code h3 WHERE h3.account_id = a.id AND h3.used_at IS NULL),
	EXISTS (SELECT 1 FROM email_factor h4 WHERE h4.account_id = a.id)`

// None stands for Columns where there is no account, in the other half of a UNION.
const None = `FALSE, 0, 0, 0, FALSE`

// Dest returns where to scan Columns to.
func (h *Held) Dest() []any {
	return []any{&h.Password, &h.TOTP, &h.Passkeys, &h.BackupCodes, &h.Email}
}

// Rower is a database or a transaction of it.
type Rower interface {
	Row(ctx context.Context, query string, args []any, dest ...any) error
}

// Of returns what an account has, or account.ErrNotFound. It is one statement.
func Of(ctx context.Context, r Rower, id uuid.UUID) (Held, error) {
	var h Held
	err := r.Row(ctx, `SELECT `+Columns+` FROM account a WHERE a.id = $1`, []any{id}, h.Dest()...)
	if errors.Is(err, db.ErrNoRows) {
		return Held{}, account.ErrNotFound
	}
	if err != nil {
		return Held{}, fmt.Errorf("factor: of: %w", err)
	}
	return h, nil
}

// RemoveAll takes every second step from an account, with the codes for a rainy day, and reports
// whether it had one. Ending its sessions, forgetting its devices, audit and letters are the caller's.
func RemoveAll(ctx context.Context, tx *db.Tx, id uuid.UUID) (had bool, err error) {
	held, err := Of(ctx, tx, id)
	if err != nil {
		return false, err
	}
	_, err = RemoveSince(ctx, tx, id, time.UnixMilli(0))
	return held.Second(), err
}

// RemoveSince is RemoveAll for what was added at a time or after it, and reports whether anything was.
func RemoveSince(ctx context.Context, tx *db.Tx, id uuid.UUID, since time.Time) (had bool, err error) {
	for _, remove := range []string{
		`DELETE FROM totp_device WHERE account_id = $1 AND created_at >= $2`, `DELETE FROM passkey WHERE account_id = $1 AND created_at >= $2`,
		`DELETE FROM backup_code WHERE account_id = $1 AND created_at >= $2`, `DELETE FROM email_factor WHERE account_id = $1 AND created_at >= $2`,
	} {
		n, err := tx.Exec(ctx, remove, id, since)
		if err != nil {
			return false, fmt.Errorf("factor: remove: %w", err)
		}
		had = had || n > 0
	}
	return had, nil
}
