package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// remove deletes an account. Profile, password, second factors, sessions, their cookies, mailed
// permissions and names that were kept for it go with it by their foreign keys. What hangs on it by name
// goes first: mails and registrations for its address, and what it looked at as a member of staff.
func remove(ctx context.Context, tx *db.Tx, id account.ID) error {
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{`UPDATE session SET ended_at = $2, ended_reason = $3 WHERE ended_at IS NULL AND id IN (SELECT session_id FROM page_cookie WHERE staff_id = $1)`,
			[]any{id, tx.Now, session.SignedOut}},
		{`DELETE FROM job WHERE recipient IN ($2, (SELECT email FROM account WHERE id = $1), (SELECT email_key FROM account WHERE id = $1))`, []any{id, id.String()}},
		{`DELETE FROM registration WHERE email_key = (SELECT email_key FROM account WHERE id = $1)`, []any{id}},
		{`DELETE FROM account WHERE id = $1`, []any{id}},
	} {
		if _, err := tx.Exec(ctx, statement.query, statement.args...); err != nil {
			return fmt.Errorf("profile: erase: %w", err)
		}
	}
	return nil
}

// setEraseAt says when an account is to be erased.
func setEraseAt(ctx context.Context, tx *db.Tx, id account.ID, at time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE account SET erase_at = $2 WHERE id = $1`, id, at); err != nil {
		return fmt.Errorf("profile: set erase time: %w", err)
	}
	return nil
}

// callOff keeps an account and reports whether it was to be erased.
func callOff(ctx context.Context, tx *db.Tx, id account.ID) (called bool, err error) {
	n, err := tx.Exec(ctx, `UPDATE account SET erase_at = NULL WHERE id = $1 AND erase_at > $2`, id, tx.Now)
	if err != nil {
		return false, fmt.Errorf("profile: keep: %w", err)
	}
	if n > 0 {
		return true, nil
	}
	var planned bool
	err = tx.Row(ctx, `SELECT erase_at IS NOT NULL FROM account WHERE id = $1`, []any{id}, &planned)
	switch {
	case errors.Is(err, db.ErrNoRows):
		return false, session.ErrEnded
	case err != nil:
		return false, fmt.Errorf("profile: keep: %w", err)
	case planned:
		return false, ErrDue
	default:
		return false, nil
	}
}

// findDue returns accounts whose time has come, those that wait longest first.
func findDue(ctx context.Context, d *db.DB, now time.Time, limit int) (all []due, err error) {
	err = d.Each(ctx, `SELECT id, superuser FROM account WHERE erase_at <= $1 ORDER BY erase_at LIMIT $2`, []any{now, limit}, func(scan func(...any) error) error {
		var one due
		err := scan(&one.id, &one.superuser)
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("profile: find due: %w", err)
	}
	return all, nil
}

// lockDue keeps an account from changing until tx ends and reports whether it is due.
func lockDue(ctx context.Context, tx *db.Tx, id account.ID) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE account SET erase_at = erase_at WHERE id = $1 AND erase_at <= $2`, id, tx.Now)
	if err != nil {
		return false, fmt.Errorf("profile: lock due: %w", err)
	}
	return n > 0, nil
}
