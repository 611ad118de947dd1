package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Live is the condition that session s still stands and account a still carries it, at time
// $2. Every statement that acts for a session holds it; a refresh asks the same.
const Live = `s.ended_at IS NULL AND s.expires_at > $2 AND s.rotated_at + s.idle_ms > $2 AND a.active AND a.epoch = s.epoch`

// Create makes a session from evidence, in one conditional insert: when the account was
// disabled or its epoch moved on since the evidence was gathered, there is none and it
// returns ErrRefused. Only flow/signin calls it.
func Create(ctx context.Context, tx *db.Tx, s *Session, e authn.Evidence) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("session: create: %w", err)
	}
	s.ID, s.AccountID, s.Methods, s.Level, s.AuthTime = id, e.AccountID, e.Methods, e.Level, e.At
	s.CreatedAt, s.LastSeen = tx.Now, tx.Now
	n, err := tx.Exec(ctx, `INSERT INTO session (id, account_id, epoch, client_id, transport, jkt, audience, amr, aal, auth_time,
			counter, rotated_at, repeats, idle_ms, expires_at, created_at, device, address)
		SELECT $1, a.id, a.epoch, $4, $5, $6, $7, $8, CAST($9 AS BIGINT), CAST($10 AS BIGINT),
			0, CAST($11 AS BIGINT), 0, CAST($12 AS BIGINT), CAST($13 AS BIGINT), CAST($11 AS BIGINT), $14, $15
		FROM account a WHERE a.id = $2 AND a.active AND a.epoch = $3`,
		s.ID, e.AccountID, e.Epoch, s.Client.ID, s.Client.Transport, s.Client.JKT, s.Audience, strings.Join(s.Methods, " "), int64(s.Level), s.AuthTime,
		tx.Now, s.Idle.Milliseconds(), s.ExpiresAt, s.Device, s.Address)
	if tx.Orphan(err) {
		return ErrRefused // the account was erased since
	}
	if err != nil {
		return fmt.Errorf("session: create: %w", err)
	}
	if n == 0 {
		return ErrRefused
	}
	return nil
}

// refresh decides and writes in one statement. RETURNING sees new values only, so repeats = 0
// is what tells a rotation. No column it writes is in an index.
const refresh = `UPDATE session SET
	counter    = CASE WHEN counter <= $2 AND client_id = $5 AND transport = $6 AND jkt = $7 THEN $2 + 1 ELSE counter END,
	rotated_at = CASE WHEN counter <= $2 AND client_id = $5 AND transport = $6 AND jkt = $7 THEN $3 ELSE rotated_at END,
	repeats    = CASE WHEN counter <= $2 AND client_id = $5 AND transport = $6 AND jkt = $7 THEN 0 ELSE repeats + 1 END
WHERE id = $1 AND ended_at IS NULL AND expires_at > $3 AND rotated_at + idle_ms > $3
	AND EXISTS (SELECT 1 FROM account a WHERE a.id = session.account_id AND a.active AND a.epoch = session.epoch)
RETURNING CASE WHEN client_id <> $5 OR transport <> $6 OR jkt <> $7 THEN 'stranger'
		WHEN repeats = 0 THEN 'rotated'
		WHEN counter = $2 + 1 AND rotated_at > $3 - $4 THEN 'repeated'
		ELSE 'stale' END,
	account_id, (SELECT a.subject FROM account a WHERE a.id = session.account_id), client_id, transport, audience, amr, aal, auth_time, expires_at, idle_ms`

// Refreshed is what a refresh came to.
type Refreshed struct {
	Outcome Outcome
	Subject string
	Session Session // its ID, AccountID, Client, Audience, Methods, Level, AuthTime, ExpiresAt and Idle
}

// Refresh presents a token's counter at time now. It returns ErrRefused when there is no such
// session or it may not be refreshed; nothing is then written. The caller acts on
// Stale and Stranger. It is one statement, shared with others that wait (db.Once).
func Refresh(ctx context.Context, d *db.DB, id uuid.UUID, counter uint64, by Client, now time.Time, window time.Duration) (*Refreshed, error) {
	r := Refreshed{Session: Session{ID: id}}
	s := &r.Session
	var outcome, amr string
	var level, idle int64
	err := d.Once(ctx, refresh, []any{id, int64(counter), now, window.Milliseconds(), by.ID, by.Transport, by.JKT},
		&outcome, &s.AccountID, &r.Subject, &s.Client.ID, &s.Client.Transport, &s.Audience, &amr, &level, db.Time(&s.AuthTime), db.Time(&s.ExpiresAt), &idle)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrRefused
	}
	if err != nil {
		return nil, fmt.Errorf("session: refresh: %w", err)
	}
	r.Outcome, s.Methods, s.Level, s.Idle = Outcome(outcome), strings.Fields(amr), authn.AAL(level), time.Duration(idle)*time.Millisecond
	return &r, nil
}

