package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// compose writes m in the form that DATA carries (RFC 5322), signed where there
// is a key. Headers name neither the software nor this machine: the library's
// own User-Agent and Message-ID would.
func (s *SMTP) compose(m Message, to address) ([]byte, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&netmail.Address{Name: s.from.Name, Address: s.from.Address})
	msg.ToMailAddress(&netmail.Address{Address: to.String()})
	msg.SetGenHeader(gomail.HeaderSubject, encodeSubject(oneLine(m.Subject)))
	msg.SetMessageIDWithValue(m.ID + "@" + s.domain)
	msg.SetDateWithValue(m.At.UTC())
	// RFC 3834 section 5: keeps out-of-office answers from coming back.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	if s.sign != nil {
		msg.SetDKIM(s.sign(m.At))
	}
	var out bytes.Buffer
	if _, err := msg.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("mail: compose: %w", err)
	}
	return out.Bytes(), nil
}

// encodeSubject returns s as header text: as it is when no reader could see
// anything else in it, otherwise as encoded words (RFC 2047 section 2). The
// standard encoder leaves ASCII alone, so a name spelled like an encoded word
// would be decoded by the reader's client instead of shown.
func encodeSubject(s string) string {
	if isASCII(s) && !strings.Contains(s, "=?") && !hasLongWord(s) {
		return s
	}
	const most = 45 // octets: with base64 and its frame an encoded word stays under 75
	var words []string
	for s != "" {
		n := 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			if n+size > most {
				break
			}
			n += size
		}
		words = append(words, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, " ")
}

// hasLongWord reports whether s holds a word that no folding can keep within the
// 78 columns of RFC 5322 section 2.1.1.
func hasLongWord(s string) bool {
	for word := range strings.FieldsSeq(s) {
		if len(word) > 70 {
			return true
		}
	}
	return false
}
