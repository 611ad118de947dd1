package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// patience bounds what never takes long, so that a hanging test says where.
const patience = 2 * time.Minute

// process is the real binary at work in a directory of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	done chan struct{}

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed at the next line
}

func command(ctx context.Context, t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := exec.LookPath("gatehouse") // testscript.Main has put it there
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	return cmd
}

// start starts a server. It is killed when the test ends, if it still runs.
func start(t *testing.T, dir string, env []string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{t: t, cmd: command(ctx, t, dir, env, append([]string{"serve"}, args...)...), dir: dir, done: make(chan struct{}), more: make(chan struct{})}
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.collect(r)
	go func() {
		_ = p.cmd.Wait() // its state is looked at
		_ = w.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		cancel()
		<-p.done
		if t.Failed() {
			t.Log(p.output())
		}
	})
	return p
}

func (p *process) collect(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// await waits for output that matches and returns its first group.
func (p *process) await(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.After(patience); ; {
		p.mu.Lock()
		text, more := strings.Join(p.lines, "\n"), p.more
		p.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[1]
		}
		select {
		case <-more:
		case <-p.done:
			p.t.Fatalf("the server ended without %s:\n%s", pattern, p.output())
		case <-deadline:
			p.t.Fatalf("no %s in:\n%s", pattern, p.output())
		}
	}
}

// end waits for the process to end and returns its exit code.
func (p *process) end() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("the server does not end:\n%s", p.output())
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// call sends a request and returns the answer with its whole body.
func call(t *testing.T, method, address, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r.Host = r.Header.Get("Host")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(b)
}

// member returns a member of a JSON object.
func member(t *testing.T, object, name string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(object), &all); err != nil {
		t.Fatalf("%v in %s", err, object)
	}
	return fmt.Sprint(all[name])
}

// startDev starts a development server on a port of its own and returns its address.
func startDev(t *testing.T, dir string, env ...string) (p *process, origin string) {
	t.Helper()
	p = start(t, dir, env, "--dev", "--addr", "127.0.0.1:0")
	return p, p.await(`Gatehouse is listening on (http://localhost:\d+)`)
}

func TestServeDevNeedsNothing(t *testing.T) {
	dir := t.TempDir()
	p, origin := startDev(t, dir)

	// The command that is printed works as it stands.
	target := p.await(`curl -X POST (\S+)`)
	body := p.await(`-d '(.*)'`)
	answer, text := call(t, "POST", target, body)
	if answer.StatusCode != http.StatusOK || member(t, text, "access") == "" {
		t.Fatalf("login: %d %s", answer.StatusCode, text)
	}
	if !strings.Contains(text, `"is_superuser":true`) {
		t.Error("the first account is no administrator")
	}
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/healthz/": 200, "/.well-known/jwks.json": 200, "/api/auth/.well-known/jwks.json": 200,
		"/.well-known/oauth-authorization-server/api/auth": 200, "/.well-known/openid-configuration": 200, "/api/auth/openapi.json": 200, "/dev/mailbox/": 200, "/dev/clock/": 200,
		"/": 200 /* led to /dev/ */, "/healthz/x": 404, "/metrics": 404, "/nothing/": 404, "//dev/mailbox/": 404, "/api/auth/../../dev/clock/": 404, "/account/": 200, "/console/": 200 /* led to sign in */, "/accounts/": 404,
	} {
		u := &url.URL{Scheme: "http", Host: strings.TrimPrefix(origin, "http://"), Path: path}
		if answer, text := call(t, "GET", u.String(), ""); answer.StatusCode != want {
			t.Errorf("GET %s: %d, want %d: %s", path, answer.StatusCode, want, text)
		}
	}

	// A later start has nothing to show, and names a command that works too.
	p.signal(syscall.SIGTERM)
	if code := p.end(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	again, _ := startDev(t, dir)
	if answer, text := call(t, "POST", again.await(`curl -X POST (\S+)`), again.await(`-d '(.*)'`)); answer.StatusCode != http.StatusCreated {
		t.Errorf("registration: %d %s", answer.StatusCode, text)
	}
	if strings.Contains(again.output(), "Password") {
		t.Error("a password is shown again")
	}
}

func TestClockOfDevelopmentSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	p, origin := startDev(t, dir)
	answer, text := call(t, "POST", origin+"/dev/clock/", `{"advance": "876000h"}`)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("clock: %d %s", answer.StatusCode, text)
	}
	moved := member(t, text, "now")
	// A command beside sees it at once.
	out, err := command(t.Context(), t, dir, nil, "account", "create", "--dev", "--no-password", "--json", "ada@example.com").Output()
	if joined := member(t, string(out), "date_joined"); err != nil || joined < moved {
		t.Errorf("joined %s before %s: %v", joined, moved, err)
	}
	p.signal(os.Interrupt)
	if code := p.end(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	_, origin = startDev(t, dir)
	if _, text := call(t, "GET", origin+"/dev/clock/", ""); member(t, text, "now") < moved {
		t.Errorf("after a restart it is %s, before %s", text, moved)
	}
}

