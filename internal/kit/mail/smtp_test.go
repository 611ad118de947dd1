package mail_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail/mailtest"
)

const (
	sender   = "Example <no-reply@example.com>"
	password = "c4n4ry pass/word?#@:%"
	secret   = "https://id.example.com/account/reset/?token=c4n4ry-token"
)

func message() mail.Message {
	return mail.Message{
		ID:      "0198c0de-0000-7000-8000-000000000001",
		To:      "ada@example.org",
		Subject: "Choose a new password",
		Text:    "Open this link:\n\n" + secret + "\n",
		HTML:    `<p>Open <a href="` + secret + `">this link</a></p>`,
		At:      time.Date(2026, time.March, 1, 12, 30, 45, 0, time.FixedZone("", 3600)),
	}
}

func newSMTP(t *testing.T, c mail.Config) *mail.SMTP {
	t.Helper()
	if c.From == "" {
		c.From = sender
	}
	s, err := mail.NewSMTP(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func send(t *testing.T, c mail.Config, m mail.Message) {
	t.Helper()
	if err := newSMTP(t, c).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// reject sends m, wants an error, and checks that it tells no secret.
func reject(t *testing.T, c mail.Config, m mail.Message) error {
	t.Helper()
	err := newSMTP(t, c).Send(t.Context(), m)
	if err == nil {
		t.Fatal("the message was sent")
	}
	for _, canary := range []string{password, "c4n4ry"} {
		if strings.Contains(err.Error(), canary) {
			t.Errorf("the error tells a secret: %q", err)
		}
	}
	return err
}

// Whatever names a message in a log names it by its id.
func TestMessageNamesNobodyInLogs(t *testing.T) {
	m := message()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("sent", "mail", m)
	for _, said := range []string{log.String(), fmt.Sprintf("%v", m), fmt.Sprintf("%+v", m), fmt.Sprintf("%#v", m), fmt.Sprintf("%s", m)} {
		if strings.Contains(said, m.To) || strings.Contains(said, secret) || !strings.Contains(said, m.ID) {
			t.Errorf("says %q", said)
		}
	}
}

func TestSendOverEveryKindOfConnection(t *testing.T) {
	for name, o := range map[string]mailtest.Options{
		"STARTTLS":             {},
		"implicit TLS":         {TLS: mailtest.Direct},
		"plain loopback":       {TLS: mailtest.Plain},
		"STARTTLS, PLAIN":      {User: "user@example.com", Password: password},
		"STARTTLS, LOGIN":      {User: "user@example.com", Password: password, Mechanism: "LOGIN"},
		"implicit TLS, PLAIN":  {User: "user@example.com", Password: password, TLS: mailtest.Direct},
		"plain loopback, AUTH": {User: "user@example.com", Password: password, TLS: mailtest.Plain},
	} {
		t.Run(name, func(t *testing.T) {
			server := mailtest.Start(t, o)
			send(t, mail.Config{URL: server.URL}, message())
			got := server.Wait(t, 1)[0]
			if got.TLS != (o.TLS != mailtest.Plain) {
				t.Errorf("over TLS: %t", got.TLS)
			}
			if got.User != o.User {
				t.Errorf("signed in as %q, want %q", got.User, o.User)
			}
			if got.From != "no-reply@example.com" || !slices.Equal(got.To, []string{"ada@example.org"}) {
				t.Errorf("envelope from %q to %q", got.From, got.To)
			}
		})
	}
}

func TestSendRefusesServerWithoutStartTLS(t *testing.T) {
	var mails int
	server := mailtest.Start(t, mailtest.Options{TLS: mailtest.Plain, User: "u", Password: password, Script: func(step mailtest.Step, _ string) error {
		if step != mailtest.Hello {
			mails++
		}
		return nil
	}})
	err := reject(t, mail.Config{URL: strings.ReplaceAll(server.URL, "?tls=off", "")}, message())
	if !strings.Contains(err.Error(), "STARTTLS") || mail.Permanent(err) {
		t.Errorf("got %v, permanent %t; want a temporary error about STARTTLS", err, mail.Permanent(err))
	}
	if mails != 0 {
		t.Errorf("the client went on for %d steps without TLS", mails)
	}
}

func TestSendVerifiesTheCertificate(t *testing.T) {
	other := mailtest.Start(t, mailtest.Options{})
	for name, c := range map[string]struct {
		options mailtest.Options
		ca      string
		host    string // instead of 127.0.0.1
	}{
		"unknown authority":           {ca: other.CAFile},
		"system's roots":              {ca: "none"},
		"another name":                {options: mailtest.Options{Names: []string{"mail.example.net", "127.0.0.2"}}},
		"the address, called by name": {options: mailtest.Options{Names: []string{"127.0.0.1"}}, host: "localhost"},
		"expired":                     {options: mailtest.Options{Expired: true}},
	} {
		for _, mode := range []mailtest.TLS{mailtest.StartTLS, mailtest.Direct} {
			t.Run(fmt.Sprintf("%s, mode %d", name, mode), func(t *testing.T) {
				o := c.options
				o.TLS, o.User, o.Password = mode, "u", password
				server := mailtest.Start(t, o)
				target, _, _ := strings.Cut(server.URL, "?")
				switch c.ca {
				case "":
					target = server.URL
				case "none":
				default:
					target += "?ca=" + c.ca
				}
				if c.host != "" {
					target = strings.Replace(target, "127.0.0.1", c.host, 1)
				}
				err := reject(t, mail.Config{URL: target}, message())
				if !strings.Contains(err.Error(), "certificate") || mail.Permanent(err) {
					t.Errorf("got %v, permanent %t; want a temporary error about the certificate", err, mail.Permanent(err))
				}
				if n := len(server.Messages()); n != 0 {
					t.Errorf("%d messages were accepted", n)
				}
			})
		}
	}
}

func TestSendRefusesOldTLS(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{Version: tls.VersionTLS11})
	if err := reject(t, mail.Config{URL: server.URL}, message()); !strings.Contains(err.Error(), "protocol version") || mail.Permanent(err) {
		t.Errorf("got %v, permanent %t", err, mail.Permanent(err))
	}
	server = mailtest.Start(t, mailtest.Options{Version: tls.VersionTLS12})
	send(t, mail.Config{URL: server.URL}, message())
}

func TestSendRefusesServerThatDoesNotAskForThePassword(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	err := reject(t, mail.Config{URL: strings.Replace(server.URL, "//", "//u:c4n4ry@", 1)}, message())
	if !strings.Contains(err.Error(), "neither PLAIN nor LOGIN") || mail.Permanent(err) {
		t.Errorf("got %v, permanent %t", err, mail.Permanent(err))
	}
}

func TestSendWithAWrongPasswordIsTemporaryAndTellsNothing(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{User: "u", Password: "right", Script: func(step mailtest.Step, _ string) error {
		if step == mailtest.Auth {
			return mailtest.Reply(535, "5.7.8 "+password+" is not the password")
		}
		return nil
	}})
	target := strings.Replace(server.URL, "right", "c4n4ry", 1)
	err := reject(t, mail.Config{URL: target}, message())
	if err.Error() != "mail: AUTH: 535 5.7.8" || mail.Permanent(err) {
		t.Errorf("got %v, permanent %t", err, mail.Permanent(err))
	}
}

func TestSendTellsPermanentFromTemporary(t *testing.T) {
	for _, c := range []struct {
		step      mailtest.Step
		answer    error
		permanent bool
		want      string
	}{
		{mailtest.Hello, mailtest.Reply(554, "no service"), false, "mail: EHLO: 554 no service"},
		{mailtest.Mail, mailtest.Reply(451, "4.3.0 later"), false, "mail: MAIL: 451 4.3.0 later"},
		{mailtest.Mail, mailtest.Reply(550, "5.7.1 not you"), false, "mail: MAIL: 550 5.7.1 not you"},
		{mailtest.Rcpt, mailtest.Reply(450, "4.2.1 greylisted"), false, "mail: RCPT: 450 4.2.1 greylisted"},
		{mailtest.Rcpt, mailtest.Reply(550, "5.1.1 no such user"), true, "mail: RCPT: 550 5.1.1 no such user"},
		{mailtest.Rcpt, mailtest.Reply(553, "line\nbreak\x1b[31m"), true, "mail: RCPT: 553 line break [31m"},
		{mailtest.Rcpt, mailtest.Reply(530, "5.7.0 authenticate"), false, "mail: RCPT: 530 5.7.0 authenticate"},
		{mailtest.Rcpt, mailtest.Reply(550, "5.1.1 <ada@example.org>: Recipient address rejected: User unknown"), true, "mail: RCPT: 550 5.1.1 <***>: Recipient address rejected: User unknown"},
		{mailtest.Rcpt, mailtest.Reply(550, "mailto:Ada@EXAMPLE.org, ADA... or 'ada' of example.org; Adam and canada are free"), true, "mail: RCPT: 550 mailto:***, *** or *** of example.org; Adam and canada are free"},
		{mailtest.Rcpt, mailtest.Reply(551, "5.7.0 user not local; please try <ada.doe@example.net>"), true, "mail: RCPT: 551 5.7.0 user not local; please try <***>"},
		{mailtest.Rcpt, mailtest.Reply(550, "bounces+ada=example.org@example.com ada=example.org ada%example.org"), true, "mail: RCPT: 550 *** *** ***"},
		{mailtest.Rcpt, mailtest.Reply(550, "see https://mx.test/why?rcpt=jo%40example.net or /var/mail/ada/x (user=ADA) SRS0=H=T=example.org=ada jo＠example.net canada-ada"), true, "mail: RCPT: 550 see https:*** or *** (***) *** *** ***"},
		{mailtest.Rcpt, mailtest.Reply(550, strings.Repeat("x", 191)+" ada@example.org is cut"), true, "mail: RCPT: 550 " + strings.Repeat("x", 191) + " *** is …"},
		{mailtest.Done, mailtest.Reply(452, "4.3.1 full"), false, "mail: DATA: 452 4.3.1"},
		{mailtest.Done, mailtest.Reply(554, "5.7.1 blocked "+secret), true, "mail: DATA: 554 5.7.1"},
		{mailtest.Done, mailtest.Reply(554, "blocked "+secret), true, "mail: DATA: 554"},
		{mailtest.Mail, mailtest.ErrDrop, false, "mail: MAIL: EOF"},
	} {
		t.Run(c.want, func(t *testing.T) {
			server := mailtest.Start(t, mailtest.Options{TLS: mailtest.Plain, Script: func(step mailtest.Step, _ string) error {
				if step == c.step {
					return c.answer
				}
				return nil
			}})
			err := reject(t, mail.Config{URL: server.URL}, message())
			if err.Error() != c.want {
				t.Errorf("got  %q\nwant %q", err, c.want)
			}
			if mail.Permanent(err) != c.permanent {
				t.Errorf("permanent: %t", mail.Permanent(err))
			}
		})
	}
}

func TestSendIsTemporaryWhenTheConnectionBreaks(t *testing.T) {
	for _, step := range []mailtest.Step{mailtest.Hello, mailtest.Rcpt, mailtest.Data, mailtest.Done} {
		t.Run(string(step), func(t *testing.T) {
			server := mailtest.Start(t, mailtest.Options{Script: func(at mailtest.Step, _ string) error {
				if at == step {
					return mailtest.ErrDrop
				}
				return nil
			}})
			if err := reject(t, mail.Config{URL: server.URL}, message()); mail.Permanent(err) {
				t.Errorf("permanent: %v", err)
			}
			if n := len(server.Messages()); n != 0 {
				t.Errorf("%d messages were accepted", n)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if err := reject(t, mail.Config{URL: "smtp://" + l.Addr().String()}, message()); mail.Permanent(err) {
			t.Errorf("permanent: %v", err)
		}
	})
}

func TestSendEndsWithItsContext(t *testing.T) {
	for _, step := range []mailtest.Step{mailtest.Hello, mailtest.Auth, mailtest.Mail, mailtest.Rcpt, mailtest.Data, mailtest.Done} {
		t.Run(string(step), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			server := mailtest.Start(t, mailtest.Options{User: "u", Password: password, Script: func(at mailtest.Step, _ string) error {
				if at == step {
					cancel() // the client waits for this answer
					return mailtest.ErrHang
				}
				return nil
			}})
			err := newSMTP(t, mail.Config{URL: server.URL}).Send(ctx, message())
			if !errors.Is(err, context.Canceled) || mail.Permanent(err) {
				t.Errorf("got %v, permanent %t", err, mail.Permanent(err))
			}
		})
	}
	t.Run("its own time-out", func(t *testing.T) {
		server := mailtest.Start(t, mailtest.Options{TLS: mailtest.Plain, Script: func(at mailtest.Step, _ string) error { return mailtest.ErrHang }})
		err := reject(t, mail.Config{URL: server.URL, Timeout: time.Millisecond}, message())
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// The server accepts, then hangs up instead of saying goodbye: the message counts as sent.
func TestSendSucceedsWhenTheGoodbyeFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("220 ready\r\n"))
		answers := map[string]string{"EHLO": "250 hi", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", ".": "250 ok"}
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			word, _, _ := strings.Cut(lines.Text(), " ")
			if word == "QUIT" {
				return
			}
			if answer := answers[word]; answer != "" {
				_, _ = conn.Write([]byte(answer + "\r\n"))
			}
		}
	}()
	send(t, mail.Config{URL: "smtp://" + l.Addr().String() + "?tls=off"}, message())
}

func TestSMTPUTF8IsAskedForOnlyWhereNeeded(t *testing.T) {
	with := mailtest.Start(t, mailtest.Options{UTF8: true})
	without := mailtest.Start(t, mailtest.Options{})
	m := message()

	send(t, mail.Config{URL: with.URL}, m)
	if got := with.Wait(t, 1)[0]; got.UTF8 {
		t.Error("an ASCII address was sent with SMTPUTF8")
	}
	m.To = "äda@bücher.example"
	send(t, mail.Config{URL: with.URL}, m)
	got := with.Wait(t, 2)[1]
	if !got.UTF8 || !slices.Equal(got.To, []string{"äda@xn--bcher-kva.example"}) || got.Header.Get("To") != "<äda@xn--bcher-kva.example>" {
		t.Errorf("SMTPUTF8 %t, RCPT %q, To %q", got.UTF8, got.To, got.Header.Get("To"))
	}
	err := reject(t, mail.Config{URL: without.URL}, m)
	if !mail.Permanent(err) || !strings.Contains(err.Error(), "SMTPUTF8") {
		t.Errorf("got %v, permanent %t", err, mail.Permanent(err))
	}
	m.To = "ada@BÜCHER.example"
	send(t, mail.Config{URL: without.URL}, m)
	if got := without.Wait(t, 1)[0]; !slices.Equal(got.To, []string{"ada@xn--bcher-kva.example"}) {
		t.Errorf("RCPT %q", got.To)
	}
}

func TestConcurrentSendsShareOneSender(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{User: "u", Password: password, Mechanism: "LOGIN"})
	s := newSMTP(t, mail.Config{URL: server.URL, DKIMKey: newKeyPEM(t, "ed25519")})
	const n = 8
	failed := make(chan error, n)
	for range n {
		go func() { failed <- s.Send(t.Context(), message()) }()
	}
	for range n {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	server.Wait(t, n)
}

func TestNewSMTPNamesEveryProblemAndNoSecret(t *testing.T) {
	empty := t.TempDir() + "/empty.pem"
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := "smtp://u:c4n4ry@mail.example.com:587"
	for _, c := range []struct {
		config mail.Config
		want   []string // one per line
	}{
		{mail.Config{URL: good}, nil},
		{mail.Config{URL: "smtps://mail.example.com"}, nil},
		{mail.Config{URL: "smtp://127.0.0.1:1025?tls=off"}, nil},
		{mail.Config{URL: "smtp://u:c4n4ry@[::1]:1025?tls=off"}, nil},
		{mail.Config{URL: "smtp://u:c4n4ry@localhost:1025?tls=off"}, nil},
		{mail.Config{URL: "smtp://relay.example.com:25?tls=off"}, nil},
		{mail.Config{URL: "smtp://u:c4n4ry@relay.example.com:25?tls=off"}, []string{"smtp_url: tls=off would send the password"}},
		{mail.Config{URL: "smtp://u:c4n4ry@127.0.0.1.example.com?tls=off"}, []string{"smtp_url: tls=off would send the password"}},
		{mail.Config{URL: "", From: "x"}, []string{"smtp_url: missing", "mail_from: not one address"}},
		{mail.Config{URL: "http://mail.example.com"}, []string{"smtp_url: the scheme is"}},
		{mail.Config{URL: "smtp:mail.example.com"}, []string{"smtp_url: not a valid address"}},
		{mail.Config{URL: "smtp://u:c4n4ry/x@mail.example.com"}, []string{"smtp_url: not a valid address"}},
		{mail.Config{URL: "smtp://u:c4n4ry#x@mail.example.com"}, []string{"smtp_url: not a valid address"}},
		{mail.Config{URL: "smtp://u:c4n4ry%zz@mail.example.com"}, []string{"smtp_url: not a valid address"}},
		{mail.Config{URL: good + "/path"}, []string{"smtp_url: not a valid address"}},
		{mail.Config{URL: "smtp://u@mail.example.com"}, []string{"smtp_url: user and password come together"}},
		{mail.Config{URL: "smtp://u:c4n4ry%0a@mail.example.com"}, []string{"smtp_url: user and password must not contain"}},
		{mail.Config{URL: "smtp://mail.example.com:70000"}, []string{"smtp_url: the port"}},
		{mail.Config{URL: "smtp://mail_x.example.com"}, []string{"smtp_url: the host"}},
		{mail.Config{URL: good + "?TLS=off&insecure=true"}, []string{`smtp_url: unknown or empty parameter "TLS"`, `smtp_url: unknown or empty parameter "insecure"`}},
		{mail.Config{URL: good + "?tls=opportunistic"}, []string{"smtp_url: parameter tls knows one value"}},
		{mail.Config{URL: "smtps://mail.example.com?tls=off"}, []string{"smtp_url: parameter tls knows one value"}},
		{mail.Config{URL: "smtp://mail.example.com?tls=off&tls=off"}, []string{`smtp_url: parameter "tls" is given twice`}},
		{mail.Config{URL: "smtp://mail.example.com?tls=off&ca=" + empty}, []string{"smtp_url: tls=off and ca=FILE contradict", "smtp_url: the ca file holds no"}},
		{mail.Config{URL: good + "?ca=/nonexistent.pem"}, []string{"smtp_url: the ca file cannot be read"}},
		{mail.Config{URL: good + "?ca=" + empty}, []string{"smtp_url: the ca file holds no PEM"}},
		{mail.Config{URL: good, From: "a@example.com, b@example.com"}, []string{"mail_from: not one address"}},
		{mail.Config{URL: good, From: "ä@example.com"}, []string{"mail_from: not a plain ASCII"}},
		{mail.Config{URL: good, From: "=?utf-8?q?a=0Ab?= <a@example.com>"}, []string{"mail_from: the display name"}},
		{mail.Config{URL: good, DKIMKey: []byte("c4n4ry"), DKIMSelector: "a b"}, []string{"dkim_selector: not a DNS name", "dkim_key: not one PEM block"}},
		{mail.Config{URL: good, DKIMKey: newKeyPEM(t, "rsa1024")}, []string{"dkim_key: the RSA key has 1024 bits"}},
		{mail.Config{URL: good, DKIMKey: newKeyPEM(t, "ecdsa")}, []string{"dkim_key: the key is neither RSA nor Ed25519"}},
		{mail.Config{URL: good, DKIMKey: newKeyPEM(t, "ed25519"), From: "a@" + strings.Repeat("long.", 15) + "example"}, []string{"dkim_key: the sender's domain"}},
		{mail.Config{URL: good, HelloName: "a b", Timeout: -1}, []string{"hello_name: not a valid", "timeout: must not be"}},
	} {
		if c.config.From == "" {
			c.config.From = sender
		}
		_, err := mail.NewSMTP(c.config)
		var got []string
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s\ngot  %q\nwant %q", strings.ReplaceAll(c.config.URL, "c4n4ry", "***"), got, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}

func TestPrintingTellsNoSecret(t *testing.T) {
	key := newKeyPEM(t, "ed25519")
	config := mail.Config{URL: "smtp://u:c4n4ry@mail.example.com", From: sender, DKIMKey: key}
	values := []any{config, &config, newSMTP(t, config), message(), mail.Data{Link: secret}}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, "c4n4ry") || strings.Contains(out, "PRIVATE") {
				t.Errorf("%s of a %T tells a secret", verb, v)
			}
		}
	}
}
