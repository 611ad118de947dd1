package tenant

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Refusals of names.
var (
	ErrSlug   = fault.New(fault.Invalid, "tenant_slug_invalid", "A short name has 3 to 48 characters: a to z, 0 to 9 and single dashes, a letter first. Some words are kept.")
	ErrName   = fault.New(fault.Invalid, "tenant_name_invalid", "A name has 2 to 80 characters, and letters of one script.")
	ErrDomain = fault.New(fault.Invalid, "domain_invalid", "This is no domain that an organisation can have: write one such as example.com, in letters of one script.")
	ErrColor  = fault.New(fault.Invalid, "color_invalid", "Write a colour as #rrggbb.")
)

var (
	slugForm  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	colorForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)
)

// keptWords are slugs that would be taken for parts of a service.
var keptWords = []string{"accept", "account", "accounts", "admin", "administrator", "api", "app", "apps", "assets", "auth", "billing", "blog", "cdn", "console", "dev", "docs",
	"example", "ftp", "gatehouse", "healthz", "help", "id", "imap", "invitations", "join", "localhost", "login", "logout", "mail", "me", "members", "metrics", "new", "ns1", "ns2",
	"null", "oauth", "oidc", "pop", "postmaster", "readyz", "register", "root", "security", "sign-in", "sign-up", "smtp", "sso", "static", "status", "support", "system", "tenant", "tenants",
	"token", "undefined", "webmaster", "well-known", "www"}

// CheckSlug returns ErrSlug unless text can be a slug. It is also a label of a host name (RFC 1035), and
// never an id's text, which paths take too, nor an encoded name of another script (xn--), nor like a kept
// word.
func CheckSlug(text string) error {
	kept := func(word string) bool { return look(word) == look(text) }
	if len(text) < 3 || len(text) > 48 || !slugForm.MatchString(text) || slices.ContainsFunc(keptWords, kept) {
		return ErrSlug
	}
	if _, err := uuid.Parse(text); err == nil {
		return ErrSlug
	}
	return nil
}

// SlugOf makes a slug from a name, as a proposal; it may be too short or taken.
func SlugOf(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case !unicode.Is(unicode.Mn, r) && b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	slug := b.String()
	return strings.Trim(slug[:min(len(slug), 48)], "-")
}

// ParseName returns a name as it is shown and the key that is unique. It returns ErrName for what is
// empty, too long, holds characters that cannot be seen or told from usual letters, has nothing but signs
// that its look leaves out, or mixes scripts or digits.
func ParseName(text string) (name, key string, err error) {
	name = norm.NFC.String(strings.Join(strings.Fields(text), " "))
	key = cases.Fold().String(norm.NFKC.String(name))
	n := utf8.RuneCountInString(name)
	if n < 2 || n > 80 || !utf8.ValidString(text) || !readable(name, key) || !oneScript(name) || look(key) == "" {
		return "", "", ErrName
	}
	return name, key, nil
}

// ParseDomain returns a domain in its one spelling, lower case and in ASCII (RFC 5891). It returns
// ErrDomain for what is none, is a public suffix such as co.uk, an address, or mixes scripts.
func ParseDomain(text string) (string, error) {
	ascii, err := idna.Registration.ToASCII(strings.ToLower(strings.TrimSuffix(strings.TrimSpace(text), ".")))
	if err != nil || len(ascii) > 253 || !strings.Contains(ascii, ".") {
		return "", ErrDomain
	}
	shown, err := idna.Display.ToUnicode(ascii)
	if err != nil {
		return "", ErrDomain
	}
	for label := range strings.SplitSeq(shown, ".") {
		if !oneScript(label) {
			return "", ErrDomain
		}
	}
	if _, err := publicsuffix.EffectiveTLDPlusOne(ascii); err != nil {
		return "", ErrDomain
	}
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if strings.Trim(last, "0123456789") == "" { // an IPv4 address
		return "", ErrDomain
	}
	return ascii, nil
}

// Check returns what is wrong with settings, all at once, and spells the rest in its one way.
func (s Settings) Check() (Settings, error) {
	bad := fault.New(fault.Invalid, "fields_invalid", "Some of the settings cannot be taken.")
	none := len(bad.Fields)
	wrong := func(field string, err error) {
		if f, ok := fault.From(err); ok {
			bad = bad.WithField(field, f.Code, f.Detail)
		}
	}
	name, _, err := ParseName(s.Name)
	wrong("name", err)
	s.Name = name
	wrong("slug", CheckSlug(s.Slug))
	if s.Color != "" && !colorForm.MatchString(s.Color) {
		wrong("color", ErrColor)
	}
	if s.Radius < 0 || s.Radius > ui.MaxRadius {
		wrong("radius", ErrRadius)
	}
	if s.Font != "" && !slices.Contains(ui.Fonts(), s.Font) {
		wrong("font", ErrFont)
	}
	p := &s.Policy
	if p.MaxAge != 0 && (p.MaxAge < minAge || p.MaxAge > maxAge) {
		wrong("max_age", ErrAge)
	}
	if p.MaxIdle != 0 && (p.MaxIdle < minIdle || p.MaxIdle > maxIdle) {
		wrong("max_idle", ErrIdle)
	}
	if p.NoPassword && p.NoPasskey && p.NoMail {
		wrong("methods", ErrMethods)
	}
	if len(p.EmailDomains) > MaxDomains {
		wrong("email_domains", ErrDomains)
	}
	domains := make([]string, 0, len(p.EmailDomains))
	for _, d := range p.EmailDomains {
		domain, err := ParseDomain(d)
		if err != nil {
			wrong("email_domains", err)
			break
		}
		domains = append(domains, domain)
	}
	slices.Sort(domains)
	p.EmailDomains = slices.Compact(domains)
	if len(bad.Fields) > none {
		return s, bad
	}
	return s, nil
}
