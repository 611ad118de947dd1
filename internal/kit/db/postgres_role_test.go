package db_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func TestUnheldNamesRolesThatPoliciesDoNotHold(t *testing.T) {
	app, owner := dbtest.EmptyURL(t, "postgres")
	c := dbtest.Shared(t)
	for _, s := range []string{"DROP ROLE IF EXISTS bypasses, creates", "CREATE ROLE bypasses LOGIN NOSUPERUSER BYPASSRLS", "CREATE ROLE creates LOGIN NOSUPERUSER NOBYPASSRLS CREATEROLE CREATEDB"} {
		if err := c.Exec(t.Context(), "postgres", s); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	for url, want := range map[string]string{
		app: "", owner: "", c.URL("creates", name): "",
		c.URL("bypasses", name): "bypasses", c.URL(dbtest.Super, name): dbtest.Super,
		// Who came as a superuser can become one again.
		c.URL(dbtest.Super, name) + "&role=creates": dbtest.Super,
	} {
		d, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: 2})
		if err != nil {
			t.Fatal(err)
		}
		if role, err := d.Unheld(t.Context()); role != want || err != nil {
			t.Errorf("as %s: %q, %v", strings.SplitN(url, "@", 2)[0], role, err)
		}
		d.Close()
	}
}

func TestUnheldIsNobodyOnSQLite(t *testing.T) {
	if role, err := dbtest.Open(t, "sqlite").Unheld(t.Context()); role != "" || err != nil {
		t.Errorf("%q, %v", role, err)
	}
}
