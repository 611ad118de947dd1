package tenant

import (
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// ErrSearch is the refusal of a question that cannot be asked.
var ErrSearch = fault.New(fault.Invalid, "search_invalid", "This cannot be searched for; see errors.")

// Column is what a search looks at.
type Column string

// What can be searched for, by its beginning.
const (
	NameColumn Column = "name"
	SlugColumn Column = "slug"
)

// Status picks tenants out.
type Status string

// The statuses.
const (
	All       Status = "all"
	Active    Status = "active"
	Suspended Status = "suspended"
)

// Query asks for tenants. Without a Prefix they come newest first, else in the order of what is
// searched.
type Query struct {
	By     Column
	Prefix string // as typed
	Status Status
	After  *Place // nil: from the beginning
	Limit  int
}

// Place is where a page of a search ended: the last tenant's key, or without a prefix when it was made
// and its id.
type Place struct {
	Key     string
	Created time.Time
	ID      ID
}

// maxPrefix bounds a prefix in bytes: no name is as long.
const maxPrefix = 1024

// beyond sorts after every character that a name can have (U+10FFFF is none).
const beyond = "\U0010FFFF"

// fold returns the prefix spelt like the keys that it is compared with.
func (q Query) fold() (string, error) {
	if len(q.Prefix) > maxPrefix || !utf8.ValidString(q.Prefix) || strings.ContainsAny(q.Prefix, "\x00"+beyond) {
		return "", ErrSearch.WithField("prefix", "invalid", "No name begins like this.")
	}
	text := strings.Join(strings.Fields(q.Prefix), " ")
	if q.By == SlugColumn {
		return strings.ToLower(text), nil
	}
	return cases.Fold().String(norm.NFKC.String(text)), nil
}
