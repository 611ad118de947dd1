package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// start runs the program at a free port until the test ends and returns its origin.
func start(t *testing.T) (origin string) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, origin, "sqlite:"+filepath.Join(t.TempDir(), "embedded.db")) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return origin
}

func TestEmbeddedKeepsAllPromises(t *testing.T) {
	origin := start(t)
	gatehousetest.Run(t, gatehousetest.Target{
		APIURL: origin + "/api/auth/", MailboxURL: origin + "/dev/mailbox/", ClockURL: origin + "/dev/clock/", Protected: origin + "/hello",
	})
}

// The stateless route trusts a token until it expires; the live one asks for its session.
func TestEmbeddedLiveRouteEndsWithTheSession(t *testing.T) {
	c := &caller{t: t, origin: start(t)}
	to := gatehousetest.NewAddress()
	c.call("POST", "/api/auth/register/", "", `{"email": "`+to+`", "password": "StrongPass123!", "full_name": "Test User"}`)
	c.call("POST", "/api/auth/email/verify/", "", `{"token": "`+c.mailed(to)+`"}`)
	_, body := c.call("POST", "/api/auth/login/", "", `{"email": "`+to+`", "password": "StrongPass123!"}`)
	var signedIn struct {
		Access string `json:"access"`
	}
	if err := json.Unmarshal(body, &signedIn); err != nil {
		t.Fatal(err)
	}
	expect := func(method, path string, want int) {
		t.Helper()
		if got, _ := c.call(method, path, signedIn.Access, ""); got != want {
			t.Errorf("%s %s answers %d, not %d", method, path, got, want)
		}
	}
	expect("GET", "/hello", http.StatusOK)
	expect("GET", "/hello/live", http.StatusOK)
	expect("POST", "/api/auth/logout/", http.StatusOK)
	expect("GET", "/hello", http.StatusOK)
	expect("GET", "/hello/live", http.StatusUnauthorized)
}

type caller struct {
	t      *testing.T
	origin string
}

func (c *caller) call(method, path, token, body string) (status int, answer []byte) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.origin+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(resp.Body); err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, out.Bytes()
}

// mailed waits for the mail to an address and returns its token.
func (c *caller) mailed(to string) string {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_, body := c.call("GET", "/dev/mailbox/?to="+to, "", "")
		var mails []gatehousetest.Mail
		if err := json.Unmarshal(body, &mails); err != nil {
			c.t.Fatal(err)
		}
		if len(mails) > 0 {
			return mails[0].Token()
		}
	}
	c.t.Fatalf("no mail to %s", to)
	return ""
}
