package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// GrantColumns lists what makes a Grant, as GrantDest reads it, for statements that name a membership m
// and, outer-joined, its tenant's own role r.
const GrantColumns = `m.role, m.permissions, r.permissions`

// Joined is how the tenant's own role of a membership m is found.
const Joined = ` LEFT JOIN tenant_role r ON r.tenant_id = m.tenant_id AND r.name = m.role `

// raw is a Grant as it is stored.
type raw struct {
	role        string
	direct, own verifier.Permissions
}

func (g *raw) dest() []any { return []any{&g.role, role.Stored(&g.direct), role.Stored(&g.own)} }

func (g *raw) grant(roles *role.Set, id ID, slug string) role.Grant {
	return roles.Grant(id, slug, g.role, g.own, g.direct)
}

// Enter returns an account's membership of the tenant that name means, by slug or id: whether its policy
// admits the session is asked by the caller. It returns ErrNotMember also for a tenant that is not there
// or is suspended.
func Enter(ctx context.Context, d *db.DB, roles *role.Set, accountID uuid.UUID, name string) (*Membership, error) {
	return belong(ctx, d, roles, accountID, name, ` AND t.active`)
}

// Belong is Enter for who does not come in: the tenant may be suspended.
func Belong(ctx context.Context, d *db.DB, roles *role.Set, accountID uuid.UUID, name string) (*Membership, error) {
	return belong(ctx, d, roles, accountID, name, ``)
}

func belong(ctx context.Context, d *db.DB, roles *role.Set, accountID uuid.UUID, name, where string) (*Membership, error) {
	m := Membership{AccountID: accountID}
	var g raw
	dest, done := m.Tenant.Dest()
	dest = append(dest, db.Time(&m.JoinedAt))
	column, key, ok := named(name)
	if !ok {
		return nil, ErrNotMember
	}
	err := d.In(db.Member(accountID)).Row(ctx, `SELECT `+Columns+`, m.created_at, m.role, m.permissions,
			(SELECT r.permissions FROM tenant_role r WHERE r.tenant_id = m.tenant_id AND r.name = m.role)
		FROM membership m JOIN tenant t ON t.id = m.tenant_id WHERE m.account_id = $1 AND `+column+` = $2`+where, []any{accountID, key}, append(dest, g.dest()...)...)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrNotMember
	}
	if err != nil {
		return nil, fmt.Errorf("tenant: enter: %w", err)
	}
	done()
	m.Grant = g.grant(roles, m.Tenant.ID, m.Tenant.Slug)
	return &m, nil
}

