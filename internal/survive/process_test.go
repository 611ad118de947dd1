package survive

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// lifeline runs the program until standard input closes, which it does when the process that
// started it says so or is gone, and then kills it as hard as can be.
const lifeline = `"$@" </dev/null & read -r _; kill -9 $!; wait`

// process is one running program.
type process struct {
	addr  string // where it listens
	log   string // file of what it logs
	stdin io.Closer
	cmd   *exec.Cmd
	once  sync.Once
}

// launch starts the program at a free port of loopback and does not wait for it.
func launch(t testing.TB, s *site) *process {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	p := &process{addr: freePort(t)}
	log, err := os.CreateTemp(s.data, "log-")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.log = log.Name()
	p.cmd = exec.Command("/bin/sh", append([]string{"-c", lifeline, "lifeline", path, "serve"}, s.flags()...)...)
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = append(s.environ(), "GATEHOUSE_LISTEN="+p.addr), s.data, log
	if s.production {
		p.cmd.Stdout = log // in development mode it shows the first administrator's password
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// kill ends the program with SIGKILL and returns when it is gone. It may be called from any
// goroutine, and again.
func (p *process) kill() {
	p.once.Do(func() {
		_ = p.stdin.Close()
		_ = p.cmd.Wait() // the script's code is that of a killed child
	})
}

// logged returns what the program has logged so far.
func (p *process) logged() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// lostPort reports whether somebody else took the port between freePort and the program.
func (p *process) lostPort() bool { return strings.Contains(p.logged(), "address already in use") }

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run runs a command of the program beside the servers and returns what it prints. input is
// its standard input. An error tells what the command said, which is never secret.
func (s *site) run(input string, args ...string) (string, error) {
	path, err := program()
	if err != nil {
		return "", err
	}
	var out, complaint strings.Builder
	cmd := exec.CommandContext(s.t.Context(), path, append(args, s.flags()...)...)
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.environ(), s.data, strings.NewReader(input), &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", errors.Join(err, errors.New(complaint.String()))
	}
	return out.String(), nil
}

// mustRun is run for commands that have to work.
func (s *site) mustRun(input string, args ...string) string {
	s.t.Helper()
	out, err := s.run(input, args...)
	if err != nil {
		s.t.Fatalf("gatehouse %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// patience is how long anything is waited for. It is no limit on the program: it only names the
// culprit of a stuck test.
const patience = time.Minute

// await asks until it is so.
func await(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
