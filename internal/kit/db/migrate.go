package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationTable is goose's own table. It lies in our schema like everything else.
const migrationTable = "gatehouse_migration"

// Who finds another one migrating looks again after lockRetry seconds, so many times.
const (
	lockRetry = 1
	lockTries = 300
)

// Migration is one step of the schema's history.
type Migration struct {
	Version   int64     `json:"version"`
	Name      string    `json:"name"`
	AppliedAt time.Time `json:"applied_at,omitzero"`
}

// Applied reports whether the step has been taken.
func (m Migration) Applied() bool { return !m.AppliedAt.IsZero() }

// Migrator moves a schema up and down. It has a connection of its own, because the role that
// may change the schema is not the role that serves.
type Migrator struct {
	db       *sql.DB
	provider *goose.Provider
	schema   string // empty on SQLite
}

// NewMigrator connects to the database that cfg names. On PostgreSQL it needs no more
// than the right to create the schema.
func NewMigrator(ctx context.Context, cfg Config) (*Migrator, error) {
	if cfg.Schema == "" {
		cfg.Schema = "gatehouse"
	}
	if path, ok := strings.CutPrefix(cfg.URL, "sqlite:"); ok {
		return newSQLiteMigrator(path)
	}
	return newPostgresMigrator(ctx, cfg.URL, cfg.Schema)
}

func newSQLiteMigrator(path string) (*Migrator, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("db: migrate: %w", err)
	}
	conn, err := sql.Open("sqlite", sqliteDSN(path, true))
	if err != nil {
		return nil, fmt.Errorf("db: migrate: %w", err)
	}
	conn.SetMaxOpenConns(1)
	return newMigrator(conn, "", goose.DialectSQLite3)
}

func newPostgresMigrator(ctx context.Context, url, schema string) (*Migrator, error) {
	if err := CheckURL(url); err != nil {
		return nil, fmt.Errorf("db: migrate: the database URL %w", err)
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("db: migrate: the database URL cannot be used")
	}
	cfg.RuntimeParams["search_path"] = searchPath(schema)
	cfg.RuntimeParams["application_name"] = "gatehouse migrate"
	conn := stdlib.OpenDB(*cfg)
	if _, err := conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+searchPath(schema)); err != nil {
		// Several may start at once; the loser of the race finds the schema there.
		var exists bool
		check := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", schema).Scan(&exists)
		if check != nil || !exists {
			return nil, errors.Join(fmt.Errorf("db: migrate: create schema: %w", err), conn.Close())
		}
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockRetry, lockTries))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return newMigrator(conn, schema, goose.DialectPostgres, goose.WithSessionLocker(locker))
}

func newMigrator(conn *sql.DB, schema string, dialect goose.Dialect, opts ...goose.ProviderOption) (*Migrator, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	foreign := ".postgres.sql"
	if dialect == goose.DialectPostgres {
		foreign = ".sqlite.sql"
	}
	opts = append(opts, goose.WithTableName(migrationTable))
	p, err := goose.NewProvider(dialect, conn, oneEngine{dir, foreign}, opts...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("db: migrate: %w", err), conn.Close())
	}
	return &Migrator{db: conn, provider: p, schema: schema}, nil
}

// oneEngine hides the files meant for the other engine. It filters ReadDir and nothing
// else: with Glob too, goose lists every file twice.
type oneEngine struct {
	fs.FS
	foreign string
}

func (f oneEngine) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(f.FS, name)
	kept := all[:0:0]
	for _, e := range all {
		if !strings.HasSuffix(e.Name(), f.foreign) {
			kept = append(kept, e)
		}
	}
	return kept, err
}

// Close ends the migrator's connection.
func (m *Migrator) Close() error { return m.db.Close() }

// Up takes every step that is missing and returns their names. Several may run at
// once: one does the work, the others find it done.
func (m *Migrator) Up(ctx context.Context) ([]string, error) {
	// Where nothing is missing nobody waits for the lock: servers that start together, mostly.
	if pending, err := m.provider.HasPending(ctx); err == nil && !pending {
		return nil, nil
	}
	var names []string
	for try := 0; ; try++ {
		done, err := m.provider.Up(ctx)
		for _, r := range done {
			if r.Error == nil {
				names = append(names, r.Source.Path)
			}
		}
		if err == nil {
			return names, nil
		}
		// SQLite has no lock to hold across steps, so a racer may take one first. It shows
		// as progress: fewer steps are missing than before.
		if m.schema != "" || try == 20 || ctx.Err() != nil {
			return names, fmt.Errorf("db: migrate: %w", err)
		}
	}
}

// Down takes the newest step back and returns its name, empty when there is none. Data
// that only the newer schema can hold is lost.
func (m *Migrator) Down(ctx context.Context) (string, error) {
	r, err := m.provider.Down(ctx)
	if errors.Is(err, goose.ErrNoNextVersion) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("db: migrate: %w", err)
	}
	return r.Source.Path, nil
}

// Status lists every step this program knows, oldest first.
func (m *Migrator) Status(ctx context.Context) ([]Migration, error) {
	all, err := m.provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("db: migrate: %w", err)
	}
	out := make([]Migration, len(all))
	for i, s := range all {
		out[i] = Migration{Version: s.Source.Version, Name: s.Source.Path, AppliedAt: s.AppliedAt.UTC()}
		if s.State != goose.StateApplied {
			out[i].AppliedAt = time.Time{}
		}
	}
	return out, nil
}

// Grant gives role what serving needs, on PostgreSQL: to use the schema and to read and
// write its tables, but not to own or change them. Elsewhere it does nothing.
func (m *Migrator) Grant(ctx context.Context, role string) error {
	if m.schema == "" {
		return nil
	}
	schema, to := searchPath(m.schema), pgx.Identifier{role}.Sanitize()
	for _, s := range []string{
		"GRANT USAGE ON SCHEMA " + schema + " TO " + to,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema + " TO " + to,
		"REVOKE INSERT, UPDATE, DELETE ON " + migrationTable + " FROM " + to,
	} {
		if _, err := m.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("db: grant: %w", err)
		}
	}
	return nil
}

// Pending returns the names of the steps that this program knows and the database lacks. A
// database that is newer than the program has none: steps only ever add.
func (d *DB) Pending(ctx context.Context) ([]string, error) {
	applied := map[int64]bool{}
	err := d.Each(ctx, "SELECT version_id FROM "+migrationTable+" WHERE is_applied", nil, func(scan func(...any) error) error {
		var v int64
		err := scan(&v)
		applied[v] = true
		return err
	})
	if err != nil && !d.noTable(err) {
		return nil, err
	}
	var missing []string
	dir, err := fs.ReadDir(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	for _, e := range dir {
		if engine := strings.Split(e.Name(), "."); len(engine) == 3 && engine[1] != d.Engine() {
			continue
		}
		v, err := goose.NumericComponent(e.Name())
		if err != nil {
			return nil, err
		}
		if !applied[v] {
			missing = append(missing, e.Name())
		}
	}
	return missing, nil
}

// noTable reports whether err says that the table does not exist: the schema is empty.
func (d *DB) noTable(err error) bool {
	if d.Engine() == "postgres" {
		return state(err) == "42P01"
	}
	return strings.Contains(err.Error(), "no such table")
}
