package gatehouse_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// Live sees at once what a token that is still good does not know: another role, other permissions, also
// those that were too many for the token and were looked up, a removal, a suspension.
func TestLiveSeesEachChangeOfAMembershipAtOnce(t *testing.T) {
	ctx := context.Background()
	dbtest.EachURL(t, func(t *testing.T, url, _ string) {
		srv := gatehousetest.New(t, &gatehouse.Config{DatabaseURL: url, Tenants: broad()})
		g, team := srv.Gatehouse(), srv.CreateTenant(t)
		srv.Handle("GET /live/{tenant}", g.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), verifier.Tenant(verifier.FromPath("tenant")), g.Live(), verifier.Permission("notes.write")))
		for what, c := range map[string]struct {
			role   string
			change func(id string) error
			want   string
		}{
			"another role":         {"owner", func(id string) error { _, err := g.SetMemberRole(ctx, team.ID, id, "broad"); return err }, "token_invalid"},
			"fewer looked-up ones": {"broad", func(id string) error { _, err := g.SetMemberRole(ctx, team.ID, id, "member"); return err }, "token_invalid"},
			"other looked-up ones": {"broad", func(id string) error {
				_, err := g.SetMemberPermissions(ctx, team.ID, id, []string{"notes.read"})
				return err
			}, "token_invalid"},
			"a removal":              {"broad", func(id string) error { return g.RemoveMember(ctx, team.ID, id) }, "tenant_required"},
			"a removal of a carried": {"owner", func(id string) error { return g.RemoveMember(ctx, team.ID, id) }, "tenant_required"},
		} {
			who := srv.CreateMember(t, team, c.role)
			token := srv.TenantToken(t, who, team)
			for range 2 {
				if status, text := send(t, srv, "/live/"+team.Slug, "", token); status != http.StatusOK {
					t.Fatalf("%s: before it: %d %s", what, status, text)
				}
			}
			if err := c.change(who.ID); err != nil {
				t.Fatal(err)
			}
			if status, text := send(t, srv, "/live/"+team.Slug, "", token); status == http.StatusOK || !strings.Contains(text, `"`+c.want+`"`) {
				t.Errorf("%s: after it: %d %s", what, status, text)
			}
		}
	})
}

// A token of one tenant is shown to that tenant's services. It opens nothing of another, not even where
// its holder belongs there.
func TestATokenOfOneTenantAsksForNoOther(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	boss := srv.CreateAccount(t)
	one, two := srv.CreateTenant(t, gatehousetest.OwnedBy(boss)), srv.CreateTenant(t, gatehousetest.OwnedBy(boss))
	within := srv.TenantToken(t, boss, one)
	for path, want := range map[string]string{one.Slug + "/token/": "", two.Slug + "/token/": "token_bound", two.Slug + "/leave/": "tenant_required", "%FF/token/": "not_a_member"} {
		resp := request(srv.Gatehouse().Handler(), http.MethodPost, srv.APIURL+"/tenants/"+path, "{}", "Content-Type", "application/json", "Authorization", "Bearer "+within.Access)
		body := make([]byte, 4096)
		n, _ := resp.Body.Read(body)
		if ok := resp.StatusCode == http.StatusOK; ok != (want == "") || !ok && !strings.Contains(string(body[:n]), `"`+want+`"`) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body[:n])
		}
	}
}
