// Command resource-server is a service that lets in whoever Gatehouse signed in, without a
// database and without calling Gatehouse for a request.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

func main() {
	v, err := newVerifier(os.Getenv("ISSUER"), os.Getenv("AUDIENCE"), os.Getenv("JWKS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: os.Getenv("LISTEN"), Handler: routes(v), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// newVerifier checks tokens of issuer for audience. jwksURL is where the keys are fetched, if this
// service reaches the issuer by another address than the public does.
func newVerifier(issuer, audience, jwksURL string, more ...verifier.Option) (*verifier.Verifier, error) {
	if jwksURL != "" {
		more = append(more, verifier.WithJWKSURL(jwksURL))
	}
	return verifier.New(issuer, audience, more...)
}

func routes(v *verifier.Verifier) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /notes", v.Require(http.HandlerFunc(notes)))
	return mux
}

func notes(w http.ResponseWriter, r *http.Request) {
	id, _ := verifier.FromContext(r.Context())
	fmt.Fprintf(w, "The notes of account %s.\n", id.Subject)
}
