package arch

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
)

// finding is something in a text that looks like a secret.
type finding struct {
	rule  string
	value string // never shown: it may be one
	line  int
}

// rule is a form that secrets have.
type rule struct {
	name string
	// may is a cheap look at a line that could hold one.
	may  func(line string) bool
	form *regexp.Regexp
	// is decides about the value, which is the last group of form, or all of it; nil: each is one.
	is func(value string) bool
}

var rules = []rule{
	// PKCS #8 (RFC 5958): the beginnings of Ed25519 (RFC 8410), P-256 (RFC 5480) and RSA keys.
	{"private key in PKCS #8", holds("MC4CAQAw", "MIGHAgEA", "BADANBgkqhkiG9w0BAQEF"), regexp.MustCompile(`(?:MC4CAQAwBQYDK2VwBCIEI|MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg|MII[A-Za-z0-9+/]{3}IBADANBgkqhkiG9w0BAQEFAASC)[A-Za-z0-9+/=]{40,}`), nil},
	// RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2.
	{"private JWK", holds(`"d`, `"k`), regexp.MustCompile(`\\?"[dk]\\?"\s*:\s*\\?"[A-Za-z0-9_-]{32,}`), nil},
	{"signed token", holds("eyJ"), regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{40,}`), isSigned},
	{"refresh token", holds("grt_"), regexp.MustCompile(`\bgrt_[A-Za-z0-9_-]{80,}`), nil},
	{"token of AWS", holds("AKIA", "ASIA", "ABIA", "ACCA"), regexp.MustCompile(`\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b`), nil},
	{"token of GitHub", holds("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})`), nil},
	{"token of GitLab", holds("glpat-"), regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`), nil},
	{"token of Slack", holds("xox", "xapp-", "hooks.slack.com"), regexp.MustCompile(`\bxox[abeprs]-[A-Za-z0-9-]{20,}|\bxapp-[0-9]-[A-Za-z0-9-]{20,}|hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}`), nil},
	{"token of Stripe", holds("k_live_", "k_test_", "whsec_"), regexp.MustCompile(`\b(?:[rs]k_(?:live|test)_|whsec_)[A-Za-z0-9]{20,}`), nil},
	{"token of Google", holds("AIza", "GOCSPX-", "ya29."), regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}|\bGOCSPX-[A-Za-z0-9_-]{28}|\bya29\.[A-Za-z0-9_-]{30,}`), nil},
	{"token of a mail or package service", holds("SG.", "npm_"), regexp.MustCompile(`\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}|\bnpm_[A-Za-z0-9]{36}`), nil},
	{"password in a URL", holds("://"), regexp.MustCompile("\\b[a-z][a-z0-9+.-]*://[^\\s/:@\"'`<>]*:([^\\s/@\"'`<>]+)@[A-Za-z0-9\\[]"), isPassword},
	{"value of a secret", hasValue, regexp.MustCompile("(?i)(?:secret|token|passw(?:or)?d|pwd|passphrase|credential|key)[a-z0-9_]*\\\\?[\"'`]?\\s*(?::=|=>|[:=])\\s*(?:\\[\\]byte\\()?\\\\?[\"'`]?([A-Za-z0-9+/_=-]{20,})"), isRandom},
}

// inPEM finds a private key (RFC 7468 sections 10 and 11, and what came before), with at least a line of it.
var inPEM = regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z-]+: [^\n]*|[\s"'+|>]|\\[nr])*[A-Za-z0-9+/=\s]{40,}`)

// scan returns what in a text looks like a secret; once, were it by several rules.
func scan(text string) (all []finding) {
	if strings.Contains(text, "PRIVATE KEY") {
		for _, at := range inPEM.FindAllStringIndex(text, -1) {
			all = append(all, finding{"private key in PEM", text[at[0]:at[1]], 1 + strings.Count(text[:at[0]], "\n")})
		}
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		for _, r := range rules {
			if !r.may(line) {
				continue
			}
			for _, match := range r.form.FindAllStringSubmatch(line, -1) {
				value := match[len(match)-1]
				again := slices.ContainsFunc(all, func(f finding) bool { return strings.Contains(f.value, value) })
				if !again && (r.is == nil || r.is(value)) {
					all = append(all, finding{r.name, value, number})
				}
			}
		}
	}
	return all
}

func holds(beginnings ...string) func(string) bool {
	return func(line string) bool {
		return slices.ContainsFunc(beginnings, func(b string) bool { return strings.Contains(line, b) })
	}
}

// hasValue reports whether a line has as long a value as a secret's, with a digit.
func hasValue(line string) bool {
	const least = 20
	length, digit := 0, false
	for i := range len(line) {
		switch c := line[i]; {
		case '0' <= c && c <= '9':
			digit = true
		case 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte("+/_=-", c) >= 0:
		default:
			length, digit = 0, false
			continue
		}
		if length++; length >= least && digit {
			return true
		}
	}
	return false
}

// isSigned reports whether a token begins with the header of a signature (RFC 7515 section 4.1.1).
func isSigned(token string) bool {
	part, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(part)
	var header struct {
		Alg string `json:"alg"`
	}
	return err == nil && json.Unmarshal(text, &header) == nil && header.Alg != ""
}

// placeholders are what is written where a password belongs.
var placeholders = []string{"password", "pass", "secret", "pw", "p", "postgres", "test", "example", "changeme"}

// isPassword reports whether a text could be one: no word of the list, nothing that is yet to be filled in,
// and none of those that tests look for in what they must not be in.
func isPassword(text string) bool {
	lower := strings.ToLower(text)
	return !slices.Contains(placeholders, lower) && !strings.ContainsAny(text, "${}*%…") && !strings.Contains(text, "...") &&
		!strings.Contains(lower, "canary") && !strings.Contains(lower, "c4n4ry")
}

var (
	words = regexp.MustCompile(`[A-Z]?[a-z]{4,}`)
	uuids = regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// isRandom reports whether a value was not written by a person: most of it is in no word, it has a digit, and
// its characters are as mixed as chance makes them. A UUID is a name.
func isRandom(value string) bool {
	const least = 3.2 // bits of each character: hexadecimal digits have 4, base64's 6, of so few some less
	rest := words.ReplaceAllString(value, "")
	return 5*len(rest) > 3*len(value) && strings.ContainsAny(value, "0123456789") && entropy(value) >= least && !uuids.MatchString(value)
}

// entropy is that of a text's characters, in bits of each.
func entropy(text string) (bits float64) {
	counts := map[rune]float64{}
	for _, r := range text {
		counts[r]++
	}
	for _, n := range counts {
		p := n / float64(len(text))
		bits -= p * math.Log2(p)
	}
	return bits
}
