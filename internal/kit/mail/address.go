package mail

import (
	netmail "net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// Octets that SMTP carries at most (RFC 5321 section 4.5.3.1).
const (
	maxLocal   = 64
	maxAddress = 254 // the path's 256 without its angle brackets
)

// address is one mailbox, ready for RCPT and To.
type address struct {
	local  string // a dot-atom; opaque, spelled as given
	domain string // ASCII, IDN in its A-label form (RFC 5890)
}

func (a address) String() string { return a.local + "@" + a.domain }

// needsUTF8 reports whether only SMTPUTF8 can carry the address (RFC 6531).
func (a address) needsUTF8() bool { return !isASCII(a.local) }

// parseAddress takes a bare address: no display name, no angle brackets, no
// comment, no list, no quoted local part. Addresses are checked where they enter
// the system; this is the last line of defence, so it takes the plain form alone.
func parseAddress(s string) (address, error) {
	parsed, err := netmail.ParseAddress(s)
	if err != nil || parsed.Address != s || !plain(s) {
		return address{}, refused("the recipient is not one plain address")
	}
	local, domain, _ := strings.Cut(s, "@")
	domain, err = asciiDomain(domain)
	if err != nil {
		return address{}, refused("the recipient's domain is not a valid name")
	}
	a := address{local: local, domain: domain}
	if len(local) > maxLocal || len(a.String()) > maxAddress {
		return address{}, refused("the recipient is too long for SMTP")
	}
	return a, nil
}

// plain refuses what an address parser may accept and a header, a command or a
// relay may read differently: quoting, lists, routes, and all that is invisible.
func plain(s string) bool {
	return strings.Count(s, "@") == 1 && strings.IndexFunc(s, func(r rune) bool {
		return strings.ContainsRune(`,;:<>()[]"\`, r) || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}) < 0
}

// asciiDomain returns the A-label form that DNS and SMTP use. Mapping (case,
// width) leads to the name's own owner, the same that every mail client reaches.
func asciiDomain(domain string) (string, error) {
	return idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true)).ToASCII(domain)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}
