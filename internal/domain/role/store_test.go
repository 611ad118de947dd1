package role_test

import (
	"context"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func TestDeclarationsAreKeptUntilWithdrawn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		do := func(fn func(tx *db.Tx) error) {
			t.Helper()
			if err := d.InTx(context.Background(), fn); err != nil {
				t.Fatal(err)
			}
		}
		for _, one := range []role.Declaration{{Name: "notes.write"}, {Name: "bills.pay", Description: "before"}, {Name: "bills.pay", Description: "Pay bills"}} {
			do(func(tx *db.Tx) error { return role.Declare(context.Background(), tx, one) })
		}
		all, err := role.Declarations(t.Context(), d.DB)
		if err != nil || len(all) != 2 || all[0].Name != "bills.pay" || all[0].Description != "Pay bills" || all[1].Name != "notes.write" || all[0].CreatedAt.IsZero() {
			t.Errorf("%+v, %v", all, err)
		}
		for _, want := range []bool{true, false} {
			do(func(tx *db.Tx) error {
				was, err := role.Withdraw(context.Background(), tx, "bills.pay")
				if was != want {
					t.Errorf("withdrawn: %v", was)
				}
				return err
			})
		}
		if all, err := role.Declarations(t.Context(), d.DB); err != nil || len(all) != 1 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}
