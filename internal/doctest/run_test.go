package doctest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
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

// patience bounds what one page's commands may take, in real time.
const patience = 2 * time.Minute

// built is the folder of what binary made; empty where no test asked for it.
var built string

// binary builds the server once, as `make build` does.
var binary = sync.OnceValues(func() (path string, err error) {
	if built, err = os.MkdirTemp("", "gatehouse-doctest-"); err != nil {
		return "", err
	}
	path = filepath.Join(built, "gatehouse")
	build := exec.Command("go", "build", "-o", path, "./cmd/gatehouse")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// stage is where a page's commands run.
type stage struct {
	dir     string
	env     []string
	replace *strings.Replacer
	cluster *dbtest.Cluster // nil: none
}

func newStage(t *testing.T) *stage {
	t.Helper()
	for _, program := range []string{"curl", "sqlite3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("the documents' walks need %s: install it", program)
		}
	}
	gatehouse, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{dir: t.TempDir()}
	s.env = []string{"HOME=" + s.dir, "PATH=" + filepath.Dir(gatehouse) + ":" + os.Getenv("PATH"), "LC_ALL=C"}
	return s
}

// command makes a command that ends, with all it started, when the test does.
func (s *stage) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// serve starts a server in development mode and returns its port.
func (s *stage) serve(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := s.command(ctx, "gatehouse", "serve", "--dev", "--addr", "127.0.0.1:0")
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.Path, _ = binary()
	cmd.Err = nil // the name was looked up on this process's PATH
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	found := regexp.MustCompile(`http://localhost:(\d+)`).FindStringSubmatch(lines.Text())
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() { // or the server would wait for a reader
		}
	}()
	t.Cleanup(func() {
		stop()
		<-drained
		_ = cmd.Wait() // it was killed
	})
	if found == nil {
		stop()
		<-drained
		_ = cmd.Wait()
		t.Fatalf("the server did not start: %s", log.String())
	}
	return found[1]
}

// mark separates the outputs of a script's blocks.
const mark = "\x1e"

// run runs blocks in one shell and returns what each printed.
func (s *stage) run(t *testing.T, p page, blocks []block) []string {
	t.Helper()
	var script strings.Builder
	for _, b := range blocks {
		fmt.Fprintf(&script, "printf '%s'\n%s\n", mark, s.adapt(b.text))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := s.command(ctx, "/bin/sh", "-eu", "-c", script.String())
	out, err := os.CreateTemp(s.dir, "output") // no pipe: what a script leaves running would keep it open
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // servers that the script started with &
	printed, readErr := os.ReadFile(out.Name())
	if readErr != nil {
		t.Fatal(readErr)
	}
	parts := strings.Split(string(printed), mark)
	if err != nil {
		last := blocks[max(0, len(parts)-2)]
		t.Fatalf("%s:%d: %v, after printing:\n%s", p.name, last.line, err, printed)
	}
	return parts[1:]
}

var postgresURL = regexp.MustCompile(`postgres://(\w+)(:[^@]*)?@db\.example\.com(:\d+)?/(\w+)`)

// adapt puts this stage's addresses into a text that names the documents' own.
func (s *stage) adapt(text string) string {
	if s.cluster != nil {
		text = postgresURL.ReplaceAllStringFunc(text, func(found string) string {
			parts := postgresURL.FindStringSubmatch(found)
			return s.cluster.URL(parts[1], parts[4])
		})
	}
	return s.replace.Replace(text)
}

func TestCommandsDoWhatTheirPageSays(t *testing.T) {
	for _, p := range pages(t) {
		for _, info := range []string{"sh run", "sh alone"} {
			if p.has(info) {
				t.Run(filepath.Base(p.name)+" "+info, func(t *testing.T) { perform(t, p, info) })
			}
		}
	}
}

func perform(t *testing.T, p page, info string) {
	s := newStage(t)
	if info == "sh run" {
		port := s.serve(t)
		s.replace = strings.NewReplacer("localhost:8080", "localhost:"+port)
	} else {
		port := freePort(t)
		s.replace = strings.NewReplacer(":8080", ":"+port)
		s.prepareDatabase(t, p)
	}
	var blocks []block
	shown := map[int]block{} // by the index of what shows it
	for i, b := range p.blocks {
		switch {
		case b.info == info:
			blocks = append(blocks, b)
		case b.info == "text shows" && p.blocks[i-1].info == info:
			shown[len(blocks)-1] = b
		}
	}
	for i, printed := range s.run(t, p, blocks) {
		if b, ok := shown[i]; ok {
			compare(t, p, b, s.adapt(b.text), printed)
		}
	}
}

// prepareDatabase runs the page's SQL.
func (s *stage) prepareDatabase(t *testing.T, p page) {
	t.Helper()
	if !p.has("sql run") {
		return
	}
	s.cluster = dbtest.Shared(t)
	s.env[1] = "PATH=" + s.cluster.Programs() + ":" + strings.TrimPrefix(s.env[1], "PATH=") // pg_dump as new as the server
	for _, b := range p.blocks {
		if b.info != "sql run" {
			continue
		}
		for statement := range strings.SplitSeq(b.text, ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if err := s.cluster.Exec(t.Context(), "postgres", statement); err != nil {
				t.Fatalf("%s:%d: %v", p.name, b.line, err)
			}
		}
	}
}

// compare wants every line of want in printed, in their order.
func compare(t *testing.T, p page, b block, want, printed string) {
	t.Helper()
	rest := printed
	for line := range strings.Lines(want) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var pattern []string
		for part := range strings.SplitSeq(line, "…") {
			pattern = append(pattern, regexp.QuoteMeta(part))
		}
		at := regexp.MustCompile(strings.Join(pattern, `[^\n]*?`)).FindStringIndex(rest)
		if at == nil {
			t.Errorf("%s:%d: the command does not show %q; it printed:\n%s", p.name, b.line, line, printed)
			return
		}
		rest = rest[at[1]:]
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// What cannot be run here must at least be there.
func TestCommandsThatAreNotRunExist(t *testing.T) {
	s := newStage(t)
	gatehouse, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.info != "sh elsewhere" {
				continue
			}
			for line := range strings.Lines(b.text) {
				words := strings.Fields(line)
				if len(words) < 2 || words[0] != "gatehouse" {
					continue
				}
				args := commandWords(words[1:])
				if name := strings.Join(args, " "); !asked[name] {
					asked[name] = true
					if out, err := s.command(t.Context(), gatehouse, append(args, "--help")...).CombinedOutput(); err != nil {
						t.Errorf("%s:%d: %v: %s", p.name, b.line, err, out)
					}
				}
			}
		}
	}
}

// commandWords cuts a command line before its flags and values.
func commandWords(words []string) []string {
	var args []string
	for _, w := range words {
		if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz-") != "" || strings.HasPrefix(w, "-") || len(args) == 2 {
			break
		}
		args = append(args, w)
	}
	return args
}

var makeTarget = regexp.MustCompile("(?m)(?:`|^)make ([a-z]+)")

func TestMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range pages(t) {
		for _, m := range makeTarget.FindAllStringSubmatch(p.text, -1) {
			found++
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
				t.Errorf("%s: there is no target %s", p.name, m[1])
			}
		}
	}
	if found < 2 {
		t.Error("the documents do not say how to run and test")
	}
}
