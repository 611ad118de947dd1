package profile

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// rows reads a list; what names it in errors.
func rows[T any](ctx context.Context, d db.Scoped, what, query string, args []any, read func(scan func(...any) error) (T, error)) ([]T, error) {
	all := []T{}
	err := d.Each(ctx, query, args, func(scan func(...any) error) error {
		one, err := read(scan)
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("profile: export %s: %w", what, err)
	}
	return all, nil
}

// sessionsOf returns sessions, also those that ended and are not swept yet.
func sessionsOf(ctx context.Context, d db.Scoped, id account.ID) ([]exportSession, error) {
	return rows(ctx, d, "sessions", `SELECT id, client_id, transport, audience, amr, aal, auth_time, created_at, rotated_at, expires_at, ended_at, ended_reason, device, address
		FROM session WHERE account_id = $1 ORDER BY created_at DESC LIMIT $2`, []any{id, maxSessions + 1}, func(scan func(...any) error) (e exportSession, err error) {
		var id uuid.UUID
		var amr string
		var level int64
		var ended time.Time
		err = scan(&id, &e.Client, &e.Transport, &e.Audience, &amr, &level, db.Time(&e.AuthTime), db.Time(&e.CreatedAt), db.Time(&e.LastSeen),
			db.Time(&e.ExpiresAt), db.Time(&ended), db.Text(&e.EndedReason), &e.Device, &e.Address)
		e.ID, e.Methods, e.ACR, e.EndedAt = id.String(), strings.Fields(amr), authn.AAL(level).ACR(), moment(ended)
		if e.Transport == session.Look {
			e.Device, e.Address = "", "" // those of a member of staff
		}
		return e, err
	})
}

// eventsOf returns audit events. Of a member of staff who acted, or of somebody in a tenant, they show
// that it was one, not who and from where: that is about them.
func eventsOf(ctx context.Context, d db.Scoped, id account.ID) ([]exportEvent, error) {
	return rows(ctx, d, "events", `SELECT at, kind, session_id, actor, address, device, reason, detail
		FROM audit_event WHERE account_id = $1 ORDER BY at DESC, id DESC LIMIT $2`, []any{id, maxEvents + 1}, func(scan func(...any) error) (e exportEvent, err error) {
		var session uuid.NullUUID
		var detail string
		err = scan(db.Time(&e.At), &e.Kind, &session, &e.Actor, &e.Address, &e.Device, &e.Reason, &detail)
		if err != nil {
			return e, err
		}
		if err := json.Unmarshal([]byte(detail), &e.Detail); err != nil {
			return e, err
		}
		if actor, err := uuid.Parse(e.Actor); err == nil && actor != id {
			e.Actor, e.Address, e.Device = "staff", "", ""
			if e.Detail["by"] == tenant.ByMember {
				e.Actor = tenant.ByMember
			}
		} else if session.Valid {
			text := session.UUID.String()
			e.SessionID = &text
		}
		return e, nil
	})
}

// lettersTo returns mails that were queued to the account or its address.
func lettersTo(ctx context.Context, d db.Scoped, o *owner) ([]exportLetter, error) {
	return rows(ctx, d, "letters", `SELECT kind, created_at, CASE WHEN done_at IS NOT NULL THEN 'sent' WHEN dead_at IS NOT NULL THEN 'failed' ELSE 'waiting' END
		FROM job WHERE recipient IN ($1, $2, $3) ORDER BY created_at DESC LIMIT $4`, []any{o.account.ID.String(), o.account.Email, o.emailKey, maxLetters + 1},
		func(scan func(...any) error) (e exportLetter, err error) {
			return e, scan(&e.Kind, db.Time(&e.QueuedAt), &e.State)
		})
}

// linksOf returns mailed links. Of what they are about it returns addresses only: the rest names rows.
func linksOf(ctx context.Context, d db.Scoped, id account.ID) ([]exportLink, error) {
	return rows(ctx, d, "links", `SELECT purpose, CASE WHEN purpose IN ('email_change', 'email_undo') THEN data ELSE '' END, created_at, expires_at, used_at
		FROM one_time_token WHERE account_id = $1 ORDER BY created_at DESC LIMIT $2`,
		[]any{id, maxLinks + 1}, func(scan func(...any) error) (e exportLink, err error) {
			var used time.Time
			err = scan(&e.Purpose, &e.Email, db.Time(&e.CreatedAt), db.Time(&e.ExpiresAt), db.Time(&used))
			e.UsedAt = moment(used)
			return e, err
		})
}
