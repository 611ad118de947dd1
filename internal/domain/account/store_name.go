package account

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Names that an account can give up for another.
const (
	emailName    = "email"
	usernameName = "username"
)

// EmailTaken reports whether an address has an account other than id, or is kept for one.
func EmailTaken(ctx context.Context, tx *db.Tx, email Email, id ID) (taken bool, err error) {
	err = tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM account WHERE email_key = $1 AND id <> $2)
		OR EXISTS (SELECT 1 FROM reserved_name WHERE kind = '`+emailName+`' AND name_key = $1 AND until > $3 AND account_id <> $2)`, []any{email.Key, id, tx.Now}, &taken)
	if err != nil {
		return false, fmt.Errorf("account: email taken: %w", err)
	}
	return taken, nil
}

// SetEmail gives an account an address that its owner has shown to read. It returns ErrTaken when
// the address has another account, or is kept for one; the transaction is then lost.
func SetEmail(ctx context.Context, tx *db.Tx, id ID, email Email) error {
	n, err := tx.Exec(ctx, `UPDATE account SET email = $2, email_key = $3, email_verified = TRUE WHERE id = $1`, id, email.Typed, email.Key)
	return renamed(ctx, tx, id, emailName, email.Key, n, err)
}

// SetUsername gives an account another user name. It returns ErrTaken when it is another's, or is
// kept for another; the transaction is then lost.
func SetUsername(ctx context.Context, tx *db.Tx, id ID, name Username) error {
	n, err := tx.Exec(ctx, `UPDATE account SET username = $2, username_key = $3 WHERE id = $1`, id, name.Typed, name.Key)
	return renamed(ctx, tx, id, usernameName, name.Key, n, err)
}

// renamed says what giving an account a name came to. For whom the name is kept is asked after it was
// taken: whoever gives it up at the same moment has then either not let go of it yet, or said so.
func renamed(ctx context.Context, tx *db.Tx, id ID, kind, key string, n int64, err error) error {
	switch {
	case tx.Unique(err):
		return ErrTaken
	case err != nil:
		return fmt.Errorf("account: set %s: %w", kind, err)
	case n == 0:
		return ErrNotFound
	}
	var kept bool
	err = tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM reserved_name WHERE kind = $1 AND name_key = $2 AND until > $3 AND account_id <> $4)`, []any{kind, key, tx.Now, id}, &kept)
	if err != nil {
		return fmt.Errorf("account: set %s: %w", kind, err)
	}
	if kept {
		return ErrTaken
	}
	return nil
}

// KeepEmail keeps an address that an account gives up from all others until then. The account may
// take it back.
func KeepEmail(ctx context.Context, tx *db.Tx, id ID, email Email, until time.Time) error {
	return keep(ctx, tx, id, emailName, email.Key, until)
}

// KeepUsername is KeepEmail for a user name.
func KeepUsername(ctx context.Context, tx *db.Tx, id ID, name Username, until time.Time) error {
	return keep(ctx, tx, id, usernameName, name.Key, until)
}

func keep(ctx context.Context, tx *db.Tx, id ID, kind, key string, until time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO reserved_name (kind, name_key, account_id, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (kind, name_key) DO UPDATE SET account_id = excluded.account_id, until = excluded.until`, kind, key, id, until)
	if err != nil {
		return fmt.Errorf("account: keep %s: %w", kind, err)
	}
	return nil
}

// yield takes an account that was just made back when one of its names is kept for another, and
// reports whether it did. It is asked afterwards for renamed's reason.
func yield(ctx context.Context, tx *db.Tx, id ID, email Email, name Username) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM account WHERE id = $1 AND EXISTS (SELECT 1 FROM reserved_name
		WHERE until > $2 AND (kind = '`+emailName+`' AND name_key = $3 OR kind = '`+usernameName+`' AND name_key = $4))`, id, tx.Now, email.Key, name.Key)
	if err != nil {
		return false, fmt.Errorf("account: create: %w", err)
	}
	return n > 0, nil
}

// SweepNames lets go of at most limit names that were kept long enough and returns how many they
// were.
func SweepNames(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM reserved_name WHERE (kind, name_key) IN (SELECT kind, name_key FROM reserved_name WHERE until <= $1 ORDER BY until LIMIT $2)`, tx.Now, limit)
		return err
	})
	return n, err
}
