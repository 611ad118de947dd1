package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Columns lists an account with its profile as Scan reads them, for statements that name
// account a and profile p. last_login is derived from the sessions, so signing in writes
// nothing here; the sweeper notes the newest before it removes it.
const Columns = `a.id, a.subject, a.email, a.email_verified, a.username, a.active, a.staff, a.superuser, a.staff_role, a.epoch, a.created_at,
	COALESCE((SELECT max(s0.created_at) FROM session s0 WHERE s0.account_id = a.id AND s0.transport <> 'look'), a.last_login_at),
	p.full_name, p.phone, p.locale, p.attributes`

// Dest returns where Columns are scanned to; done must be called afterwards.
func (a *Account) Dest() (dest []any, done func() error) {
	var attributes string
	dest = []any{
		&a.ID, &a.Subject, &a.Email, &a.EmailVerified, db.Text(&a.Username), &a.Active, &a.Staff, &a.Superuser, &a.StaffRole, &a.Epoch,
		db.Time(&a.Joined), db.Time(&a.LastLogin), &a.Profile.FullName, &a.Profile.Phone, &a.Profile.Locale, &attributes,
	}
	return dest, func() error {
		if err := json.Unmarshal([]byte(attributes), &a.Profile.Attributes); err != nil {
			return fmt.Errorf("account: read attributes: %w", err)
		}
		return nil
	}
}

// New is what an account is made from.
type New struct {
	Subject  string // empty: the id's text
	Email    Email
	Username Username // zero: none
	Verified bool
	Active   bool
	Staff    bool
	Super    bool
	// StaffRole is what staff may do, by a name of package role.
	StaffRole string
	Profile   Profile
}

// Create makes an account and its profile in tx. It returns ErrTaken when the address
// or the user name is, or is kept for another account; nothing of the two is then written, and on
// PostgreSQL the transaction can still be used.
func Create(ctx context.Context, tx *db.Tx, n New) (*Account, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("account: create: %w", err)
	}
	a := &Account{ID: id, Subject: n.Subject, Email: n.Email.Typed, EmailVerified: n.Verified, Username: n.Username.Typed,
		Active: n.Active, Staff: n.Staff, Superuser: n.Super, StaffRole: n.StaffRole, Joined: tx.Now, Profile: n.Profile}
	if a.Subject == "" {
		a.Subject = id.String()
	}
	created, err := tx.Exec(ctx, `INSERT INTO account (id, subject, email, email_key, email_verified, username, username_key, active, staff, superuser, staff_role, epoch, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12, 0, $11) ON CONFLICT DO NOTHING`,
		id, a.Subject, a.Email, n.Email.Key, n.Verified, db.NullText(n.Username.Typed), db.NullText(n.Username.Key), n.Active, n.Staff, n.Super, tx.Now, n.StaffRole)
	if err != nil {
		return nil, fmt.Errorf("account: create: %w", err)
	}
	taken := created == 0
	if !taken {
		taken, err = yield(ctx, tx, id, n.Email, n.Username)
	}
	if err != nil {
		return nil, err
	}
	if taken {
		return nil, ErrTaken
	}
	attributes, err := EncodeAttributes(n.Profile.Attributes)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO profile (account_id, full_name, name_key, phone, locale, attributes, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		id, n.Profile.FullName, NameKey(n.Profile.FullName), n.Profile.Phone, n.Profile.Locale, attributes, tx.Now)
	if err != nil {
		return nil, fmt.Errorf("account: create profile: %w", err)
	}
	return a, nil
}

// EncodeAttributes returns values of attributes as they are stored.
func EncodeAttributes(attributes map[string]any) (string, error) {
	if attributes == nil {
		attributes = map[string]any{}
	}
	b, err := json.Marshal(attributes, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("account: attributes: %w", err)
	}
	return string(b), nil
}

// StoredAttributes returns where a column of EncodeAttributes is scanned to.
func StoredAttributes(values *map[string]any) interface{ Scan(src any) error } {
	return storedAttributes{values}
}

type storedAttributes struct{ values *map[string]any }

func (s storedAttributes) Scan(src any) error {
	var text string
	if err := db.Text(&text).Scan(src); err != nil {
		return err
	}
	*s.values = nil // what is read is not added to what was there
	if err := json.Unmarshal([]byte(text), s.values); err != nil {
		return fmt.Errorf("account: read attributes: %w", err)
	}
	return nil
}

// Find returns the account with this id.
func Find(ctx context.Context, tx *db.Tx, id ID) (*Account, error) {
	return one(func(dest []any) error {
		return tx.Row(ctx, `SELECT `+Columns+` FROM account a JOIN profile p ON p.account_id = a.id WHERE a.id = $1`, []any{id}, dest...)
	})
}

// FindByEmail returns the account with this address.
func FindByEmail(ctx context.Context, tx *db.Tx, email Email) (*Account, error) {
	return one(func(dest []any) error {
		return tx.Row(ctx, `SELECT `+Columns+` FROM account a JOIN profile p ON p.account_id = a.id WHERE a.email_key = $1`, []any{email.Key}, dest...)
	})
}

// FindBySubject returns the account that the world knows by this subject.
func FindBySubject(ctx context.Context, tx *db.Tx, subject string) (*Account, error) {
	return one(func(dest []any) error {
		return tx.Row(ctx, `SELECT `+Columns+` FROM account a JOIN profile p ON p.account_id = a.id WHERE a.subject = $1`, []any{subject}, dest...)
	})
}

func one(row func(dest []any) error) (*Account, error) {
	var a Account
	dest, done := a.Dest()
	err := row(dest)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("account: find: %w", err)
	}
	return &a, done()
}

// List returns at most limit accounts in the order they were made, starting after the one given.
func List(ctx context.Context, d *db.DB, after *Account, limit int) ([]*Account, error) {
	var from Account
	if after != nil {
		from = *after
	}
	var all []*Account
	err := d.Each(ctx, `SELECT `+Columns+` FROM account a JOIN profile p ON p.account_id = a.id
		WHERE (a.created_at, a.id) > ($1, $2) ORDER BY a.created_at, a.id LIMIT $3`,
		[]any{from.Joined.UnixMilli(), from.ID, limit}, func(scan func(...any) error) error {
			var a Account
			dest, done := a.Dest()
			if err := scan(dest...); err != nil {
				return err
			}
			all = append(all, &a)
			return done()
		})
	if err != nil {
		return nil, fmt.Errorf("account: list: %w", err)
	}
	return all, nil
}

// EndSessions ends every session of an account by raising its epoch, and returns the new one.
func EndSessions(ctx context.Context, tx *db.Tx, id ID) (epoch int64, err error) {
	err = tx.Row(ctx, `UPDATE account SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch`, []any{id}, &epoch)
	if errors.Is(err, db.ErrNoRows) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("account: end sessions: %w", err)
	}
	return epoch, nil
}

// SetActive enables or disables an account. Disabling ends every session.
func SetActive(ctx context.Context, tx *db.Tx, id ID, active bool) error {
	n, err := tx.Exec(ctx, `UPDATE account SET active = $2, epoch = epoch + 1 WHERE id = $1`, id, active)
	if err != nil {
		return fmt.Errorf("account: set active: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// SetVerified notes that the owner of the account has shown to read its mailbox.
func SetVerified(ctx context.Context, tx *db.Tx, id ID) error {
	if _, err := tx.Exec(ctx, `UPDATE account SET email_verified = TRUE WHERE id = $1`, id); err != nil {
		return fmt.Errorf("account: set verified: %w", err)
	}
	return nil
}

// LockProfile holds the profile of an account until the transaction ends, so that whoever reads it next
// sees what was written. It returns ErrNotFound.
func LockProfile(ctx context.Context, tx *db.Tx, id ID) error {
	n, err := tx.Exec(ctx, `UPDATE profile SET updated_at = $2 WHERE account_id = $1`, id, tx.Now)
	if err != nil {
		return fmt.Errorf("account: lock profile: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// SaveProfile writes the profile of an account.
func SaveProfile(ctx context.Context, tx *db.Tx, id ID, p Profile) error {
	attributes, err := EncodeAttributes(p.Attributes)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE profile SET full_name = $2, name_key = $3, phone = $4, locale = $5, attributes = $6, updated_at = $7 WHERE account_id = $1`,
		id, p.FullName, NameKey(p.FullName), p.Phone, p.Locale, attributes, tx.Now)
	if err != nil {
		return fmt.Errorf("account: save profile: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}
