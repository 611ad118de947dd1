// Package mailtest runs a real SMTP server on loopback for tests.
//
// [Start] gives a server with its own certificate authority and a URL that the
// mail package takes as it is. [Server.Wait] hands out what was accepted,
// decoded. [Options.Script] makes the server refuse, hang or break off at a
// chosen step. For tests only: no other package may import it.
package mailtest

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// TLS is how the server protects connections.
type TLS uint8

// The ways a mail server speaks.
const (
	StartTLS TLS = iota // offers STARTTLS, and takes no mail before it
	Direct              // TLS from the first byte
	Plain               // no TLS at all
)

// Options shape the server. The zero value offers STARTTLS, asks for no password
// and accepts everything.
type Options struct {
	TLS       TLS
	User      string   // with Password: AUTH is demanded
	Password  string   // part of Server.URL
	Mechanism string   // the only one offered: PLAIN (default) or LOGIN
	UTF8      bool     // offer SMTPUTF8
	Names     []string // names and addresses in the certificate; default 127.0.0.1 and localhost
	Expired   bool     // the certificate is a day too old
	Version   uint16   // the only TLS version spoken; zero is 1.2 and 1.3

	// Script is asked at every step and says how to answer: nil accepts, Reply
	// refuses, ErrHang and ErrDrop do as they say. It may be called concurrently.
	Script func(step Step, arg string) error
}

// Step is a point at which a script may interfere.
type Step string

// The steps, with the argument that the script sees.
const (
	Hello Step = "EHLO" // the client's name, before and again after STARTTLS
	Auth  Step = "AUTH" // the user; never the password
	Mail  Step = "MAIL" // the sender
	Rcpt  Step = "RCPT" // the recipient
	Data  Step = "DATA" // nothing; before a byte of the message is read
	Done  Step = "DONE" // nothing; the whole message is read and not yet acknowledged
)

// Reply makes a script refuse, with an SMTP code and a text.
func Reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

var (
	// ErrHang makes a script leave the client without an answer until the test ends.
	ErrHang error = &smtp.SMTPError{Code: 421, Message: "hang"}
	// ErrDrop makes a script close the connection.
	ErrDrop error = &smtp.SMTPError{Code: 421, Message: "drop"}
)

// Server is a running mail server. It stops with its test.
type Server struct {
	URL    string // for mail.Config: scheme, credentials, address and certificate authority
	Addr   string // host:port
	CAFile string // PEM of the authority; empty with Plain

	options Options
	stop    chan struct{}

	mu       sync.Mutex
	accepted []Message
	changed  chan struct{} // closed and replaced with each message
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{options: o, stop: make(chan struct{}), changed: make(chan struct{})}
	server := smtp.NewServer(smtp.BackendFunc(s.newSession))
	server.Domain = "mail.example.com"
	server.EnableSMTPUTF8 = o.UTF8
	server.AllowInsecureAuth = o.TLS == Plain
	server.ErrorLog = log.New(io.Discard, "", 0) // broken connections are what tests ask for

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("mailtest: listen: %v", err)
	}
	s.Addr = listener.Addr().String()
	if o.TLS != Plain {
		server.TLSConfig, s.CAFile = certificate(t, o)
	}
	if o.TLS == Direct {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	s.URL = s.url()

	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		close(s.stop)
		_ = server.Close()
		<-served
	})
	return s
}

func (s *Server) url() string {
	u := url.URL{Scheme: "smtp", Host: s.Addr}
	query := url.Values{}
	switch s.options.TLS {
	case Direct:
		u.Scheme = "smtps"
		query.Set("ca", s.CAFile)
	case StartTLS:
		query.Set("ca", s.CAFile)
	case Plain:
		query.Set("tls", "off")
	}
	if s.options.User != "" {
		u.User = url.UserPassword(s.options.User, s.options.Password)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// Wait returns the accepted messages, oldest first, as soon as there are n. When
// they do not come the test fails and is told how many did.
func (s *Server) Wait(t testing.TB, n int) []Message {
	t.Helper()
	guard := time.NewTimer(time.Minute) // not a limit on the code under test: it only names the culprit of a stuck test
	defer guard.Stop()
	for {
		s.mu.Lock()
		accepted, changed := s.accepted[:len(s.accepted):len(s.accepted)], s.changed
		s.mu.Unlock()
		if len(accepted) >= n {
			return accepted
		}
		select {
		case <-changed:
		case <-guard.C:
			t.Fatalf("mailtest: waited for %d messages, %d came", n, len(accepted))
		}
	}
}

// Messages returns what has been accepted so far, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted[:len(s.accepted):len(s.accepted)]
}

func (s *Server) accept(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = append(s.accepted, m)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) newSession(c *smtp.Conn) (smtp.Session, error) {
	session := &session{server: s, conn: c}
	return session, session.script(Hello, c.Hostname())
}

// Format keeps the password in options and URL out of test output.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "mailtest %s", s.Addr) }
