package account

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Limits of an address (RFC 5321 section 4.5.3.1).
const (
	maxEmail = 254 // bytes
	maxLocal = 64
)

// Email is a checked address.
type Email struct {
	Typed string // as the person wrote it, surrounding blanks aside
	// Key is what makes two addresses one: letters A to Z folded, the domain in its ASCII
	// form. Folding is ASCII only, because Unicode's equates the Kelvin sign with k and would
	// hand a look-alike's mail to someone else.
	Key string
}

// ParseEmail checks an address and finds its key. The one rule for every way in: no quoted
// local parts, no comments, no address literals, one @, a domain of at least two labels;
// letters of any script in the local part, but nothing invisible or that turns the
// writing direction.
func ParseEmail(s string) (Email, error) {
	s = strings.Trim(s, " \t\r\n")
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > maxEmail || len(local) > maxLocal || !utf8.ValidString(s) || strings.Contains(domain, "@") {
		return Email{}, ErrEmail
	}
	if !validLocal(local) {
		return Email{}, ErrEmail
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !validDomain(ascii) || strings.IndexFunc(domain, invisible) >= 0 {
		return Email{}, ErrEmail
	}
	return Email{Typed: s, Key: asciiLower(local) + "@" + ascii}, nil
}

// validLocal accepts RFC 5322's dot-atom, widened to letters and digits of any script (RFC 6531).
func validLocal(local string) bool {
	if local == "" || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return false
	}
	for _, r := range local {
		switch {
		case r < utf8.RuneSelf:
			if !isLetterOrDigit(byte(r)) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r) {
				return false
			}
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r):
			return false
		}
	}
	return true
}

// invisible finds what IDNA would drop without a word.
func invisible(r rune) bool {
	return r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r)
}

func validDomain(ascii string) bool {
	if len(ascii) > 253 || !strings.Contains(ascii, ".") || strings.HasSuffix(ascii, ".") {
		return false
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return false
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !isLetterOrDigit(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

func isLetterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
