package tenancy

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// memberIDs returns the accounts of a tenant's members, in a transaction within its scope.
func memberIDs(ctx context.Context, tx *db.Tx, id tenant.ID) ([]account.ID, error) {
	return ids(ctx, tx, `SELECT account_id FROM membership WHERE tenant_id = $1 ORDER BY created_at, account_id`, id)
}

// ownerIDs returns the accounts of a tenant's owners who can be written to, in a transaction within its scope:
// they are active, and their address is known to be theirs.
func ownerIDs(ctx context.Context, tx *db.Tx, id tenant.ID) ([]account.ID, error) {
	return ids(ctx, tx, `SELECT m.account_id FROM membership m JOIN account a ON a.id = m.account_id
		WHERE m.tenant_id = $1 AND m.role = '`+role.Owner+`' AND a.active AND a.email_verified ORDER BY m.created_at, m.account_id`, id)
}

// ids returns the accounts that a query finds of a tenant.
func ids(ctx context.Context, tx *db.Tx, query string, of tenant.ID) ([]account.ID, error) {
	var all []account.ID
	err := tx.Each(ctx, query, []any{of}, func(scan func(...any) error) error {
		var one account.ID
		err := scan(&one)
		all = append(all, one)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tenancy: members: %w", err)
	}
	return all, nil
}

// count returns how much there is of a tenant.
func count(ctx context.Context, d *db.DB, id tenant.ID) (n Size, err error) {
	err = d.In(db.Tenant(id)).Row(ctx, `SELECT
		(SELECT count(*) FROM membership WHERE tenant_id = $1),
		(SELECT count(*) FROM tenant_role WHERE tenant_id = $1),
		(SELECT count(*) FROM invitation WHERE tenant_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL),
		(SELECT count(*) FROM tenant_domain WHERE tenant_id = $1)`, []any{id}, &n.Members, &n.Roles, &n.Invitations, &n.Domains)
	if err != nil {
		return Size{}, fmt.Errorf("tenancy: count: %w", err)
	}
	return n, nil
}

// person is an account as events of a tenant name it.
type person struct {
	subject string
	email   string // of a member; empty: they are none, or no more
}

// people returns the accounts with these ids that there still are.
func people(ctx context.Context, d *db.DB, id tenant.ID, ids []uuid.UUID) (map[uuid.UUID]person, error) {
	found := map[uuid.UUID]person{}
	if len(ids) == 0 {
		return found, nil
	}
	args, places := []any{id}, make([]string, len(ids))
	for i, one := range ids {
		args = append(args, one)
		places[i] = fmt.Sprintf("$%d", len(args))
	}
	err := d.In(db.Tenant(id)).Each(ctx, `SELECT a.id, a.subject, CASE WHEN m.account_id IS NULL THEN '' ELSE a.email END
		FROM account a LEFT JOIN membership m ON m.tenant_id = $1 AND m.account_id = a.id WHERE a.id IN (`+strings.Join(places, ", ")+`)`, args, func(scan func(...any) error) error {
		var one uuid.UUID
		var p person
		err := scan(&one, &p.subject, &p.email)
		found[one] = p
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tenancy: people: %w", err)
	}
	return found, nil
}
