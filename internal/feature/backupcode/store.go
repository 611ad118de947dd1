package backupcode

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// replace writes a set in place of whatever there is. It locks the account first: two sets made at the
// same moment would both stay.
func replace(ctx context.Context, tx *db.Tx, accountID uuid.UUID, hashes [][]byte) error {
	if err := account.Lock(ctx, tx, accountID, accountID); err != nil {
		return err
	}
	if err := clearAll(ctx, tx, accountID); err != nil {
		return err
	}
	args := []any{accountID, tx.Now}
	rows := make([]string, len(hashes))
	for i, hash := range hashes {
		args = append(args, hash)
		rows[i] = fmt.Sprintf("($1, $%d, $2)", len(args))
	}
	_, err := tx.Exec(ctx, `INSERT INTO backup_code (account_id, code_hash, created_at) VALUES `+strings.Join(rows, ", "), args...)
	if tx.Orphan(err) {
		return account.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("backupcode: replace: %w", err)
	}
	return nil
}

// spend uses up the code that is stored under one of the hashes. The row itself is left out of the count:
// PostgreSQL still counts it as unused, SQLite does not.
func spend(ctx context.Context, tx *db.Tx, accountID uuid.UUID, hashes [][]byte) (left int, err error) {
	for _, hash := range hashes {
		err := tx.Row(ctx, `UPDATE backup_code SET used_at = $3 WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL
			RETURNING (SELECT count(*) FROM backup_code o WHERE o.account_id = $1 AND o.code_hash <> $2 AND o.used_at IS NULL)`,
			[]any{accountID, hash, tx.Now}, &left)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("backupcode: spend: %w", err)
		}
		return left, nil
	}
	return 0, factor.ErrCode
}

func clearAll(ctx context.Context, tx *db.Tx, accountID uuid.UUID) error {
	if _, err := tx.Exec(ctx, `DELETE FROM backup_code WHERE account_id = $1`, accountID); err != nil {
		return fmt.Errorf("backupcode: clear: %w", err)
	}
	return nil
}
