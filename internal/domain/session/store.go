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
// returns ErrRefused. browser are the hashes that the browser's own token may be stored under,
// none where there is no browser. Only flow/signin calls it.
func Create(ctx context.Context, tx *db.Tx, s *Session, e authn.Evidence, browser [][]byte) (Seen, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Seen{}, fmt.Errorf("session: create: %w", err)
	}
	s.ID, s.AccountID, s.Methods, s.Level, s.AuthTime = id, e.AccountID, e.Methods, e.Level, e.At
	s.CreatedAt, s.LastSeen = tx.Now, tx.Now
	args := []any{s.ID, e.AccountID, e.Epoch, s.Client.ID, s.Client.Transport, s.Client.JKT, s.Audience, strings.Join(s.Methods, " "), int64(s.Level), s.AuthTime,
		tx.Now, s.Idle.Milliseconds(), s.ExpiresAt, s.Device, s.Address}
	query := createAnywhere
	if len(browser) > 0 {
		// Keys change rarely: more than two generations are not asked for.
		query, args = createInBrowser, append(args, browser[0], browser[min(1, len(browser)-1)])
	}
	var seen Seen
	err = tx.Row(ctx, query, args, &seen.Account, &seen.Device)
	if tx.Orphan(err) || errors.Is(err, db.ErrNoRows) {
		return Seen{}, ErrRefused // disabled, erased, or another epoch since
	}
	if err != nil {
		return Seen{}, fmt.Errorf("session: create: %w", err)
	}
	return seen, nil
}

// Seen says what was known at a sign-in before it.
type Seen struct {
	Account bool // somebody had signed in to it
	Device  bool // from this browser; where there is none, with such a program from the same address
}

// create makes the row and says what is known of earlier ones. On SQLite the new row is there already
// when RETURNING is worked out, on PostgreSQL it is not.
const create = `INSERT INTO session (id, account_id, epoch, client_id, transport, jkt, audience, amr, aal, auth_time,
		counter, rotated_at, repeats, idle_ms, expires_at, created_at, device, address)
	SELECT $1, a.id, a.epoch, $4, $5, $6, $7, $8, CAST($9 AS BIGINT), CAST($10 AS BIGINT),
		0, CAST($11 AS BIGINT), 0, CAST($12 AS BIGINT), CAST($13 AS BIGINT), CAST($11 AS BIGINT), $14, $15
	FROM account a WHERE a.id = $2 AND a.active AND a.epoch = $3
	RETURNING EXISTS (SELECT 1 FROM account o WHERE o.id = $2 AND o.last_login_at IS NOT NULL) OR EXISTS (SELECT 1 FROM session o WHERE o.account_id = $2 AND o.id <> $1 AND o.transport <> 'look'), `

const (
	createAnywhere = create + `EXISTS (SELECT 1 FROM (SELECT o.id, o.device, o.address FROM session o WHERE o.account_id = $2 ORDER BY o.created_at DESC LIMIT 50) o
		WHERE o.id <> $1 AND o.device = $14 AND o.address = $15)`
	createInBrowser = create + `EXISTS (SELECT 1 FROM device d WHERE d.account_id = $2 AND d.token_hash IN ($16, $17))`
)

// Unused is how many milliseconds a session was left unused since its last proof, at time $2: the longest
// between two uses, or what came after the last. Whoever uses the session writes it down, because it would
// be lost then; it is as true where the use is refused.
const Unused = `CASE WHEN rotated_at + idled_ms < $2 AND auth_time + idled_ms < $2 THEN $2 - CASE WHEN auth_time > rotated_at THEN auth_time ELSE rotated_at END ELSE idled_ms END`

// newest is the condition that a token is its session's newest, and its own client's.
const newest = `counter <= $3 AND client_id = $5 AND transport = $6 AND jkt = $7`

// refresh decides and writes in one statement. RETURNING sees new values only, so repeats = 0
// is what tells a rotation. No column it writes is in an index. $2 is the time, $3 the token's counter.
const refresh = `UPDATE session SET
	counter    = CASE WHEN ` + newest + ` THEN $3 + 1 ELSE counter END,
	rotated_at = CASE WHEN ` + newest + ` THEN $2 ELSE rotated_at END,
	repeats    = CASE WHEN ` + newest + ` THEN 0 ELSE repeats + 1 END,
	idled_ms   = ` + Unused + `
WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 AND rotated_at + idle_ms > $2
	AND EXISTS (SELECT 1 FROM account a WHERE a.id = session.account_id AND a.active AND a.epoch = session.epoch)
RETURNING CASE WHEN client_id <> $5 OR transport <> $6 OR jkt <> $7 THEN 'stranger'
		WHEN repeats = 0 THEN 'rotated'
		WHEN counter = $3 + 1 AND rotated_at > $2 - $4 THEN 'repeated'
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
	err := d.Once(ctx, refresh, []any{id, now, int64(counter), window.Milliseconds(), by.ID, by.Transport, by.JKT},
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

// Check asks whether a session stands and belongs to subject, and returns what is to be known of
// whoever holds it. It returns ErrEnded when not.
func Check(ctx context.Context, d *db.DB, id uuid.UUID, subject string, now time.Time) (Bearer, error) {
	b := Bearer{SessionID: id, Subject: subject}
	var level int64
	err := d.Row(ctx, `SELECT a.id, a.staff, a.superuser, a.staff_role, s.auth_time, s.aal FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1 AND a.subject = $3 AND `+Live,
		[]any{id, now, subject}, &b.AccountID, &b.Staff, &b.Superuser, &b.StaffRole, db.Time(&b.AuthTime), &level)
	if errors.Is(err, db.ErrNoRows) {
		return Bearer{}, ErrEnded
	}
	if err != nil {
		return Bearer{}, fmt.Errorf("session: check: %w", err)
	}
	b.Level = authn.AAL(level)
	return b, nil
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