// production is a server as it is deployed: behind a proxy that speaks https.
type production struct {
	*process
	origin string
	env    []string
}

func startProduction(t *testing.T, databaseURL string, env ...string) *production {
	t.Helper()
	env = append(productionVariables(databaseURL), append([]string{"GATEHOUSE_LISTEN=127.0.0.1:0", "GATEHOUSE_TRUSTED_PROXIES=127.0.0.0/8"}, env...)...)
	p := start(t, t.TempDir(), env)
	return &production{p, "http://" + p.await(`"msg":"listening","address":"([^"]+)"`), env}
}

func (p *production) call(method, path, body string, header ...string) (*http.Response, string) {
	p.t.Helper()
	return call(p.t, method, p.origin+path, body, append([]string{"Host", "id.example.com", "X-Forwarded-Proto", "https", "X-Forwarded-For", "192.0.2.7"}, header...)...)
}

// administer runs a command beside the server.
func (p *production) administer(stdin string, args ...string) string {
	p.t.Helper()
	cmd := command(p.t.Context(), p.t, p.dir, p.env, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("%v: %v: %s", args, err, stderr.String())
	}
	return string(out)
}

func (p *production) login(password string) (*http.Response, string) {
	p.t.Helper()
	return p.call("POST", "/api/auth/login/", `{"email": "ada@example.com", "password": "`+password+`"}`)
}

const canary = "canary by the harbour"

func TestServeProduction(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, databaseURL, _ string) {
		p := startProduction(t, databaseURL, "GATEHOUSE_METRICS_LISTEN=127.0.0.1:0")
		p.administer(canary+"\n", "account", "create", "--superuser", "--password-stdin", "ada@example.com")
		answer, text := p.login(canary)
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("login: %d %s", answer.StatusCode, text)
		}
		access, refresh := member(t, text, "access"), member(t, text, "refresh")
		answer, text = p.call("POST", "/api/auth/token/refresh/", `{"refresh": "`+refresh+`"}`)
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("refresh: %d %s", answer.StatusCode, text)
		}
		successor := member(t, text, "refresh")
		p.login("wrong " + canary)
		p.call("POST", "/api/auth/login/", `{"`+canary)

		// A proxy that strips the mount path is served too; development's tools are not there.
		for path, want := range map[string]int{"/.well-known/jwks.json": 200, "/openapi.json": 200, "/dev/": 404, "/dev/mailbox/": 404, "/dev/clock/": 404, "/metrics": 404} {
			if answer, text := p.call("GET", path, ""); answer.StatusCode != want {
				t.Errorf("GET %s: %d, want %d: %s", path, answer.StatusCode, want, text)
			}
		}
		// Probes come under any name and without https; nothing else does.
		if answer, text := call(t, "GET", p.origin+"/readyz", ""); answer.StatusCode != http.StatusOK || text != "ready\n" {
			t.Errorf("readyz: %d %q", answer.StatusCode, text)
		}
		if answer, _ := call(t, "GET", p.origin+"/api/auth/openapi.json", ""); answer.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("a foreign host: %d", answer.StatusCode)
		}

		metrics := "http://" + p.await(`"metrics":"([^"]+)"`)
		answer, text = call(t, "GET", metrics+"/metrics", "")
		if answer.StatusCode != http.StatusOK || !strings.Contains(text, `gatehouse_refreshes_total{outcome="rotated"} 1`+"\n") || !strings.Contains(text, `gatehouse_signins_total{outcome="succeeded"} 1`+"\n") || !strings.Contains(text, `gatehouse_jobs{state="dead"}`) {
			t.Errorf("metrics: %d %s", answer.StatusCode, text)
		}
		if answer, _ := call(t, "GET", metrics+"/api/auth/openapi.json", ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("the API is on the metrics listener: %d", answer.StatusCode)
		}

		p.signal(syscall.SIGTERM)
		if code := p.end(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		for _, secret := range []string{canary, access, refresh, successor, testKey} {
			if strings.Contains(p.output(), secret) {
				t.Error("the log holds a secret")
			}
		}
		for line := range strings.Lines(p.output()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("the log is not JSON: %s", line)
			}
		}
	})
}

