package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// CheckMember is Check for a token of a tenant: in one statement it asks whether the session stands, and
// whether its account still belongs to the tenant and what it may do there. It returns ErrEnded, and
// tenant.ErrNotMember, also where the tenant is suspended or asks for more than the session has proven.
func CheckMember(ctx context.Context, d *db.DB, roles *role.Set, id uuid.UUID, subject string, tenantID tenant.ID, now time.Time) (Bearer, *tenant.Membership, error) {
	b, m := Bearer{SessionID: id, Subject: subject}, &tenant.Membership{}
	var level int64
	var as string
	var direct, own verifier.Permissions
	var admitted bool
	dest, done := m.Tenant.Dest()
	err := d.In(db.Tenant(tenantID)).Row(ctx, `SELECT `+tenant.Columns+`, a.id, a.staff, a.superuser, a.staff_role, s.auth_time, s.aal, m.created_at, `+tenant.GrantColumns+`, `+tenant.Admits+`
		FROM session s JOIN account a ON a.id = s.account_id JOIN membership m ON m.account_id = a.id AND m.tenant_id = $4 JOIN tenant t ON t.id = m.tenant_id`+tenant.Joined+`
		WHERE s.id = $1 AND a.subject = $3 AND `+Live, []any{id, now, subject, tenantID},
		append(dest, &b.AccountID, &b.Staff, &b.Superuser, &b.StaffRole, db.Time(&b.AuthTime), &level, db.Time(&m.JoinedAt), &as, role.Stored(&direct), role.Stored(&own), &admitted)...)
	if errors.Is(err, db.ErrNoRows) {
		// Which of the two it is matters to the client: sign in again, or there is nothing here for it.
		if _, err := Check(ctx, d, id, subject, now); err != nil {
			return Bearer{}, nil, err
		}
		return Bearer{}, nil, tenant.ErrNotMember
	}
	if err != nil {
		return Bearer{}, nil, fmt.Errorf("session: check member: %w", err)
	}
	done()
	if !admitted {
		return Bearer{}, nil, tenant.ErrNotMember
	}
	b.Level, m.AccountID = authn.AAL(level), b.AccountID
	m.Grant = roles.Grant(m.Tenant.ID, m.Tenant.Slug, as, own, direct)
	return b, m, nil
}

// RefreshPinned is Refresh for a token that is pinned to a tenant. When the session's account no longer
// belongs there, or the tenant asks for more than the session has proven, nothing is rotated and the
// outcome is NotMember.
func RefreshPinned(ctx context.Context, d *db.DB, roles *role.Set, id uuid.UUID, counter uint64, tenantID tenant.ID, by Client, now time.Time, window time.Duration) (*Refreshed, role.Grant, error) {
	r := Refreshed{Session: Session{ID: id}}
	s := &r.Session
	var outcome, amr, slug, as string
	var direct, own verifier.Permissions
	var level, idle int64
	err := d.In(db.Tenant(tenantID)).Once(ctx, refreshPinned, []any{id, now, int64(counter), window.Milliseconds(), by.ID, by.Transport, by.JKT, tenantID},
		&outcome, &s.AccountID, &r.Subject, &s.Client.ID, &s.Client.Transport, &s.Audience, &amr, &level, db.Time(&s.AuthTime), db.Time(&s.ExpiresAt), &idle, &slug, &as, role.Stored(&direct), role.Stored(&own))
	if errors.Is(err, db.ErrNoRows) {
		return nil, role.Grant{}, ErrRefused
	}
	if err != nil {
		return nil, role.Grant{}, fmt.Errorf("session: refresh pinned: %w", err)
	}
	r.Outcome, s.Methods, s.Level, s.Idle = Outcome(outcome), strings.Fields(amr), authn.AAL(level), time.Duration(idle)*time.Millisecond
	return &r, roles.Grant(tenantID, slug, as, own, direct), nil
}

// within is the condition that the session's account belongs to tenant $8 and is let in.
const within = `EXISTS (SELECT 1 FROM membership m JOIN tenant t ON t.id = m.tenant_id WHERE m.tenant_id = $8 AND m.account_id = session.account_id AND ` + tenant.Admits + `)`

// rotates is the condition that a token is answered with a new one.
const rotates = newest + ` AND ` + within

// refreshPinned is refresh with one more condition. SET asks it of the row as it was, and RETURNING of the
// row as it is: one that was used just now lets in whoever was let in before that.
const refreshPinned = `UPDATE session SET
	counter    = CASE WHEN ` + rotates + ` THEN $3 + 1 ELSE counter END,
	rotated_at = CASE WHEN ` + rotates + ` THEN $2 ELSE rotated_at END,
	repeats    = CASE WHEN ` + rotates + ` THEN 0 ELSE repeats + 1 END,
	idled_ms   = ` + Unused + `
WHERE id = $1 AND ended_at IS NULL AND expires_at > $2 AND rotated_at + idle_ms > $2
	AND EXISTS (SELECT 1 FROM account a WHERE a.id = session.account_id AND a.active AND a.epoch = session.epoch)
RETURNING CASE WHEN client_id <> $5 OR transport <> $6 OR jkt <> $7 THEN 'stranger'
		WHEN NOT ` + within + ` THEN 'not_a_member'
		WHEN repeats = 0 THEN 'rotated'
		WHEN counter = $3 + 1 AND rotated_at > $2 - $4 THEN 'repeated'
		ELSE 'stale' END,
	account_id, (SELECT a.subject FROM account a WHERE a.id = session.account_id), client_id, transport, audience, amr, aal, auth_time, expires_at, idle_ms,
	COALESCE((SELECT t.slug FROM tenant t WHERE t.id = $8), ''),
	COALESCE((SELECT m.role FROM membership m WHERE m.tenant_id = $8 AND m.account_id = session.account_id), ''),
	COALESCE((SELECT m.permissions FROM membership m WHERE m.tenant_id = $8 AND m.account_id = session.account_id), ''),
	(SELECT r.permissions FROM membership m JOIN tenant_role r ON r.tenant_id = m.tenant_id AND r.name = m.role WHERE m.tenant_id = $8 AND m.account_id = session.account_id)`

// EnterTenant returns a session and its account's membership of the tenant that name means, by slug or id.
// Whether the tenant's policy lets the session in is asked by the caller, who can say what is missing. It
// returns ErrEnded, and tenant.ErrNotMember also for a tenant that is not there or is suspended.
func EnterTenant(ctx context.Context, d *db.DB, roles *role.Set, by Bearer, name string, now time.Time) (*Session, *tenant.Membership, error) {
	m, err := tenant.Enter(ctx, d, roles, by.AccountID, name)
	if err != nil {
		return nil, nil, err
	}
	s := &Session{ID: by.SessionID, AccountID: by.AccountID}
	var amr string
	var level, idle, unused int64
	err = d.Row(ctx, `SELECT s.client_id, s.transport, s.audience, s.amr, s.aal, s.auth_time, s.idle_ms, s.expires_at, `+Unused+` FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1 AND s.account_id = $3 AND `+Live,
		[]any{by.SessionID, now, by.AccountID}, &s.Client.ID, &s.Client.Transport, &s.Audience, &amr, &level, db.Time(&s.AuthTime), &idle, db.Time(&s.ExpiresAt), &unused)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil, ErrEnded
	}
	if err != nil {
		return nil, nil, fmt.Errorf("session: enter tenant: %w", err)
	}
	s.Methods, s.Level, s.Idle, s.Unused = strings.Fields(amr), authn.AAL(level), time.Duration(idle)*time.Millisecond, time.Duration(unused)*time.Millisecond
	return s, m, nil
}
