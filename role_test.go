package gatehouse_test

import (
	"bytes"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// In production nothing is served as a role that row-level security does not hold; development says so.
func TestNewRefusesARoleThatPoliciesDoNotHold(t *testing.T) {
	app, _ := dbtest.URL(t, "postgres")
	u, err := url.Parse(app)
	if err != nil {
		t.Fatal(err)
	}
	super := dbtest.Shared(t).URL(dbtest.Super, strings.TrimPrefix(u.Path, "/"))
	var log bytes.Buffer
	production := gatehouse.Config{
		PublicURL: "https://id.example.com", SMTPURL: "off", SecretKey: "8qDGkbF3ti5m1M9Jx/1yFvXyqBMmKiGUCqbBD8JtsKc=", NoWorkers: true,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}
	development := production
	development.Dev, development.PublicURL = true, "http://localhost:8080"
	for _, c := range []struct {
		name, url string
		cfg       gatehouse.Config
		refused   bool
		warned    bool
	}{
		{"production as the serving role", app, production, false, false},
		{"production as superuser", super, production, true, false},
		{"development as the serving role", app, development, false, false},
		{"development as superuser", super, development, false, true},
	} {
		log.Reset()
		c.cfg.DatabaseURL = c.url
		gh, err := gatehouse.New(t.Context(), c.cfg)
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			if err := gh.Close(); err != nil {
				t.Error(err)
			}
		} else {
			for _, mend := range []string{"GATEHOUSE_DATABASE_URL", "the role " + dbtest.Super, "CREATE ROLE", "NOBYPASSRLS", "gatehouse migrate up"} {
				if !strings.Contains(err.Error(), mend) {
					t.Errorf("%s: %q does not say %s", c.name, err, mend)
				}
			}
		}
		if warned := strings.Contains(log.String(), "row-level security") && strings.Contains(log.String(), dbtest.Super); warned != c.warned {
			t.Errorf("%s: warned %v: %s", c.name, warned, &log)
		}
	}
}
