package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// start runs the program at a free port until the test ends and returns its origin.
func start(t *testing.T) (origin string) {
	t.Helper()
	origin, _ = startAt(t)
	return origin
}

// startAt is start that also says which database it is.
func startAt(t *testing.T) (origin, database string) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin, database = "http://"+l.Addr().String(), "sqlite:"+filepath.Join(t.TempDir(), "embedded.db")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, origin, database) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return origin, database
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

// A page asks for the cookie of the account pages, and the command makes the first administrator while the program runs.
func TestEmbeddedPageAndFirstAdministrator(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "gatehouse")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/gatehouse").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	origin, database := startAt(t)
	c := &caller{t: t, origin: origin}
	to := gatehousetest.NewAddress()
	c.call("POST", "/api/auth/register/", "", `{"email": "`+to+`", "password": "StrongPass123!", "full_name": "Test User"}`)
	c.call("POST", "/api/auth/email/verify/", "", `{"token": "`+c.mailed(to)+`"}`)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	show := func(method, path string, form url.Values) (status int, at string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, origin+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		if method == "POST" {
			r.Header.Set("Origin", origin)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.Request.URL.Path
	}
	if status, at := show("GET", "/hello/page", nil); status != http.StatusOK || at != "/account/sign-in/" {
		t.Errorf("not signed in: %d at %s", status, at)
	}
	if status, at := show("POST", "/account/sign-in/", url.Values{"name": {to}, "password": {"StrongPass123!"}, "next": {"/hello/page"}}); status != http.StatusOK || at != "/hello/page" {
		t.Errorf("signing in: %d at %s", status, at)
	}
	if status, _ := show("GET", "/console/", nil); status != http.StatusForbidden {
		t.Errorf("the console before: %d", status)
	}
	command := exec.CommandContext(t.Context(), binary, "account", "set-superuser", "--dev", to, "on")
	command.Dir, command.Env = t.TempDir(), append(os.Environ(), "GATEHOUSE_DATABASE_URL="+database)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if status, _ := show("GET", "/console/", nil); status != http.StatusOK {
		t.Errorf("the console after: %d", status)
	}
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
