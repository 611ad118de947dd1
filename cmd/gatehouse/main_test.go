package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// TestMain makes this test binary the command itself when it is called gatehouse.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatehouse": main})
}

// testKey was made with openssl rand -base64 32 and seals nothing but tests.
const testKey = "8qDGkbF3ti5m1M9Jx/1yFvXyqBMmKiGUCqbBD8JtsKc="

// atOnce lets a command end when it is done. Under the race detector one that succeeds would stay for a
// second, to see what is still under way; a twentieth of one is enough for that.
const atOnce = "GORACE=atexit_sleep_ms=50"

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", Cmds: scriptCommands, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, atOnce)
			return nil
		},
	})
}

// TestScriptsOnBothDatabases runs scripts that find $URL and $OWNER_URL of a migrated database, the
// same of an empty one as $EMPTY_URL and $EMPTY_OWNER_URL, and the variables of a production server.
func TestScriptsOnBothDatabases(t *testing.T) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: filepath.Join("testdata", "databases"), Cmds: scriptCommands, RequireExplicitExec: true, RequireUniqueNames: true,
				Setup: func(env *testscript.Env) error {
					// Every script gets databases of its own.
					under := env.T().(testing.TB)
					url, owner := dbtest.URL(under, engine)
					empty, emptyOwner := dbtest.EmptyURL(under, engine)
					env.Vars = append(env.Vars, atOnce, "ENGINE="+engine, "URL="+url, "OWNER_URL="+owner, "EMPTY_URL="+empty, "EMPTY_OWNER_URL="+emptyOwner)
					env.Vars = append(env.Vars, productionVariables(url)...)
					return nil
				},
				Condition: func(name string) (bool, error) { return name == engine, nil },
			})
		})
	}
}

func productionVariables(url string) []string {
	return []string{
		"GATEHOUSE_PUBLIC_URL=https://id.example.com", "GATEHOUSE_DATABASE_URL=" + url,
		"GATEHOUSE_SECRET_KEY=" + testKey, "GATEHOUSE_SMTP_URL=off",
	}
}

var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits": exits,
	"sql":   sql,
}

// sql runs statements on $URL, for what no command does: sql 'UPDATE job SET …'.
func sql(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sql statement...")
	}
	d, err := db.Open(context.Background(), db.Config{URL: ts.Getenv("URL")})
	ts.Check(err)
	defer d.Close()
	for _, statement := range args {
		ts.Check(d.In(db.All()).Once(context.Background(), statement, nil))
	}
}

// exits runs a command that must end with a certain code: exits 2 gatehouse serve.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [argument...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func TestEveryCommandCanRun(t *testing.T) {
	leaves := newParser(new(commands)).Model.Leaves(false)
	if len(leaves) < 40 {
		t.Fatalf("%d commands", len(leaves))
	}
	for _, leaf := range leaves {
		if _, ok := leaf.Target.Addr().Interface().(runnable); !ok {
			t.Errorf("gatehouse %s cannot run", leaf.FullPath())
		}
	}
}
