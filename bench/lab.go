package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

const (
	publicHost = "id.example.com"
	publicURL  = "https://" + publicHost
	mount      = "/api/auth"
	module     = "github.com/gatehouse-auth/gatehouse"
)

// lab holds what the measurements share: a folder, the server's binaries, a PostgreSQL of their own.
type lab struct {
	options
	dir       string
	secretKey string // the key-encryption key of every database made here

	build      func() (string, error)
	cluster    *dbtest.Cluster
	postmaster int // its process; 0 while there is none
}

func openLab(o options) (*lab, error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return nil, err
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // it never fails
	l := &lab{options: o, dir: dir, secretKey: base64.StdEncoding.EncodeToString(key[:])}
	l.build = sync.OnceValues(func() (string, error) { return l.compile("gatehouse") })
	return l, nil
}

func (l *lab) close() {
	if l.cluster != nil {
		_ = l.cluster.Stop() // it goes away with this process anyway
	}
	_ = os.RemoveAll(l.dir) // a temporary folder
}

// conditions describes where this runs.
func (l *lab) conditions() string {
	return fmt.Sprintf("%s %s/%s, %d cores, %s; %d rounds of %v a side; %s sessions of %s accounts",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), l.rounds, l.block, grouped(int64(l.size.sessions)), grouped(int64(l.size.accounts)))
}

func processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// compile builds the server as it is released.
func (l *lab) compile(name string, flags ...string) (string, error) {
	out := filepath.Join(l.dir, name)
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", out}, flags...)
	cmd := exec.Command("go", append(args, module+"/cmd/gatehouse")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w: %s", err, text)
	}
	return out, nil
}

// startCluster starts PostgreSQL with its defaults, durable, once.
func (l *lab) startCluster(ctx context.Context) error {
	if l.cluster != nil {
		return nil
	}
	c, err := dbtest.StartCluster("fsync=on")
	if err != nil {
		return err
	}
	l.cluster = c
	conn, err := pgx.Connect(ctx, c.URL(dbtest.Super, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing to lose
	var backend int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return err
	}
	_, l.postmaster, _, _ = processTime(fmt.Sprintf("/proc/%d/stat", backend))
	return nil
}

// createDatabase makes an empty database that is ready to serve.
func (l *lab) createDatabase(ctx context.Context, name string) error {
	if err := l.startCluster(ctx); err != nil {
		return err
	}
	if err := l.cluster.Exec(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE template0 OWNER "+dbtest.Owner); err != nil {
		return err
	}
	return dbtest.Migrate(ctx, l.cluster.URL(dbtest.Owner, name), dbtest.App)
}

// checkpoint has PostgreSQL write everything down, so that no block pays for the one before it:
// after it, the first change of each page costs a copy of the page.
func (l *lab) checkpoint(ctx context.Context) error {
	return l.cluster.Exec(ctx, "postgres", "CHECKPOINT")
}

// server is a running child process.
type server struct {
	cmd     *exec.Cmd
	address string
	host    string        // by which it is called
	took    time.Duration // from its start to its first answer
}

// startServer runs the server as in production, behind a proxy on this machine.
func (l *lab) startServer(ctx context.Context, binary, databaseURL string, settings ...string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "serve", "--addr", address)
	cmd.Env = append(cleanEnvironment(),
		"GATEHOUSE_PUBLIC_URL="+publicURL, "GATEHOUSE_DATABASE_URL="+databaseURL, "GATEHOUSE_SECRET_KEY="+l.secretKey,
		"GATEHOUSE_SMTP_URL=off", "GATEHOUSE_TRUSTED_PROXIES=127.0.0.1/32")
	cmd.Env = append(cmd.Env, settings...)
	return launch(ctx, &server{cmd: cmd, address: address, host: publicHost}, "/healthz")
}

// startDev runs the server in development mode on the files in data.
func (l *lab) startDev(ctx context.Context, binary, data string, settings ...string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "serve", "--dev", "--addr", address, "--data", data)
	cmd.Env = append(cleanEnvironment(), "GATEHOUSE_SECRET_KEY="+l.secretKey, "GATEHOUSE_AUDIENCE="+publicURL)
	cmd.Env = append(cmd.Env, settings...)
	return launch(ctx, &server{cmd: cmd, address: address, host: address}, "/healthz")
}

// cleanEnvironment is this process's without settings of Gatehouse.
func cleanEnvironment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GATEHOUSE_") {
			env = append(env, v)
		}
	}
	return env
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// launch starts s and waits until it answers path. Its log goes nowhere; what it says of a
// failed start becomes the error.
func launch(ctx context.Context, s *server, path string) (*server, error) {
	var said strings.Builder
	s.cmd.Stderr = &limited{to: &said, left: 4 << 10}
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	deadline := began.Add(30 * time.Second)
	for {
		err := s.ask(path)
		if err == nil {
			s.took = time.Since(began)
			return s, nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) || !s.alive() {
			s.stop()
			return nil, errors.Join(fmt.Errorf("the server does not answer: %w: %s", err, &said), ctx.Err())
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func (s *server) ask(path string) error {
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer closeAll([]*client{c})
	_, err = c.do("GET", path, "", "")
	return err
}

// alive reports whether the process still runs. One that has ended stays a zombie until it is
// waited for, which does not count.
func (s *server) alive() bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid()))
	return err != nil || !strings.Contains(string(b), ") Z ")
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the process and waits for it.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	impatient := time.AfterFunc(15*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer impatient.Stop()
	_ = s.cmd.Wait() // how it ended is of no interest any more
}

// limited keeps the beginning of what is written to it.
type limited struct {
	to   *strings.Builder
	left int
}

func (w *limited) Write(b []byte) (int, error) {
	n := min(w.left, len(b))
	w.to.Write(b[:n])
	w.left -= n
	return len(b), nil
}

// poolSize is the server's default, and what the limits use as well.
const poolSize = 16
