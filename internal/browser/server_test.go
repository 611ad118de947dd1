package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mountPath is where the API lies.
const mountPath = "/api/auth"

// server is the real program in development mode.
type server struct {
	URL   string // origin, such as http://localhost:40123
	path  string // of the program
	data  string // its working directory, which holds the database
	stdin io.Closer
	cmd   *exec.Cmd
}

// lifeline runs the program until standard input closes, which it does when the process that
// started it says so or is gone.
const lifeline = `"$@" </dev/null & read -r _; kill -9 $!; wait`

// serve builds the program and starts it at a free port.
func serve() (*server, error) {
	s := &server{path: filepath.Join(scratch, "gatehouse"), data: filepath.Join(scratch, "data")}
	build := exec.Command("go", "build", "-o", s.path, "../../cmd/gatehouse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w: %s", err, out)
	}
	if err := os.Mkdir(s.data, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(scratch, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command("/bin/sh", append([]string{"-c", lifeline, "lifeline", s.path, "serve"}, s.flags()...)...)
	s.cmd.Env, s.cmd.Dir, s.cmd.Stderr = s.environ(), s.data, log
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	return s, s.announced(out, log.Name())
}

var listening = regexp.MustCompile(`listening on (http://localhost:\d+) `)

// announced waits until the program says where it listens. The rest of what it prints holds the
// first administrator's password and is dropped.
func (s *server) announced(out io.Reader, log string) error {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			s.URL = found[1]
			go func() { _, _ = io.Copy(io.Discard, out) }() // until the program ends
			return nil
		}
	}
	s.stop()
	said, _ := os.ReadFile(log)
	return fmt.Errorf("the server did not start: %s", said)
}

func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait() // the script's code is that of a killed child
}

// flags are those of every command.
func (s *server) flags() []string { return []string{"--dev", "--data", s.data} }

// environ lifts the limits on what one address may ask for, because all tests share one, and has
// whoever waits for a hash wait here, so that a busy machine does not look like a defect.
func (s *server) environ() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "GATEHOUSE_LISTEN=127.0.0.1:0",
		"GATEHOUSE_PASSWORD__QUEUE=1000", "GATEHOUSE_PASSWORD__WAIT=1m", "GATEHOUSE_TENANTS__CREATE=anyone",
		`GATEHOUSE_ATTRIBUTES=[{"name": "department", "type": "string"}, {"name": "staff_number", "type": "string", "read_only": true}]`,
		`GATEHOUSE_TENANTS__ATTRIBUTES=[{"name": "job_title", "type": "string"}, {"name": "level", "type": "number"}, {"name": "shift", "type": "string", "one_of": ["day", "night"]}, {"name": "cost_centre", "type": "string", "read_only": true}]`,
	}
	for _, limit := range []string{"MAIL_PER_ADDRESS", "MAIL_PER_NETWORK", "SIGN_IN_PER_ADDRESS"} {
		env = append(env, "GATEHOUSE_LIMITS__"+limit+"__TRIES=100000")
	}
	return env
}

// command runs a command of the program beside the server and returns what it prints. input is its
// standard input.
func (s *server) command(t testing.TB, input string, args ...string) string {
	t.Helper()
	var out, complaint strings.Builder
	cmd := exec.CommandContext(t.Context(), s.path, append(args, s.flags()...)...)
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.environ(), s.data, strings.NewReader(input), &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("gatehouse %s: %v: %s", strings.Join(args, " "), err, complaint.String())
	}
	return out.String()
}

// post sends JSON to a path below the API's mount point, as a program would, and fails unless
// the answer has the wanted status.
func (s *server) post(t testing.TB, path string, body map[string]string, want int) *http.Response {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp := s.call(t, http.MethodPost, mountPath+path, "application/json", string(text))
	if resp.StatusCode != want {
		t.Fatalf("%s answered %d, want %d", path, resp.StatusCode, want)
	}
	return resp
}

// advance moves the clock of the server, for all tests that come after.
func (s *server) advance(t testing.TB, step string) {
	t.Helper()
	if resp := s.call(t, http.MethodPost, "/dev/clock/", "application/json", `{"advance": "`+step+`"}`); resp.StatusCode != http.StatusOK {
		t.Fatalf("the clock answered %d", resp.StatusCode)
	}
}

// call asks for a path without a browser and follows no redirect.
func (s *server) call(t testing.TB, method, path, contentType, body string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(content))
	return resp
}
