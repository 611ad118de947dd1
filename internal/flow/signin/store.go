package signin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// candidate is who an identifier may stand for. Both parts may be missing.
type candidate struct {
	account *account.Account
	hash    string // of the account's password; empty: none
	held    factor.Held
	// waiting is the password hash of the newest registration that waits for its mail.
	waiting string
}

func (c *candidate) missing() bool { return c.account == nil }

// lockKey is what failures are counted by: the account, by whatever name it was called; for
// nobody the name itself, so that counting tells nothing.
func (c *candidate) lockKey(by identifier) string {
	if c.missing() {
		return by.column + ":" + by.key
	}
	return c.account.ID.String()
}

func (c *candidate) auditID() uuid.UUID {
	if c.missing() {
		return uuid.Nil
	}
	return c.account.ID
}

func (c *candidate) whyWrong() string {
	switch {
	case c.missing():
		return "unknown_account"
	case c.hash == "":
		return "no_password"
	default:
		return "wrong_password"
	}
}

// findBy has one form for each way to name oneself; only an address can have registrations waiting.
var findBy = map[string]string{
	"email_key": `SELECT 'account', COALESCE(c.hash, ''), ` + factor.Columns + `, ` + account.Columns + `
		FROM account a JOIN profile p ON p.account_id = a.id LEFT JOIN password_credential c ON c.account_id = a.id WHERE a.email_key = $1
		UNION ALL
		SELECT 'waiting', r.password_hash, ` + factor.None + `, r.id, '', r.email, FALSE, r.username, FALSE, FALSE, FALSE, '', 0, r.created_at, NULL, r.full_name, r.phone, r.locale, r.attributes
		FROM registration r WHERE r.id = (SELECT n.id FROM registration n WHERE n.email_key = $1 AND n.expires_at > $2 ORDER BY n.created_at DESC, n.id DESC LIMIT 1)`,
	"username_key": `SELECT 'account', COALESCE(c.hash, ''), ` + factor.Columns + `, ` + account.Columns + `
		FROM account a JOIN profile p ON p.account_id = a.id LEFT JOIN password_credential c ON c.account_id = a.id
		WHERE a.username_key = $1 AND a.created_at <= $2`,
	"id": `SELECT 'account', COALESCE(c.hash, ''), ` + factor.Columns + `, ` + account.Columns + `
		FROM account a JOIN profile p ON p.account_id = a.id LEFT JOIN password_credential c ON c.account_id = a.id
		WHERE a.id = $1 AND a.created_at <= $2`,
}

func find(ctx context.Context, d *db.DB, by identifier) (*candidate, error) {
	c := &candidate{}
	err := d.Each(ctx, findBy[by.column], []any{by.key, d.Now()}, func(scan func(...any) error) error {
		var kind, hash string
		var held factor.Held
		a := &account.Account{}
		dest, done := a.Dest()
		if err := scan(slices.Concat([]any{&kind, &hash}, held.Dest(), dest)...); err != nil {
			return err
		}
		if kind == "waiting" {
			c.waiting = hash
			return nil
		}
		c.account, c.hash, c.held = a, hash, held
		return done()
	})
	if err != nil {
		return nil, fmt.Errorf("signin: find: %w", err)
	}
	return c, nil
}

// replaceHash stores a new hash unless the password was changed meanwhile.
func replaceHash(ctx context.Context, d *db.DB, id account.ID, old, hash string) error {
	return d.Once(ctx, `UPDATE password_credential SET hash = $3 WHERE account_id = $1 AND hash = $2`, []any{id, old, hash})
}

// endAllOf raises the epoch of the account whose session this is, if that session still stands and
// its counter is at most the one given.
func endAllOf(ctx context.Context, tx *db.Tx, sessionID uuid.UUID, counter uint64) (accountID account.ID, err error) {
	err = tx.Row(ctx, `UPDATE account SET epoch = epoch + 1 WHERE id = (
		SELECT s.account_id FROM session s JOIN account a ON a.id = s.account_id
		WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND a.epoch = s.epoch AND s.counter <= $3) RETURNING id`, []any{sessionID, tx.Now, int64(counter)}, &accountID)
	return accountID, err
}

// graceUntil returns until when an account may go without the second factor that policy asks of it.
// The time begins to run the first time that it is asked for.
func graceUntil(ctx context.Context, d *db.DB, id account.ID, grace time.Duration) (due time.Time, err error) {
	err = d.Once(ctx, `INSERT INTO factor_grace (account_id, due_at) VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET due_at = factor_grace.due_at RETURNING due_at`,
		[]any{id, d.Now().Add(grace)}, db.Time(&due))
	if err != nil {
		return time.Time{}, fmt.Errorf("signin: grace: %w", err)
	}
	return due, nil
}
