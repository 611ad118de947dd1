package invitation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// unused is the condition that invitation i was neither accepted nor revoked.
const unused = `i.accepted_at IS NULL AND i.revoked_at IS NULL`

// record is an unused invitation, expired or not.
type record struct {
	id                       uuid.UUID
	email, key, role, locale string
	expires                  time.Time
}

// rower is a database within a scope, or a transaction of it.
type rower interface {
	Row(ctx context.Context, query string, args []any, dest ...any) error
}

const selectRecord = `SELECT i.id, i.email, i.email_key, i.role, i.locale, i.expires_at FROM invitation i WHERE i.tenant_id = $1 AND ` + unused

// find returns an unused invitation of a tenant, or ErrNotFound.
func find(ctx context.Context, r rower, tenantID tenant.ID, id uuid.UUID) (*record, error) {
	return one(ctx, r, selectRecord+` AND i.id = $2`, tenantID, id)
}

// findByAddress returns the unused invitation of an address to a tenant; nil: there is none.
func findByAddress(ctx context.Context, tx *db.Tx, tenantID tenant.ID, key string) (*record, error) {
	found, err := one(ctx, tx, selectRecord+` AND i.email_key = $2`, tenantID, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return found, err
}

func one(ctx context.Context, r rower, query string, tenantID tenant.ID, by any) (*record, error) {
	var f record
	err := r.Row(ctx, query, []any{tenantID, by}, &f.id, &f.email, &f.key, &f.role, &f.locale, db.Time(&f.expires))
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("invitation: find: %w", err)
	}
	return &f, nil
}

