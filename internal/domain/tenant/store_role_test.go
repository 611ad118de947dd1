package tenant

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// names has tenants that a condition picks make a role for themselves.
func names(t *testing.T, d *dbtest.DB, role, condition string, args ...any) {
	t.Helper()
	err := d.In(db.All()).InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO tenant_role (tenant_id, name, permissions, created_at) SELECT id, '`+role+`', '', 1 FROM tenant WHERE `+condition, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// withRoles returns how many statements that took besides.
func withRoles(t *testing.T, d *dbtest.DB, names ...string) (map[string][]string, int64) {
	t.Helper()
	before, _ := d.Counts()
	got, err := WithRoles(context.Background(), d.DB, names)
	if err != nil {
		t.Fatal(err)
	}
	after, _ := d.Counts()
	return got, after - before
}

func TestTenantsWithRolesOfManyNamesAreFoundByOneStatement(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		all := crowd(t, d, 4)
		names(t, d, "clerk", "slug <> $1", all[2].Slug)
		names(t, d, "editor", "slug IN ($1, $2)", all[3].Slug, all[0].Slug)
		names(t, d, "own", "slug = $1", all[0].Slug)
		asked := []string{"clerk", "editor"}
		for i := range 40 {
			asked = append(asked, fmt.Sprintf("unused-%d", i))
		}
		got, statements := withRoles(t, d, asked...)
		want := map[string][]string{"clerk": {all[0].Slug, all[1].Slug, all[3].Slug}, "editor": {all[0].Slug, all[3].Slug}}
		if !maps.EqualFunc(got, want, slices.Equal) || statements != 1 {
			t.Errorf("%v by %d statements, want %v", got, statements, want)
		}
		if got, statements := withRoles(t, d); len(got) != 0 || statements != 0 {
			t.Errorf("of no names %v, by %d statements", got, statements)
		}
	})
}

func TestOfARoleThatManyTenantsMadeTheOldestAreReturned(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *dbtest.DB) {
		all := crowd(t, d, MaxWithRole+1)
		names(t, d, "clerk", "TRUE")
		names(t, d, "editor", "slug = $1", all[MaxWithRole].Slug)
		got, _ := withRoles(t, d, "clerk", "editor")
		if c := got["clerk"]; len(c) != MaxWithRole || c[0] != all[0].Slug || c[MaxWithRole-1] != all[MaxWithRole-1].Slug || len(got["editor"]) != 1 {
			t.Errorf("%d of one, and %v of the other", len(c), got["editor"])
		}
	})
}
