package gatehousetest_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

func TestTenantTokensAreForTheTenantThatWasMade(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	boss := srv.CreateAccount(t)
	mine := srv.CreateTenant(t, gatehousetest.OwnedBy(boss), func(n *gatehouse.NewTenant) { n.Name = "Example Harbour" })
	other := srv.CreateTenant(t)
	if mine.Name != "Example Harbour" || mine.Slug == other.Slug || mine.ID == other.ID {
		t.Errorf("made %+v and %+v", mine, other)
	}
	for acc, role := range map[gatehousetest.Account]string{boss: "owner", srv.CreateMember(t, mine, "admin"): "admin", srv.CreateMember(t, mine, "member"): "member"} {
		id, err := srv.Verifier().Verify(t.Context(), srv.TenantToken(t, acc, mine).Access)
		if err != nil || id.TenantID != mine.ID || id.Tenant != mine.Slug || id.Role != role || id.Subject != acc.ID {
			t.Errorf("%s: %+v, %v", role, id, err)
		}
	}
}

func TestTenantHelpersFailWithACode(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	mine, stranger := srv.CreateTenant(t), srv.CreateAccount(t)
	for want, fn := range map[string]func(t testing.TB){
		"tenant_slug_taken": func(t testing.TB) {
			srv.CreateTenant(t, func(n *gatehouse.NewTenant) { n.Slug = mine.Slug })
		},
		"role_unknown": func(t testing.TB) { srv.CreateMember(t, mine, "no-such-role") },
		"not_a_member": func(t testing.TB) { srv.TenantToken(t, stranger, mine) },
	} {
		if got := watch(t, fn); !strings.Contains(got, want) || strings.Contains(got, stranger.Password) {
			t.Errorf("the failure is %q, which does not say %s", got, want)
		}
	}
}
