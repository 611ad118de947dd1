package manage

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// query is a request's, each name once.
type query struct {
	url.Values
	limit int
}

// asked reads a request's query strictly: a name that is not known, twice or misspelt is refused
// with ErrQuery, so that nobody takes an answer for that to another question.
func asked(ctx context.Context, names ...string) (q query, err error) {
	q.Values, err = url.ParseQuery(web.FromContext(ctx).HTTP().URL.RawQuery)
	if err != nil {
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
	if text := q.Get("limit"); text != "" {
		if q.limit, err = strconv.Atoi(text); err != nil || q.limit < 1 || q.limit > MaxPage {
			return q, ErrQuery.WithField("limit", "invalid", "A number from 1 to 200.")
		}
	}
	return q, nil
}

// time reads a time of RFC 3339, empty for none.
func (q query) time(name string) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return t, ErrQuery.WithField(name, "invalid", "A time such as 2030-01-31T12:00:00Z.")
	}
	return t.UTC(), nil
}

// auditAsked reads which events a request wants.
func auditAsked(ctx context.Context) (out AuditQuery, err error) {
	q, err := asked(ctx, "account", "tenant", "kind", "actor", "address", "since", "until", "after", "limit")
	if err != nil {
		return out, err
	}
	out = AuditQuery{Account: q.Get("account"), Tenant: q.Get("tenant"), Kind: q.Get("kind"), Actor: q.Get("actor"), Address: q.Get("address"), After: q.Get("after"), Limit: q.limit}
	if out.Since, err = q.time("since"); err != nil {
		return out, err
	}
	out.Until, err = q.time("until")
	return out, err
}

type eventsResponse struct {
	Body struct {
		Events []EventJSON `json:"events"`
		Next   string      `json:"next" doc:"A page may be short, even empty, and not be the last: go on until this is empty"`
	}
}

func (s *Service) handleAudit(ctx context.Context, _ *struct{}) (*eventsResponse, error) {
	q, err := auditAsked(ctx)
	if err != nil {
		return nil, err
	}
	page, err := s.Audit(ctx, s.caller(ctx), q)
	if err != nil {
		return nil, err
	}
	var out eventsResponse
	out.Body.Events, out.Body.Next = listed(page.Items, Event.JSON), page.Next
	return &out, nil
}

// serveExport streams. What fails before the first byte is a problem; later the connection breaks,
// so that half a file does not pass for a whole one.
func (s *Service) serveExport(w http.ResponseWriter, r *http.Request) {
	out := &attachment{ResponseWriter: w}
	q, err := auditAsked(r.Context())
	if err == nil {
		err = s.ExportAudit(r.Context(), s.caller(r.Context()), q, out)
	}
	switch {
	case err != nil && out.begun:
		panic(http.ErrAbortHandler)
	case err != nil:
		web.Error(w, r, err)
	}
}

// attachment says what it is with its first byte.
type attachment struct {
	http.ResponseWriter
	begun bool
}

// Write sends b.
func (a *attachment) Write(b []byte) (int, error) {
	if !a.begun {
		a.begun = true
		h := a.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
		h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
	}
	return a.ResponseWriter.Write(b)
}
