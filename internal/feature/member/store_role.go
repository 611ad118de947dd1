package member

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// counts returns how many members of a tenant have each role.
func counts(ctx context.Context, d *db.DB, id tenant.ID) (map[string]int, error) {
	n := map[string]int{}
	err := d.In(db.Tenant(id)).Each(ctx, `SELECT role, count(*) FROM membership WHERE tenant_id = $1 GROUP BY role`, []any{id}, func(scan func(...any) error) error {
		var name string
		var count int
		err := scan(&name, &count)
		n[name] = count
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("member: count roles: %w", err)
	}
	return n, nil
}

// insertRole makes a role of a locked tenant. It returns ErrRoleExists and ErrRoles.
func insertRole(ctx context.Context, tx *db.Tx, id tenant.ID, r role.Role) error {
	n, err := tx.Exec(ctx, `INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, id, r.Name, role.Join(r.Permissions), tx.Now)
	if err != nil {
		return fmt.Errorf("member: create role: %w", err)
	}
	if n == 0 {
		return ErrRoleExists
	}
	var all int
	if err := tx.Row(ctx, `SELECT count(*) FROM tenant_role WHERE tenant_id = $1`, []any{id}, &all); err != nil {
		return fmt.Errorf("member: count roles: %w", err)
	}
	if all > role.MaxRoles {
		return ErrRoles
	}
	return nil
}

func updateRole(ctx context.Context, tx *db.Tx, id tenant.ID, r role.Role) error {
	if _, err := tx.Exec(ctx, `UPDATE tenant_role SET permissions = $3 WHERE tenant_id = $1 AND name = $2`, id, r.Name, role.Join(r.Permissions)); err != nil {
		return fmt.Errorf("member: change role: %w", err)
	}
	return nil
}

// deleteRole removes a role of a locked tenant, or returns ErrRoleInUse.
func deleteRole(ctx context.Context, tx *db.Tx, id tenant.ID, name string) error {
	n, err := tx.Exec(ctx, `DELETE FROM tenant_role WHERE tenant_id = $1 AND name = $2
		AND NOT EXISTS (SELECT 1 FROM membership WHERE tenant_id = $1 AND role = $2)
		AND NOT EXISTS (SELECT 1 FROM tenant WHERE id = $1 AND join_role = $2)`, id, name)
	if err != nil {
		return fmt.Errorf("member: delete role: %w", err)
	}
	if n == 0 {
		return ErrRoleInUse
	}
	return nil
}
