package profile

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// eachTenant calls fn with every tenant that an account belongs to, which is locked until tx ends, so that
// its other owners do not go meanwhile, and with what is left of it without them. fn runs in the tenant's
// scope. The account is locked before.
func eachTenant(ctx context.Context, tx *db.Tx, id account.ID, fn func(t *tenant.Tenant, rest tenant.Rest) error) error {
	tx.Enter(db.Member(id))
	ids, err := tenant.IDsOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, one := range ids {
		tx.Enter(db.Tenant(one))
		t, err := tenant.Lock(ctx, tx, one)
		if errors.Is(err, tenant.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		rest, err := tenant.Without(ctx, tx, t, id)
		if err != nil {
			return err
		}
		if err := fn(t, rest); err != nil {
			return err
		}
	}
	tx.Enter(db.Scope{})
	return nil
}

// dispensable returns tenant.ErrLastOwner where an account is the last owner of other people's tenant.
func dispensable(ctx context.Context, tx *db.Tx, id account.ID) error {
	return eachTenant(ctx, tx, id, func(_ *tenant.Tenant, rest tenant.Rest) error {
		if rest.Orphaned {
			return tenant.ErrLastOwner
		}
		return nil
	})
}

// leaveTenants deletes the tenants that an account is alone in, and tells the others that it left. One
// that nobody owns then is written down there, for staff to find it an owner.
func leaveTenants(ctx context.Context, tx *db.Tx, id account.ID) error {
	return eachTenant(ctx, tx, id, func(t *tenant.Tenant, rest tenant.Rest) error {
		if rest.Members == 0 {
			if err := tenant.Delete(ctx, tx, t.ID); err != nil {
				return err
			}
			return audit.Record(ctx, tx, audit.Event{Kind: "tenant.deleted", AccountID: id, TenantID: t.ID, Reason: erased, Detail: map[string]string{"slug": t.Slug}})
		}
		if err := audit.Record(ctx, tx, audit.Event{Kind: "member.left", AccountID: id, TenantID: t.ID, Reason: erased}); err != nil || !rest.Orphaned {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "tenant.ownerless", AccountID: id, TenantID: t.ID, Reason: erased})
	})
}

// erased is the reason of events that the end of an account causes in its tenants.
const erased = "account_erased"
