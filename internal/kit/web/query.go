package web

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// How many rows a page of a list has.
const (
	DefaultPage = 50 // where nobody says
	MaxPage     = 200
)

// PageSize returns how many rows a page has for whom n were asked: DefaultPage where n is not
// positive, and at most MaxPage.
func PageSize(n int) int {
	if n <= 0 {
		return DefaultPage
	}
	return min(n, MaxPage)
}

// Query is what the address of a request for a list says, each name once.
type Query struct {
	url.Values
	Limit int // 1 to MaxPage; DefaultPage where the address does not say
}

// ReadQuery reads the query of the request that ctx belongs to, strictly: a name that is not among
// names, is there twice or is misspelt is refused with ErrQuery, so that nobody takes an answer for
// that to another question.
func ReadQuery(ctx context.Context, names ...string) (q Query, err error) {
	if q.Values, err = url.ParseQuery(FromContext(ctx).r.URL.RawQuery); err != nil {
		return q, ErrQuery
	}
	for name, values := range q.Values {
		switch {
		case !slices.Contains(names, name):
			return q, ErrQuery.WithDetail("The query may have: " + strings.Join(names, ", ") + ".")
		case len(values) != 1, !utf8.ValidString(values[0]), strings.ContainsRune(values[0], 0):
			return q, ErrQuery.WithField(name, "invalid", "Give it once, as text in UTF-8.")
		}
	}
	q.Limit = DefaultPage
	if q.Has("limit") {
		if q.Limit, err = strconv.Atoi(q.Get("limit")); err != nil || q.Limit < 1 || q.Limit > MaxPage {
			return q, ErrQuery.WithField("limit", "invalid", "A number from 1 to 200.")
		}
	}
	return q, nil
}

// Time returns the time (RFC 3339) of that name in UTC, the zero time where it is empty. It returns
// ErrQuery.
func (q Query) Time(name string) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, ErrQuery.WithField(name, "invalid", "A time such as 2030-01-31T12:00:00Z.")
	}
	return t.UTC(), nil
}