// notMember returns tenant.ErrMember where an address has an account that belongs to a tenant.
func notMember(ctx context.Context, tx *db.Tx, tenantID tenant.ID, key string) error {
	var belongs bool
	err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM membership m JOIN account a ON a.id = m.account_id WHERE m.tenant_id = $1 AND a.email_key = $2)`, []any{tenantID, key}, &belongs)
	if err != nil {
		return fmt.Errorf("invitation: member: %w", err)
	}
	if belongs {
		return tenant.ErrMember
	}
	return nil
}

// stored is what an invitation has got by being stored. Its inviter is named as selectOpen does.
const stored = `sent, created_at, COALESCE((SELECT p.full_name FROM account a JOIN profile p ON p.account_id = a.id
	JOIN membership m ON m.account_id = a.id WHERE a.id = invitation.invited_by AND a.active AND m.tenant_id = invitation.tenant_id), '')`

// store writes a wish down: over the unused invitation of its address, or as a new one where former is
// nil. The tenant is locked, so there is no other meanwhile. by is uuid.Nil for who runs the service.
func store(ctx context.Context, tx *db.Tx, tenantID tenant.ID, former *record, by uuid.UUID, w wish, hash []byte, expires time.Time) (*Invitation, error) {
	out := &Invitation{Email: w.email.Typed, Role: w.role, Locale: w.locale, ExpiresAt: expires}
	inviter := uuid.NullUUID{UUID: by, Valid: by != uuid.Nil}
	var err error
	if former != nil {
		out.ID = former.id
		err = tx.Row(ctx, `UPDATE invitation SET email = $3, role = $4, locale = $5, token_hash = $6, invited_by = $7, expires_at = $8, sent = sent + 1
			WHERE tenant_id = $1 AND id = $2 RETURNING `+stored,
			[]any{tenantID, former.id, out.Email, out.Role, out.Locale, hash, inviter, expires}, &out.Sent, db.Time(&out.CreatedAt), &out.By)
	} else {
		if out.ID, err = uuid.NewV7(); err != nil {
			return nil, fmt.Errorf("invitation: store: %w", err)
		}
		err = tx.Row(ctx, `INSERT INTO invitation (id, tenant_id, email, email_key, role, locale, token_hash, invited_by, sent, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10) RETURNING `+stored,
			[]any{out.ID, tenantID, out.Email, w.email.Key, out.Role, out.Locale, hash, inviter, tx.Now, expires}, &out.Sent, db.Time(&out.CreatedAt), &out.By)
	}
	if err != nil {
		return nil, fmt.Errorf("invitation: store: %w", err)
	}
	return out, nil
}

// revoke ends an invitation, or returns ErrNotFound.
func revoke(ctx context.Context, tx *db.Tx, tenantID tenant.ID, id uuid.UUID) error {
	n, err := tx.Exec(ctx, `UPDATE invitation AS i SET revoked_at = $3 WHERE i.tenant_id = $1 AND i.id = $2 AND `+unused, tenantID, id, tx.Now)
	if err != nil {
		return fmt.Errorf("invitation: revoke: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// use spends an invitation, once: a second time, or when its link has been replaced, it returns
// letter.ErrLink.
func use(ctx context.Context, tx *db.Tx, o *Open) error {
	n, err := tx.Exec(ctx, `UPDATE invitation AS i SET accepted_at = $4 WHERE i.tenant_id = $1 AND i.id = $2 AND i.token_hash = $3 AND i.expires_at > $4 AND `+unused,
		o.Tenant.ID, o.ID, o.hash, tx.Now)
	if err != nil {
		return fmt.Errorf("invitation: use: %w", err)
	}
	if n == 0 {
		return letter.ErrLink
	}
	return nil
}

// selectOpen reads invitations with their tenant and what their inviter may give now: m and r are of the
// member who sent it last, x is the tenant's own role of that name.
const selectOpen = `SELECT ` + tenant.Columns + `, i.id, i.email, i.email_key, i.role, i.locale, i.token_hash, i.sent, i.created_at, i.expires_at,
		i.invited_by IS NULL, CASE WHEN m.account_id IS NULL THEN '' ELSE p.full_name END, COALESCE(m.role, ''), m.permissions, r.permissions, x.permissions
	FROM invitation i JOIN tenant t ON t.id = i.tenant_id
	LEFT JOIN account a ON a.id = i.invited_by AND a.active LEFT JOIN profile p ON p.account_id = a.id
	LEFT JOIN membership m ON m.tenant_id = i.tenant_id AND m.account_id = a.id LEFT JOIN tenant_role r ON r.tenant_id = m.tenant_id AND r.name = m.role
	LEFT JOIN tenant_role x ON x.tenant_id = i.tenant_id AND x.name = i.role
	WHERE ` + unused

// scan reads one row of selectOpen, and says whether it is void.
func (s *Service) scan(scan func(dest ...any) error) (*Open, error) {
	var o Open
	var byStaff bool
	var as string
	var direct, fromRole, own verifier.Permissions
	dest, done := o.Tenant.Dest()
	dest = append(dest, &o.ID, &o.Email, &o.key, &o.Role, &o.Locale, &o.hash, &o.Sent, db.Time(&o.CreatedAt), db.Time(&o.ExpiresAt),
		&byStaff, &o.By, &as, role.Stored(&direct), role.Stored(&fromRole), role.Stored(&own))
	if err := scan(dest...); err != nil {
		return nil, err
	}
	done()
	r, there := s.Roles.Resolve(o.Role, own)
	g := s.Roles.Grant(o.Tenant.ID, o.Tenant.Slug, as, fromRole, direct)
	switch {
	case !there:
		o.Void = RoleGone
	case !byStaff && as == "":
		o.Void = InviterGone
	case !byStaff && !(g.Has(role.Invite) && g.Gives(r)):
		o.Void = InviterMayNot
	case !o.Tenant.Policy.AllowsEmail(o.key):
		o.Void = DomainRefused
	}
	return &o, nil
}

// findByHash returns the invitation of a token that a tenant, which is not suspended, has sent, or
// letter.ErrLink. It may be void.
func (s *Service) findByHash(ctx context.Context, r rower, id tenant.ID, hash []byte, now time.Time) (*Open, error) {
	o, err := s.scan(func(dest ...any) error {
		return r.Row(ctx, selectOpen+` AND i.tenant_id = $1 AND i.token_hash = $2 AND i.expires_at > $3 AND t.active`, []any{id, hash, now}, dest...)
	})
	if errors.Is(err, db.ErrNoRows) {
		return nil, letter.ErrLink
	}
	if err != nil {
		return nil, fmt.Errorf("invitation: find: %w", err)
	}
	return o, nil
}

// waiting lists what an account can accept. It asks beyond any tenant: the account belongs to none of
// them yet.
func (s *Service) waiting(ctx context.Context, accountID uuid.UUID, key string, now time.Time) ([]Open, error) {
	good := 0
	return s.each(ctx, s.DB.In(db.All()), func(o *Open) bool {
		if o.Void == "" {
			good++ // counted here, so that void ones hide none
		}
		return o.Void == "" && good <= maxWaiting
	},
		` AND i.email_key = $1 AND i.expires_at > $2 AND t.active AND NOT EXISTS (SELECT 1 FROM membership b WHERE b.tenant_id = i.tenant_id AND b.account_id = $3) ORDER BY t.name_key`,
		key, now, accountID)
}

// list returns the unused invitations of a tenant whose address's key is past after, by that.
func (s *Service) list(ctx context.Context, id tenant.ID, after string, limit int) ([]Open, error) {
	return s.each(ctx, s.DB.In(db.Tenant(id)), func(*Open) bool { return true },
		` AND i.tenant_id = $1 AND i.email_key > $2 ORDER BY i.email_key LIMIT $3`, id, after, limit)
}

func (s *Service) each(ctx context.Context, d db.Scoped, takes func(*Open) bool, where string, args ...any) ([]Open, error) {
	var all []Open
	err := d.Each(ctx, selectOpen+where, args, func(scan func(...any) error) error {
		o, err := s.scan(scan)
		if err == nil && takes(o) {
			all = append(all, *o)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("invitation: list: %w", err)
	}
	return all, nil
}

func sweep(ctx context.Context, tx *db.Tx, before time.Time, limit int) (int64, error) {
	n, err := tx.Exec(ctx, `DELETE FROM invitation WHERE id IN (SELECT id FROM invitation WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`, before, limit)
	if err != nil {
		return 0, fmt.Errorf("invitation: sweep: %w", err)
	}
	return n, nil
}
