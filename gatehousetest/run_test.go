package gatehousetest_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// prove runs the battery against srv and two endpoints beside it.
func prove(t *testing.T, srv *gatehousetest.Server) {
	t.Helper()
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	srv.Handle("GET /stateless", srv.Verifier().Require(ok))
	srv.Handle("GET /admin", srv.Gatehouse().Require(ok, srv.Gatehouse().Live(), verifier.Role("admin")))
	srv.Handle("GET /api/tenant/{tenant}/data/", srv.Verifier().Require(ok, verifier.Tenant(verifier.FromPath("tenant")), verifier.Role("owner")))
	target := srv.Target()
	target.Protected, target.AdminOnly, target.TenantData = srv.URL+"/stateless", srv.URL+"/admin", srv.URL+"/api/tenant/{tenant}/data/"
	gatehousetest.Run(t, target)
}

func TestRunProvesBothDatabases(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url, _ string) {
		prove(t, gatehousetest.New(t, &gatehouse.Config{DatabaseURL: url, Tenants: gatehouse.Tenants{Create: "anyone"}}))
	})
}

// Who has no tenants sees nothing of them, and everything else is the same.
func TestRunProvesASingleTenant(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url, _ string) {
		prove(t, gatehousetest.New(t, &gatehouse.Config{DatabaseURL: url}))
	})
}

func TestRunProvesMountAtTheRoot(t *testing.T) {
	prove(t, gatehousetest.New(t, &gatehouse.Config{MountPath: "/", Algorithm: "EdDSA", Audience: []string{"https://notes.example.com", "https://example.com"}}))
}

func TestRunProvesHTTPS(t *testing.T) {
	prove(t, gatehousetest.NewTLS(t, &gatehouse.Config{Algorithm: "RS256"}))
}

// host serves a Gatehouse the way its users do, without this package's help.
func host(t *testing.T, routes func(*gatehouse.Gatehouse) http.Handler) gatehousetest.Target {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	gh, err := gatehouse.New(t.Context(), gatehouse.Config{Dev: true, PublicURL: base, DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"), Logger: slog.New(slog.DiscardHandler),
		Tenants: gatehouse.Tenants{Create: "anyone"}})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = routes(gh)
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := gh.Close(); err != nil {
			t.Error(err)
		}
	})
	return gatehousetest.Target{
		APIURL: base + "/api/auth/", MailboxURL: base + "/dev/mailbox/", ClockURL: base + "/dev/clock/",
		Protected: base + "/protected", AdminOnly: base + "/admin",
	}
}

// mounted is one way to mount a Gatehouse, behind whatever stands in front of its API.
func mounted(gh *gatehouse.Gatehouse, front func(http.Handler) http.Handler) http.Handler {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", front(gh.Handler()))
	mux.Handle("/account/", gh.Pages())
	mux.Handle("/dev/", gh.Dev())
	mux.Handle("GET /protected", gh.Require(ok))
	mux.Handle("GET /admin", gh.Require(ok, verifier.Role("admin")))
	return mux
}

// whole is a mount with nothing in front.
func whole(api http.Handler) http.Handler { return api }

func TestRunProvesStripPrefixMount(t *testing.T) {
	gatehousetest.Run(t, host(t, func(gh *gatehouse.Gatehouse) http.Handler {
		return mounted(gh, func(api http.Handler) http.Handler { return http.StripPrefix("/api/auth", api) })
	}))
}

// A target without mailbox, clock and endpoints is proven as far as it goes.
func TestRunProvesWhatItCan(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{RegistrationClosed: true})
	gatehousetest.Run(t, gatehousetest.Target{
		APIURL: srv.APIURL, NewAccount: func(t testing.TB) gatehousetest.Account { return srv.CreateAccount(t) },
		Skip: []gatehousetest.Feature{gatehousetest.Registration, gatehousetest.Verification},
	})
}

// TestTarget proves the Gatehouse that the environment names.
func TestTarget(t *testing.T) {
	target, ok := gatehousetest.TargetFromEnv()
	if !ok {
		t.Skip("set GATEHOUSE_TARGET_URL to the API of a Gatehouse to prove that one")
	}
	gatehousetest.Run(t, target)
}
