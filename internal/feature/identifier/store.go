package identifier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Link is what a mailed link would do.
type Link struct {
	Email   string    // the address that the account gets, as typed
	At      time.Time // when the change was asked for, or made
	Expires time.Time

	id      uuid.UUID
	account account.ID
	key     string // of the address that the account had when the link was made
}

const columns = `t.id, t.account_id, t.email_key, t.data, t.created_at, t.expires_at`

func (l *Link) dest() []any {
	return []any{&l.id, &l.account, &l.key, &l.Email, db.Time(&l.At), db.Time(&l.Expires)}
}

// meant is the condition that a link still does what it was asked for. A change dies with anything
// that happens to its account; that something did is what a change is undone for.
const meant = `t.used_at IS NULL AND (t.purpose = '` + string(Undo) + `'
	OR EXISTS (SELECT 1 FROM account a WHERE a.id = t.account_id AND a.active AND a.epoch = t.epoch AND a.email_key = t.email_key))`

// open is the condition that a link may be used, at time $2.
const open = `t.expires_at > $2 AND ` + meant

// insertChange writes down what an account's owner asks for.
func insertChange(ctx context.Context, tx *db.Tx, o *owner, to account.Email, hash []byte) (uuid.UUID, error) {
	return insert(ctx, tx, Change, o.account.ID, o.account.Epoch, account.Email{Typed: to.Typed, Key: o.emailKey}, hash, tx.Now, tx.Now.Add(ChangeLifetime))
}

// insertUndo writes down that a change can be undone. Changes of one account are in the order of their
// times whatever instances' clocks say: undoing goes by it.
func insertUndo(ctx context.Context, tx *db.Tx, a *account.Account, former account.Email, hash []byte, until time.Time) error {
	var last time.Time
	err := tx.Row(ctx, `SELECT max(created_at) FROM one_time_token WHERE account_id = $1 AND purpose = $2`, []any{a.ID, string(Undo)}, db.Time(&last))
	if err != nil {
		return fmt.Errorf("identifier: offer undo: %w", err)
	}
	at := tx.Now
	if !at.After(last) {
		at = last.Add(time.Millisecond)
	}
	_, err = insert(ctx, tx, Undo, a.ID, a.Epoch, former, hash, at, until)
	return err
}

// insert writes a link down. email is the address that the account gets with it, and the key of the one
// that it had when the link was made.
func insert(ctx context.Context, tx *db.Tx, p Purpose, id account.ID, epoch int64, email account.Email, hash []byte, at, until time.Time) (uuid.UUID, error) {
	row, err := uuid.NewV7()
	if err != nil {
		return row, fmt.Errorf("identifier: insert %s: %w", p, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		row, string(p), id, email.Key, epoch, hash, at, until, email.Typed)
	if err != nil {
		return row, fmt.Errorf("identifier: insert %s: %w", p, err)
	}
	return row, nil
}

// extend makes a change that waits to be mailed good until then and returns it, or letter.ErrLink.
func extend(ctx context.Context, tx *db.Tx, id uuid.UUID, until time.Time) (*Link, error) {
	n, err := tx.Exec(ctx, `UPDATE one_time_token AS t SET expires_at = $2 WHERE t.id = $1 AND `+meant, id, until)
	if err != nil {
		return nil, fmt.Errorf("identifier: extend: %w", err)
	}
	if n == 0 {
		return nil, letter.ErrLink
	}
	var l Link
	if err := tx.Row(ctx, `SELECT `+columns+` FROM one_time_token t WHERE t.id = $1`, []any{id}, l.dest()...); err != nil {
		return nil, fmt.Errorf("identifier: extend: %w", err)
	}
	return &l, nil
}

// find returns the link of a mailed token, or letter.ErrLink when it may not be used. Which key the
// token was hashed with is tried out, newest first.
func find(ctx context.Context, d *db.DB, tokens *secret.Hasher, p Purpose, token string, now time.Time) (*Link, error) {
	for _, hash := range tokens.Candidates(token) {
		var l Link
		err := d.Row(ctx, `SELECT `+columns+` FROM one_time_token t WHERE t.token_hash = $1 AND t.purpose = $3 AND `+open, []any{hash, now, string(p)}, l.dest()...)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("identifier: find: %w", err)
		}
		return &l, nil
	}
	return nil, letter.ErrLink
}