// End ends one session and reports whether it stood until now. It stays ended.
func End(ctx context.Context, tx *db.Tx, id uuid.UUID, reason string) (accountID uuid.UUID, ended bool, err error) {
	err = tx.Row(ctx, `UPDATE session SET ended_at = $2, ended_reason = $3 WHERE id = $1 AND ended_at IS NULL RETURNING account_id`,
		[]any{id, tx.Now, reason}, &accountID)
	if errors.Is(err, db.ErrNoRows) {
		return uuid.Nil, false, nil
	}
	if err != nil {
		return uuid.Nil, false, fmt.Errorf("session: end: %w", err)
	}
	return accountID, true, nil
}

// Keep lets one session stand through the epoch that has just ended all others of its account.
// It returns ErrEnded when the session had ended before that: it must not come back to life.
func Keep(ctx context.Context, tx *db.Tx, id uuid.UUID, epoch int64) error {
	n, err := tx.Exec(ctx, `UPDATE session SET epoch = $2 WHERE id = $1 AND ended_at IS NULL AND epoch = $3`, id, epoch, epoch-1)
	if err != nil {
		return fmt.Errorf("session: keep: %w", err)
	}
	if n == 0 {
		return ErrEnded
	}
	return nil
}

// Check asks whether a session stands and belongs to subject, and returns its account's id. It
// returns ErrEnded when not.
func Check(ctx context.Context, d *db.DB, id uuid.UUID, subject string, now time.Time) (accountID uuid.UUID, err error) {
	err = d.Row(ctx, `SELECT a.id FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1 AND a.subject = $3 AND `+Live,
		[]any{id, now, subject}, &accountID)
	if errors.Is(err, db.ErrNoRows) {
		return uuid.Nil, ErrEnded
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("session: check: %w", err)
	}
	return accountID, nil
}

// CheckRank is Check that also tells whether the account is staff or a superuser.
func CheckRank(ctx context.Context, d *db.DB, id uuid.UUID, subject string, now time.Time) (accountID uuid.UUID, staff, superuser bool, err error) {
	err = d.Row(ctx, `SELECT a.id, a.staff, a.superuser FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1 AND a.subject = $3 AND `+Live,
		[]any{id, now, subject}, &accountID, &staff, &superuser)
	if errors.Is(err, db.ErrNoRows) {
		return uuid.Nil, false, false, ErrEnded
	}
	if err != nil {
		return uuid.Nil, false, false, fmt.Errorf("session: check rank: %w", err)
	}
	return accountID, staff, superuser, nil
}

// Current asks whether a refresh token with this counter is the session's newest, without using it.
func Current(ctx context.Context, d *db.DB, id uuid.UUID, counter uint64, now time.Time) error {
	var stored int64
	err := d.Row(ctx, `SELECT s.counter FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1 AND `+Live, []any{id, now}, &stored)
	if errors.Is(err, db.ErrNoRows) || (err == nil && uint64(stored) > counter) {
		return ErrEnded
	}
	if err != nil {
		return fmt.Errorf("session: current: %w", err)
	}
	return nil
}

// List returns the sessions of an account that stand, newest first, at most 200.
func List(ctx context.Context, d *db.DB, accountID uuid.UUID, now time.Time) ([]Session, error) {
	var all []Session
	err := d.Each(ctx, `SELECT s.id, s.client_id, s.transport, s.amr, s.aal, s.auth_time, s.created_at, s.rotated_at, s.expires_at, s.device, s.address
		FROM session s JOIN account a ON a.id = s.account_id WHERE s.account_id = $1 AND `+Live+` ORDER BY s.created_at DESC LIMIT 200`,
		[]any{accountID, now}, func(scan func(...any) error) error {
			s := Session{AccountID: accountID}
			var amr string
			var level int64
			err := scan(&s.ID, &s.Client.ID, &s.Client.Transport, &amr, &level, db.Time(&s.AuthTime), db.Time(&s.CreatedAt), db.Time(&s.LastSeen), db.Time(&s.ExpiresAt), &s.Device, &s.Address)
			s.Methods, s.Level = strings.Fields(amr), authn.AAL(level)
			all = append(all, s)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("session: list: %w", err)
	}
	return all, nil
}

// Sweep removes at most limit sessions that ended or expired a day ago, noting the account's last
// sign-in before its trace goes. It returns how many it removed.
func Sweep(ctx context.Context, d *db.DB, limit int) (n int64, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		const old = `SELECT id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2`
		before := tx.Now.Add(-24 * time.Hour)
		_, err := tx.Exec(ctx, `UPDATE account SET last_login_at = (SELECT max(s.created_at) FROM session s WHERE s.account_id = account.id AND s.transport <> 'look')
			WHERE id IN (SELECT account_id FROM session WHERE id IN (`+old+`))
			AND COALESCE(last_login_at, 0) < (SELECT max(s.created_at) FROM session s WHERE s.account_id = account.id AND s.transport <> 'look')`, before, limit)
		if err != nil {
			return err
		}
		n, err = tx.Exec(ctx, `DELETE FROM session WHERE id IN (`+old+`)`, before, limit)
		return err
	})
	return n, err
}
