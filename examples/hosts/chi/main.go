// Command chi is a program with Gatehouse inside whose router is chi.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", "localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	if err := serve(ctx, l, "http://localhost:8080", "sqlite:chi.db"); err != nil {
		log.Fatal(err)
	}
}

// serve answers at l, which the public knows as origin, until ctx ends.
func serve(ctx context.Context, l net.Listener, origin, database string) error {
	router := chi.NewRouter()
	router.Use(middleware.Recoverer)

	// gatehouse: begin
	gh, err := gatehouse.New(ctx, gatehouse.Config{Dev: true, PublicURL: origin, DatabaseURL: database, Tenants: gatehouse.Tenants{Create: "anyone"}})
	if err != nil {
		return err
	}
	router.Mount("/api/auth", gh.Handler())
	router.Mount("/account", gh.Pages())
	router.Mount("/console", gh.Console())
	router.Mount("/dev", gh.Dev())
	router.Method("GET", "/hello", gh.Require(http.HandlerFunc(hello)))
	// gatehouse: end

	// As middleware, for a whole branch: the token must be for the tenant that the path names.
	router.Route("/tenants/{tenant}", func(r chi.Router) {
		here := verifier.Tenant(verifier.FromPath("tenant"))
		r.Use(func(next http.Handler) http.Handler { return gh.Require(next, here) })
		r.Get("/hello", hello)
	})

	server := &http.Server{Handler: router, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = server.Shutdown(context.WithoutCancel(ctx)) // before Close: requests under way need the database
	}
	return errors.Join(err, gh.Close()) // gatehouse
}

func hello(w http.ResponseWriter, r *http.Request) {
	id, _ := verifier.FromContext(r.Context())
	fmt.Fprintf(w, "Hello, account %s.\n", id.Subject)
}
