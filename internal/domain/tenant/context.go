package tenant

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrPermission refuses a member who lacks a permission. They know the tenant, so they are told which.
var ErrPermission = fault.New(fault.Forbidden, "permission_required", "This needs a permission that you do not have here.")

type memberKey struct{}

// NewContext returns a context that carries whose tenant the request is about, and as what.
func NewContext(ctx context.Context, m *Membership) context.Context {
	return context.WithValue(ctx, memberKey{}, m)
}

// FromContext returns the membership that let the request in. It panics on a route that is not for
// members: its handler must not guess.
func FromContext(ctx context.Context) *Membership { return ctx.Value(memberKey{}).(*Membership) }

// Allow returns ErrPermission unless m may. The tenant was matched before: tenant first, then role, then
// permission.
func (m *Membership) Allow(permission string) error {
	if permission != role.Enter && !m.Grant.Has(permission) {
		return ErrPermission.WithNext(fault.Next{Permission: permission})
	}
	return nil
}
