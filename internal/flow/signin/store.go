package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// candidate is who an identifier may stand for: an account, a registration that waits for its
// mail, or nobody.
type candidate struct {
	account *account.Account
	hash    string
	pending bool
}

func (c *candidate) missing() bool { return c.account == nil }

// lockKey is what failures are counted by: the account, by whatever name it was called; for
// nobody the name itself, so that counting tells nothing.
func (c *candidate) lockKey(by identifier) string {
	if c.missing() || c.pending {
		return by.column + ":" + by.key
	}
	return c.account.ID.String()
}

func (c *candidate) auditID() uuid.UUID {
	if c.missing() || c.pending {
		return uuid.Nil
	}
	return c.account.ID
}

func (c *candidate) whyWrong() string {
	switch {
	case c.missing():
		return "unknown_account"
	case c.pending:
		return "wrong_password_of_registration"
	case c.hash == "":
		return "no_password"
	default:
		return "wrong_password"
	}
}

// findBy has one form for each way to name oneself; only an address can have registrations waiting.
var findBy = map[string]string{
	"email_key": `SELECT 'account' AS kind, COALESCE(c.hash, ''), ` + account.Columns + `
		FROM account a JOIN profile p ON p.account_id = a.id LEFT JOIN password_credential c ON c.account_id = a.id WHERE a.email_key = $1
		UNION ALL
		SELECT 'pending', r.password_hash, r.id, '', r.email, FALSE, r.username, FALSE, FALSE, FALSE, 0, r.created_at, NULL, r.full_name, r.phone, r.locale, r.attributes
		FROM registration r WHERE r.email_key = $1 AND r.expires_at > $2
		ORDER BY 1, 12 DESC LIMIT 1`,
	"username_key": `SELECT 'account' AS kind, COALESCE(c.hash, ''), ` + account.Columns + `
		FROM account a JOIN profile p ON p.account_id = a.id LEFT JOIN password_credential c ON c.account_id = a.id
		WHERE a.username_key = $1 AND a.created_at <= $2`,
}

func find(ctx context.Context, d *db.DB, by identifier) (*candidate, error) {
	var kind string
	c := &candidate{account: &account.Account{}}
	dest, done := c.account.Dest()
	err := d.Row(ctx, findBy[by.column], []any{by.key, d.Now()}, append([]any{&kind, &c.hash}, dest...)...)
	if errors.Is(err, db.ErrNoRows) {
		return &candidate{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("signin: find: %w", err)
	}
	c.pending = kind == "pending"
	return c, done()
}

// replaceHash stores a new hash unless the password was changed meanwhile.
func replaceHash(ctx context.Context, d *db.DB, id account.ID, old, hash string) error {
	return d.Once(ctx, `UPDATE password_credential SET hash = $3 WHERE account_id = $1 AND hash = $2`, []any{id, old, hash})
}

// endAllOf raises the epoch of the account whose session this is, if that session still stands.
func endAllOf(ctx context.Context, tx *db.Tx, sessionID uuid.UUID) (accountID account.ID, err error) {
	err = tx.Row(ctx, `UPDATE account SET epoch = epoch + 1 WHERE id = (
		SELECT s.account_id FROM session s JOIN account a ON a.id = s.account_id
		WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND a.epoch = s.epoch) RETURNING id`, []any{sessionID, tx.Now}, &accountID)
	return accountID, err
}
