package main

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/gatehouse-auth/gatehouse/examples/hosts/hosttest"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// start runs the program at a free port until the test ends and returns its origin.
func start(t *testing.T) (origin string) {
	t.Helper()
	l, origin := hosttest.Listen(t)
	database := "sqlite:" + filepath.Join(t.TempDir(), "echo.db")
	hosttest.Run(t, func(ctx context.Context) error { return serve(ctx, l, origin, database) })
	return origin
}

func TestEchoKeepsAllPromises(t *testing.T) { gatehousetest.Run(t, hosttest.Target(start(t))) }

// What is mounted is Gatehouse's to answer, 404 and 405 too, which Echo's error handler never sees; the
// rest stays Echo's.
func TestEchoLeavesToGatehouseWhatIsIts(t *testing.T) {
	origin := start(t)
	hosttest.Routing(t, origin)
	for _, path := range []string{"/nothing", "/api/authority/", "/accounts"} {
		if status, header, body := hosttest.Call(t, http.DefaultTransport, "GET", origin+path, nil, ""); status != 404 || string(body) != "{\"message\":\"Not Found\"}\n" {
			t.Errorf("%s is not Echo's: %d %v %s", path, status, header, body)
		}
	}
	if status, header, _ := hosttest.Call(t, http.DefaultTransport, "POST", origin+"/hello", nil, ""); status != 405 {
		t.Errorf("POST /hello: %d %v", status, header)
	}
}
