package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
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
		"GATEHOUSE_PASSWORD__QUEUE=1000", "GATEHOUSE_PASSWORD__WAIT=1m",
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

// person is somebody with an account, or about to have one.
type person struct {
	email, password string
	id              string // of the account, as its subject
}

var serial atomic.Int64

// stranger returns an address that nobody has used yet, and a password.
func stranger() person {
	n := serial.Add(1)
	return person{email: fmt.Sprintf("person%d@example.com", n), password: fmt.Sprintf("a quiet evening by harbour %d", n)}
}

// newAccount makes a verified account with flags of the command line, such as --superuser.
func newAccount(t testing.TB, flags ...string) person {
	t.Helper()
	return create(t, stranger(), flags...)
}

// couple makes two accounts whose addresses begin alike, as no others do; the second one has flags.
func couple(t testing.TB, flags ...string) (one, two person) {
	t.Helper()
	one, two = stranger(), stranger()
	two.email = strings.Replace(one.email, "@", ".two@", 1)
	one.email = strings.Replace(one.email, "@", ".one@", 1)
	return create(t, one), create(t, two, flags...)
}

func create(t testing.TB, p person, flags ...string) person {
	t.Helper()
	said := site.command(t, p.password, append([]string{"account", "create", p.email, "--password-stdin"}, flags...)...)
	p.id = strings.Fields(said)[2] // created ADDRESS ID
	return p
}

// deadLetter has a mail wait that failed for good, and that nobody can send any more.
func (s *server) deadLetter(t testing.TB, to string) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + filepath.Join(s.data, "gatehouse.db"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	id, now := uuid.Must(uuid.NewV7()), d.Now()
	err = d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO job (id, kind, recipient, payload, attempt, run_at, leased_until, created_at, dead_at, last_error)
			VALUES ($1, 'recovery.link', $2, $3, 8, $4, 0, $4, $4, '550 5.1.1 no such mailbox')`, id, to, []byte("not sealed"), now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// letter is a mail as the development mailbox shows it.
type letter struct{ ID, Subject, Text string }

var linkPattern = regexp.MustCompile(`https?://\S+`)

// link returns the path and query of the first link in a letter.
func (l letter) link(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(linkPattern.FindString(l.Text))
	if err != nil || u.Path == "" || u.Scheme+"://"+u.Host != site.URL {
		t.Fatalf("the mail %q leads nowhere here", l.Subject)
	}
	return u.RequestURI()
}

// patience is how long anything is waited for. It is no limit on the program: it only names the
// culprit of a stuck test.
const patience = time.Minute

// mails returns every mail to an address, the oldest first.
func mails(t testing.TB, to string) (all []letter) {
	t.Helper()
	resp := site.call(t, http.MethodGet, "/dev/mailbox/?to="+url.QueryEscape(to), "", "", "Accept", "application/json")
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatalf("the mailbox answered %d: %v", resp.StatusCode, err)
	}
	return all
}

// mailed does something and returns the mail that comes of it.
func mailed(t testing.TB, to string, do func()) letter {
	t.Helper()
	before := len(mails(t, to))
	do()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // a mailbox can only be asked
		if all := mails(t, to); len(all) > before {
			return all[len(all)-1]
		}
	}
	t.Fatalf("no mail to %s came", to)
	return letter{}
}
