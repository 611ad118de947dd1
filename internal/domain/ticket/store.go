package ticket

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Issue writes t down for life and returns the token of its holder. It sets t's ID and times.
func (b *Book) Issue(ctx context.Context, tx *db.Tx, t *Ticket, life time.Duration) (token string, err error) {
	token = secret.NewToken()
	if t.ID, err = uuid.NewV7(); err != nil {
		return "", fmt.Errorf("ticket: issue: %w", err)
	}
	t.CreatedAt, t.ExpiresAt = tx.Now, tx.Now.Add(life)
	_, err = tx.Exec(ctx, `INSERT INTO ticket (id, purpose, token_hash, account_id, epoch, session_id, email_key, code_hash, data, tries, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11)`,
		t.ID, t.Purpose, b.tokens.Sum(token), optional(t.AccountID), t.Epoch, optional(t.SessionID), t.EmailKey, t.code, t.Data, t.CreatedAt, t.ExpiresAt)
	if err != nil {
		return "", fmt.Errorf("ticket: issue: %w", err)
	}
	return token, nil
}

func optional(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

// open is the condition that a ticket may still be used, at time $2. What was mailed dies when the
// account's address is another.
const open = `used_at IS NULL AND expires_at > $2
	AND (account_id IS NULL OR EXISTS (SELECT 1 FROM account a WHERE a.id = ticket.account_id AND a.active AND a.epoch = ticket.epoch
		AND ticket.email_key IN ('', a.email_key)))`

const columns = `id, purpose, account_id, epoch, session_id, email_key, code_hash, data, tries, created_at, expires_at`

// Try counts one try of a ticket, before anything is compared, and returns it, or ErrRejected. It is
// one statement.
func (b *Book) Try(ctx context.Context, d *db.DB, purpose, token string) (*Ticket, error) {
	return b.take(token, func(hash []byte, t *Ticket, dest []any) error {
		return d.Once(ctx, `UPDATE ticket SET tries = tries + 1 WHERE token_hash = $1 AND purpose = $3 AND tries < $4 AND `+open+` RETURNING `+columns,
			[]any{hash, d.Now(), purpose, MaxTries}, dest...)
	})
}

// Find returns a ticket that may still be used, or ErrRejected. It counts nothing: what is asked with
// it must not be a guess.
func (b *Book) Find(ctx context.Context, d *db.DB, purpose, token string) (*Ticket, error) {
	return b.take(token, func(hash []byte, t *Ticket, dest []any) error {
		return d.Row(ctx, `SELECT `+columns+` FROM ticket WHERE token_hash = $1 AND purpose = $3 AND tries < $4 AND `+open,
			[]any{hash, d.Now(), purpose, MaxTries}, dest...)
	})
}

// Spend uses a ticket up and returns it, or ErrRejected. It is one statement, for what cannot be
// tried twice, such as a passkey's challenge.
func (b *Book) Spend(ctx context.Context, d *db.DB, purpose, token string) (*Ticket, error) {
	return b.take(token, func(hash []byte, t *Ticket, dest []any) error {
		return d.Once(ctx, `UPDATE ticket SET used_at = $2 WHERE token_hash = $1 AND purpose = $3 AND `+open+` RETURNING `+columns,
			[]any{hash, d.Now(), purpose}, dest...)
	})
}

// take asks with each hash that token may be stored as.
func (b *Book) take(token string, ask func(hash []byte, t *Ticket, dest []any) error) (*Ticket, error) {
	if !secret.IsToken(token) {
		return nil, ErrRejected
	}
	for _, hash := range b.tokens.Candidates(token) {
		t := &Ticket{}
		var account, session uuid.NullUUID
		err := ask(hash, t, []any{&t.ID, &t.Purpose, &account, &t.Epoch, &session, &t.EmailKey, &t.code, &t.Data, &t.Tries, db.Time(&t.CreatedAt), db.Time(&t.ExpiresAt)})
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ticket: take: %w", err)
		}
		t.AccountID, t.SessionID = account.UUID, session.UUID
		return t, nil
	}
	return nil, ErrRejected
}

// Use spends a ticket that was found or tried, in the transaction of what it allows. It returns
// ErrRejected when another was quicker, or its account changed meanwhile.
func (b *Book) Use(ctx context.Context, tx *db.Tx, t *Ticket) error {
	n, err := tx.Exec(ctx, `UPDATE ticket SET used_at = $2 WHERE id = $1 AND `+open, t.ID, tx.Now)
	if err != nil {
		return fmt.Errorf("ticket: use: %w", err)
	}
	if n == 0 {
		return ErrRejected
	}
	return nil
}

// Bind says whose a ticket is that was issued before that was known. It does nothing to one that was
// bound or used. Binding it twice to the same account is no mistake.
func (b *Book) Bind(ctx context.Context, tx *db.Tx, id, accountID uuid.UUID, epoch int64) error {
	_, err := tx.Exec(ctx, `UPDATE ticket SET account_id = $2, epoch = $3 WHERE id = $1 AND account_id IS NULL AND used_at IS NULL`, id, accountID, epoch)
	if err != nil {
		return fmt.Errorf("ticket: bind: %w", err)
	}
	return nil
}

// Mail makes a new code for a ticket that stands, in place of one mailed before, and returns it.
func (b *Book) Mail(ctx context.Context, tx *db.Tx, t *Ticket) (code string, err error) {
	code = b.Code(t)
	n, err := tx.Exec(ctx, `UPDATE ticket SET code_hash = $3 WHERE id = $1 AND `+open, t.ID, tx.Now, t.code)
	if err != nil {
		return "", fmt.Errorf("ticket: mail: %w", err)
	}
	if n == 0 {
		return "", ErrRejected
	}
	return code, nil
}

// Code makes a code for a ticket that is not issued yet.
func (b *Book) Code(t *Ticket) string {
	n, _ := rand.Int(rand.Reader, big.NewInt(100_000_000)) // never fails
	code := fmt.Sprintf("%0*d", CodeDigits, n)
	t.code = b.codes.Sum(code)
	return code
}

// Mailed reports whether a code was made for the ticket, be it the right one or not.
func (t *Ticket) Mailed() bool { return t.code != nil }

// IsCode reports whether code is the one that was mailed for t. It takes exactly CodeDigits ASCII digits.
func (b *Book) IsCode(t *Ticket, code string) bool {
	if t.code == nil || len(code) != CodeDigits || slices.ContainsFunc([]byte(code), func(c byte) bool { return c < '0' || c > '9' }) {
		return false
	}
	right := false
	for _, hash := range b.codes.Candidates(code) {
		right = hmac.Equal(hash, t.code) || right
	}
	return right
}

// Sweep removes at most limit tickets that expired an hour ago and returns how many it removed.
func Sweep(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM ticket WHERE id IN (SELECT id FROM ticket WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, tx.Now.Add(-time.Hour), limit)
		return err
	})
	return n, err
}
