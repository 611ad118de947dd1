// Package mail sends a message to one person and renders what it says.
//
// [Message] is what goes out, [Sender] what takes it: [SMTP] hands it to a mail
// server, the dev mailbox keeps it to be read on a page. [Templates] turns a
// kind, a language and [Data] into subject, plain text and HTML.
//
// The package does not queue, retry or decide who is told what: background jobs
// do the first two, flows the third. One rule holds everywhere: a message goes
// to exactly one address, whatever its subject, names or texts contain.
package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
)

// Message is one mail to one person. It prints as its id alone: the texts may hold
// a link that signs somebody in, and the recipient's address is nothing for logs.
type Message struct {
	ID      string    // local part of the Message-ID, 1 to 128 of letters, digits, '.', '-', '_'; the same at every retry
	To      string    // one bare address, no display name
	Subject string    // one line; control characters become spaces
	Text    string    // the whole message as plain text
	HTML    string    // the same as HTML; empty sends the text alone
	At      time.Time // the Date header; the time the message was queued
}

// Sender takes one message for delivery. A nil error means that the message was
// accepted; for any other ask [Permanent] whether to try again with the same
// Message. Errors never hold the subject, the texts or the recipient's address.
// Implementations are safe for concurrent use.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Permanent reports whether err says that this message can never be delivered:
// its recipient or content was refused for good. Everything else, trouble with
// the network, the server or its settings included, is worth another try.
func Permanent(err error) bool {
	var e *sendError
	return errors.As(err, &e) && e.permanent
}

// Format prints the id for every verb.
func (m Message) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "mail %s", m.ID) }

// LogValue is the id.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.ID) }

// check returns the recipient of a message that may be sent. Every Sender calls
// it first, so that what the dev mailbox takes, SMTP takes too.
func (m Message) check() (address, error) {
	switch {
	case !validID(m.ID):
		return address{}, refused("the message id must be 1 to 128 letters, digits, dots, hyphens or underscores")
	case m.At.IsZero():
		return address{}, refused("the message has no date")
	case m.Text == "":
		return address{}, refused("the message has no plain text")
	}
	return parseAddress(m.To)
}

func validID(id string) bool {
	return len(id) >= 1 && len(id) <= 128 && strings.IndexFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_", r)
	}) < 0
}

// sendError is why a message was not sent.
type sendError struct {
	step      string // where in the conversation; empty when it never began
	text      string // shown to operators; never the subject, the texts, an address or a password
	permanent bool
	cause     error // of the context or the network; nil when the server answered
}

func (e *sendError) Error() string {
	if e.step == "" {
		return "mail: " + e.text
	}
	return "mail: " + e.step + ": " + e.text
}

func (e *sendError) Unwrap() error { return e.cause }

// refused is a permanent error found before anything was sent.
func refused(text string) error { return &sendError{text: text, permanent: true} }

// oneLine makes s fit for a header, a log or a sentence: invalid UTF-8 goes, and
// every run of white space, control and invisible format characters (line
// breaks, NUL, bidirectional overrides) becomes one space. The joiners that some
// scripts and emoji need stay.
func oneLine(s string) string {
	const joiners = "\u200c\u200d"
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool {
		return unicode.IsSpace(r) || (!unicode.IsGraphic(r) && !strings.ContainsRune(joiners, r))
	}), " ")
}

// clip shortens s to at most n runes.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
