package tenant

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Refusals of staff who are no superuser.
var (
	ErrOwnMembership = fault.New(fault.Forbidden, "own_membership", "Staff cannot change what they may do in an organisation themselves. Ask a superuser.")
	ErrOwned         = fault.New(fault.Forbidden, "ownership_protected", "This organisation has an owner. Only its owners and superusers can let somebody else own or delete it.")
)

// Entrust returns why by may not change that whom can do what had says in a locked tenant to given: it
// refuses staff who are no superuser, and nobody else. They change nothing of their own (ErrOwnMembership), and
// while the tenant has an active owner they let nobody own or delete it who could not before (ErrOwned). Else
// deleting any tenant, which is for superusers, would take no more than becoming its owner first.
func Entrust(ctx context.Context, tx *db.Tx, t *Tenant, by Actor, whom uuid.UUID, had role.Grant, given verifier.Permissions) error {
	if by.officer == uuid.Nil {
		return nil
	}
	refusal := ErrOwnMembership
	if by.officer != whom {
		if !slices.ContainsFunc([]string{role.Everything, role.DeleteTenant}, func(entry string) bool { return given.Covers(entry) && !had.Covers(entry) }) {
			return nil
		}
		if has, err := owned(ctx, tx, t); err != nil || !has {
			return err
		}
		refusal = ErrOwned
	}
	a, err := account.Find(ctx, tx, by.officer)
	if err != nil || a.Active && a.Superuser {
		return err
	}
	return refusal
}