// Of lists the tenants that an account belongs to, by name, at most MaxMemberships; suspended ones too.
func Of(ctx context.Context, d *db.DB, roles *role.Set, accountID uuid.UUID) ([]Membership, error) {
	var all []Membership
	err := d.In(db.Member(accountID)).Each(ctx, `SELECT `+Columns+`, m.created_at, m.role, m.permissions,
			(SELECT r.permissions FROM tenant_role r WHERE r.tenant_id = m.tenant_id AND r.name = m.role)
		FROM membership m JOIN tenant t ON t.id = m.tenant_id WHERE m.account_id = $1 ORDER BY t.name_key LIMIT $2`, []any{accountID, MaxMemberships}, func(scan func(...any) error) error {
		m := Membership{AccountID: accountID}
		var g raw
		dest, done := m.Tenant.Dest()
		if err := scan(append(append(dest, db.Time(&m.JoinedAt)), g.dest()...)...); err != nil {
			return err
		}
		done()
		m.Grant = g.grant(roles, m.Tenant.ID, m.Tenant.Slug)
		all = append(all, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tenant: of: %w", err)
	}
	return all, nil
}

// GrantOf returns what a member of a tenant may do, in a transaction within its scope. It returns
// ErrMemberNotFound.
func GrantOf(ctx context.Context, tx *db.Tx, roles *role.Set, t *Tenant, accountID uuid.UUID) (role.Grant, error) {
	var g raw
	err := tx.Row(ctx, `SELECT `+GrantColumns+` FROM membership m`+Joined+`WHERE m.tenant_id = $1 AND m.account_id = $2`, []any{t.ID, accountID}, g.dest()...)
	if errors.Is(err, db.ErrNoRows) {
		return role.Grant{}, ErrMemberNotFound
	}
	if err != nil {
		return role.Grant{}, fmt.Errorf("tenant: grant: %w", err)
	}
	return g.grant(roles, t.ID, t.Slug), nil
}

// Join makes an account a member of a locked tenant. It returns ErrMember where it is one, and
// ErrMemberships. How many tenants the account belongs to is looked at in its own scope; tx is then back
// in the tenant's.
func Join(ctx context.Context, tx *db.Tx, t *Tenant, accountID uuid.UUID, as string) error {
	if err := roomFor(ctx, tx, accountID); err != nil {
		return err
	}
	tx.Enter(db.Tenant(t.ID))
	n, err := tx.Exec(ctx, `INSERT INTO membership (tenant_id, account_id, role, permissions, created_at) VALUES ($1, $2, $3, '', $4) ON CONFLICT DO NOTHING`,
		t.ID, accountID, as, tx.Now)
	if err != nil {
		return fmt.Errorf("tenant: join: %w", err)
	}
	if n == 0 {
		return ErrMember
	}
	return nil
}

// roomFor returns ErrMemberships where an account belongs to as many tenants as it can; tx is then in the
// account's scope.
func roomFor(ctx context.Context, tx *db.Tx, accountID uuid.UUID) error {
	tx.Enter(db.Member(accountID))
	var has int
	if err := tx.Row(ctx, `SELECT count(*) FROM membership WHERE account_id = $1`, []any{accountID}, &has); err != nil {
		return fmt.Errorf("tenant: room for: %w", err)
	}
	if has >= MaxMemberships {
		return ErrMemberships
	}
	return nil
}

// Remove ends a membership of a locked tenant. It returns ErrMemberNotFound, and ErrLastOwner for the
// last owner.
func Remove(ctx context.Context, tx *db.Tx, t *Tenant, accountID uuid.UUID) error {
	return keepOwner(ctx, tx, t, func() (int64, error) {
		return tx.Exec(ctx, `DELETE FROM membership WHERE tenant_id = $1 AND account_id = $2`, t.ID, accountID)
	})
}

// SetRole gives a member of a locked tenant another role. It returns ErrMemberNotFound, and ErrLastOwner
// where the last owner would be one no more. That the role exists is the caller's to check.
func SetRole(ctx context.Context, tx *db.Tx, t *Tenant, accountID uuid.UUID, to string) error {
	return keepOwner(ctx, tx, t, func() (int64, error) {
		return tx.Exec(ctx, `UPDATE membership SET role = $3 WHERE tenant_id = $1 AND account_id = $2`, t.ID, accountID, to)
	})
}

// keepOwner runs a change of one membership and undoes it, by its error, when it takes the last owner. One
// whose account is disabled is no use to the tenant, so is not counted. A tenant that has none already
// holds nobody back.
func keepOwner(ctx context.Context, tx *db.Tx, t *Tenant, change func() (int64, error)) error {
	had, err := owned(ctx, tx, t)
	if err != nil {
		return err
	}
	n, err := change()
	if err != nil {
		return fmt.Errorf("tenant: change member: %w", err)
	}
	if n == 0 {
		return ErrMemberNotFound
	}
	has, err := owned(ctx, tx, t)
	if err == nil && had && !has {
		err = ErrLastOwner
	}
	return err
}

func owned(ctx context.Context, tx *db.Tx, t *Tenant) (is bool, err error) {
	if err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM membership m JOIN account a ON a.id = m.account_id WHERE m.tenant_id = $1 AND m.role = '`+role.Owner+`' AND a.active)`, []any{t.ID}, &is); err != nil {
		return false, fmt.Errorf("tenant: owners: %w", err)
	}
	return is, nil
}

// OwnedBesides reports whether a tenant has an owner, with an account that is active, besides an account.
func OwnedBesides(ctx context.Context, d *db.DB, id ID, accountID uuid.UUID) (is bool, err error) {
	err = d.In(db.Tenant(id)).Row(ctx, `SELECT EXISTS (SELECT 1 FROM membership m JOIN account a ON a.id = m.account_id WHERE m.tenant_id = $1 AND m.account_id <> $2 AND m.role = '`+role.Owner+`' AND a.active)`,
		[]any{id, accountID}, &is)
	if err != nil {
		return false, fmt.Errorf("tenant: owned besides: %w", err)
	}
	return is, nil
}

// SetPermissions gives a member of a locked tenant permissions besides those of their role, in place of
// the ones they had. It returns ErrMemberNotFound.
func SetPermissions(ctx context.Context, tx *db.Tx, t *Tenant, accountID uuid.UUID, direct []string) error {
	n, err := tx.Exec(ctx, `UPDATE membership SET permissions = $3 WHERE tenant_id = $1 AND account_id = $2`, t.ID, accountID, role.Join(direct))
	if err != nil {
		return fmt.Errorf("tenant: set permissions: %w", err)
	}
	if n == 0 {
		return ErrMemberNotFound
	}
	return nil
}

// SetAttributes gives a member of a locked tenant attributes, in place of those they had. That they are as
// declared is the caller's to check. It returns ErrMemberNotFound.
func SetAttributes(ctx context.Context, tx *db.Tx, t *Tenant, accountID uuid.UUID, values map[string]any) error {
	text, err := account.EncodeAttributes(values)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE membership SET attributes = $3 WHERE tenant_id = $1 AND account_id = $2`, t.ID, accountID, text)
	if err != nil {
		return fmt.Errorf("tenant: set attributes: %w", err)
	}
	if n == 0 {
		return ErrMemberNotFound
	}
	return nil
}

// AttributesOf returns all that is stored of what an account is in its tenants, by tenant, also what is
// declared no more.
func AttributesOf(ctx context.Context, d *db.DB, accountID uuid.UUID) (map[ID]map[string]any, error) {
	all := map[ID]map[string]any{}
	err := d.In(db.Member(accountID)).Each(ctx, `SELECT tenant_id, attributes FROM membership WHERE account_id = $1`, []any{accountID}, func(scan func(...any) error) error {
		var id ID
		var values map[string]any
		err := scan(&id, account.StoredAttributes(&values))
		all[id] = values
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tenant: attributes of: %w", err)
	}
	return all, nil
}
