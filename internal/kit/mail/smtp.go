package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Config says which mail server takes the mail and who it comes from. It prints
// as *** because URL and DKIMKey hold secrets.
type Config struct {
	// URL of the mail server, required (GATEHOUSE_SMTP_URL). smtp://USER:PASSWORD@HOST:587
	// upgrades with STARTTLS and refuses a server that cannot; smtps://USER:PASSWORD@HOST:465
	// is TLS from the start. ?ca=FILE trusts the PEM certificates in FILE instead of the
	// system's. ?tls=off sends in the clear, and with a password only to this machine.
	URL string

	// From is the sender, required (GATEHOUSE_MAIL_FROM): an ASCII address, with a
	// display name if wished. Its domain is the one in Message-IDs and DKIM signatures.
	From string

	// DKIMKey signs every message (GATEHOUSE_DKIM_KEY): PKCS #8 PEM, Ed25519 or RSA
	// of at least 2048 bits. Empty signs nothing: the mail server may do it.
	DKIMKey []byte

	// DKIMSelector names the public key in DNS, SELECTOR._domainkey.DOMAIN
	// (GATEHOUSE_DKIM_SELECTOR). Empty means "gatehouse".
	DKIMSelector string

	// HelloName is what EHLO says. Empty means the sender's domain: the machine's own
	// name is nobody's business.
	HelloName string

	// Timeout bounds one Send from connecting to the server's acceptance; a context that
	// ends earlier wins. Zero means 30 seconds.
	Timeout time.Duration
}

// Format prints *** for every verb.
func (Config) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// LogValue is ***.
func (Config) LogValue() slog.Value { return slog.StringValue("***") }

// SMTP sends each message over a connection of its own (RFC 5321, RFC 6409). It
// is safe for concurrent use. Its secrets live in closures: printing it shows none.
type SMTP struct {
	host     string
	addr     string
	security security
	tls      *tls.Config
	from     netmail.Address
	domain   string
	hello    string
	timeout  time.Duration
	auth     func(mechanism string) smtp.Auth // nil: no credentials
	sign     func(at time.Time) *gomail.DKIMSigner
}

// NewSMTP checks c and returns a sender for it, without connecting. The error
// joins every problem, one line each, beginning with the setting it is about
// (smtp_url, mail_from, dkim_key, dkim_selector, hello_name, timeout); none
// quotes a secret.
func NewSMTP(c Config) (*SMTP, error) {
	var problems []error
	note := func(setting string, err error) {
		for _, line := range lines(err) {
			problems = append(problems, errors.New(setting+": "+line))
		}
	}

	end, err := parseEndpoint(c.URL)
	note("smtp_url", err)
	s := &SMTP{host: end.host, addr: end.addr(), security: end.security}
	s.tls, err = end.tlsConfig()
	note("smtp_url", err)
	s.auth = credentials(end)

	s.from, s.domain, err = parseFrom(c.From)
	note("mail_from", err)
	selector := c.DKIMSelector
	if selector == "" {
		selector = "gatehouse"
	}
	if !validSelector(selector) {
		note("dkim_selector", errors.New("not a DNS name of at most 63 letters, digits, hyphens and dots"))
	}
	s.sign, err = newSigner(c.DKIMKey, selector, s.domain)
	note("dkim_key", err)

	s.hello, err = helloName(c.HelloName, s.domain)
	note("hello_name", err)
	s.timeout, err = timeout(c.Timeout)
	note("timeout", err)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return s, nil
}

func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

// parseFrom returns the sender and its domain in ASCII.
func parseFrom(s string) (netmail.Address, string, error) {
	parsed, err := netmail.ParseAddress(s)
	if err != nil {
		return netmail.Address{}, "", errors.New("not one address; write no-reply@example.com or Example <no-reply@example.com>")
	}
	a, err := parseAddress(parsed.Address)
	if err != nil || a.needsUTF8() {
		return netmail.Address{}, "", errors.New("not a plain ASCII address")
	}
	if parsed.Name != oneLine(parsed.Name) {
		return netmail.Address{}, "", errors.New("the display name holds characters that do not print")
	}
	return netmail.Address{Name: parsed.Name, Address: a.String()}, a.domain, nil
}

