package mailtest

import (
	"errors"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one client's conversation. The library calls it from one goroutine.
type session struct {
	server *Server
	conn   *smtp.Conn
	user   string
	next   Message // what MAIL and RCPT have said so far
}

// script asks the test how to answer a step.
func (s *session) script(step Step, arg string) error {
	if s.server.options.Script == nil {
		return nil
	}
	err := s.server.options.Script(step, arg)
	if errors.Is(err, ErrHang) {
		<-s.server.stop
	}
	if errors.Is(err, ErrHang) || errors.Is(err, ErrDrop) {
		_ = s.conn.Conn().Close()
	}
	return err
}

func (s *session) secure() bool {
	_, ok := s.conn.TLSConnectionState()
	return ok
}

// AuthMechanisms offers nothing when no password is set.
func (s *session) AuthMechanisms() []string {
	o := s.server.options
	switch {
	case o.User == "":
		return nil
	case o.Mechanism != "":
		return []string{o.Mechanism}
	}
	return []string{sasl.Plain}
}

// Auth starts one exchange.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(_, user, password string) error {
		if err := s.script(Auth, user); err != nil {
			return err
		}
		if user != s.server.options.User || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}
	if mechanism == sasl.Login {
		return &login{check: check}, nil
	}
	return sasl.NewPlainServer(check), nil
}

// Mail begins a message.
func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if err := s.script(Mail, from); err != nil {
		return err
	}
	if s.server.options.TLS == StartTLS && !s.secure() {
		return Reply(530, "5.7.0 must issue STARTTLS first")
	}
	if s.server.options.User != "" && s.user == "" {
		return Reply(530, "5.7.0 authentication required")
	}
	s.next = Message{From: from, UTF8: o.UTF8, TLS: s.secure(), User: s.user, Hello: s.conn.Hostname()}
	return nil
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.script(Rcpt, to); err != nil {
		return err
	}
	s.next.To = append(s.next.To, to)
	return nil
}

// Data reads and accepts the message.
func (s *session) Data(r io.Reader) error {
	if err := s.script(Data, ""); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.script(Done, ""); err != nil {
		return err
	}
	m := s.next
	if err := m.decode(raw); err != nil {
		return Reply(554, "5.6.0 "+err.Error())
	}
	s.server.accept(m)
	return nil
}

// Reset forgets the message that was begun.
func (s *session) Reset() { s.next = Message{} }

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

// login is the server side of the LOGIN mechanism, which the library lacks.
type login struct {
	check func(identity, user, password string) error
	asked int
	user  string
}

// Next asks for the user, then the password, then checks both.
func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check("", l.user, string(response))
}
