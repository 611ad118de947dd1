package gatehouse_test

import (
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"net/http"
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

// served is whom the database at url is served as; "" where there are no roles.
func served(url string) string {
	if strings.HasPrefix(url, "sqlite:") {
		return ""
	}
	return dbtest.App
}
