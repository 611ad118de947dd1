// Package gatehousetest runs Gatehouse in tests, and tests a Gatehouse that runs.
//
// # What to use first
//
// [New] gives a running server with everything on: API, pages, background work, a mailbox that
// catches mails and a clock that can be moved. It cleans up by itself:
//
//	srv := gatehousetest.New(t, nil)
//	acc := srv.CreateAccount(t)
//	resp, err := srv.ClientOf(srv.SignIn(t, acc)).Get(srv.APIURL + "/me/")
//
// [Server.CreateTenant], [Server.CreateMember] and [Server.TenantToken] are for services with tenants.
// Your own handlers behind [gatehouse.Gatehouse.Require] are served beside it with
// [Server.Handle]; services that use package verifier get one from [Server.Verifier].
//
// # The battery
//
// [Run] proves that a Gatehouse does what it promises, over HTTP alone: whether it is embedded
// in a program, behind a proxy or deployed. Give it the address and a way to read mail:
//
//	gatehousetest.Run(t, gatehousetest.Target{APIURL: base + "/api/auth", MailboxURL: base + "/dev/mailbox/"})
//
// It makes up new addresses each time and stays below the default limits, so it may run against
// the same server again and again. Without writing Go, from a checkout:
//
//	GATEHOUSE_TARGET_URL=http://localhost:8080/api/auth go test -run TestTarget ./gatehousetest
//
// [TargetFromEnv] lists the other variables.
//
// # Databases
//
// Tests run on SQLite in a temporary folder. Where GATEHOUSE_TEST_DATABASE_URL names a PostgreSQL
// database, each server gets a schema of its own there, which is dropped at the end; the role
// needs the right to create schemas.
//
// # Compatibility
//
// Exported names stay. The battery may ask for more in a later version, never for anything
// that the documentation of the same version does not promise.
package gatehousetest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// requestTimeout bounds every request of this package, in real time.
const requestTimeout = 30 * time.Second

// Server is a running Gatehouse. It is safe for concurrent use.
type Server struct {
	// URL is the public origin, such as http://127.0.0.1:40123.
	URL string
	// APIURL is where the API is mounted, without a trailing slash. It is the issuer of all tokens.
	APIURL string
	// Client trusts the server's certificate, gives up after 30 s, and keeps no cookies.
	Client *http.Client
	// Mailbox holds the mails that were sent.
	Mailbox *Mailbox
	// Clock is the server's time.
	Clock *Clock

	audience string
	gh       *gatehouse.Gatehouse
	verifier *verifier.Verifier
	http     *httptest.Server
	mux      *http.ServeMux
	stop     func() error
}

// New returns a running server that stops when the test ends. A nil cfg is fine; another is
// copied and completed. It always runs in development mode at an address of its own, so
// Config.PublicURL and Config.Dev are not taken from cfg. What cfg leaves open: the database is an
// SQLite file in a temporary folder or what GATEHOUSE_TEST_DATABASE_URL names, the clock can be
// moved, and warnings go to the test's log.
func New(t testing.TB, cfg *gatehouse.Config) *Server {
	t.Helper()
	return start(t, cfg, "http")
}

// NewTLS is [New] with https, so that cookies are what they are in production.
func NewTLS(t testing.TB, cfg *gatehouse.Config) *Server {
	t.Helper()
	return start(t, cfg, "https")
}

func start(t testing.TB, given *gatehouse.Config, scheme string) *Server {
	t.Helper()
	s := &Server{mux: http.NewServeMux()}
	s.http = httptest.NewUnstartedServer(s.mux) // listens already, so the address is known
	s.URL = scheme + "://" + s.http.Listener.Addr().String()
	cfg := s.complete(t, given)
	gh, err := gatehouse.New(context.WithoutCancel(t.Context()), cfg)
	if err != nil {
		s.http.Close()
		t.Fatalf("gatehousetest: %v", err)
	}
	s.gh, s.APIURL, s.audience = gh, gh.Issuer(), s.URL
	if len(cfg.Audience) > 0 {
		s.audience = cfg.Audience[0]
	}
	s.serve(cfg, scheme)
	s.stop = sync.OnceValue(s.shutdown)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("gatehousetest: %v", err)
		}
	})
	s.Mailbox = newMailbox(func(t testing.TB, to string) []Mail { return fetchMails(t, s.Client, s.URL+"/dev/mailbox/", to) })
	s.verifier, err = verifier.New(s.APIURL, s.audience, verifier.WithHTTPClient(s.Client), verifier.WithPermissionsFrom(s.APIURL),
		verifier.WithClock(s.Clock.Now), verifier.WithLogger(cfg.Logger))
	if err != nil {
		t.Fatalf("gatehousetest: %v", err)
	}
	return s
}

// complete returns a copy of given with every member set that a test needs.
func (s *Server) complete(t testing.TB, given *gatehouse.Config) gatehouse.Config {
	t.Helper()
	var cfg gatehouse.Config
	if given != nil {
		cfg = *given
	}
	cfg.PublicURL, cfg.Dev = s.URL, true
	if cfg.MountPath == "" {
		cfg.MountPath = "/api/auth"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	s.Clock = clockOf(cfg.Clock)
	cfg.Clock = s.Clock.Clock
	completeDatabase(t, &cfg)
	return cfg
}

// serve mounts everything and begins to answer.
func (s *Server) serve(cfg gatehouse.Config, scheme string) {
	s.mux.Handle(strings.TrimSuffix(cfg.MountPath, "/")+"/", s.gh.Handler())
	s.mux.Handle("/account/", s.gh.Pages())
	s.mux.Handle("/console/", s.gh.Console())
	s.mux.Handle("/dev/", s.gh.Dev())
	s.http.Config.ErrorLog = slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug)
	if scheme == "https" {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	s.Client = s.http.Client()
	s.Client.Timeout = requestTimeout
	if tr, ok := s.Client.Transport.(*http.Transport); ok {
		tr.MaxIdleConnsPerHost = 64 // or parallel requests open and close connections all the time
	}
}

// Close stops the server, as the end of the test does: call it to see how others get on without
// it. It may be called again.
func (s *Server) Close() error { return s.stop() }

func (s *Server) shutdown() error {
	s.http.Close()
	s.Client.CloseIdleConnections()
	return s.gh.Close()
}

// Gatehouse returns the instance that serves.
func (s *Server) Gatehouse() *gatehouse.Gatehouse { return s.gh }

// Verifier returns a verifier of the kind that services elsewhere use: it fetches the published
// keys, and permissions that are too many for a token, over HTTP and follows the server's clock. Its
// audience is the first configured.
func (s *Server) Verifier() *verifier.Verifier { return s.verifier }

// Handle serves a handler of your own beside Gatehouse, under a pattern of [http.ServeMux].
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }
