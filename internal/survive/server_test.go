package survive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// server is a place at which one process after another serves, and a client of it.
type server struct {
	site    *site
	process atomic.Pointer[process]
	client  *http.Client
}

func newServer(s *site) *server {
	one := &server{site: s}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, one.process.Load().addr)
	}
	transport := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64}
	one.client = &http.Client{Transport: transport, Timeout: patience}
	s.t.Cleanup(transport.CloseIdleConnections)
	return one
}

func (s *server) launch() { s.process.Store(launch(s.site.t, s.site)) }

// await returns when the server is ready.
func (s *server) await() {
	t := s.site.t
	t.Helper()
	for end := time.Now().Add(patience); !s.ready(); time.Sleep(5 * time.Millisecond) {
		p := s.process.Load()
		switch {
		case p.lostPort():
			s.launch()
		case time.Now().After(end):
			t.Fatalf("the server did not start:\n%s", p.logged())
		}
	}
}

func (s *server) ready() bool { return s.call("GET", "/readyz", nil).status == http.StatusOK }

// restart starts the next process where one was killed.
func (s *server) restart() {
	s.site.t.Helper()
	s.client.CloseIdleConnections()
	s.launch()
	s.await()
}

// answer is what a server said. Only status and code of it are ever printed.
type answer struct {
	status int
	code   string        // of a problem
	retry  time.Duration // Retry-After
	maxAge time.Duration // of Cache-Control
	body   []byte
	err    error // no answer came
}

// String is what a failed test shows.
func (a answer) String() string {
	if a.err != nil {
		return "nothing"
	}
	return strings.TrimSpace(fmt.Sprint(a.status, " ", a.code))
}

// is reports whether the answer has a status and a code.
func (a answer) is(status int, code string) bool { return a.status == status && a.code == code }

// decode reads the body into v.
func (a answer) decode(v any) {
	if err := json.Unmarshal(a.body, v); err != nil {
		panic("an answer that is not what it should be")
	}
}

// option changes a request.
type option func(*http.Request)

func bearer(token string) option {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// from says which address a trusted proxy saw.
func from(address string) option {
	return func(r *http.Request) { r.Header.Set("X-Forwarded-For", address) }
}

// call asks for a path of the site.
func (s *server) call(method, path string, body any, options ...option) (a answer) {
	var text []byte
	if body != nil {
		text, a.err = json.Marshal(body)
	}
	if a.err != nil {
		return a
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.site.origin+path, bytes.NewReader(text))
	if err != nil {
		return answer{err: err}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, set := range options {
		set(r)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	return read(resp)
}

// read takes an answer in. One that breaks off is none.
func read(resp *http.Response) (a answer) {
	if a.body, a.err = io.ReadAll(resp.Body); a.err != nil {
		return answer{err: a.err}
	}
	a.status = resp.StatusCode
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // missing is 0
	a.retry = time.Duration(seconds) * time.Second
	_, age, _ := strings.Cut(resp.Header.Get("Cache-Control"), "max-age=")
	seconds, _ = strconv.Atoi(age)
	a.maxAge = time.Duration(seconds) * time.Second
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		var p struct{ Code string }
		a.decode(&p)
		a.code = p.Code
	}
	return a
}

// api posts to a path of the API.
func (s *server) api(path string, body map[string]string, options ...option) answer {
	return s.call("POST", "/api/auth"+path, body, options...)
}

func (s *server) erase(access, password string) answer {
	return s.call(http.MethodDelete, "/api/auth/me/", map[string]string{"password": password}, bearer(access))
}

func (s *server) get(path, access string) answer {
	return s.call("GET", "/api/auth"+path, nil, bearer(access))
}

func (s *server) register(email, password string) answer {
	return s.api("/register/", map[string]string{"email": email, "password": password, "full_name": "Jo Doe"})
}

func (s *server) verify(token string) answer {
	return s.api("/email/verify/", map[string]string{"token": token})
}

func (s *server) askReset(email string) answer {
	return s.api("/password/reset/", map[string]string{"email": email})
}

func (s *server) reset(token, password string) answer {
	return s.api("/password/reset/confirm/", map[string]string{"token": token, "new_password": password})
}

// pair is what a sign-in or a refresh gives.
type pair struct {
	Access  string
	Refresh string
}

func (s *server) login(email, password string, options ...option) (pair, answer) {
	return pairOf(s.api("/login/", map[string]string{"email": email, "password": password}, options...))
}

func (s *server) refresh(token string) (pair, answer) {
	return pairOf(s.api("/token/refresh/", map[string]string{"refresh": token}))
}

func pairOf(a answer) (p pair, _ answer) {
	if a.status == http.StatusOK {
		a.decode(&p)
	}
	return p, a
}

// account makes a verified account.
func (s *server) account(email, password string) {
	t := s.site.t
	t.Helper()
	if a := s.register(email, password); a.status != http.StatusCreated {
		t.Fatalf("register answered %v", a)
	}
	if a := s.verify(s.site.post.await(verifyMail, email).token); a.status != http.StatusOK {
		t.Fatalf("verify answered %v", a)
	}
}

// signIn is login that has to work.
func (s *server) signIn(email, password string) pair {
	s.site.t.Helper()
	p, a := s.login(email, password)
	if a.status != http.StatusOK {
		s.site.t.Fatalf("login answered %v", a)
	}
	return p
}
