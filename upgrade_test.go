package gatehouse_test

import (
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// A database that holds people goes back to the first schema and comes up again, through every step there is.
func TestUpgradeKeepsPeopleSignedIn(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url, ownerURL string) {
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails
		cfg := gatehouse.Config{SecretKey: base64.StdEncoding.EncodeToString(key[:]), Logger: slog.New(slog.DiscardHandler), DatabaseURL: url}
		cfg.Audience = []string{"https://notes.example.com"} // servers of tests have addresses of their own
		cfg.Attributes = []gatehouse.Attribute{{Name: "department", Type: "string"}}

		before := gatehousetest.New(t, &cfg)
		var people [3]gatehousetest.Account
		for i := range people {
			people[i] = before.CreateAccount(t, func(n *gatehouse.NewAccount) {
				n.FullName, n.Attributes = "A Person", map[string]any{"department": "Harbour"}
			})
		}
		session := before.SignIn(t, people[0])
		if err := before.Close(); err != nil {
			t.Fatal(err)
		}

		m, err := db.NewMigrator(t.Context(), db.Config{URL: ownerURL})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		steps, err := m.Status(t.Context())
		if err != nil || len(steps) < 2 {
			t.Fatalf("%d steps, %v", len(steps), err)
		}
		for range steps[1:] {
			if _, err := m.Down(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := dbtest.Migrate(t.Context(), ownerURL, served(url)); err != nil {
			t.Fatal(err)
		}

		after := gatehousetest.New(t, &cfg)
		var fresh struct{ Access, Refresh string }
		after.MustCall(t, http.MethodPost, "/token/refresh/", gatehousetest.Session{}, map[string]string{"refresh": session.Refresh}, &fresh)
		var me struct {
			Email      string         `json:"email"`
			FullName   string         `json:"full_name"`
			Attributes map[string]any `json:"attributes"`
		}
		after.MustCall(t, http.MethodGet, "/me/", gatehousetest.Session{Access: fresh.Access}, nil, &me)
		if me.Email != people[0].Email || me.FullName != "A Person" || me.Attributes["department"] != "Harbour" {
			t.Errorf("after the upgrade: %+v", me)
		}
		for _, p := range people {
			after.SignIn(t, p)
		}
	})
}

// Memberships of before members had a profile in their tenant stay as they are, and have one then.
func TestUpgradeKeepsMembershipsAndGivesThemProfiles(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url, ownerURL string) {
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails
		cfg := gatehouse.Config{SecretKey: base64.StdEncoding.EncodeToString(key[:]), Logger: slog.New(slog.DiscardHandler), DatabaseURL: url,
			Tenants: gatehouse.Tenants{Permissions: []string{"notes.read"}, Attributes: []gatehouse.Attribute{{Name: "job_title", Type: "string"}}}}
		title := map[string]any{"job_title": "Clerk"}

		before := gatehousetest.New(t, &cfg)
		team := before.CreateTenant(t)
		clerk := before.CreateMember(t, team, "admin")
		before.CreateMember(t, team, "member")
		if _, err := before.Gatehouse().SetMemberPermissions(t.Context(), team.ID, clerk.ID, []string{"notes.read"}); err != nil {
			t.Fatal(err)
		}
		members, _, err := before.Gatehouse().TenantMembers(t.Context(), team.ID, gatehouse.MemberSearch{})
		if err != nil || len(members) != 3 {
			t.Fatalf("%d members, %v", len(members), err)
		}
		if m, err := before.Gatehouse().SetMemberAttributes(t.Context(), team.ID, clerk.ID, title); err != nil || m.Attributes["job_title"] != "Clerk" {
			t.Fatalf("%+v, %v", m, err)
		}
		if err := before.Close(); err != nil {
			t.Fatal(err)
		}

		m, err := db.NewMigrator(t.Context(), db.Config{URL: ownerURL})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for undone := ""; !strings.HasPrefix(undone, "0011_"); {
			if undone, err = m.Down(t.Context()); err != nil || undone == "" {
				t.Fatalf("down to %q: %v", undone, err)
			}
		}
		if err := dbtest.Migrate(t.Context(), ownerURL, served(url)); err != nil {
			t.Fatal(err)
		}

		g := gatehousetest.New(t, &cfg).Gatehouse()
		if after, _, err := g.TenantMembers(t.Context(), team.ID, gatehouse.MemberSearch{}); err != nil || !reflect.DeepEqual(after, members) {
			t.Errorf("after the upgrade: %v, %v", after, err)
		}
		if m, err := g.TenantMember(t.Context(), team.ID, clerk.ID); err != nil || len(m.Attributes) != 0 {
			t.Errorf("a profile of before: %+v, %v", m, err)
		}
		if m, err := g.SetMemberAttributes(t.Context(), team.ID, clerk.ID, title); err != nil || m.Attributes["job_title"] != "Clerk" || m.Role != "admin" {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

// served is whom the database at url is served as; "" where there are no roles.
func served(url string) string {
	if strings.HasPrefix(url, "sqlite:") {
		return ""
	}
	return dbtest.App
}
