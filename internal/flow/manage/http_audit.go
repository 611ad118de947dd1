package manage

import (
	"context"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// auditAsked reads which events a request wants.
func auditAsked(ctx context.Context) (out AuditQuery, err error) {
	q, err := web.ReadQuery(ctx, "account", "tenant", "kind", "actor", "address", "since", "until", "after", "limit")
	if err != nil {
		return out, err
	}
	out = AuditQuery{Account: q.Get("account"), Tenant: q.Get("tenant"), Kind: q.Get("kind"), Actor: q.Get("actor"), Address: q.Get("address"), After: q.Get("after"), Limit: q.Limit}
	if out.Since, err = q.Time("since"); err != nil {
		return out, err
	}
	out.Until, err = q.Time("until")
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
