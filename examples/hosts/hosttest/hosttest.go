// Package hosttest is what the tests of these hosts share: where they listen, and what every router must
// leave to Gatehouse.
package hosttest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// Listen returns a listener at a free port of this machine and the origin that it makes. Give it to [Run].
func Listen(t *testing.T) (l net.Listener, origin string) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, "http://" + l.Addr().String()
}

// Run runs a host until the test ends, and wants it to end well.
func Run(t *testing.T, serve func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Target is what the battery proves of the host at origin: Gatehouse, and the host's own routes.
func Target(origin string) gatehousetest.Target {
	return gatehousetest.Target{
		APIURL: origin + "/api/auth/", MailboxURL: origin + "/dev/mailbox/", ClockURL: origin + "/dev/clock/",
		Protected: origin + "/hello", TenantData: origin + "/tenants/{tenant}/hello",
	}
}

// Routing proves that a host's router leaves Gatehouse's part of the paths to Gatehouse, with every method
// and spelling, and nothing else.
func Routing(t *testing.T, origin string) {
	t.Helper()
	for _, c := range []struct {
		method, path string
		status       int
		code         string // of Gatehouse's problem; empty: of no problem
		allow        string
	}{
		{"GET", "/api/auth/.well-known/jwks.json", 200, "", ""},
		{"HEAD", "/api/auth/.well-known/jwks.json", 200, "", ""},
		{"GET", "/api/auth/me/", 401, "token_missing", ""},
		{"GET", "/api/auth/me", 401, "token_missing", ""},
		{"GET", "/api/auth/nothing/", 404, "not_found", ""},
		{"GET", "/api/auth/", 404, "not_found", ""},
		{"GET", "/api/auth/%6de%2f", 404, "not_found", ""},
		{"DELETE", "/api/auth/login/", 405, "method_not_allowed", "POST"},
		{"OPTIONS", "/api/auth/login/", 405, "method_not_allowed", "POST"},
		{"GET", "/account/sign-in/", 200, "", ""},
		{"GET", "/account/sign-in", 200, "", ""},
		{"HEAD", "/account/sign-in/", 200, "", ""},
		{"GET", "/console/", 303, "", ""},
		{"GET", "/dev/mailbox/", 200, "", ""},
		{"GET", "/hello", 401, "token_missing", ""},
		{"GET", "/tenants/acme/hello", 401, "token_missing", ""},
	} {
		status, header, body := Call(t, http.DefaultTransport, c.method, origin+c.path, nil, "")
		var problem struct{ Code string }
		if strings.HasPrefix(header.Get("Content-Type"), "application/problem+json") {
			if err := json.Unmarshal(body, &problem); err != nil {
				t.Errorf("%s %s: %v", c.method, c.path, err)
			}
		}
		if status != c.status || problem.Code != c.code || header.Get("Allow") != c.allow {
			t.Errorf("%s %s answers %d %q, Allow %q", c.method, c.path, status, problem.Code, header.Get("Allow"))
		}
	}
}

// Call sends one request as a program does and returns the answer. It follows no redirect. A body is JSON.
func Call(t *testing.T, by http.RoundTripper, method, url string, header http.Header, body string) (status int, got http.Header, answer []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header.Clone()
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	r.Header.Set("Accept", "application/json")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := by.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, answer
}
