package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/examples/hosts/hosttest"
	"github.com/gatehouse-auth/gatehouse/gatehousetest"
)

// start runs a Gatehouse and the program before it, each at a free port, until the test ends. It returns
// the program's origin and the address that only the program should reach.
func start(t *testing.T) (origin, inner string) {
	t.Helper()
	l, origin := hosttest.Listen(t)
	inner = startGatehouse(t, origin)
	hosttest.Run(t, func(ctx context.Context) error { return serve(ctx, l, origin, inner) })
	return origin, inner
}

// settings are those of a Gatehouse behind this proxy, as README.md shows them.
var settings = []string{"GATEHOUSE_PUBLIC_URL=http://localhost:8080", "GATEHOUSE_TRUSTED_PROXIES=127.0.0.1/32"}

func TestREADMEShowsTheSettings(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		if !bytes.Contains(readme, []byte(s)) {
			t.Errorf("README.md does not show %s", s)
		}
	}
}

// startGatehouse starts the real server as a process of its own, waits until it serves, and returns its address.
func startGatehouse(t *testing.T, origin string) (inner string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "gatehouse")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/gatehouse")
	build.Dir = "../../.." // a module of its own
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, free := hosttest.Listen(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	inner = strings.TrimPrefix(free, "http://")

	ctx, kill := context.WithCancel(context.WithoutCancel(t.Context()))
	server := exec.CommandContext(ctx, program, "serve", "--dev", "--addr", inner, "--data", dir)
	for _, s := range settings {
		server.Env = append(server.Env, strings.ReplaceAll(s, "http://localhost:8080", origin))
	}
	server.Stderr = t.Output()
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	welcomed := lines.Scan() // when it listens
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() { // or the server would wait for a reader
		}
	}()
	t.Cleanup(func() {
		kill()
		<-drained
		_ = server.Wait() // it was killed
	})
	if !welcomed {
		t.Fatal("Gatehouse did not start")
	}
	return inner
}

// The clocks of two processes cannot be moved together, so what needs time to pass is proven by the other hosts.
func TestProxyKeepsAllPromises(t *testing.T) {
	origin, _ := start(t)
	target := hosttest.Target(origin)
	target.ClockURL, target.TenantData = "", ""
	gatehousetest.Run(t, target)
}

// forged is what a stranger says of themselves.
var forged = http.Header{
	"Connection": {"X-Forwarded-For, X-Forwarded-Proto"}, // a proxy that obeys too late drops its own
	"Forwarded":  {"for=203.0.113.7;host=evil.example.com;proto=https"}, "X-Real-Ip": {"203.0.113.7"},
	"X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Host": {"evil.example.com"}, "X-Forwarded-Proto": {"https"},
}

// Where a sign-in came from is what the proxy saw, or, past the proxy, what Gatehouse saw itself. Nothing
// that strangers write changes it.
func TestStrangersDoNotChooseTheirAddress(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skip("this machine is 127.0.0.1 alone, so nobody here calls from another address")
	} else {
		l.Close()
	}
	origin, inner := start(t)
	email := gatehousetest.NewAddress()
	login := `{"email": "` + email + `", "password": "StrongPass123!"}`
	register(t, origin, nil, email)
	mail := mailed(t, origin, email)
	hosttest.Call(t, http.DefaultTransport, "POST", origin+"/api/auth/email/verify/", nil, `{"token": "`+mail.Token()+`"}`)

	past := forged.Clone()
	past.Set("Host", strings.TrimPrefix(origin, "http://"))
	for _, c := range []struct {
		what, from, to, want string
		header               http.Header
	}{
		{"through the proxy", "127.0.0.2", origin, "127.0.0.2", nil},
		{"through the proxy, claiming another", "127.0.0.2", origin, "127.0.0.2", forged},
		{"past the proxy, claiming another", "127.0.0.3", "http://" + inner, "127.0.0.3", past},
	} {
		if got := signInFrom(t, c.from, c.to, c.header, login); got != c.want {
			t.Errorf("%s: Gatehouse saw %s, not %s", c.what, got, c.want)
		}
	}
}

// signInFrom signs in from an address of this machine and returns the one that Gatehouse saw.
func signInFrom(t *testing.T, from, to string, header http.Header, login string) (seen string) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	by := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	status, _, body := hosttest.Call(t, by, "POST", to+"/api/auth/login/", header, login)
	var session struct{ Access string }
	if err := json.Unmarshal(body, &session); err != nil || status != http.StatusOK {
		t.Fatalf("signing in: %d: %v", status, err)
	}
	with := http.Header{"Authorization": {"Bearer " + session.Access}}
	if header != nil {
		with.Set("Host", header.Get("Host"))
	}
	_, _, body = hosttest.Call(t, by, "GET", to+"/api/auth/sessions/", with, "")
	var list struct {
		Sessions []struct {
			Current bool
			Address string
		}
	}
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	for _, s := range list.Sessions {
		if s.Current {
			seen = s.Address
		}
	}
	return seen
}

// Links lead to the public address, whatever a request says; and only the public name is answered.
func TestMailsLeadToThePublicAddress(t *testing.T) {
	origin, _ := start(t)
	email := gatehousetest.NewAddress()
	elsewhere := forged.Clone()
	elsewhere.Set("Host", "evil.example.com")
	if status := register(t, origin, elsewhere, email); status != http.StatusMisdirectedRequest {
		t.Errorf("under another name: %d", status)
	}
	if status := register(t, origin, forged, email); status != http.StatusCreated {
		t.Fatalf("registering: %d", status)
	}
	if link := mailed(t, origin, email).Link(); !strings.HasPrefix(link, origin+"/account/verify/?token=") {
		t.Error("the mail leads elsewhere than to the public address")
	}
}

func register(t *testing.T, origin string, header http.Header, email string) (status int) {
	t.Helper()
	status, _, _ = hosttest.Call(t, http.DefaultTransport, "POST", origin+"/api/auth/register/", header,
		`{"email": "`+email+`", "password": "StrongPass123!", "full_name": "Test User"}`)
	return status
}

// mailed waits for the first mail to an address.
func mailed(t *testing.T, origin, to string) gatehousetest.Mail {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_, _, body := hosttest.Call(t, http.DefaultTransport, "GET", origin+"/dev/mailbox/?to="+to, nil, "")
		var mails []gatehousetest.Mail
		if err := json.Unmarshal(body, &mails); err != nil {
			t.Fatal(err)
		}
		if len(mails) > 0 {
			return mails[0]
		}
	}
	t.Fatalf("no mail to %s", to)
	return gatehousetest.Mail{}
}
