package tenant

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func TestAnAccountBelongsToOnlySoManyTenants(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		all := crowd(t, d, MaxMemberships+1)
		email, err := account.ParseEmail("jo@example.com")
		if err != nil {
			t.Fatal(err)
		}
		var jo *account.Account
		err = d.In(db.All()).InTx(t.Context(), func(tx *db.Tx) error {
			if jo, err = account.Create(t.Context(), tx, account.New{Email: email, Verified: true, Active: true}); err != nil {
				return err
			}
			_, err = tx.Exec(t.Context(), `INSERT INTO membership (tenant_id, account_id, role, permissions, created_at) SELECT id, $1, 'member', '', $2 FROM tenant WHERE id NOT IN ($3, $4)`,
				jo.ID, tx.Now, all[0].ID, all[1].ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		join := func(to *Tenant) error {
			return d.In(db.Tenant(to.ID)).InTx(context.Background(), func(tx *db.Tx) error { return Join(context.Background(), tx, to, jo.ID, role.Member) })
		}
		if err := join(all[0]); err != nil {
			t.Errorf("the last that is allowed: %v", err)
		}
		if err := join(all[1]); !errors.Is(err, ErrMemberships) {
			t.Errorf("one more: %v", err)
		}
	})
}
