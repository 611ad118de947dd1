package tenant

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// Actor is who changes a tenant. The zero Actor may do nothing.
type Actor struct {
	member  uuid.UUID
	session uuid.UUID
	staff   bool
}

// By is a member, who may do what their role allows at the moment of the change.
func By(accountID uuid.UUID) Actor { return Actor{member: accountID} }

// Through is the member with the session that they act in: what they change must go on to let it in.
func (a Actor) Through(session uuid.UUID) Actor {
	a.session = session
	return a
}

// ByStaff is whoever runs the service: a member of staff whose permission was checked, or the command
// line. They may do all.
func ByStaff() Actor { return Actor{staff: true} }

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
