package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

type migrateCommand struct {
	Up     migrateUpCommand     `cmd:"" help:"Bring the schema up to date, and let the serving role use it."`
	Status migrateStatusCommand `cmd:"" help:"List the steps and when they were taken."`
	Down   migrateDownCommand   `cmd:"" help:"Take the newest step back. Data that only it can hold is lost."`
}

type migrateUpCommand struct {
	JSON bool `help:"As JSON."`
}

// Run takes every missing step. With GATEHOUSE_MIGRATE_DATABASE_URL it then grants the role of
// GATEHOUSE_DATABASE_URL what serving needs.
func (c *migrateUpCommand) Run(ctx context.Context, g *globals) error {
	return withMigrator(ctx, g, (*settings).makeData, func(s *settings, m *db.Migrator) error {
		role, err := s.servingRole()
		if err != nil {
			return err
		}
		applied, err := m.Up(ctx)
		if err != nil {
			return err
		}
		if role != "" {
			if err := m.Grant(ctx, role); err != nil {
				return err
			}
		}
		if c.JSON {
			return printJSON(struct {
				Applied []string `json:"applied"`
				Granted string   `json:"granted,omitzero"`
			}{applied, role})
		}
		for _, name := range applied {
			fmt.Println("applied", name)
		}
		if len(applied) == 0 {
			fmt.Println("The schema is up to date.")
		}
		if role != "" {
			fmt.Println("granted to", role)
		}
		return nil
	})
}

type migrateStatusCommand struct {
	JSON bool `help:"As JSON."`
}

// Run lists the steps. They are all there is to know: a database newer than this program has more.
func (c *migrateStatusCommand) Run(ctx context.Context, g *globals) error {
	return withMigrator(ctx, g, (*settings).lacksDatabase, func(_ *settings, m *db.Migrator) error {
		steps, err := m.Status(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(steps)
		}
		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "STEP\tAPPLIED")
		for _, s := range steps {
			at := "pending"
			if s.Applied() {
				at = s.AppliedAt.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(table, "%s\t%s\n", s.Name, at)
		}
		return table.Flush()
	})
}

type migrateDownCommand struct {
	Yes  bool `help:"Really do it."`
	JSON bool `help:"As JSON."`
}

// Run takes one step back.
func (c *migrateDownCommand) Run(ctx context.Context, g *globals) error {
	if !c.Yes {
		return usage("migrate down deletes data; say --yes to mean it")
	}
	return withMigrator(ctx, g, (*settings).lacksDatabase, func(_ *settings, m *db.Migrator) error {
		name, err := m.Down(ctx)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return printJSON(struct {
				Reverted string `json:"reverted"`
			}{name})
		case name == "":
			fmt.Println("There is no step to take back.")
		default:
			fmt.Println("reverted", name)
		}
		return nil
	})
}

// withMigrator runs fn with the database open for the role that may change the schema. Of
// the settings it needs the database alone.
func withMigrator(ctx context.Context, g *globals, prepare func(*settings) error, fn func(s *settings, m *db.Migrator) error) error {
	s, err := load(g)
	const address = "DatabaseURL (GATEHOUSE_DATABASE_URL): "
	if s.DatabaseURL == "" {
		err = errors.Join(err, errors.New(address+"is missing; set postgres://user:password@host/database or sqlite:PATH"))
	} else if bad := db.CheckURL(s.DatabaseURL); bad != nil {
		err = errors.Join(err, fmt.Errorf(address+"%w", bad))
	}
	if err := refuse(err, s.checkMigration()); err != nil {
		return err
	}
	if err := prepare(s); err != nil {
		return err
	}
	m, err := db.NewMigrator(ctx, db.Config{URL: cmp.Or(s.MigrateDatabaseURL, s.DatabaseURL), Schema: s.Schema})
	if err != nil {
		return err
	}
	return errors.Join(fn(s, m), m.Close())
}

// servingRole returns the role that serves where another one migrates, or the empty string.
func (s *settings) servingRole() (string, error) {
	if s.MigrateDatabaseURL == "" || strings.HasPrefix(s.DatabaseURL, "sqlite:") {
		return "", nil
	}
	u, err := url.Parse(s.DatabaseURL)
	if err != nil {
		return "", err // it was read before
	}
	role := cmp.Or(u.User.Username(), u.Query().Get("user"))
	if role == "" {
		return "", usage("DatabaseURL (GATEHOUSE_DATABASE_URL): must name the role that serves, so that it can be granted what it needs")
	}
	return role, nil
}
