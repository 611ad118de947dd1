package gatehousetest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// databaseVariable names a PostgreSQL database for tests that name none themselves.
const databaseVariable = "GATEHOUSE_TEST_DATABASE_URL"

// completeDatabase chooses a database where cfg names none, and a key where none is kept
// beside it.
func completeDatabase(t testing.TB, cfg *gatehouse.Config) {
	t.Helper()
	shared := os.Getenv(databaseVariable)
	switch {
	case cfg.DatabaseURL != "":
	case shared != "":
		cfg.DatabaseURL = shared
		cfg.Schema = "gatehouse_test_" + strings.ToLower(rand.Text())
		t.Cleanup(func() { dropSchema(t, shared, cfg.Schema) })
	default:
		cfg.DatabaseURL = "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db")
	}
	if cfg.SecretKey == "" && !strings.HasPrefix(cfg.DatabaseURL, "sqlite:") {
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails
		cfg.SecretKey = base64.StdEncoding.EncodeToString(key[:])
	}
}

// dropSchema removes what a server left behind. It runs after the server's own cleanup.
func dropSchema(t testing.TB, url, schema string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	d, err := db.Open(ctx, db.Config{URL: url, Schema: schema, MaxConns: 2})
	if err != nil {
		t.Errorf("gatehousetest: %v", err)
		return
	}
	defer d.Close()
	err = d.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") // the name is ours, lower-case letters and digits
		return err
	})
	if err != nil {
		t.Errorf("gatehousetest: drop schema %s: %v", schema, err)
	}
}
