// Command embedded is a program with its own web server that has Gatehouse inside.
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
	if err := serve(ctx, l, "http://localhost:8080", "sqlite:embedded.db"); err != nil {
		log.Fatal(err)
	}
}

// serve answers at l, which the public knows as origin, until ctx ends.
func serve(ctx context.Context, l net.Listener, origin, database string) error {
	mux := http.NewServeMux()

	// gatehouse: begin
	gh, err := gatehouse.New(ctx, gatehouse.Config{Dev: true, PublicURL: origin, DatabaseURL: database})
	if err != nil {
		return err
	}
	mux.Handle("/api/auth/", gh.Handler())
	mux.Handle("/account/", gh.Pages())
	mux.Handle("/console/", gh.Console())
	mux.Handle("/dev/", gh.Dev())
	mux.Handle("GET /hello", gh.Require(http.HandlerFunc(hello)))
	// gatehouse: end
	mux.Handle("GET /hello/live", gh.Require(http.HandlerFunc(hello), gh.Live())) // refused as soon as the session ends
	mux.Handle("GET /hello/page", gh.RequirePage(http.HandlerFunc(hello)))        // for browsers: leads to the sign-in page and back

	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
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
