package survive

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db/dbtest"
)

// window is how long a refresh is repeated: longer than a busy machine takes for this test.
const window = 5 * time.Minute

// Two hundred refreshes of one token on three servers of one PostgreSQL, and on one of SQLite,
// where many clients hang up before the answer.
func TestParallelRefreshesHaveOneSuccessor(t *testing.T) {
	for _, engine := range dbtest.Engines {
		t.Run(engine, func(t *testing.T) {
			s := newSite(t, engine, map[string]int{"postgres": 3, "sqlite": 1}[engine], "SESSIONS__REFRESH_WINDOW="+window.String())
			s.any(0).account("ada@example.com", password(1))
			old := s.any(0).signIn("ada@example.com", password(1))
			newest := oneSuccessor(t, s, old.Refresh)
			next, a := s.any(1).refresh(newest)
			if a.status != http.StatusOK {
				t.Fatalf("the successor answered %v", a)
			}
			if a := s.any(2).get("/me/", next.Access); a.status != http.StatusOK {
				t.Errorf("me answered %v", a)
			}
			if n := s.audited("session.reuse_detected", ""); n != 0 {
				t.Errorf("%d honest clients were taken for thieves", n)
			}
			replayEndsSession(t, s, old.Refresh, next)
			s.calm()
		})
	}
}

// oneSuccessor refreshes a token many times at once and returns the one token that all who got an
// answer got.
func oneSuccessor(t *testing.T, s *site, token string) string {
	t.Helper()
	n := rounds(200, 60)
	var mu sync.Mutex
	successors, answered := map[string]bool{}, 0
	parallel(n, func(i int) {
		if i%2 == 0 {
			s.any(i).hangUp(token)
			return
		}
		p, a := s.any(i).refresh(token)
		if a.status != http.StatusOK {
			t.Errorf("refresh answered %v", a)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		successors[p.Refresh] = true
		answered++
	})
	if len(successors) != 1 || answered != n/2 {
		t.Fatalf("%d answers with %d successors, want one", answered, len(successors))
	}
	for one := range successors {
		token = one
	}
	return token
}

// hangUp sends a refresh and closes the socket before the answer, some time between at once and
// when it may have come.
func (s *server) hangUp(token string) {
	t := s.site.t
	conn, err := net.Dial("tcp", s.process.Load().addr)
	if err != nil {
		t.Errorf("dial: %v", err)
		return
	}
	body, _ := json.Marshal(map[string]string{"refresh": token}) // strings only: it can't fail
	w := bufio.NewWriter(conn)
	fmt.Fprintf(w, "POST /api/auth/token/refresh/ HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body))
	_, _ = w.Write(body)
	if err := w.Flush(); err != nil {
		t.Errorf("send: %v", err)
	}
	time.Sleep(rand.N(20 * time.Millisecond))
	_ = conn.(*net.TCPConn).SetLinger(rand.IntN(2) - 1)
	_ = conn.Close()
}

// replayEndsSession plays an old token, after its window, many times at once. All are refused,
// the session is over on every server, and it is told once.
func replayEndsSession(t *testing.T, s *site, old string, newest pair) {
	t.Helper()
	s.advance(window + time.Second)
	parallel(rounds(30, 9), func(i int) {
		if _, a := s.any(i).refresh(old); !a.is(http.StatusUnauthorized, "refresh_rejected") {
			t.Errorf("an old token answered %v", a)
		}
	})
	for _, one := range s.servers {
		ended(t, one, newest)
	}
	s.settle()
	if n := s.audited("session.reuse_detected", "stale"); n != 1 {
		t.Errorf("%d reuses were written down, want 1", n)
	}
	if n := len(s.post.letters(reuseMail, "ada@example.com")); n != 1 {
		t.Errorf("%d alarm mails, want 1", n)
	}
}

// ended fails when a server takes any of the tokens of a session that is over.
func ended(t testing.TB, one *server, p pair) {
	t.Helper()
	for what, a := range map[string]answer{
		"me":             one.get("/me/", p.Access),
		"sessions":       one.get("/sessions/", p.Access),
		"verify access":  one.api("/token/verify/", map[string]string{"token": p.Access}),
		"verify refresh": one.api("/token/verify/", map[string]string{"token": p.Refresh}),
		"change":         one.api("/password/change/", map[string]string{"old_password": password(1), "new_password": password(2)}, bearer(p.Access)),
	} {
		if !a.is(http.StatusUnauthorized, "token_invalid") {
			t.Errorf("%s answered %v", what, a)
		}
	}
	if _, a := one.refresh(p.Refresh); !a.is(http.StatusUnauthorized, "refresh_rejected") {
		t.Errorf("refresh answered %v", a)
	}
}