// used reports whether a mailed token was redeemed.
func used(ctx context.Context, d *db.DB, tokens *secret.Hasher, p Purpose, token string) (was bool, err error) {
	for _, hash := range tokens.Candidates(token) {
		err := d.Row(ctx, `SELECT EXISTS (SELECT 1 FROM one_time_token WHERE token_hash = $1 AND purpose = $2 AND used_at IS NOT NULL)`, []any{hash, string(p)}, &was)
		if err != nil {
			return false, fmt.Errorf("identifier: used: %w", err)
		}
		if was {
			return true, nil
		}
	}
	return false, nil
}

// waiting returns what an account has asked for and not confirmed.
func waiting(ctx context.Context, d *db.DB, id account.ID, now time.Time) (all []Link, err error) {
	err = d.Each(ctx, `SELECT `+columns+` FROM one_time_token t WHERE t.account_id = $1 AND t.purpose = $3 AND `+open+` ORDER BY t.created_at DESC, t.id DESC`,
		[]any{id, now, string(Change)}, func(scan func(...any) error) error {
			var l Link
			err := scan(l.dest()...)
			all = append(all, l)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("identifier: waiting: %w", err)
	}
	return all, nil
}

// use spends a link, once. It returns letter.ErrLink when it may not be used any more.
func use(ctx context.Context, tx *db.Tx, l *Link) error {
	n, err := tx.Exec(ctx, `UPDATE one_time_token AS t SET used_at = $2 WHERE t.id = $1 AND `+open, l.id, tx.Now)
	if err != nil {
		return fmt.Errorf("identifier: use: %w", err)
	}
	if n == 0 {
		return letter.ErrLink
	}
	return nil
}

// forgetMailed ends what was mailed and would let its reader into the account: further changes, links
// to choose a password, codes to sign in with.
func forgetMailed(ctx context.Context, tx *db.Tx, id account.ID) error {
	for _, statement := range []string{
		`DELETE FROM one_time_token WHERE account_id = $1 AND used_at IS NULL AND purpose IN ('` + string(Change) + `', 'reset')`,
		`DELETE FROM ticket WHERE account_id = $1 AND email_key <> ''`,
	} {
		if _, err := tx.Exec(ctx, statement, id); err != nil {
			return fmt.Errorf("identifier: forget: %w", err)
		}
	}
	return nil
}

// forgetUndoAfter ends the ways back to what an account was called after a change that is undone.
func forgetUndoAfter(ctx context.Context, tx *db.Tx, l *Link) error {
	_, err := tx.Exec(ctx, `DELETE FROM one_time_token WHERE account_id = $1 AND purpose = $2 AND used_at IS NULL AND created_at > $3`, l.account, string(Undo), l.At)
	if err != nil {
		return fmt.Errorf("identifier: forget: %w", err)
	}
	return nil
}

// owner is an account with what its owner's wishes are checked by.
type owner struct {
	account     account.Account
	emailKey    string
	usernameKey string // empty: none
	held        factor.Held
}

// findOwner returns whose session this is, or session.ErrEnded when it stands no more.
func findOwner(ctx context.Context, tx *db.Tx, by session.Bearer) (*owner, error) {
	var o owner
	dest, done := o.account.Dest()
	dest = append(append([]any{&o.emailKey, db.Text(&o.usernameKey)}, o.held.Dest()...), dest...)
	err := tx.Row(ctx, `SELECT a.email_key, a.username_key, `+factor.Columns+`, `+account.Columns+` FROM session s JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id
		WHERE s.id = $1 AND a.id = $3 AND `+session.Live, []any{by.SessionID, tx.Now, by.AccountID}, dest...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, session.ErrEnded
	}
	if err != nil {
		return nil, fmt.Errorf("identifier: find owner: %w", err)
	}
	return &o, done()
}
