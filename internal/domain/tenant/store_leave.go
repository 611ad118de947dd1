package tenant

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// IDsOf returns the tenants that an account belongs to, in the order in which they are to be locked, in a
// transaction within the account's scope.
func IDsOf(ctx context.Context, tx *db.Tx, accountID uuid.UUID) ([]ID, error) {
	var all []ID
	err := tx.Each(ctx, `SELECT tenant_id FROM membership WHERE account_id = $1 ORDER BY tenant_id`, []any{accountID}, func(scan func(...any) error) error {
		var id ID
		err := scan(&id)
		all = append(all, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tenant: ids of: %w", err)
	}
	return all, nil
}

// Rest is what a tenant would be without one of its members.
type Rest struct {
	Members int
	// Orphaned: there are members, and the one who is gone was their last owner whose account is active.
	Orphaned bool
}

// Without returns what would be left of a locked tenant.
func Without(ctx context.Context, tx *db.Tx, t *Tenant, accountID uuid.UUID) (Rest, error) {
	var r Rest
	var owns, owners int
	err := tx.Row(ctx, `SELECT count(CASE WHEN m.account_id <> $2 THEN 1 END), count(CASE WHEN m.account_id = $2 AND m.role = '`+role.Owner+`' THEN 1 END),
			count(CASE WHEN m.account_id <> $2 AND m.role = '`+role.Owner+`' AND a.active THEN 1 END)
		FROM membership m JOIN account a ON a.id = m.account_id WHERE m.tenant_id = $1`, []any{t.ID, accountID}, &r.Members, &owns, &owners)
	if err != nil {
		return Rest{}, fmt.Errorf("tenant: without: %w", err)
	}
	r.Orphaned = r.Members > 0 && owns > 0 && owners == 0
	return r, nil
}

// Uninvite removes all invitations that were mailed to the address of an account that is erased, whichever
// tenants they are of. tx is then in no scope.
func Uninvite(ctx context.Context, tx *db.Tx, accountID uuid.UUID) error {
	tx.Enter(db.All())
	if _, err := tx.Exec(ctx, `DELETE FROM invitation WHERE email_key = (SELECT email_key FROM account WHERE id = $1)`, accountID); err != nil {
		return fmt.Errorf("tenant: uninvite: %w", err)
	}
	tx.Enter(db.Scope{})
	return nil
}
