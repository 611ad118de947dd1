package account

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrSearch is the refusal of a question that cannot be asked.
var ErrSearch = fault.New(fault.Invalid, "search_invalid", "This cannot be searched for; see errors.")

// maxNameKey bounds a name's key in bytes: an index takes no more than a few kilobytes, and some
// characters become eighteen in NFKC.
const maxNameKey = 255

// NameKey is what a full name is found by: the lower case of its NFKC form, cut to 255 bytes.
func NameKey(fullName string) string {
	key := norm.NFKC.String(strings.ToLower(norm.NFKC.String(fullName)))
	if len(key) <= maxNameKey {
		return key
	}
	n := maxNameKey
	for !utf8.RuneStart(key[n]) {
		n--
	}
	return key[:n]
}

// By is what a search looks at.
type By string

// What can be searched for. An id or subject is found whole, the others by their beginning.
const (
	ByEmail    By = "email"
	ByUsername By = "username"
	ByName     By = "name"
	ByID       By = "id"
)

// Status picks accounts out.
type Status string

// The statuses. An account may have several.
const (
	All        Status = "all"
	Active     Status = "active"
	Disabled   Status = "disabled"
	Unverified Status = "unverified"
	StaffOnly  Status = "staff" // superusers included
)

// Query asks for accounts. Without a Prefix they come newest first, else in the order of
// what is searched.
type Query struct {
	By     By
	Prefix string // as typed
	Status Status
	After  Place // zero: from the beginning
	Limit  int
}

// Place is where a page of a search ended: the last account's id with its key, or without a prefix
// the time it was made at.
type Place struct {
	Key    string
	Joined time.Time
	ID     ID
}

// reach is a prefix as a range of keys: from it, up to but not including the end.
type reach struct{ from, end string }

// reachOf folds the prefix like the keys it is compared with.
func (q Query) reachOf() (reach, error) {
	prefix := strings.TrimLeft(q.Prefix, " \t\r\n")
	if !utf8.ValidString(prefix) || strings.ContainsRune(prefix, 0) {
		return reach{}, ErrSearch.WithField("prefix", "invalid", "The text has bytes that no name has.")
	}
	switch q.By {
	case ByEmail:
		prefix = emailPrefix(strings.TrimRight(prefix, " \t\r\n"))
	case ByUsername:
		prefix = norm.NFKC.String(strings.ToLower(norm.NFKC.String(strings.TrimRight(prefix, " \t\r\n"))))
	default:
		prefix = NameKey(prefix)
	}
	end, ok := raised(prefix)
	if !ok {
		return reach{}, ErrSearch.WithField("prefix", "invalid", "No name begins like this.")
	}
	return reach{prefix, end}, nil
}

// emailPrefix folds the beginning of an address as ParseEmail folds the whole.
func emailPrefix(s string) string {
	local, domain, found := strings.Cut(s, "@")
	if !found {
		return asciiLower(local)
	}
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	}
	return asciiLower(local + "@" + domain)
}

// raised returns the first text that sorts after everything that begins with s: its last
// character raised by one.
func raised(s string) (string, bool) {
	for s != "" {
		last, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		switch {
		case last == utf8.MaxRune:
			continue // nothing follows it: raise the one before
		case last == 0xD7FF:
			return s + "\uE000", true // surrogates are no characters
		default:
			return s + string(last+1), true
		}
	}
	return "", false
}

// ids are what an exact search may mean.
func (q Query) ids() (id uuid.UUID, subject string, err error) {
	subject = strings.Trim(q.Prefix, " \t\r\n")
	if !utf8.ValidString(subject) || strings.ContainsRune(subject, 0) {
		return id, "", ErrSearch.WithField("prefix", "invalid", "The text has bytes that no id has.")
	}
	if len(subject) == 36 {
		id, _ = uuid.Parse(subject) // what is no id is nobody's
	}
	return id, subject, nil
}