func helloName(name, domain string) (string, error) {
	if name == "" {
		return domain, nil
	}
	name, err := asciiDomain(name)
	if err != nil {
		return "", errors.New("not a valid host name")
	}
	return name, nil
}

func timeout(d time.Duration) (time.Duration, error) {
	switch {
	case d < 0:
		return 0, errors.New("must not be negative")
	case d == 0:
		return 30 * time.Second, nil
	}
	return d, nil
}

// credentials returns what makes the client side of an authentication mechanism,
// or nil when there is no password. The endpoint's own rules have made sure that
// the connection is encrypted or stays on this machine.
func credentials(e endpoint) func(string) smtp.Auth {
	if e.user == "" {
		return nil
	}
	open := e.security == plaintext
	return func(mechanism string) smtp.Auth {
		if mechanism == "PLAIN" {
			return smtp.PlainAuth("", e.user, e.password, e.host, open)
		}
		return smtp.LoginAuth(e.user, e.password, e.host, open)
	}
}

// Send hands m to the mail server and returns when the server has accepted it.
// When the connection breaks after the last byte and before the answer, it
// cannot know and says temporary: the retry carries the same Message-ID.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	to, err := m.check()
	if err != nil {
		return err
	}
	raw, err := s.compose(m, to)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return failure(ctx, to, stepConnect, err)
	}
	defer conn.Close() //nolint:errcheck // nothing is left to say on it
	// Closing the connection wakes whatever read or write the conversation is in.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	return s.deliver(ctx, conn, to, raw)
}

// deliver is the conversation. It is not left to the library's own client, which
// reports an accepted message as failed when the goodbye fails, takes a broken
// connection for a permanent error, and leaves connections open.
func (s *SMTP) deliver(ctx context.Context, conn net.Conn, to address, raw []byte) error {
	if s.security == directTLS {
		secure := tls.Client(conn, s.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return failure(ctx, to, stepTLS, err)
		}
		conn = secure
	}
	c, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return failure(ctx, to, stepGreeting, err)
	}
	steps := []struct {
		name string
		run  func() error
	}{
		{stepHello, func() error { return c.Hello(s.hello) }},
		{stepStartTLS, func() error { return s.upgrade(c) }},
		{stepAuth, func() error { return s.authenticate(c) }},
		{stepMail, func() error { return s.mail(c, to) }},
		{stepRcpt, func() error { return c.Rcpt("<" + to.String() + ">") }},
		{stepData, func() error { return data(c, raw) }},
	}
	for _, step := range steps {
		if err := step.run(); err != nil {
			return failure(ctx, to, step.name, err)
		}
	}
	// Accepted. A server that dawdles over the goodbye changes nothing any more.
	_ = c.UpdateDeadline(time.Second)
	_ = c.Quit()
	return nil
}

// upgrade makes the connection a TLS one, or fails: whoever strips STARTTLS from
// the server's answer gets no mail.
func (s *SMTP) upgrade(c *smtp.Client) error {
	if s.security != startTLS {
		return nil
	}
	if offered, _ := c.Extension("STARTTLS"); !offered {
		return &sendError{step: stepStartTLS, text: "the server does not offer it, and mail is not sent in the clear"}
	}
	return c.StartTLS(s.tls)
}

func (s *SMTP) authenticate(c *smtp.Client) error {
	if s.auth == nil {
		return nil
	}
	_, offered := c.Extension("AUTH")
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		if slices.Contains(strings.Fields(strings.ToUpper(offered)), mechanism) {
			return c.Auth(s.auth(mechanism))
		}
	}
	return &sendError{step: stepAuth, text: "the server offers neither PLAIN nor LOGIN"}
}

// mail asks for SMTPUTF8 only where the address needs it: a message marked so
// is returned by every relay further on that does not know the extension.
func (s *SMTP) mail(c *smtp.Client, to address) error {
	if offered, _ := c.Extension("SMTPUTF8"); to.needsUTF8() && !offered {
		return refused("the recipient's address needs SMTPUTF8 (RFC 6531), which the mail server does not offer")
	}
	c.SkipSMTPUTF8(!to.needsUTF8())
	return c.Mail("<" + s.from.Address + ">")
}

func data(c *smtp.Client, raw []byte) error {
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err // not closed: that would send the dot that ends a whole message
	}
	return w.Close()
}
