package profile

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// remove deletes an account. Profile, password, sessions, their cookies and mailed permissions go
// with it by their foreign keys. What hangs on it by name goes first: mails and registrations for its address,
// and what it looked at as a member of staff.
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
