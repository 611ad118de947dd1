// Package dbtest runs the same test on both databases: real PostgreSQL, started and thrown
// away here, and real SQLite files.
package dbtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/clock"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// DB is an open, migrated, empty database of one test.
type DB struct {
	*db.DB
	// URL serves; OwnerURL may change the schema. On SQLite they are the same.
	URL, OwnerURL string
	// Clock is the database's clock.
	Clock *clock.Driven
}

// Engines are the databases every test runs on.
var Engines = []string{"sqlite", "postgres"}

// Each runs fn as a subtest on each database.
func Each(t *testing.T, fn func(t *testing.T, d *DB)) {
	t.Helper()
	for _, engine := range Engines {
		t.Run(engine, func(t *testing.T) { fn(t, Open(t, engine)) })
	}
}

// EachURL runs fn as a subtest with the addresses of a migrated, empty database of each engine.
func EachURL(t *testing.T, fn func(t *testing.T, url, ownerURL string)) {
	t.Helper()
	for _, engine := range Engines {
		t.Run(engine, func(t *testing.T) {
			url, owner := URL(t, engine)
			fn(t, url, owner)
		})
	}
}

// Open returns an open, migrated, empty database that is closed when the test ends.
func Open(t testing.TB, engine string) *DB {
	t.Helper()
	url, owner := URL(t, engine)
	c := clock.NewDriven(0)
	d, err := db.Open(t.Context(), db.Config{URL: url, Clock: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return &DB{DB: d, URL: url, OwnerURL: owner, Clock: c}
}

// URL returns the addresses of a migrated, empty database that goes away when the test ends.
func URL(t testing.TB, engine string) (url, ownerURL string) {
	t.Helper()
	if engine == "sqlite" {
		url = "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db")
		copyTemplate(t, url[len("sqlite:"):])
		return url, url
	}
	c := Shared(t)
	return cloneDatabase(t, c, template)
}

// EmptyURL returns the address of a database without a schema, for its owner.
func EmptyURL(t testing.TB, engine string) (url, ownerURL string) {
	t.Helper()
	if engine == "sqlite" {
		url = "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db")
		return url, url
	}
	return cloneDatabase(t, Shared(t), "template0")
}

const template = "gatehouse_template"

var (
	cluster = sync.OnceValues(func() (*Cluster, error) {
		c, err := StartCluster()
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		if err := c.Exec(ctx, "postgres", "CREATE DATABASE "+template+" TEMPLATE template0 OWNER "+Owner); err != nil {
			return nil, err
		}
		return c, Migrate(ctx, c.URL(Owner, template), App)
	})
	sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "gatehouse-sqlite-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
		path := filepath.Join(dir, "template.db")
		if err := Migrate(context.Background(), "sqlite:"+path, ""); err != nil {
			return nil, err
		}
		return os.ReadFile(path)
	})
	serial atomic.Int64
)

// Shared returns the server that the tests of this package share.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	c, err := cluster()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	return c
}

// Migrate brings the database at url up to date and grants role what serving needs.
func Migrate(ctx context.Context, url, role string) error {
	m, err := db.NewMigrator(ctx, db.Config{URL: url})
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // the steps are committed
	if _, err := m.Up(ctx); err != nil {
		return err
	}
	if role == "" {
		return nil
	}
	return m.Grant(ctx, role)
}

func cloneDatabase(t testing.TB, c *Cluster, from string) (url, ownerURL string) {
	t.Helper()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), serial.Add(1))
	ctx := context.Background()
	if err := c.Exec(ctx, "postgres", fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy OWNER %s", name, from, Owner)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return c.URL(App, name), c.URL(Owner, name)
}

func copyTemplate(t testing.TB, path string) {
	t.Helper()
	b, err := sqliteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
