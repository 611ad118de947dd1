package db_test

import (
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

func migrator(t *testing.T, url string) *db.Migrator {
	t.Helper()
	m, err := db.NewMigrator(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func TestMigrationsGoUpAndBackAndUpAgain(t *testing.T) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			_, url := dbtest.EmptyURL(t, engine)
			m := migrator(t, url)
			d, err := db.Open(t.Context(), db.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			before, err := d.Pending(t.Context())
			if err != nil || len(before) == 0 {
				t.Fatalf("an empty database has %v pending, %v", before, err)
			}
			for range 2 {
				if _, err := m.Up(t.Context()); err != nil {
					t.Fatal(err)
				}
				if left, err := d.Pending(t.Context()); err != nil || len(left) != 0 {
					t.Fatalf("after up: %v pending, %v", left, err)
				}
				for {
					name, err := m.Down(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if name == "" {
						break
					}
				}
				if left, err := d.Pending(t.Context()); err != nil || len(left) != len(before) {
					t.Fatalf("after down: %v pending, %v", left, err)
				}
			}
		})
	}
}

func TestSeveralMayMigrateAtOnce(t *testing.T) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			_, url := dbtest.EmptyURL(t, engine)
			var wg sync.WaitGroup
			for range 5 {
				wg.Go(func() {
					m, err := db.NewMigrator(t.Context(), db.Config{URL: url})
					if err != nil {
						t.Error(err)
						return
					}
					defer m.Close()
					if _, err := m.Up(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			status, err := migrator(t, url).Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range status {
				if !s.Applied() {
					t.Errorf("%s was not applied", s.Name)
				}
			}
		})
	}
}
