package mail_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail/mailtest"
)

func TestMessageHasExactlyTheHeadersItNeeds(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	send(t, mail.Config{URL: server.URL}, message())
	got := server.Wait(t, 1)[0]

	want := map[string]string{
		"From":           `"Example" <no-reply@example.com>`,
		"To":             "<ada@example.org>",
		"Subject":        "Choose a new password",
		"Date":           "Sun, 01 Mar 2026 11:30:45 +0000",
		"Message-Id":     "<0198c0de-0000-7000-8000-000000000001@example.com>",
		"Auto-Submitted": "auto-generated",
		"Mime-Version":   "1.0",
	}
	for name, values := range got.Header {
		if name == "Content-Type" {
			continue // holds a random boundary
		}
		if len(values) != 1 || values[0] != want[name] {
			t.Errorf("%s: %q, want %q", name, values, want[name])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if got.Hello != "example.com" {
		t.Errorf("EHLO %q", got.Hello)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, tell := range []string{host, "go-mail", "Go-http", "gatehouse"} {
		if bytes.Contains(bytes.ToLower(got.Raw), []byte(strings.ToLower(tell))) {
			t.Errorf("the message names %q", tell)
		}
	}
}

func TestRetryCarriesTheSameMessageID(t *testing.T) {
	first := true
	server := mailtest.Start(t, mailtest.Options{TLS: mailtest.Plain, Script: func(step mailtest.Step, _ string) error {
		if step == mailtest.Done && first {
			first = false
			return mailtest.ErrDrop
		}
		return nil
	}})
	s, m := newSMTP(t, mail.Config{URL: server.URL}), message()
	if err := s.Send(t.Context(), m); err == nil || mail.Permanent(err) {
		t.Fatalf("the broken attempt: %v", err)
	}
	for range 2 {
		if err := s.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := server.Wait(t, 2)
	if a, b := got[0].Header.Get("Message-Id"), got[1].Header.Get("Message-Id"); a != b || !strings.Contains(a, m.ID) {
		t.Errorf("%q and %q", a, b)
	}
}

func TestTextsArriveUnchanged(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	texts := map[string]string{
		"UTF-8":        "Grüße, 世界, 👩‍💻\n",
		"dots":         ".\n..\n.hidden\n\n.\n",
		"long line":    strings.Repeat("ä=?x", 500) + "\n",
		"looks mime":   "--boundary\nSubject: no\n\n=20=\n",
		"empty lines":  "\n\n\na\n\n",
		"trailing gap": "a \t\nb \n",
	}
	n := 0
	for name, text := range texts {
		m := message()
		m.Text, m.HTML = text, "<p>"+text+"</p>"
		send(t, mail.Config{URL: server.URL, DKIMKey: newKeyPEM(t, "ed25519")}, m)
		n++
		got := server.Wait(t, n)[n-1]
		if got.Text != m.Text || got.HTML != m.HTML {
			t.Errorf("%s: text %q, html %q", name, got.Text, got.HTML)
		}
	}
	m := message()
	m.HTML = ""
	send(t, mail.Config{URL: server.URL}, m)
	if got := server.Wait(t, n+1)[n]; got.Text != m.Text || got.HTML != "" {
		t.Errorf("text alone: %q, %q", got.Text, got.HTML)
	}
}

func TestSubjectsCannotBecomeAnythingElse(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{UTF8: true})
	long := strings.Repeat("ß世", 200)
	n := 0
	for subject, want := range map[string]string{
		"plain":                             "plain",
		"Grüße aus Köln":                    "Grüße aus Köln",
		long:                                long,
		strings.Repeat("x", 2000):           strings.Repeat("x", 2000),
		"a\r\nBcc: eve@example.net":         "a Bcc: eve@example.net",
		"a\nTo: eve@example.net":            "a To: eve@example.net",
		"a\rCc: eve@example.net":            "a Cc: eve@example.net",
		"a\r\n\r\nbody":                     "a body",
		"a\x00b":                            "a b",
		"a\u2028Bcc: eve@example.net":       "a Bcc: eve@example.net",
		"a\u202eexe.cod":                    "a exe.cod",
		"a\xff\xfeb":                        "ab",
		"=?utf-8?q?a=0D=0ABcc:_e@x.net?=":   "=?utf-8?q?a=0D=0ABcc:_e@x.net?=",
		"<b>x</b> {{7*7}} ${7*7} %s%n":      "<b>x</b> {{7*7}} ${7*7} %s%n",
		"x, eve@example.net; \"q\" <e@x.y>": "x, eve@example.net; \"q\" <e@x.y>",
		"":                                  "",
	} {
		m := message()
		m.Subject = subject
		send(t, mail.Config{URL: server.URL}, m)
		n++
		got := server.Wait(t, n)[n-1]
		if got.Subject != want {
			t.Errorf("%q arrived as %q, want %q", subject, got.Subject, want)
		}
		if !slices.Equal(got.To, []string{"ada@example.org"}) || len(got.Header["To"]) != 1 || got.Header.Get("To") != "<ada@example.org>" {
			t.Errorf("%q: RCPT %q, To %q", subject, got.To, got.Header["To"])
		}
		if got.Header["Bcc"] != nil || got.Header["Cc"] != nil || len(got.Header) != 8 {
			t.Errorf("%q made headers: %v", subject, got.Header)
		}
		head, _, _ := bytes.Cut(got.Raw, []byte("\r\n\r\n"))
		for line := range bytes.SplitSeq(head, []byte("\r\n")) {
			if len(line) > 100 {
				t.Errorf("%.20q: a header line of %d octets", subject, len(line))
			}
		}
		if got.Text != m.Text {
			t.Errorf("%q changed the text", subject)
		}
	}
}

func TestOnlyOnePlainRecipientIsTaken(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{TLS: mailtest.Plain, UTF8: true})
	s := newSMTP(t, mail.Config{URL: server.URL})
	for _, to := range []string{
		"", "ada", "@example.org", "ada@", "ada@@example.org", "ada@example.org@example.net",
		"ada@example.org,eve@example.net", "ada@example.org, eve@example.net", "ada@example.org;eve@example.net",
		"ada@example.org eve@example.net", "ada@example.org\neve@example.net", "ada@example.org\r\nRCPT TO:<eve@example.net>",
		"ada@example.org\x00eve@example.net", "ada@example.org\x00", " ada@example.org", "ada@example.org ",
		"Ada <ada@example.org>", "<ada@example.org>", "ada@example.org (Ada)", "ada@example.org> SIZE=1", "<>",
		"group:ada@example.org;", "@relay.example:ada@example.org", `"ada eve"@example.org`, `"ada"@example.org`, `a\da@example.org`,
		"ada@[127.0.0.1]", "ada@exa_mple.org", "ada@-example.org", "ada@example..org", "ada@xn--a.org",
		"a\u2028da@example.org", "a\u202eda@example.org", "a\u00a0da@example.org", "a\xffda@example.org", "\ufeffada@example.org",
		strings.Repeat("a", 65) + "@example.org", "ada@" + strings.Repeat("a", 64) + ".org", "ada@" + strings.Repeat("a.", 130) + "org",
	} {
		m := message()
		m.To = to
		if err := s.Send(t.Context(), m); !mail.Permanent(err) {
			t.Errorf("%q: %v, want a permanent error", to, err)
		}
	}
	for _, to := range []string{"ada@example.org", "a.d+a'{}%!@sub.example.org", "=?utf-8?q?a?=@example.org", strings.Repeat("a", 64) + "@example.org"} {
		m := message()
		m.To = to
		if err := s.Send(t.Context(), m); err != nil {
			t.Errorf("%q: %v", to, err)
		}
	}
	for _, got := range server.Wait(t, 4) {
		if len(got.To) != 1 || got.Header.Get("To") != "<"+got.To[0]+">" {
			t.Errorf("RCPT %q, To %q", got.To, got.Header["To"])
		}
	}
}

func TestIncompleteMessagesAreRefusedForGood(t *testing.T) {
	s := newSMTP(t, mail.Config{URL: "smtp://127.0.0.1:1"})
	for name, change := range map[string]func(*mail.Message){
		"no id":      func(m *mail.Message) { m.ID = "" },
		"id with @":  func(m *mail.Message) { m.ID = "a@b" },
		"id with CR": func(m *mail.Message) { m.ID = "a\r\nBcc: x" },
		"id with >":  func(m *mail.Message) { m.ID = "a>" },
		"long id":    func(m *mail.Message) { m.ID = strings.Repeat("a", 129) },
		"no date":    func(m *mail.Message) { m.At = time.Time{} },
		"no text":    func(m *mail.Message) { m.Text = "" },
	} {
		m := message()
		change(&m)
		if err := s.Send(t.Context(), m); !mail.Permanent(err) {
			t.Errorf("%s: %v, want a permanent error", name, err)
		}
	}
}

func TestDKIMSignatureVerifies(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	n := 0
	for _, algorithm := range []string{"ed25519", "rsa2048"} {
		for _, from := range []string{sender, "a@" + strings.Repeat("long-label.", 5) + "example.com", "a@bücher.example"} {
			for _, selector := range []string{"", "2026-03.mail"} {
				key := newKeyPEM(t, algorithm)
				m := message()
				m.Subject = strings.Repeat("Grüße ", 30)
				m.Text = "a  b \n\n trailing \n\n\n"
				send(t, mail.Config{URL: server.URL, From: from, DKIMKey: key, DKIMSelector: selector}, m)
				n++
				raw := server.Wait(t, n)[n-1].Raw
				if err := verifyDKIM(t, raw, key, selector); err != nil {
					t.Errorf("%s, %s: %v", algorithm, from, err)
				}
			}
		}
	}
}

func TestDKIMSignatureBreaksWithTheMessage(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	key := newKeyPEM(t, "ed25519")
	send(t, mail.Config{URL: server.URL, DKIMKey: key}, message())
	raw := string(server.Wait(t, 1)[0].Raw)
	for name, changed := range map[string]string{
		"body":           strings.Replace(raw, "Open this", "Open that", 1),
		"subject":        strings.Replace(raw, "Subject: Choose", "Subject: Chose", 1),
		"to":             strings.Replace(raw, "<ada@", "<eve@", 1),
		"date":           strings.Replace(raw, "11:30:45", "11:30:46", 1),
		"message id":     strings.Replace(raw, "<0198", "<0199", 1),
		"second from":    "From: <eve@example.net>\r\n" + raw,
		"second to":      "To: <eve@example.net>\r\n" + raw,
		"second subject": "Subject: another\r\n" + raw,
	} {
		if changed == raw {
			t.Fatalf("%s: nothing was changed", name)
		}
		if verifyDKIM(t, []byte(changed), key, "") == nil {
			t.Errorf("%s: the signature still verifies", name)
		}
	}
}

// verifyDKIM checks the one signature of raw against the public half of key,
// published where the signature says.
func verifyDKIM(t *testing.T, raw, key []byte, selector string) error {
	t.Helper()
	block, _ := pem.Decode(key)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	record := "v=DKIM1; k=ed25519; p="
	var public []byte
	switch k := private.(type) {
	case ed25519.PrivateKey:
		public, _ = k.Public().(ed25519.PublicKey)
	case *rsa.PrivateKey:
		record = "v=DKIM1; k=rsa; p="
		if public, err = x509.MarshalPKIXPublicKey(&k.PublicKey); err != nil {
			t.Fatal(err)
		}
	}
	if selector == "" {
		selector = "gatehouse"
	}
	results, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if !strings.HasPrefix(name, selector+"._domainkey.") {
			t.Errorf("the key is looked up at %q", name)
		}
		return []string{record + base64.StdEncoding.EncodeToString(public)}, nil
	}})
	if err != nil {
		return err
	}
	if len(results) != 1 {
		t.Fatalf("%d signatures", len(results))
	}
	return results[0].Err
}

func newKeyPEM(t *testing.T, algorithm string) []byte {
	t.Helper()
	var key crypto.Signer
	var err error
	switch algorithm {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "rsa2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "rsa1024":
		key, err = rsa.GenerateKey(rand.Reader, 1024)
	case "ecdsa":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
