// Command notes keeps the notes of organisations: a small service of a team that lets Gatehouse, inside
// the same process, say who somebody is, which organisation they came for and what they may do there.
//
// Read auth.go first, which is nearly all there is of Gatehouse, then notes.go, the service, and store.go, its one
// table. What the integration takes is marked, and a test counts it.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatehouse-auth/gatehouse"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	if err := serve(ctx, l, "http://localhost:8080", os.Getenv("DATABASE_URL"), os.Getenv("SECRET_KEY")); err != nil {
		log.Fatal(err)
	}
}

// serve answers at l, which the public knows as origin, until ctx ends.
func serve(ctx context.Context, l net.Listener, origin, database, key string) error {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	// gatehouse: begin
	gh, err := gatehouse.New(ctx, gatehouse.Config{Dev: true, PublicURL: origin, DatabaseURL: database, SecretKey: key, Tenants: tenants})
	if err != nil {
		return err
	}
	// gatehouse: end
	mux := http.NewServeMux()
	mount(mux, gh, &notes{&store{pool}, gh.Issuer()}) // gatehouse
	mountPage(mux)

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
