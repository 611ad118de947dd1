package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

const audience = "https://notes.example.com"

// serve runs the service for tokens of srv for audience and returns its address.
func serve(t *testing.T, srv *gatehousetest.Server, audience string) (url string) {
	t.Helper()
	v, err := newVerifier(srv.APIURL, audience, srv.APIURL+"/.well-known/jwks.json", verifier.WithClock(srv.Clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	service := httptest.NewServer(routes(v))
	t.Cleanup(service.Close)
	return service.URL
}

func get(t *testing.T, client *http.Client, url string) (status int, text string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestNotesAreForTheirAccountAlone(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{Audience: []string{audience}})
	notes := serve(t, srv, audience) + "/notes"
	acc := srv.CreateAccount(t)
	if status, text := get(t, srv.ClientOf(srv.SignIn(t, acc)), notes); status != http.StatusOK || !strings.Contains(text, acc.ID) {
		t.Errorf("with a token: %d", status)
	}
	if status, text := get(t, srv.Client, notes); status != http.StatusUnauthorized || !strings.Contains(text, "token_missing") {
		t.Errorf("without a token: %d", status)
	}
	if status, _ := get(t, srv.ClientOf(gatehousetest.Session{Access: "made-up"}), notes); status != http.StatusUnauthorized {
		t.Errorf("with a made-up token: %d", status)
	}
}

func TestNotesRefuseTokensForOtherServices(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{Audience: []string{audience}})
	notes := serve(t, srv, "https://other.example.com") + "/notes"
	if status, _ := get(t, srv.ClientOf(srv.SignIn(t, srv.CreateAccount(t))), notes); status != http.StatusUnauthorized {
		t.Errorf("with a token for another service: %d", status)
	}
}

// Gatehouse is away, and nobody whose token has not expired notices.
func TestNotesOutliveTheAuthTier(t *testing.T) {
	srv := gatehousetest.New(t, &gatehouse.Config{Audience: []string{audience}})
	notes := serve(t, srv, audience) + "/notes"
	client := srv.ClientOf(srv.SignIn(t, srv.CreateAccount(t)))
	get(t, client, notes)
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, client, notes); status != http.StatusOK {
		t.Errorf("right after the auth tier stopped: %d", status)
	}
	srv.Clock.Advance(t, 10*time.Minute-5*time.Second)
	if status, _ := get(t, client, notes); status != http.StatusOK {
		t.Errorf("shortly before the token expires: %d", status)
	}
	srv.Clock.Advance(t, 5*time.Second)
	if status, _ := get(t, client, notes); status != http.StatusUnauthorized {
		t.Errorf("after the token has expired: %d", status)
	}
}

func TestNewVerifierRefusesAnEmptyEnvironment(t *testing.T) {
	if _, err := newVerifier("", "", ""); err == nil {
		t.Error("a service without issuer and audience starts")
	}
}

func TestKeysComeFromTheIssuerByDefault(t *testing.T) {
	srv := gatehousetest.New(t, nil)
	v, err := newVerifier(srv.APIURL, srv.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), srv.SignIn(t, srv.CreateAccount(t)).Access); err != nil {
		t.Error(err)
	}
}
