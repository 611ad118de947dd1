package session_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/domaintest"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Wherever a member's rights are read, a tenant's own role counts and not the one of the configuration that
// has its name, also where it holds nothing. All tenants of these tests have an editor that holds notes.*.
func TestEveryReadingOfRightsTakesTheTenantsOwnRole(t *testing.T) {
	domaintest.Each(t, func(t *testing.T, w *domaintest.World) {
		ctx := t.Context()
		jo := w.Account("jo@example.com", "").ID
		acme := w.Tenant("acme", w.Account("al@example.com", "").ID)
		w.Join(acme, jo, "editor")
		b := w.Session(jo)
		readings := map[string]func() (role.Grant, error){
			"a request": func() (role.Grant, error) {
				_, m, err := session.CheckMember(ctx, w.DB.DB, w.Roles, b.SessionID, b.Subject, acme.ID, w.Now())
				if err != nil {
					return role.Grant{}, err
				}
				return m.Grant, nil
			},
			"a refresh": func() (role.Grant, error) {
				_, g, err := session.RefreshPinned(ctx, w.DB.DB, w.Roles, b.SessionID, 0, acme.ID, session.Client{ID: session.FirstParty, Transport: session.Body}, w.Now(), 30*time.Second)
				return g, err
			},
			"coming in": func() (role.Grant, error) {
				_, m, err := session.EnterTenant(ctx, w.DB.DB, w.Roles, b, "acme", w.Now())
				if err != nil {
					return role.Grant{}, err
				}
				return m.Grant, nil
			},
			"one's own tenants": func() (role.Grant, error) {
				all, err := tenant.Of(ctx, w.DB.DB, w.Roles, jo)
				if err != nil {
					return role.Grant{}, err
				}
				return all[0].Grant, nil
			},
			"a change": func() (g role.Grant, err error) {
				err = w.DB.In(db.Tenant(acme.ID)).InTx(ctx, func(tx *db.Tx) error {
					g, err = tenant.GrantOf(context.WithoutCancel(ctx), tx, w.Roles, acme, jo)
					return err
				})
				return g, err
			},
			"giving": func() (g role.Grant, err error) {
				err = w.DB.In(db.Tenant(acme.ID)).InTx(ctx, func(tx *db.Tx) error {
					r, err := tenant.FindRole(ctx, tx, w.Roles, acme.ID, "editor")
					g.FromRole = r.Permissions
					return err
				})
				return g, err
			},
		}
		want := func(permissions ...string) {
			t.Helper()
			for name, read := range readings {
				if g, err := read(); err != nil || !slices.Equal(g.Permissions(), permissions) {
					t.Errorf("%s: %v, %v, want %v", name, g.Permissions(), err, permissions)
				}
			}
		}
		want("notes.*")
		for _, own := range []verifier.Permissions{{}, {"audit.read"}} {
			w.Exec(`DELETE FROM tenant_role WHERE tenant_id = $1`, acme.ID)
			w.Exec(`INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, 'editor', $2, 0)`, acme.ID, role.Join(own))
			want(own...)
		}
	})
}
