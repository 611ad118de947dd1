package survive

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// origin is the public address of every site in development mode. Nobody listens there: clients
// dial the process they mean.
const origin = "http://localhost:8080"

// site is one database, one mail server and the processes on them.
type site struct {
	t          testing.TB
	url, owner string // of the database, for serving and for changing the schema
	origin     string
	production bool
	data       string // working directory of every process; holds the offset of the clock
	env        []string
	post       *post
	servers    []*server
	offset     time.Duration // how far the clock is ahead
}

// newSite starts a site of n servers on an empty database of an engine. Settings are NAME=value
// without the prefix GATEHOUSE_.
func newSite(t testing.TB, engine string, n int, settings ...string) *site {
	t.Helper()
	url, owner := dbtest.URL(t, engine)
	s := plan(t, url, owner, settings...)
	s.serve(n)
	return s
}

// plan makes a site without a process.
func plan(t testing.TB, url, owner string, settings ...string) *site {
	t.Helper()
	s := &site{t: t, url: url, owner: owner, origin: origin, data: t.TempDir(), post: newPost(t)}
	s.env = []string{
		"GATEHOUSE_PUBLIC_URL=" + s.origin, "GATEHOUSE_DATABASE_URL=" + url, "GATEHOUSE_SECRET_KEY=" + base64.StdEncoding.EncodeToString(randomBytes(32)),
		"GATEHOUSE_SMTP_URL=" + s.post.server.URL, "GATEHOUSE_MAIL_FROM=gatehouse@example.com",
		// Who waits for a hash waits here, so that a busy machine does not look like a defect.
		"GATEHOUSE_PASSWORD__QUEUE=1000", "GATEHOUSE_PASSWORD__WAIT=1m",
	}
	for _, setting := range settings {
		s.env = append(s.env, "GATEHOUSE_"+setting)
	}
	return s
}

// generous lifts the limits on what one address may ask for; a test's clients share one.
var generous = []string{
	"LIMITS__MAIL_PER_ADDRESS__TRIES=100000", "LIMITS__MAIL_PER_NETWORK__TRIES=100000",
	"LIMITS__SIGN_IN_PER_ACCOUNT__TRIES=100000", "LIMITS__SIGN_IN_PER_ADDRESS__TRIES=100000",
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// environ is what every process of the site gets.
func (s *site) environ() []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, s.env...)
}

// flags are those of every command.
func (s *site) flags() []string {
	if s.production {
		return nil
	}
	return []string{"--dev", "--data", s.data}
}

// serve starts n more servers at the same moment.
func (s *site) serve(n int) {
	s.t.Helper()
	fresh := make([]*server, n)
	for i := range fresh {
		fresh[i] = newServer(s)
		fresh[i].launch()
	}
	for _, one := range fresh {
		one.await()
	}
	s.servers = append(s.servers, fresh...)
}

// any returns the i-th server, counted round and round.
func (s *site) any(i int) *server { return s.servers[i%len(s.servers)] }

// advance moves the clock of every process.
func (s *site) advance(step time.Duration) {
	s.t.Helper()
	for _, one := range s.servers {
		s.moved(one.call("POST", "/dev/clock/", map[string]string{"advance": step.String()}))
	}
	s.offset += step
}

func (s *site) moved(a answer) {
	s.t.Helper()
	if a.status != 200 {
		s.t.Fatalf("the clock answered %v", a)
	}
}

// now is the time of the site's clock.
func (s *site) now() time.Time { return time.Now().Add(s.offset) }

// read runs a query that gives one value into dest.
func (s *site) read(dest any, query string, args ...any) {
	s.t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{URL: s.url, MaxConns: 2, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	defer d.Close()
	if err := d.Row(ctx, query, args, dest); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// count returns what a query counts.
func (s *site) count(query string, args ...any) (n int) {
	s.t.Helper()
	s.read(&n, query, args...)
	return n
}

// audited returns how many audit events there are of a kind and, unless empty, a reason.
func (s *site) audited(kind, reason string) int {
	s.t.Helper()
	return s.count("SELECT count(*) FROM audit_event WHERE kind = $1 AND ($2 = '' OR reason = $2)", kind, reason)
}

// settle returns when no job waits or runs any more, so that every mail is out.
func (s *site) settle() {
	s.t.Helper()
	await(s.t, "the jobs", func() bool { return s.count("SELECT count(*) FROM job WHERE done_at IS NULL AND dead_at IS NULL") == 0 })
	if dead := s.count("SELECT count(*) FROM job WHERE dead_at IS NOT NULL"); dead > 0 {
		s.t.Errorf("%d dead letters", dead)
	}
}

// calm fails when a process of the site panicked, dead ones included.
func (s *site) calm() {
	s.t.Helper()
	logs, err := filepath.Glob(filepath.Join(s.data, "log-*"))
	if err != nil || len(logs) < len(s.servers) {
		s.t.Fatalf("%d logs of %d servers: %v", len(logs), len(s.servers), err)
	}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil || strings.Contains(string(text), "panic") {
			s.t.Errorf("a server panicked, or its log cannot be read: %v", err)
		}
	}
}
