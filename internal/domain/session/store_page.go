package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// touchEvery is how old the time of a session's last page may be before it is written again.
const touchEvery = time.Minute

// PageCookie is a page session's cookie as it is stored.
type PageCookie struct {
	Hash       []byte
	Remembered bool
	Staff      *Onlooker // its ID, SessionID and Reason
}

// SetCookie stores the first cookie of a session that tx has just made.
func SetCookie(ctx context.Context, tx *db.Tx, id uuid.UUID, c PageCookie) error {
	var staff, staffSession uuid.NullUUID
	reason := ""
	if c.Staff != nil {
		staff, staffSession, reason = uuid.NullUUID{UUID: c.Staff.ID, Valid: true}, uuid.NullUUID{UUID: c.Staff.SessionID, Valid: true}, c.Staff.Reason
	}
	_, err := tx.Exec(ctx, `INSERT INTO page_cookie (session_id, token_hash, remembered, staff_id, staff_session_id, reason) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, c.Hash, c.Remembered, staff, staffSession, reason)
	if err != nil {
		return fmt.Errorf("session: set cookie: %w", err)
	}
	return nil
}

// Prove notes that a session's owner gave a proof again, and what has been proven in it by now. It
// returns ErrEnded when the session has ended.
func Prove(ctx context.Context, tx *db.Tx, id uuid.UUID, methods []string, level authn.AAL) error {
	n, err := tx.Exec(ctx, `UPDATE session SET auth_time = $2, rotated_at = CASE WHEN transport = 'page' THEN $2 ELSE rotated_at END, idled_ms = 0, amr = $3, aal = $4
		WHERE id = $1 AND ended_at IS NULL`, id, tx.Now, strings.Join(methods, " "), int64(level))
	if err != nil {
		return fmt.Errorf("session: prove: %w", err)
	}
	if n == 0 {
		return ErrEnded
	}
	return nil
}

// Get returns a session that has not been ended, or ErrEnded.
func Get(ctx context.Context, tx *db.Tx, id uuid.UUID) (*Session, error) {
	s := Session{ID: id}
	var amr string
	var level, idle, unused int64
	err := tx.Row(ctx, `SELECT account_id, client_id, transport, audience, amr, aal, auth_time, idle_ms, expires_at, `+Unused+` FROM session WHERE id = $1 AND ended_at IS NULL`,
		[]any{id, tx.Now}, &s.AccountID, &s.Client.ID, &s.Client.Transport, &s.Audience, &amr, &level, db.Time(&s.AuthTime), &idle, db.Time(&s.ExpiresAt), &unused)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrEnded
	}
	if err != nil {
		return nil, fmt.Errorf("session: get: %w", err)
	}
	s.Methods, s.Level, s.Idle, s.Unused = strings.Fields(amr), authn.AAL(level), time.Duration(idle)*time.Millisecond, time.Duration(unused)*time.Millisecond
	return &s, nil
}

// NewCookie replaces a page session's cookie: whoever had copied the former one is left behind.
func NewCookie(ctx context.Context, tx *db.Tx, id uuid.UUID, hash []byte) error {
	n, err := tx.Exec(ctx, `UPDATE page_cookie SET token_hash = $2 WHERE session_id = $1 AND EXISTS (SELECT 1 FROM session s WHERE s.id = $1 AND s.ended_at IS NULL)`, id, hash)
	if err != nil {
		return fmt.Errorf("session: new cookie: %w", err)
	}
	if n == 0 {
		return ErrSignedOut
	}
	return nil
}

const findVisit = `SELECT s.auth_time, s.amr, s.aal, s.rotated_at, s.expires_at, s.id, c.remembered, c.staff_id, c.staff_session_id, c.reason, ` + Unused + `, ` + account.Columns + `
	FROM page_cookie c JOIN session s ON s.id = c.session_id JOIN account a ON a.id = s.account_id JOIN profile p ON p.account_id = a.id
	WHERE c.token_hash = $1 AND s.transport = $3 AND ` + Live

// FindVisit returns who the cookie with one of these hashes belongs to, or ErrSignedOut.
func FindVisit(ctx context.Context, d *db.DB, transport string, hashes [][]byte) (*Visit, error) {
	for _, hash := range hashes {
		v, err := findOne(ctx, d, transport, hash)
		if !errors.Is(err, db.ErrNoRows) {
			return v, err
		}
	}
	return nil, ErrSignedOut
}

func findOne(ctx context.Context, d *db.DB, transport string, hash []byte) (*Visit, error) {
	v := &Visit{Account: &account.Account{}}
	var staff, staffSession uuid.NullUUID
	var reason string
	var amr string
	var level, unused int64
	dest, done := v.Account.Dest()
	err := d.Row(ctx, findVisit, []any{hash, d.Now(), transport}, append([]any{db.Time(&v.AuthTime), &amr, &level, db.Time(&v.LastSeen), db.Time(&v.ExpiresAt), &v.SessionID,
		&v.Remembered, &staff, &staffSession, &reason, &unused}, dest...)...)
	if err == nil {
		err = done()
	}
	if err != nil {
		return nil, fmt.Errorf("session: find visit: %w", err)
	}
	v.Methods, v.Level, v.Unused = strings.Fields(amr), authn.AAL(level), time.Duration(unused)*time.Millisecond
	if staff.Valid {
		v.Staff = &Onlooker{ID: staff.UUID, SessionID: staffSession.UUID, Reason: reason, Until: v.ExpiresAt}
	}
	return v, nil
}

// Touch notes that a page of the session was looked at, once a minute.
func Touch(ctx context.Context, d *db.DB, v *Visit) error {
	now := d.Now()
	if now.Sub(v.LastSeen) < touchEvery {
		return nil
	}
	if err := d.Once(ctx, `UPDATE session SET rotated_at = $2, idled_ms = `+Unused+` WHERE id = $1 AND ended_at IS NULL AND rotated_at < $2`, []any{v.SessionID, now}); err != nil {
		return fmt.Errorf("session: touch: %w", err)
	}
	return nil
}

// EndLooks ends what a staff session looks at.
func EndLooks(ctx context.Context, tx *db.Tx, staffSession uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE session SET ended_at = $2, ended_reason = $3 WHERE ended_at IS NULL AND id IN (SELECT session_id FROM page_cookie WHERE staff_session_id = $1)`,
		staffSession, tx.Now, SignedOut)
	if err != nil {
		return fmt.Errorf("session: end looks: %w", err)
	}
	return nil
}
