package gatehouse_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

func Example() {
	ctx, dir := context.Background(), folder()
	defer os.RemoveAll(dir)
	gh, err := gatehouse.New(ctx, gatehouse.Config{
		PublicURL:   "http://localhost:8080",
		DatabaseURL: "sqlite:" + filepath.Join(dir, "gatehouse.db"),
		Dev:         true, // in production: an https PublicURL, SecretKey and SMTPURL instead
		Logger:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gh.Close()

	mux := http.NewServeMux()
	mux.Handle("/api/auth/", gh.Handler()) // register, sign in, refresh, …
	mux.Handle("/account/", gh.Pages())    // signing in and up, and people's own pages
	mux.Handle("/console/", gh.Console())  // for staff
	mux.Handle("GET /hello", gh.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := verifier.FromContext(r.Context())
		fmt.Fprintln(w, "Hello, account", id.Subject)
	})))
	// http.ListenAndServe("localhost:8080", mux) comes here.

	_, err = gh.CreateAccount(ctx, gatehouse.NewAccount{Email: "jo@example.com", Password: "StrongPass123!", Subject: "42"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(ask(mux, "GET", "/hello", "", nil))
	fmt.Print(ask(mux, "GET", "/hello", signIn(mux, "/api/auth/login/"), nil))
	// Output:
	// 401
	// 200 Hello, account 42
}

// A mux that takes the path apart itself can do so: the API works with and without its mount path.
func ExampleGatehouse_Handler() {
	ctx, dir := context.Background(), folder()
	defer os.RemoveAll(dir)
	gh, err := gatehouse.New(ctx, gatehouse.Config{
		PublicURL: "http://localhost:8080", MountPath: "/id", Dev: true,
		DatabaseURL: "sqlite:" + filepath.Join(dir, "gatehouse.db"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gh.Close()

	mux := http.NewServeMux()
	mux.Handle("/id/", http.StripPrefix("/id", gh.Handler()))
	fmt.Println(gh.Issuer())
	fmt.Print(ask(mux, "GET", "/id/me/", "", nil))
	// Output:
	// http://localhost:8080/id
	// 401
}

// Require composes with conditions; Live asks the database whether the session still stands.
func ExampleGatehouse_Require() {
	ctx, dir := context.Background(), folder()
	defer os.RemoveAll(dir)
	gh, err := gatehouse.New(ctx, gatehouse.Config{
		PublicURL: "http://localhost:8080", Dev: true,
		DatabaseURL: "sqlite:" + filepath.Join(dir, "gatehouse.db"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gh.Close()
	_, err = gh.CreateAccount(ctx, gatehouse.NewAccount{Email: "jo@example.com", Password: "StrongPass123!"})
	if err != nil {
		log.Fatal(err)
	}

	done := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "done") })
	mux := http.NewServeMux()
	mux.Handle("/api/auth/", gh.Handler())
	mux.Handle("POST /pay", gh.Require(done, gh.Live()))
	mux.Handle("POST /close", gh.Require(done, verifier.Role("admin")))

	token := signIn(mux, "/api/auth/login/")
	fmt.Print(ask(mux, "POST", "/pay", token, nil))
	fmt.Print(ask(mux, "POST", "/close", token, nil))
	ask(mux, "POST", "/api/auth/logout/", token, nil)
	fmt.Print(ask(mux, "POST", "/pay", token, nil))
	// Output:
	// 200 done
	// 403
	// 401
}

// RequirePage is for what a browser shows: whoever is not signed in on the account pages is led there, and back.
func ExampleGatehouse_RequirePage() {
	ctx, dir := context.Background(), folder()
	defer os.RemoveAll(dir)
	gh, err := gatehouse.New(ctx, gatehouse.Config{
		PublicURL: "http://localhost:8080", Dev: true,
		DatabaseURL: "sqlite:" + filepath.Join(dir, "gatehouse.db"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gh.Close()

	inbox := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _ := verifier.FromContext(r.Context())
		fmt.Fprintln(w, "The inbox of account", id.Subject)
	})
	mux := http.NewServeMux()
	mux.Handle("/account/", gh.Pages())
	mux.Handle("GET /inbox", gh.RequirePage(inbox))

	r, w := httptest.NewRequest("GET", "http://localhost:8080/inbox?box=2", nil), httptest.NewRecorder()
	r.Header.Set("Accept", "text/html")
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output:
	// 303 /account/sign-in/?next=%2Finbox%3Fbox%3D2
}

// folder returns a new temporary folder.
func folder() string {
	dir, err := os.MkdirTemp("", "gatehouse-example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir
}

// ask returns the status, and the body of a success.
func ask(h http.Handler, method, path, token string, body []byte) string {
	r := httptest.NewRequest(method, "http://localhost:8080"+path, bytes.NewReader(body))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Sprintln(w.Code)
	}
	return fmt.Sprint(w.Code, " ", w.Body)
}

// signIn returns an access token.
func signIn(h http.Handler, path string) string {
	answer := ask(h, "POST", path, "", []byte(`{"email": "jo@example.com", "password": "StrongPass123!"}`))
	var tokens struct {
		Access string `json:"access"`
	}
	_, body, _ := bytes.Cut([]byte(answer), []byte(" "))
	if err := json.Unmarshal(body, &tokens); err != nil {
		log.Fatal("signing in: ", answer)
	}
	return tokens.Access
}
