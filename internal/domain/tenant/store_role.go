package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// FindRole returns a role that members of a tenant can have, in a transaction within its scope: one that
// all tenants have, or one of its own. It returns role.ErrUnknown.
func FindRole(ctx context.Context, tx *db.Tx, roles *role.Set, id ID, name string) (role.Role, error) {
	if role.CheckName(name) != nil {
		return role.Role{}, role.ErrUnknown
	}
	var own verifier.Permissions
	err := tx.Row(ctx, `SELECT permissions FROM tenant_role WHERE tenant_id = $1 AND name = $2`, []any{id, name}, role.Stored(&own))
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return role.Role{}, fmt.Errorf("tenant: find role: %w", err)
	}
	r, ok := roles.Resolve(name, own)
	if !ok {
		return role.Role{}, role.ErrUnknown
	}
	return r, nil
}

// OwnRoles lists the roles that a tenant made for itself, by name, at most role.MaxRoles.
func OwnRoles(ctx context.Context, d *db.DB, id ID) ([]role.Role, error) {
	var all []role.Role
	err := d.In(db.Tenant(id)).Each(ctx, `SELECT name, permissions FROM tenant_role WHERE tenant_id = $1 ORDER BY name LIMIT $2`, []any{id, role.MaxRoles}, func(scan func(...any) error) error {
		var r role.Role
		err := scan(&r.Name, role.Stored(&r.Permissions))
		all = append(all, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tenant: own roles: %w", err)
	}
	return all, nil
}

// MaxWithRole is how many tenants WithRoles returns of one role.
const MaxWithRole = 1000

// WithRoles returns, for each of these names that tenants made a role of for themselves, the slugs of those
// tenants, the oldest first, at most MaxWithRole.
func WithRoles(ctx context.Context, d *db.DB, names []string) (map[string][]string, error) {
	slugs := map[string][]string{}
	if len(names) == 0 {
		return slugs, nil
	}
	args, places := []any{MaxWithRole}, make([]string, len(names))
	for i, name := range names {
		args = append(args, name)
		places[i] = fmt.Sprintf("$%d", len(args))
	}
	err := d.In(db.All()).Each(ctx, `SELECT name, slug FROM (
			SELECT r.name, t.slug, row_number() OVER (PARTITION BY r.name ORDER BY r.tenant_id) AS place
			FROM tenant_role r JOIN tenant t ON t.id = r.tenant_id WHERE r.name IN (`+strings.Join(places, ", ")+`)) ranked
		WHERE place <= $1 ORDER BY name, place`, args, func(scan func(...any) error) error {
		var name, slug string
		err := scan(&name, &slug)
		slugs[name] = append(slugs[name], slug)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tenant: with roles: %w", err)
	}
	return slugs, nil
}
