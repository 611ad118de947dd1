package web

import (
	"context"
	"net/http"
	"strings"
)

// Guard lets requests through to next that admit lets through, for pages that others serve beside ours. It
// asks before admit what our own pages ask: a name of ours, TLS, and of everything but looking that a page
// of our own origin sent it. What is refused is answered as by our own pages, or with a problem where a
// script asks. next reads the body as it came, and may replace the headers that keep its answers private.
func (e *Edge) Guard(next http.Handler, admit func(r *http.Request) (*http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := e.newRequest(w, r)
		q.html, q.plain, q.route = true, !asksForPage(r), r.Pattern
		ctx := context.WithValue(r.Context(), requestKey{}, q)
		if e.cfg.Enrich != nil {
			ctx = e.cfg.Enrich(ctx, q)
		}
		q.r = r.WithContext(ctx)
		allowed, err := e.guarded(q, admit)
		if err != nil {
			e.turnAway(w, q, err)
			return
		}
		keepPrivate(w.Header())
		next.ServeHTTP(w, allowed)
	})
}

func (e *Edge) guarded(q *Request, admit func(r *http.Request) (*http.Request, error)) (*http.Request, error) {
	if err := e.reached(q, q.r); err != nil {
		return nil, err
	}
	if !onlyLooks(q.r) && !q.FromOwnPage() {
		return nil, ErrOrigin
	}
	return admit(q.r)
}

// turnAway answers what Guard refuses. A body that no form of ours could be is not read.
func (e *Edge) turnAway(w http.ResponseWriter, q *Request, why error) {
	e.securityHeaders(w, true)
	form := e.bodied(w, q.r) == nil
	if q.plain || !form || e.cfg.Refused == nil || !e.cfg.Refused(w, q.r, why) {
		e.refuse(w, q.r, why)
	}
}

// onlyLooks reports whether a request changes nothing. One that opens a connection which stays, such as a
// WebSocket, is a GET, and may do anything after.
func onlyLooks(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && len(r.Header.Values("Upgrade")) == 0
}

// asksForPage reports whether a browser will show the answer. A script is better served by a refusal than by
// a redirect to a page that it did not ask for.
func asksForPage(r *http.Request) bool {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// keepPrivate sets what keeps an answer to one person from others. Who answers may decide otherwise; what
// stands around them and knows nothing of the person may not.
func keepPrivate(h http.Header) {
	for _, name := range []string{"Cache-Control", "X-Frame-Options", "X-Content-Type-Options", "Cross-Origin-Resource-Policy"} {
		h[name] = headersOfAll[name]
	}
	h.Add("Vary", "Cookie") // for who allows caching after all
}
