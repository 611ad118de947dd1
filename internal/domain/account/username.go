package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const maxUsername = 150 // characters

// Username is a checked user name.
type Username struct {
	Typed string // in NFKC
	Key   string // lower case: two names with one key are one
}

// ParseUsername checks a user name and finds its key. It never holds an @, so a name cannot
// pass for an address; and its letters are of one script, so it cannot pass for another name.
func ParseUsername(s string) (Username, error) {
	s = norm.NFKC.String(strings.Trim(s, " \t\r\n"))
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxUsername {
		return Username{}, ErrUsername
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".+-_", r) {
			return Username{}, ErrUsername
		}
	}
	if !oneScript(s) {
		return Username{}, ErrUsername
	}
	return Username{Typed: s, Key: norm.NFKC.String(strings.ToLower(s))}, nil
}

// Scripts whose letters look like one another's.
var lookalikes = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic}

func oneScript(s string) bool {
	var found *unicode.RangeTable
	for _, r := range s {
		for _, script := range lookalikes {
			if !unicode.Is(script, r) {
				continue
			}
			if found != nil && found != script {
				return false
			}
			found = script
		}
	}
	return true
}
