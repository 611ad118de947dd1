package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// create writes a recovery down with the link that says no, for an account that is locked and waits
// for none. What is left of one that was overtaken makes room.
func create(ctx context.Context, tx *db.Tx, w *factor.Recovery, no []byte) error {
	_, err := tx.Exec(ctx, `UPDATE factor_recovery SET cancelled_at = $2 WHERE account_id = $1 AND cancelled_at IS NULL AND done_at IS NULL`, w.AccountID, tx.Now)
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO factor_recovery (id, account_id, device, address, created_at, ready_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			w.ID, w.AccountID, w.Device, w.Address, w.AskedAt, w.ReadyAt, w.ExpiresAt)
	}
	if err != nil {
		return fmt.Errorf("recovery: create: %w", err)
	}
	// It has the recovery's id, and keeps what the account was; see factor.FindRecovery.
	return issueFor(ctx, tx, w, w.ID, purposeCancel, no)
}

// issueFor writes down a mailed permission that concerns w, for the account as it is now.
func issueFor(ctx context.Context, tx *db.Tx, w *factor.Recovery, id uuid.UUID, purpose string, tokenHash []byte) error {
	_, err := tx.Exec(ctx, `INSERT INTO one_time_token (id, purpose, account_id, email_key, epoch, token_hash, created_at, expires_at, data)
		SELECT $1, $2, a.id, a.email_key, a.epoch, $4, CAST($5 AS BIGINT), CAST($6 AS BIGINT), $7 FROM account a WHERE a.id = $3`,
		id, purpose, w.AccountID, tokenHash, tx.Now, w.ExpiresAt, w.ID.String())
	if err != nil {
		return fmt.Errorf("recovery: issue %s: %w", purpose, err)
	}
	return nil
}

// formerAddresses returns the addresses that an account gave up so lately that it could have them back,
// as they were typed.
func formerAddresses(ctx context.Context, tx *db.Tx, owner *account.Account) (all []string, err error) {
	present, err := account.ParseEmail(owner.Email)
	if err != nil {
		return nil, fmt.Errorf("recovery: former addresses: %w", err)
	}
	read := func(query string, args ...any) (texts []string, err error) {
		err = tx.Each(ctx, query, args, func(scan func(...any) error) error {
			var text string
			err := scan(&text)
			texts = append(texts, text)
			return err
		})
		return texts, err
	}
	kept, err := read(`SELECT name_key FROM reserved_name WHERE kind = 'email' AND account_id = $1 AND until > $2 AND name_key <> $3`, owner.ID, tx.Now, present.Key)
	if err != nil {
		return nil, fmt.Errorf("recovery: former addresses: %w", err)
	}
	typed, err := read(`SELECT data FROM one_time_token WHERE purpose = 'email_undo' AND account_id = $1 ORDER BY created_at, id`, owner.ID)
	if err != nil {
		return nil, fmt.Errorf("recovery: former addresses: %w", err)
	}
	for _, text := range typed {
		if email, err := account.ParseEmail(text); err == nil && slices.Contains(kept, email.Key) && !slices.Contains(all, email.Typed) {
			all = append(all, email.Typed)
		}
	}
	return all, nil
}

// findUndisturbed is factor.FindRecovery for what may be done: an app or a passkey that was used since was
// not lost, so somebody else must have asked. Its owner may never read mail or open a page of ours.
func findUndisturbed(ctx context.Context, r rower, id account.ID, now time.Time) (*factor.Recovery, error) {
	w, err := factor.FindRecovery(ctx, r, id, now)
	if err != nil {
		return nil, err
	}
	var used bool
	err = r.Row(ctx, `SELECT EXISTS (SELECT 1 FROM totp_device d WHERE d.account_id = $1 AND d.last_used_at > $2)
		OR EXISTS (SELECT 1 FROM passkey k WHERE k.account_id = $1 AND k.last_used_at > $2)`, []any{id, w.AskedAt}, &used)
	if err != nil {
		return nil, fmt.Errorf("recovery: find undisturbed: %w", err)
	}
	if used {
		return nil, factor.ErrNoRecovery
	}
	return w, nil
}

// cancelLink is a mailed permission to say no.
type cancelLink struct {
	factor.Recovery
	cancelled, done bool
}

