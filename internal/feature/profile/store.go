package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// find asks whether the session stands and reads its account at once.
func find(ctx context.Context, d *db.DB, by session.Bearer) (*account.Account, error) {
	var a account.Account
	dest, done := a.Dest()
	err := d.Row(ctx, `SELECT `+account.Columns+` FROM session s JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id
		WHERE s.id = $1 AND a.subject = $3 AND `+session.Live, []any{by.SessionID, d.Now(), by.Subject}, dest...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, session.ErrEnded
	}
	if err != nil {
		return nil, fmt.Errorf("profile: find: %w", err)
	}
	return &a, done()
}

// owner is an account with more than others need to know of it.
type owner struct {
	account         account.Account
	emailKey        string
	passwordChanged time.Time // zero: there is none
	eraseAt         time.Time // zero: never
	held            factor.Held
}

// findOwner returns whose session this is, or session.ErrEnded when it stands no more.
func findOwner(ctx context.Context, d *db.DB, by session.Bearer) (*owner, error) {
	var o owner
	dest, done := o.account.Dest()
	dest = append(append([]any{db.Time(&o.passwordChanged), &o.emailKey, db.Time(&o.eraseAt)}, o.held.Dest()...), dest...)
	err := d.Row(ctx, `SELECT c.changed_at, a.email_key, a.erase_at, `+factor.Columns+`, `+account.Columns+` FROM session s
		JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id LEFT JOIN password_credential c ON c.account_id = a.id
		WHERE s.id = $1 AND a.id = $3 AND `+session.Live, []any{by.SessionID, d.Now(), by.AccountID}, dest...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, session.ErrEnded
	}
	if err != nil {
		return nil, fmt.Errorf("profile: find owner: %w", err)
	}
	return &o, done()
}

// summarise reads what Summary returns.
func summarise(ctx context.Context, d *db.DB, id account.ID) (*Summary, error) {
	var m Summary
	err := d.Row(ctx, `SELECT (SELECT c.changed_at FROM password_credential c WHERE c.account_id = $1),
		(SELECT count(*) FROM session s JOIN account a ON a.id = s.account_id WHERE s.account_id = $1 AND `+session.Live+`),
		(SELECT a.erase_at FROM account a WHERE a.id = $1)`, []any{id, d.Now()}, db.Time(&m.PasswordChanged), &m.Sessions, db.Time(&m.EraseAt))
	if err != nil {
		return nil, fmt.Errorf("profile: summarise: %w", err)
	}
	return &m, nil
}
