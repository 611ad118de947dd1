package passkey

import (
	"context"
	"encoding/json" // the library's types are made for this one
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// columns are what dest takes.
const columns = `passkey.id, passkey.account_id, passkey.name, passkey.credential, passkey.created_at, passkey.last_used_at`

// dest returns where columns are scanned to; done must be called afterwards.
func (p *Passkey) dest() (dest []any, done func() error) {
	dest = []any{&p.ID, &p.AccountID, &p.Name, &p.stored, db.Time(&p.CreatedAt), db.Time(&p.LastUsedAt)}
	return dest, func() (err error) {
		p.credential, err = decode(p.stored)
		p.describe()
		return err
	}
}

// describe sets what the credential tells.
func (p *Passkey) describe() {
	p.Model, p.Synced = model(p.credential.Authenticator.AAGUID), p.credential.Flags.BackupState
}

func decode(stored string) (c webauthn.Credential, err error) {
	if err := json.Unmarshal([]byte(stored), &c); err != nil {
		return c, fmt.Errorf("passkey: read credential: %w", err)
	}
	return c, nil
}

func encode(c *webauthn.Credential) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("passkey: write credential: %w", err)
	}
	return string(text), nil
}

// findAnyone returns the passkey with this credential id and whose it is, or ErrNotFound.
func findAnyone(ctx context.Context, d *db.DB, credentialID []byte) (*Passkey, *account.Account, error) {
	p, a := &Passkey{}, &account.Account{}
	dest, done := p.dest()
	ofAccount, accountDone := a.Dest()
	err := d.Row(ctx, `SELECT `+columns+`, `+account.Columns+` FROM passkey JOIN account a ON a.id = passkey.account_id JOIN profile p ON p.account_id = a.id
		WHERE credential_id = $1`, []any{credentialID}, slices.Concat(dest, ofAccount)...)
	if err := found(err); err != nil {
		return nil, nil, err
	}
	return p, a, errors.Join(done(), accountDone())
}

// findOwn returns the passkey of an account with this credential id, or ErrNotFound.
func findOwn(ctx context.Context, d *db.DB, credentialID []byte, accountID uuid.UUID) (*Passkey, error) {
	p := &Passkey{}
	dest, done := p.dest()
	err := d.Row(ctx, `SELECT `+columns+` FROM passkey WHERE credential_id = $1 AND account_id = $2`, []any{credentialID, accountID}, dest...)
	if err := found(err); err != nil {
		return nil, err
	}
	return p, done()
}

func found(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("passkey: find: %w", err)
	}
	return nil
}

// findHeld returns the epoch of an active account and the credentials that it has, or account.ErrNotFound.
func findHeld(ctx context.Context, d *db.DB, accountID uuid.UUID) (epoch int64, held []webauthn.Credential, err error) {
	there := false
	err = d.Each(ctx, `SELECT a.epoch, passkey.credential FROM account a LEFT JOIN passkey ON passkey.account_id = a.id WHERE a.id = $1 AND a.active ORDER BY passkey.created_at, passkey.id`,
		[]any{accountID}, func(scan func(...any) error) error {
			there = true
			var stored string
			if err := scan(&epoch, db.Text(&stored)); err != nil || stored == "" {
				return err
			}
			c, err := decode(stored)
			held = append(held, c)
			return err
		})
	if err != nil {
		return 0, nil, fmt.Errorf("passkey: find held: %w", err)
	}
	if !there {
		return 0, nil, account.ErrNotFound
	}
	return epoch, held, nil
}

func list(ctx context.Context, d *db.DB, accountID uuid.UUID) ([]Passkey, error) {
	all := []Passkey{}
	err := d.Each(ctx, `SELECT `+columns+` FROM passkey WHERE account_id = $1 ORDER BY passkey.created_at, passkey.id`, []any{accountID}, func(scan func(...any) error) error {
		var p Passkey
		dest, done := p.dest()
		if err := scan(dest...); err != nil {
			return err
		}
		if err := done(); err != nil {
			return err
		}
		all = append(all, p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: list: %w", err)
	}
	return all, nil
}

func count(ctx context.Context, tx *db.Tx, accountID uuid.UUID) (n int, err error) {
	if err := tx.Row(ctx, `SELECT count(*) FROM passkey WHERE account_id = $1`, []any{accountID}, &n); err != nil {
		return 0, fmt.Errorf("passkey: count: %w", err)
	}
	return n, nil
}

func insert(ctx context.Context, tx *db.Tx, p *Passkey) (err error) {
	if p.stored, err = encode(&p.credential); err != nil {
		return err
	}
	p.CreatedAt = tx.Now
	n, err := tx.Exec(ctx, `INSERT INTO passkey (id, account_id, credential_id, name, credential, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		p.ID, p.AccountID, p.credential.ID, p.Name, p.stored, p.CreatedAt)
	if err != nil && tx.Orphan(err) {
		return account.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("passkey: insert: %w", err)
	}
	if n == 0 {
		return ErrTaken
	}
	return nil
}

// update replaces the credential that was read by the one that was verified, and reports whether the row
// still had the first. That settles which of two answers came first: both have counted the counter up.
func update(ctx context.Context, tx *db.Tx, p *Passkey) (changed bool, err error) {
	text, err := encode(&p.credential)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, `UPDATE passkey SET credential = $3, last_used_at = $4 WHERE id = $1 AND credential = $2`, p.ID, p.stored, text, tx.Now)
	if err != nil {
		return false, fmt.Errorf("passkey: update: %w", err)
	}
	return n == 1, nil
}

func rename(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID, name string) error {
	n, err := tx.Exec(ctx, `UPDATE passkey SET name = $3 WHERE id = $1 AND account_id = $2`, id, accountID, name)
	if err != nil {
		return fmt.Errorf("passkey: rename: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

func remove(ctx context.Context, tx *db.Tx, accountID, id uuid.UUID) (*Passkey, error) {
	p := &Passkey{}
	dest, done := p.dest()
	err := tx.Row(ctx, `DELETE FROM passkey WHERE id = $1 AND account_id = $2 RETURNING `+columns, []any{id, accountID}, dest...)
	if err := found(err); err != nil {
		return nil, err
	}
	return p, done()
}