// findCancel returns the link of a mailed token as long as the recovery could be done, whatever became
// of that, or letter.ErrLink.
func findCancel(ctx context.Context, r rower, tokens *secret.Hasher, token string, now time.Time) (*cancelLink, error) {
	for _, hash := range tokens.Candidates(token) {
		var l cancelLink
		err := r.Row(ctx, `SELECT f.id, f.account_id, f.created_at, f.ready_at, f.expires_at, f.device, f.address, f.cancelled_at IS NOT NULL, f.done_at IS NOT NULL
			FROM one_time_token n JOIN factor_recovery f ON f.id = n.id WHERE n.token_hash = $1 AND n.purpose = '`+purposeCancel+`' AND n.expires_at > $2`,
			[]any{hash, now}, &l.ID, &l.AccountID, db.Time(&l.AskedAt), db.Time(&l.ReadyAt), db.Time(&l.ExpiresAt), &l.Device, &l.Address, &l.cancelled, &l.done)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("recovery: find cancel link: %w", err)
		}
		return &l, nil
	}
	return nil, letter.ErrLink
}

// finishLink is a mailed permission to remove second factors, with what its holder is asked for.
type finishLink struct {
	id       uuid.UUID
	account  account.Account
	hash     string // of the password; empty: there is none
	recovery factor.Recovery
}

// findFinish returns the link of a mailed token, or letter.ErrLink when it may not be used.
func findFinish(ctx context.Context, r rower, tokens *secret.Hasher, token string, now time.Time) (*finishLink, error) {
	for _, hash := range tokens.Candidates(token) {
		var l finishLink
		var concerns string
		dest, done := l.account.Dest()
		err := r.Row(ctx, `SELECT t.id, t.data, COALESCE(c.hash, ''), `+account.Columns+` FROM one_time_token t
			JOIN account a ON a.id = t.account_id JOIN profile p ON p.account_id = a.id LEFT JOIN password_credential c ON c.account_id = a.id
			WHERE t.token_hash = $1 AND t.purpose = '`+purposeFinish+`' AND t.used_at IS NULL AND t.expires_at > $2`,
			[]any{hash, now}, append([]any{&l.id, &concerns, &l.hash}, dest...)...)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err == nil {
			err = done()
		}
		if err != nil {
			return nil, fmt.Errorf("recovery: find finish link: %w", err)
		}
		// The account must be what it was when this was asked for, and nobody may have said no.
		w, err := findUndisturbed(ctx, r, l.account.ID, now)
		if errors.Is(err, factor.ErrNoRecovery) || err == nil && (w.ID.String() != concerns || w.ReadyAt.After(now)) {
			return nil, letter.ErrLink
		}
		if err != nil {
			return nil, err
		}
		l.recovery = *w
		return &l, nil
	}
	return nil, letter.ErrLink
}

// useFinish spends a link with its recovery, once.
func useFinish(ctx context.Context, tx *db.Tx, l *finishLink) error {
	spent, err := tx.Exec(ctx, `UPDATE one_time_token SET used_at = $2 WHERE id = $1 AND used_at IS NULL`, l.id, tx.Now)
	if err != nil {
		return fmt.Errorf("recovery: use finish link: %w", err)
	}
	done, err := tx.Exec(ctx, `UPDATE factor_recovery SET done_at = $2 WHERE id = $1 AND cancelled_at IS NULL AND done_at IS NULL`, l.recovery.ID, tx.Now)
	if err != nil {
		return fmt.Errorf("recovery: use finish link: %w", err)
	}
	if spent == 0 || done == 0 {
		return letter.ErrLink
	}
	return nil
}

// untold returns at most limit recoveries whose wait is over and whose owners do not know yet.
func untold(ctx context.Context, d *db.DB, limit int) ([]factor.Recovery, error) {
	var all []factor.Recovery
	err := d.Each(ctx, `SELECT id, account_id FROM factor_recovery WHERE ready_at <= $1 AND told_at IS NULL AND cancelled_at IS NULL AND done_at IS NULL ORDER BY ready_at LIMIT $2`,
		[]any{d.Now(), limit}, func(scan func(...any) error) error {
			var w factor.Recovery
			err := scan(&w.ID, &w.AccountID)
			all = append(all, w)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("recovery: untold: %w", err)
	}
	return all, nil
}

// issueFinish writes down the link that does it, once, and reports whether this was the time.
func issueFinish(ctx context.Context, tx *db.Tx, w *factor.Recovery, tokenHash []byte) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE factor_recovery SET told_at = $2 WHERE id = $1 AND told_at IS NULL`, w.ID, tx.Now)
	if err != nil {
		return false, fmt.Errorf("recovery: tell: %w", err)
	}
	if n == 0 {
		return false, nil // another instance was quicker
	}
	id, err := uuid.NewV7()
	if err != nil {
		return false, fmt.Errorf("recovery: tell: %w", err)
	}
	return true, issueFor(ctx, tx, w, id, purposeFinish, tokenHash)
}

// SweepFactors removes at most limit recoveries of second factors that ended a day ago and returns how
// many it removed.
func SweepFactors(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM factor_recovery WHERE id IN (SELECT id FROM factor_recovery WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
			tx.Now.Add(-24*time.Hour), limit)
		return err
	})
	return n, err
}
