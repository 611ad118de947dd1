package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// link is a mailed permission to choose a new password, with its account.
type link struct {
	id        uuid.UUID
	tokenHash []byte
	createdAt time.Time // when it was asked for
	expiresAt time.Time
	account   account.Account
}

// issue writes a link down for the account that has the address, if it may have one: not when
// the password was changed after the link was asked for. A second time it only moves the
// expiry.
func issue(ctx context.Context, tx *db.Tx, t *link, emailKey string, withoutPassword bool) error {
	_, err := tx.Exec(ctx, `INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at)
		SELECT $2, $3, a.id, a.email_key, a.epoch, $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT) FROM account a
		WHERE a.email_key = $1 AND a.active
			AND ($7 OR EXISTS (SELECT 1 FROM password_credential c WHERE c.account_id = a.id))
			AND NOT EXISTS (SELECT 1 FROM password_credential c WHERE c.account_id = a.id AND c.changed_at > $5)
		ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`,
		emailKey, t.id, purpose, t.tokenHash, t.createdAt, t.expiresAt, withoutPassword)
	if err != nil {
		return fmt.Errorf("recovery: issue: %w", err)
	}
	return nil
}

// open is the condition that link t may still be used, at time $2. The account's side of it is
// asked for separately, because using a link begins by raising the epoch.
const open = `t.purpose = '` + purpose + `' AND t.used_at IS NULL AND t.expires_at > $2
	AND NOT EXISTS (SELECT 1 FROM session s WHERE s.account_id = t.account_id AND s.created_at > t.created_at)`

// rower is a database or a transaction of it.
type rower interface {
	Row(ctx context.Context, query string, args []any, dest ...any) error
}

// findByToken returns the link of a mailed token, or letter.ErrLink when it may not be used.
// Which key the token was hashed with is tried out, newest first.
func findByToken(ctx context.Context, r rower, tokens *secret.Hasher, token string, now time.Time) (*link, error) {
	for _, hash := range tokens.Candidates(token) {
		t := link{tokenHash: hash}
		dest, done := t.account.Dest()
		err := r.Row(ctx, `SELECT t.id, t.created_at, t.expires_at, `+account.Columns+` FROM one_time_token t
			JOIN account a ON a.id = t.account_id JOIN profile p ON p.account_id = a.id
			WHERE t.token_hash = $1 AND a.active AND a.epoch = t.epoch AND a.email_key = t.email_key AND `+open,
			[]any{hash, now}, append([]any{&t.id, db.Time(&t.createdAt), db.Time(&t.expiresAt)}, dest...)...)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("recovery: find: %w", err)
		}
		return &t, done()
	}
	return nil, letter.ErrLink
}

// used reports whether a mailed token of a purpose was redeemed, as long as that is remembered.
func used(ctx context.Context, r rower, tokens *secret.Hasher, purpose, token string) (bool, error) {
	for _, hash := range tokens.Candidates(token) {
		var n int64
		err := r.Row(ctx, `SELECT count(*) FROM one_time_token WHERE token_hash = $1 AND purpose = $2 AND used_at IS NOT NULL`, []any{hash, purpose}, &n)
		if err != nil {
			return false, fmt.Errorf("recovery: used: %w", err)
		}
		if n > 0 {
			return true, nil
		}
	}
	return false, nil
}

// use spends a link, once, in a transaction that has raised the account's epoch by one. It
// returns letter.ErrLink when the link may not be used any more.
func use(ctx context.Context, tx *db.Tx, t *link) error {
	n, err := tx.Exec(ctx, `UPDATE one_time_token AS t SET used_at = $2 WHERE t.id = $1 AND `+open+`
		AND EXISTS (SELECT 1 FROM account a WHERE a.id = t.account_id AND a.active AND a.epoch = t.epoch + 1 AND a.email_key = t.email_key)`, t.id, tx.Now)
	if err != nil {
		return fmt.Errorf("recovery: use: %w", err)
	}
	if n == 0 {
		return letter.ErrLink
	}
	return nil
}

// Sweep removes at most limit one-time tokens that expired a day ago and returns how many it
// removed.
func Sweep(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM one_time_token WHERE id IN (SELECT id FROM one_time_token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
			tx.Now.Add(-24*time.Hour), limit)
		return err
	})
	return n, err
}
