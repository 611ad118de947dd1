package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// A service protects its routes and reads who is calling. Keys are fetched from the
// issuer with the first token.
func Example() {
	id := startIssuer() // stands for https://id.example.com/api/auth
	defer id.Close()

	v, err := verifier.New(id.URL, "https://notes.example.com")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /tenants/{tenant}/notes", v.Require(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller, _ := verifier.FromContext(r.Context())
			fmt.Fprintf(w, "written by %s", caller.Subject)
		}),
		verifier.Tenant(verifier.FromPath("tenant")),
		verifier.Permission("notes.write"),
		verifier.FreshWithin(5*time.Minute),
	))
	service := httptest.NewServer(mux)
	defer service.Close()

	token := id.token("ada", "tenant-a")
	fmt.Println(post(service.URL+"/tenants/tenant-a/notes", token))
	fmt.Println(post(service.URL+"/tenants/tenant-b/notes", token))
	fmt.Println(post(service.URL+"/tenants/tenant-a/notes", ""))
	// Output:
	// 200 written by ada
	// 403 tenant_required
	// 401 token_missing
}

// Where there is no HTTP, check the bare token.
func ExampleVerifier_Verify() {
	id := startIssuer()
	defer id.Close()
	v, err := verifier.New(id.URL, "https://notes.example.com")
	if err != nil {
		log.Fatal(err)
	}

	caller, err := v.Verify(context.Background(), id.token("ada", "tenant-a"))
	fmt.Println(caller.Subject, caller.TenantID, caller.HasPermission("notes.write"), err)
	_, err = v.Verify(context.Background(), "forged")
	fmt.Println(err, errors.Is(err, verifier.ErrTokenInvalid))
	// Output:
	// ada tenant-a true <nil>
	// token_invalid: not a compact JWS true
}

// A condition of one's own refuses with an Error, and is answered as it says.
func ExampleCondition() {
	id := startIssuer()
	defer id.Close()
	v, err := verifier.New(id.URL, "https://notes.example.com")
	if err != nil {
		log.Fatal(err)
	}

	errPlan := &verifier.Error{Code: "plan_required", Status: http.StatusForbidden, Detail: "This needs the gold plan."}
	goldPlan := func(_ *http.Request, caller *verifier.Identity) error {
		if plan, _ := caller.Claim("plan"); string(plan) != `"gold"` {
			return errPlan
		}
		return nil
	}
	service := httptest.NewServer(v.Require(http.NotFoundHandler(), goldPlan))
	defer service.Close()

	fmt.Println(post(service.URL, id.token("ada", "tenant-a")))
	// Output: 403 plan_required
}

// issuerServer is an issuer with one key.
type issuerServer struct{ *httptest.Server }

func startIssuer() issuerServer {
	return issuerServer{httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, "application/json", jwks(es().jwk()))
	}))}
}

func (s issuerServer) token(subject, tenant string) string {
	return es().good(claimsAt(time.Now()).with("iss", s.URL).with("sub", subject).with("tenant_id", tenant))
}

// post returns the status, and the body or the code of the problem.
func post(url, token string) string {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, nil)
	must(err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(err)
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.StatusCode, " ", codeOf(body))
	}
	return fmt.Sprint(resp.StatusCode, " ", string(body))
}
