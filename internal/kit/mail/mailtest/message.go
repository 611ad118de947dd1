package mailtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
)

// Message is what the server accepted: the envelope as the client gave it, and
// the message decoded.
type Message struct {
	From  string   // MAIL
	To    []string // every RCPT, in order
	Hello string   // the client's name
	User  string   // who signed in; empty without AUTH
	TLS   bool     // the message came over TLS
	UTF8  bool     // MAIL asked for SMTPUTF8

	Raw     []byte         // as sent, line breaks CRLF
	Header  netmail.Header // of the message, undecoded
	Subject string         // decoded
	Text    string         // the text/plain part, line breaks LF
	HTML    string         // the text/html part, line breaks LF; empty when there is none
}

// decode fills the message from raw. It accepts the two forms that the mail
// package sends: one text part, or alternatives of text and HTML.
func (m *Message) decode(raw []byte) error {
	m.Raw = raw
	parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	m.Header = parsed.Header
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	if kind != "multipart/alternative" {
		return m.decodePart(kind, m.Header.Get("Content-Transfer-Encoding"), parsed.Body)
	}
	parts := multipart.NewReader(parsed.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			return err
		}
		if err := m.decodePart(kind, part.Header.Get("Content-Transfer-Encoding"), part); err != nil {
			return err
		}
	}
}

func (m *Message) decodePart(kind, encoding string, body io.Reader) error {
	if encoding != "quoted-printable" {
		return fmt.Errorf("unexpected transfer encoding %q", encoding)
	}
	data, err := io.ReadAll(quotedprintable.NewReader(body))
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	switch kind {
	case "text/plain":
		m.Text = text
	case "text/html":
		m.HTML = text
	default:
		return fmt.Errorf("unexpected part %q", kind)
	}
	return nil
}
