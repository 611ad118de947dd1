package strictjson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The one-letter escapes, and what each means.
const (
	escapes = `"\/bfnrt`
	meant   = "\"\\/\b\f\n\r\t"
)

// String returns the string that value holds. It reports false for any other kind.
// value must come from [Object] or [Array].
func String(value string) (string, bool) {
	if value[0] != '"' {
		return "", false
	}
	inner := value[1 : len(value)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	return unescape(inner), true
}

// Strings returns the elements of the array that value holds. It reports false for
// any other kind and for an array with an element that is not a string.
// value must come from [Object] or [Array].
func Strings(value string) ([]string, bool) {
	if value[0] != '[' {
		return nil, false
	}
	const common = 16 // more grow as they come: commas may be inside the strings too
	list := make([]string, 0, min(strings.Count(value, ",")+1, common))
	s := scanner{text: value, pos: 1}
	for s.next() == '"' {
		text, escaped, _ := s.string() // checked before
		if escaped {
			text = unescape(text)
		}
		list = append(list, text)
		s.take(',')
	}
	return list, s.next() == ']'
}

// Natural returns the whole number that value holds, from 0 to 999,999,999,999,999,
// written in plain digits. It reports false for any other kind, and for a number
// with a sign, a fraction or an exponent, even where these do not change it: there
// is one way to write each number, so no two readers round differently.
// value must come from [Object] or [Array].
func Natural(value string) (int64, bool) {
	const most = 15 // digits: below 2^53, exact wherever JSON numbers are doubles
	if len(value) > most {
		return 0, false
	}
	var n int64
	for i := range len(value) {
		c := value[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// Bool returns the truth that value holds. It reports false for any other kind.
// value must come from [Object] or [Array].
func Bool(value string) (truth, ok bool) {
	return value == "true", value == "true" || value == "false"
}

// string reads the string the scanner stands on, and returns what is between its quotes
// and whether there are escapes in it.
func (s *scanner) string() (inner string, escaped bool, err error) {
	text, start := s.text, s.pos+1
	for i := start; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			s.pos = i + 1
			return text[start:i], escaped, nil
		case c == '\\':
			n, err := escape(text[i:])
			if err != nil {
				return "", false, err
			}
			i += n
			escaped = true
		case c >= ' ':
			i++
		case c == 0:
			return "", false, ErrNUL
		default:
			return "", false, ErrSyntax
		}
	}
	return "", false, ErrSyntax
}

// escape checks the escape sequence that text begins with and returns its length.
// A surrogate pair is one sequence; half a pair is none (RFC 8259 section 8.2).
func escape(text string) (int, error) {
	if len(text) < 2 {
		return 0, ErrSyntax
	}
	if text[1] != 'u' {
		if strings.IndexByte(escapes, text[1]) < 0 {
			return 0, ErrSyntax
		}
		return 2, nil
	}
	r, n := unicodeEscape(text)
	switch {
	case n == 0:
		return 0, ErrSyntax
	case r == 0:
		return 0, ErrNUL
	}
	return n, nil
}

// unicodeEscape decodes the \uXXXX, or the pair of them, that text begins with.
// The length is 0 where it is malformed.
func unicodeEscape(text string) (r rune, n int) {
	r, ok := hex4(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := hex4(text[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		c := text[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape decodes the inside of a string that has been checked.
func unescape(inner string) string {
	var b strings.Builder
	b.Grow(len(inner))
	for {
		i := strings.IndexByte(inner, '\\')
		if i < 0 {
			b.WriteString(inner)
			return b.String()
		}
		b.WriteString(inner[:i])
		inner = inner[i:]
		if inner[1] == 'u' {
			r, n := unicodeEscape(inner)
			b.WriteRune(r)
			inner = inner[n:]
			continue
		}
		b.WriteByte(meant[strings.IndexByte(escapes, inner[1])])
		inner = inner[2:]
	}
}
