package gatehousetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse"
)

// Account is an account that a test can sign in to.
type Account struct {
	ID       string // the claim sub of its tokens
	Email    string
	Password string `json:"-"`
}

// Format prints the address for every verb: test output holds no password.
func (a Account) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.Email) }

// Session is what signing in gave.
type Session struct {
	Access  string `json:"-"`
	Refresh string `json:"-"` // empty where it travels as a cookie
}

// Format prints no token, for every verb.
func (s Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "Session(***)") }

// NewAddress returns a mail address that nobody else has.
func NewAddress() string { return "test-" + strings.ToLower(rand.Text()) + "@example.com" }

// newPassword returns a password that no policy can object to.
func newPassword() string { return "Long-" + rand.Text() }

// CreateAccount makes a verified, active account with a new address and a strong password. Each
// edit changes what it is made from: its Password, if it sets one, is taken whatever the
// policy says.
func (s *Server) CreateAccount(t testing.TB, edit ...func(*gatehouse.NewAccount)) Account {
	t.Helper()
	n := gatehouse.NewAccount{Email: NewAddress(), FullName: "Jo Doe", Password: newPassword(), AnyPassword: true}
	for _, change := range edit {
		change(&n)
	}
	a, err := s.gh.CreateAccount(context.WithoutCancel(t.Context()), n)
	if err != nil {
		t.Fatalf("gatehousetest: create account: %v", err)
	}
	return Account{ID: a.ID, Email: a.Email, Password: n.Password}
}

// SignIn signs in with the account's address and password.
func (s *Server) SignIn(t testing.TB, a Account) Session {
	t.Helper()
	var out struct {
		Access  string `json:"access"`
		Refresh string `json:"refresh"`
	}
	s.MustCall(t, http.MethodPost, "/login/", Session{}, map[string]string{"email": a.Email, "password": a.Password}, &out)
	return Session{Access: out.Access, Refresh: out.Refresh}
}

// ClientOf returns a client like [Server.Client] that sends the session's access token with every
// request, wherever it goes.
func (s *Server) ClientOf(session Session) *http.Client {
	c := *s.Client
	c.Transport = bearer{token: session.Access, next: s.Client.Transport}
	return &c
}

type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// MustCall calls the API: path is below APIURL, as in "/login/"; in becomes the body in JSON
// unless nil; the answer goes to out unless nil. A session without tokens calls as nobody. Anything but
// success fails the test with the problem's code and detail.
func (s *Server) MustCall(t testing.TB, method, path string, by Session, in, out any) {
	t.Helper()
	var options []option
	if in != nil {
		options = append(options, jsonBody(t, in))
	}
	if by.Access != "" {
		options = append(options, bearerToken(by.Access))
	}
	a := call(t, s.Client, method, s.APIURL+path, options...)
	if a.status < 200 || a.status > 299 {
		t.Fatalf("gatehousetest: %s", a)
	}
	if out != nil {
		a.decode(t, out)
	}
}