// Whoever is disabled from the command line is out at once, whatever they hold.
func TestDisabledAccountIsOutOfARunningServer(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, databaseURL, _ string) {
		p := startProduction(t, databaseURL)
		p.administer(canary, "account", "create", "--password-stdin", "ada@example.com")
		_, text := p.login(canary)
		access, refresh := member(t, text, "access"), member(t, text, "refresh")
		refused := func(when, wantLogin string) {
			t.Helper()
			if answer, text := p.call("GET", "/api/auth/me/", "", "Authorization", "Bearer "+access); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: access token: %d %s", when, answer.StatusCode, text)
			}
			if answer, text := p.call("POST", "/api/auth/token/refresh/", `{"refresh": "`+refresh+`"}`); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: refresh token: %d %s", when, answer.StatusCode, text)
			}
			if _, text := p.login(canary); member(t, text, "code") != wantLogin {
				t.Errorf("%s: login: %s", when, text)
			}
		}
		if answer, text := p.call("GET", "/api/auth/me/", "", "Authorization", "Bearer "+access); answer.StatusCode != http.StatusOK {
			t.Fatalf("me: %d %s", answer.StatusCode, text)
		}
		p.administer("", "account", "disable", "ada@example.com")
		refused("disabled", "account_disabled")
		p.administer("", "account", "enable", "ada@example.com")
		p.administer("another "+canary, "account", "set-password", "--password-stdin", "ada@example.com")
		refused("new password", "credentials_rejected")
		if answer, text := p.login("another " + canary); answer.StatusCode != http.StatusOK {
			t.Errorf("login with the new password: %d %s", answer.StatusCode, text)
		}
	})
}

func TestStopLetsRequestsUnderWayFinish(t *testing.T) {
	p, origin := startDev(t, t.TempDir())
	address := strings.Replace(strings.TrimPrefix(origin, "http://"), "localhost", "127.0.0.1", 1)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"email": "nobody@example.com", "password": "` + canary + `"}`
	_, err = fmt.Fprintf(conn, "POST /api/auth/login/ HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", strings.TrimPrefix(origin, "http://"), len(body), body[:9])
	if err != nil {
		t.Fatal(err)
	}
	// The server reads the request's head before it hears the signal: it answers another
	// connection that was opened later.
	call(t, "GET", origin+"/healthz", "", "Connection", "close")
	p.signal(syscall.SIGTERM)
	p.await(`(msg=stopping)`)
	if _, err := io.WriteString(conn, body[9:]); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered with %d", answer.StatusCode)
	}
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}
}

func TestNotReadyWithoutDatabase(t *testing.T) {
	cluster, err := dbtest.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Stop()
	if err := cluster.Exec(t.Context(), "postgres", "CREATE DATABASE gone OWNER "+dbtest.Owner); err != nil {
		t.Fatal(err)
	}
	if err := dbtest.Migrate(t.Context(), cluster.URL(dbtest.Owner, "gone"), dbtest.App); err != nil {
		t.Fatal(err)
	}
	p := startProduction(t, cluster.URL(dbtest.App, "gone"))
	if answer, _ := call(t, "GET", p.origin+"/readyz", ""); answer.StatusCode != http.StatusOK {
		t.Fatalf("readyz: %d", answer.StatusCode)
	}
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	if answer, text := call(t, "GET", p.origin+"/readyz", ""); answer.StatusCode != http.StatusServiceUnavailable || text != "not ready\n" {
		t.Errorf("readyz: %d %q", answer.StatusCode, text)
	}
	if answer, _ := call(t, "GET", p.origin+"/healthz", ""); answer.StatusCode != http.StatusOK {
		t.Errorf("healthz: %d", answer.StatusCode)
	}
	if answer, text := p.login(canary); answer.StatusCode != http.StatusServiceUnavailable || member(t, text, "code") != "unavailable" {
		t.Errorf("login: %d %s", answer.StatusCode, text)
	}
	p.signal(syscall.SIGTERM)
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTakenAddressIsAFailureThatNamesIt(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := ln.Addr().String()
	for setting, env := range map[string][]string{
		"--addr (GATEHOUSE_LISTEN)": {"GATEHOUSE_LISTEN=" + taken},
		"GATEHOUSE_METRICS_LISTEN":  {"GATEHOUSE_LISTEN=127.0.0.1:0", "GATEHOUSE_METRICS_LISTEN=" + taken},
	} {
		p := start(t, t.TempDir(), env, "--dev")
		if code := p.end(); code != exitFailure || !strings.Contains(p.output(), setting+": another program listens at "+taken) {
			t.Errorf("%s: exit code %d: %s", setting, code, p.output())
		}
		if _, err := os.Stat(filepath.Join(p.dir, ".gatehouse", "gatehouse.db")); err == nil {
			t.Error("it made a database for nothing")
		}
	}
}
