package tenant

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Act runs fn while nothing else changes the tenant, if by may. What by may do is read again then: who
// was removed a moment ago is refused. fn gets the tenant as it is and what by may do there. It returns
// ErrNotMember, ErrPermission, and to staff ErrNotFound.
func Act(ctx context.Context, d *db.DB, roles *role.Set, id ID, by Actor, permission string, fn func(tx *db.Tx, t *Tenant, g role.Grant) error) error {
	return d.In(db.Tenant(id)).InTx(ctx, func(tx *db.Tx) error {
		t, err := Lock(ctx, tx, id)
		if errors.Is(err, ErrNotFound) && !by.staff {
			return ErrNotMember
		}
		if err != nil {
			return err
		}
		if by.staff {
			return fn(tx, t, roles.Grant(t.ID, t.Slug, role.Owner, nil, nil))
		}
		g, err := GrantOf(ctx, tx, roles, t, by.member)
		if errors.Is(err, ErrMemberNotFound) || !t.Active {
			return ErrNotMember
		}
		if err != nil {
			return err
		}
		if permission != "" && permission != role.Enter && !g.Has(permission) {
			return ErrPermission.WithNext(fault.Next{Permission: permission})
		}
		return fn(tx, t, g)
	})
}
