package mail

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The steps of a conversation, as errors name them.
const (
	stepConnect  = "connect"
	stepTLS      = "TLS"
	stepGreeting = "greeting"
	stepHello    = "EHLO"
	stepStartTLS = "STARTTLS"
	stepAuth     = "AUTH"
	stepMail     = "MAIL"
	stepRcpt     = "RCPT"
	stepData     = "DATA"
)

const maxReply = 200 // runes of a server's answer that an error quotes

// enhanced is an enhanced status code (RFC 3463) at the start of an answer.
var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// failure turns what went wrong at a step on the way to somebody into a sendError.
//
// The answer to AUTH may repeat the credentials, and the one to DATA the message
// (content filters quote the link they dislike): of those it keeps the codes alone.
// Of all others it keeps the words, without the addresses in them.
func failure(ctx context.Context, to address, step string, err error) error {
	var own *sendError
	if errors.As(err, &own) {
		return own
	}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return &sendError{step: step, text: replyText(to, step, reply), permanent: permanent(step, reply.Code)}
	}
	// The context closes the connection; its reason says more than "use of closed".
	if ctx.Err() != nil {
		return &sendError{step: step, text: ctx.Err().Error(), cause: ctx.Err()}
	}
	if sensitive(step) && !network(err) {
		return &sendError{step: step, text: "the server broke the protocol"}
	}
	if network(err) { // our own words: they name the server and nobody
		return &sendError{step: step, text: clip(oneLine(err.Error()), maxReply), cause: err}
	}
	return &sendError{step: step, text: clip(nameless(oneLine(err.Error()), to), maxReply)}
}

// permanent reports whether an answer condemns this message. Refusals before
// RCPT, and 530 to 538 at any step (RFC 4954 section 6), are about us: the
// operator can mend them, and the mail should then go out.
func permanent(step string, code int) bool {
	return (step == stepRcpt || step == stepData) && code >= 500 && code <= 599 && (code < 530 || code > 538)
}

func replyText(to address, step string, reply *textproto.Error) string {
	text := oneLine(reply.Msg)
	code := enhanced.FindString(text)
	text = code + nameless(text[len(code):], to)
	if sensitive(step) {
		text = code
	}
	if text == "" {
		return strconv.Itoa(reply.Code)
	}
	return strconv.Itoa(reply.Code) + " " + clip(text, maxReply)
}

// word is what stands between white space, brackets and what else no plain address holds.
var word = regexp.MustCompile(`[^\s<>()\[\]",;:]+`)

// nameless returns what a server said with *** for each address, and for each word that
// has the name before the recipient's @ in it, with or without what follows a plus. Servers repeat whom they refuse, in
// spellings of their own and with the address they would forward to; an operator sees the
// recipient beside the error, so that nobody's address needs to be in it, nor in a log.
func nameless(text string, to address) string {
	base, _, _ := strings.Cut(to.local, "+")
	return word.ReplaceAllStringFunc(text, func(w string) string {
		plain, err := url.PathUnescape(w)
		if err != nil {
			plain = w
		}
		if strings.ContainsAny(plain, "@\uff20") || names(plain, to.local) || names(plain, base) {
			return "***"
		}
		return w
	})
}

// names reports whether name stands in word, whatever its case, with no letter or digit on either side.
func names(word, name string) bool {
	word, name = strings.ToLower(word), strings.ToLower(name)
	for rest := word; name != ""; {
		before, after, found := strings.Cut(rest, name)
		if !found {
			return false
		}
		last, _ := utf8.DecodeLastRuneInString(word[:len(word)-len(rest)+len(before)])
		next, _ := utf8.DecodeRuneInString(after)
		if !isWord(last) && !isWord(next) {
			return true
		}
		rest = rest[len(before)+1:] // a name is a byte at least, and may begin within itself
	}
	return false
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func sensitive(step string) bool { return step == stepAuth || step == stepData }

// network reports whether err comes from the connection, not from the server's words.
func network(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
