package gatehouse_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// A role that a tenant made for itself keeps its meaning there, so whoever configures one of the same name is
// told where it does not count.
func TestNewWarnsOfConfiguredRolesThatTenantsMadeForThemselves(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url, _ string) {
		var log bytes.Buffer
		open := func(workers bool, roles ...string) *gatehouse.Gatehouse {
			cfg := gatehouse.Config{Dev: true, PublicURL: "http://localhost:8080", DatabaseURL: url, SecretKey: "8qDGkbF3ti5m1M9Jx/1yFvXyqBMmKiGUCqbBD8JtsKc=", NoWorkers: !workers, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			for _, name := range roles {
				cfg.Tenants.Roles = append(cfg.Tenants.Roles, gatehouse.Role{Name: name})
			}
			gh, err := gatehouse.New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			return gh
		}
		closed := func(gh *gatehouse.Gatehouse) {
			if err := gh.Close(); err != nil {
				t.Fatal(err)
			}
		}
		gh := open(false)
		if _, err := gh.CreateAccount(t.Context(), gatehouse.NewAccount{Email: "owner@example.com", Subject: "owner"}); err != nil {
			t.Fatal(err)
		}
		for i := range 7 {
			made, err := gh.CreateTenant(t.Context(), gatehouse.NewTenant{Name: fmt.Sprintf("Works %c", 'A'+i), Slug: fmt.Sprintf("works-%d", i), Owner: "owner"})
			if err != nil {
				t.Fatal(err)
			}
			err = gatehouse.Database(gh).In(db.All()).Once(t.Context(), "INSERT INTO tenant_role (tenant_id, name, permissions, created_at) VALUES ($1, 'clerk', 'notes.read', 1), ($1, 'own', '', 1), ($1, 'admin', '', 1)", []any{made.ID})
			if err != nil {
				t.Fatal(err)
			}
		}
		closed(gh)
		warnings := func(workers bool, roles ...string) (lines []string) {
			log.Reset()
			closed(open(workers, roles...))
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "role of their own") {
					lines = append(lines, line)
				}
			}
			return lines
		}
		got := warnings(true, "clerk", "editor", "admin")
		if len(got) != 1 || !strings.Contains(got[0], "level=WARN") || !strings.Contains(got[0], "role=clerk tenants=7 more=false") || !strings.Contains(got[0], "[works-0 works-1 works-2 works-3 works-4]") {
			t.Errorf("warned %q", got)
		}
		if got := warnings(true, "editor"); len(got) != 0 {
			t.Errorf("without cause %q", got)
		}
		if got := warnings(false, "clerk"); len(got) != 0 {
			t.Errorf("a command beside a server: %q", got)
		}
	})
}
