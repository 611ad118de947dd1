package signup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// pending is a registration that waits.
type pending struct {
	id          uuid.UUID
	email       account.Email
	username    string
	hash        string // of the password
	profile     account.Profile
	tokenHash   []byte
	browserHash []byte // nil: no browser is known
	device      string
	createdAt   time.Time
	expiresAt   time.Time
}

func insert(ctx context.Context, tx *db.Tx, p *pending) error {
	attributes, err := json.Marshal(p.profile.Attributes, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("signup: attributes: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO registration (id, email, email_key, username, password_hash, full_name, phone, locale, attributes,
			token_hash, browser_hash, device, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		p.id, p.email.Typed, p.email.Key, db.NullText(p.username), p.hash, p.profile.FullName, p.profile.Phone, p.profile.Locale, string(attributes),
		p.tokenHash, p.browserHash, p.device, p.createdAt, p.expiresAt)
	if err != nil {
		return fmt.Errorf("signup: register: %w", err)
	}
	return nil
}

// copyNewest makes another row of the newest registration of an address, unless it was made by an
// earlier attempt. Without a registration it makes none.
func copyNewest(ctx context.Context, tx *db.Tx, emailKey string, id uuid.UUID, tokenHash []byte, expires time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO registration (id, email, email_key, username, password_hash, full_name, phone, locale, attributes,
			token_hash, browser_hash, device, created_at, expires_at)
		SELECT $2, email, email_key, username, password_hash, full_name, phone, locale, attributes,
			$3, browser_hash, device, created_at, CAST($4 AS BIGINT)
		FROM registration WHERE email_key = $1 AND expires_at > $5 ORDER BY created_at DESC, id DESC LIMIT 1
		ON CONFLICT DO NOTHING`, emailKey, id, tokenHash, expires, tx.Now)
	if err != nil {
		return fmt.Errorf("signup: copy: %w", err)
	}
	return nil
}

// rower is a database or a transaction of it.
type rower interface {
	Row(ctx context.Context, query string, args []any, dest ...any) error
}

const selectPending = `SELECT id, email, email_key, username, password_hash, full_name, phone, locale, attributes, browser_hash, device, created_at, expires_at
	FROM registration WHERE expires_at > $2 AND `

// find returns the registration with this id, or letter.ErrLink.
func find(ctx context.Context, r rower, id uuid.UUID, now time.Time) (*pending, error) {
	return one(ctx, r, selectPending+`id = $1`, id, now)
}

// findByToken returns the registration that a mailed token redeems, or letter.ErrLink. Which key
// the token was hashed with is tried out, newest first.
func findByToken(ctx context.Context, r rower, tokens *secret.Hasher, token string, now time.Time) (*pending, error) {
	for _, hash := range tokens.Candidates(token) {
		p, err := one(ctx, r, selectPending+`token_hash = $1`, hash, now)
		if !errors.Is(err, letter.ErrLink) {
			return p, err
		}
	}
	return nil, letter.ErrLink
}

func one(ctx context.Context, r rower, query string, key any, now time.Time) (*pending, error) {
	var p pending
	var attributes string
	err := r.Row(ctx, query, []any{key, now}, &p.id, &p.email.Typed, &p.email.Key, db.Text(&p.username), &p.hash, &p.profile.FullName, &p.profile.Phone,
		&p.profile.Locale, &attributes, &p.browserHash, &p.device, db.Time(&p.createdAt), db.Time(&p.expiresAt))
	if errors.Is(err, db.ErrNoRows) {
		return nil, letter.ErrLink
	}
	if err == nil {
		err = json.Unmarshal([]byte(attributes), &p.profile.Attributes)
	}
	if err != nil {
		return nil, fmt.Errorf("signup: find: %w", err)
	}
	return &p, nil
}

// consume uses a registration up, once: a second time it returns letter.ErrLink. All others that
// wait for the address go with it, whoever made them.
func consume(ctx context.Context, tx *db.Tx, p *pending) error {
	n, err := tx.Exec(ctx, `DELETE FROM registration WHERE id = $1 AND expires_at > $2`, p.id, tx.Now)
	if err != nil {
		return fmt.Errorf("signup: consume: %w", err)
	}
	if n == 0 {
		return letter.ErrLink
	}
	if _, err := tx.Exec(ctx, `DELETE FROM registration WHERE email_key = $1`, p.email.Key); err != nil {
		return fmt.Errorf("signup: clear: %w", err)
	}
	return nil
}

// Sweep removes at most limit registrations that expired and returns how many it removed.
func Sweep(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM registration WHERE id IN (SELECT id FROM registration WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`, tx.Now, limit)
		return err
	})
	return n, err
}
