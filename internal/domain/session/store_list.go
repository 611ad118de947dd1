package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Filter picks sessions out of all accounts'.
type Filter struct {
	Account uuid.UUID // uuid.Nil: of all
	After   *Place    // nil: from the newest
	Limit   int
}

// Place is where a page ended.
type Place struct {
	Created time.Time
	ID      uuid.UUID
}

// Row is a session with its account, as staff see it.
type Row struct {
	Session
	Subject string
	Email   string
	// Live is whether the session stands; else EndedReason says why, unless its time was over.
	Live        bool
	EndedReason string
}

const listed = `SELECT s.id, s.account_id, s.client_id, s.transport, s.amr, s.aal, s.auth_time, s.created_at, s.rotated_at, s.expires_at, s.idle_ms, s.ended_at, s.ended_reason,
	s.device, s.address, a.subject, a.email, ` + Live + `
	FROM session s JOIN account a ON a.id = s.account_id `

// All returns at most f.Limit sessions, those that are over among them, the newest first, and where
// to go on, nil at the end.
func All(ctx context.Context, d *db.DB, f Filter) (page []Row, next *Place, err error) {
	last := Place{Created: time.UnixMilli(math.MaxInt64), ID: uuid.Max}
	if f.After != nil {
		last = *f.After
	}
	query := listed + `WHERE s.id < $1 ORDER BY s.id DESC LIMIT $3`
	args := []any{last.ID, d.Now(), f.Limit + 1}
	if f.Account != uuid.Nil {
		query = listed + `WHERE s.account_id = $1 AND (s.created_at, s.id) < ($3, $4) ORDER BY s.created_at DESC, s.id DESC LIMIT $5`
		args = []any{f.Account, d.Now(), last.Created, last.ID, f.Limit + 1}
	}
	err = d.Each(ctx, query, args, func(scan func(...any) error) error {
		r, err := scanRow(scan)
		page = append(page, r)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("session: list all: %w", err)
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		next = &Place{Created: page[f.Limit-1].CreatedAt, ID: page[f.Limit-1].ID}
	}
	return page, next, nil
}

func scanRow(scan func(...any) error) (r Row, err error) {
	var amr string
	var level, idle int64
	err = scan(&r.ID, &r.AccountID, &r.Client.ID, &r.Client.Transport, &amr, &level, db.Time(&r.AuthTime), db.Time(&r.CreatedAt), db.Time(&r.LastSeen), db.Time(&r.ExpiresAt), &idle,
		db.Time(&r.EndedAt), db.Text(&r.EndedReason), &r.Device, &r.Address, &r.Subject, &r.Email, &r.Live)
	r.Methods, r.Level, r.Idle = strings.Fields(amr), authn.AAL(level), time.Duration(idle)*time.Millisecond
	return r, err
}

// AccountOf returns whose session this is, standing or not, or ErrNotFound.
func AccountOf(ctx context.Context, tx *db.Tx, id uuid.UUID) (accountID uuid.UUID, err error) {
	err = tx.Row(ctx, `SELECT account_id FROM session WHERE id = $1`, []any{id}, &accountID)
	if errors.Is(err, db.ErrNoRows) {
		return uuid.Nil, ErrNotFound
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("session: find account: %w", err)
	}
	return accountID, nil
}

// EndLooksOf ends what a member of staff looks at, wherever they are signed in.
func EndLooksOf(ctx context.Context, tx *db.Tx, staff uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE session SET ended_at = $2, ended_reason = $3 WHERE ended_at IS NULL AND id IN (SELECT session_id FROM page_cookie WHERE staff_id = $1)`,
		staff, tx.Now, EndedByStaff)
	if err != nil {
		return fmt.Errorf("session: end looks: %w", err)
	}
	return nil
}
