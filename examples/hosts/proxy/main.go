// Command proxy is a service that stands before a Gatehouse of a process of its own: it answers what is its
// own, checks tokens by the published keys, and passes everything else on.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", "localhost:8080")
	if err != nil {
		log.Fatal(err)
	}
	if err := serve(ctx, l, "http://localhost:8080", "127.0.0.1:8081"); err != nil {
		log.Fatal(err)
	}
}

// serve answers at l, which the public knows as origin, until ctx ends. Gatehouse listens at inner, where
// the public does not come.
func serve(ctx context.Context, l net.Listener, origin, inner string) error {
	mux := http.NewServeMux()

	// gatehouse: begin
	v, err := verifier.New(origin+"/api/auth", origin, verifier.WithJWKSURL("http://"+inner+"/api/auth/.well-known/jwks.json"))
	if err != nil {
		return err
	}
	mux.Handle("/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", inner // Out.Host stays the public name, which Gatehouse answers to
		r.SetXForwarded()                                // whoever called, instead of what they say of themselves
	}})
	mux.Handle("GET /hello", v.Require(http.HandlerFunc(hello)))
	// gatehouse: end

	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Shutdown(context.WithoutCancel(ctx))
	}
}

func hello(w http.ResponseWriter, r *http.Request) {
	id, _ := verifier.FromContext(r.Context())
	fmt.Fprintf(w, "Hello, account %s.\n", id.Subject)
}
