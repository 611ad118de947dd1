package main

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/examples/hosts/hosttest"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// start runs the program at a free port until the test ends and returns its origin.
func start(t *testing.T) (origin string) {
	t.Helper()
	l, origin := hosttest.Listen(t)
	database := "sqlite:" + filepath.Join(t.TempDir(), "chi.db")
	hosttest.Run(t, func(ctx context.Context) error { return serve(ctx, l, origin, database) })
	return origin
}

func TestChiKeepsAllPromises(t *testing.T) { gatehousetest.Run(t, hosttest.Target(start(t))) }

// What is mounted is Gatehouse's to answer, 404 and 405 too; the rest stays chi's.
func TestChiLeavesToGatehouseWhatIsIts(t *testing.T) {
	origin := start(t)
	hosttest.Routing(t, origin)
	for _, path := range []string{"/nothing", "/api/authority/", "/accounts"} {
		if status, header, _ := hosttest.Call(t, http.DefaultTransport, "GET", origin+path, nil, ""); status != 404 || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s is not chi's: %d %v", path, status, header)
		}
	}
	if status, header, _ := hosttest.Call(t, http.DefaultTransport, "POST", origin+"/hello", nil, ""); status != 405 || header.Get("Allow") != "GET" {
		t.Errorf("POST /hello: %d %v", status, header)
	}
}
