package domaintest

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Tenant makes an active tenant that asks for nothing. Its name is its slug.
func (w *World) Tenant(slug string, owner account.ID) *tenant.Tenant {
	w.t.Helper()
	var made *tenant.Tenant
	err := w.InTx(context.Background(), func(tx *db.Tx) (err error) {
		if made, err = tenant.Create(context.Background(), tx, tenant.Settings{Name: slug, Slug: slug}); err != nil {
			return err
		}
		return tenant.Join(context.Background(), tx, made, owner, role.Owner)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

// Join makes an account a member of a tenant.
func (w *World) Join(t *tenant.Tenant, who account.ID, as string) {
	w.t.Helper()
	w.Within(t.ID, func(tx *db.Tx) error { return tenant.Join(context.Background(), tx, t, who, as) })
}

// Within runs a transaction within the scope of a tenant.
func (w *World) Within(id tenant.ID, fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.DB.In(db.Tenant(id)).InTx(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}
