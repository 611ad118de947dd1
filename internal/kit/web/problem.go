package web

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
)

// The failures of the edge itself. Features declare their own.
var (
	ErrJSON      = fault.New(fault.Invalid, "json_invalid", "The body is not one JSON object in UTF-8 with each name once, spelled as documented, and at most 16 levels deep.")
	ErrQuery     = fault.New(fault.Invalid, "query_invalid", "The question is malformed; see errors.")
	ErrFields    = fault.New(fault.Invalid, "fields_invalid", "Some members of the request are missing or wrong; see errors.")
	ErrToken     = fault.New(fault.Unauthenticated, "token_missing", "Send an access token in the header Authorization: Bearer.")
	ErrDenied    = fault.New(fault.Forbidden, "access_denied", "You may not do this.")
	ErrOrigin    = fault.New(fault.Forbidden, "origin_refused", "A page of another origin may not do this. Allow its origin in GATEHOUSE_ALLOWED_ORIGINS if it is yours.")
	ErrHTTPS     = fault.New(fault.Forbidden, "https_required", "Call this address with https.")
	ErrNotFound  = fault.New(fault.NotFound, "not_found", "There is nothing at this address.")
	ErrMethod    = fault.New(fault.Invalid, "method_not_allowed", "This address does not take this method; see the header Allow.")
	ErrTooLarge  = fault.New(fault.Invalid, "body_too_large", "The body is larger than 64 KiB.")
	ErrMediaType = fault.New(fault.Invalid, "media_type_unsupported", "Send the body uncompressed as application/json.")
	ErrHost      = fault.New(fault.Invalid, "host_unknown", "This server does not answer to that host name. Call it by its public address, or add the name to GATEHOUSE_ALLOWED_HOSTS.")
	ErrLimited   = fault.New(fault.RateLimited, "rate_limited", "Too many attempts. Try again after the time in Retry-After.")
	ErrInternal  = fault.New(fault.Internal, "internal", "Something went wrong on our side. The request id helps us find it.")
	ErrSlow      = fault.New(fault.Invalid, "body_timeout", "The body did not arrive in time.")

	errProxySilent = ErrHTTPS.WithDetail("The proxy did not say how it was called: it must send X-Forwarded-Proto.")
	errPort        = ErrHost.WithDetail("This server answers to that host name, but not at that port. Call it by its public address, or add name and port to GATEHOUSE_ALLOWED_HOSTS.")
)

// edgeStatus holds the statuses that say more than a kind can.
var edgeStatus = map[string]int{
	ErrMethod.Code:    http.StatusMethodNotAllowed,
	ErrTooLarge.Code:  http.StatusRequestEntityTooLarge,
	ErrMediaType.Code: http.StatusUnsupportedMediaType,
	ErrHost.Code:      http.StatusMisdirectedRequest,
	ErrSlow.Code:      http.StatusRequestTimeout,
}

// StatusOf returns the HTTP status for f.
func StatusOf(f *fault.Error) int {
	if s, ok := edgeStatus[f.Code]; ok {
		return s
	}
	switch f.Kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Gone:
		return http.StatusGone
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// StatusFor returns the status of a page that shows err itself, and says when to come back where
// that is known.
func StatusFor(w http.ResponseWriter, err error) int {
	f, ok := fault.From(err)
	if !ok {
		f = ErrInternal
	}
	if f.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(wholeSeconds(f.Retry)))
	}
	return StatusOf(f)
}

// Problem is the body of every refusal (RFC 9457).
type Problem struct {
	Type      string        `json:"type" format:"uri" doc:"Where the code is explained"`
	Title     string        `json:"title" doc:"The status in words"`
	Status    int           `json:"status" doc:"The HTTP status"`
	Detail    string        `json:"detail" doc:"What went wrong and what to do, for people"`
	Code      string        `json:"code" doc:"Stable name of the failure, for programs"`
	RequestID string        `json:"request_id" doc:"Names this request in the server's log"`
	Errors    []fault.Field `json:"errors,omitempty" doc:"Which members of the request are wrong"`
	MFAToken  string        `json:"mfa_token,omitzero" doc:"What the next step of signing in is to be sent with"`
	Methods   []string      `json:"methods,omitzero" doc:"Any one of these proofs is enough to go on"`
	MaxAge    int           `json:"max_age,omitzero" doc:"How many seconds old the last proof may be"`
	ACR       string        `json:"acr_values,omitzero" doc:"The level that is asked for"`
	// Permission is told to whoever is known here and may not.
	Permission string `json:"permission,omitzero" doc:"The permission that is needed"`
}

// Error is the one writer of refusals. What is no fault is internal: it is logged in full and
// told nobody. The log names the route, not the path: that is what somebody sent.
func Error(w http.ResponseWriter, r *http.Request, err error) {
	q := FromContext(r.Context())
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		err = ErrTooLarge
	}
	f, ok := fault.From(err)
	if !ok {
		f = ErrInternal
	}
	status := StatusOf(f)
	if status >= http.StatusInternalServerError {
		level := slog.LevelError
		if f.Kind == fault.Unavailable {
			level = slog.LevelWarn // it passes, and may come in floods
		}
		q.edge.cfg.Logger.Log(r.Context(), level, "request failed", "code", f.Code, "error", err, "method", r.Method, "route", q.route, "request_id", q.ID)
	}
	h := w.Header()
	if f.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(wholeSeconds(f.Retry)))
	}
	if status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", challenge(f))
	}
	h.Del("Content-Length")
	if q.html && !q.plain {
		q.edge.errorPage(w, r, status, f)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	f = q.edge.inLanguage(h, r, f)
	w.WriteHeader(status)
	p := Problem{Type: q.edge.issuer + "/docs/errors#" + f.Code, Title: http.StatusText(status), Status: status, Detail: f.Detail, Code: f.Code, RequestID: q.ID, Errors: f.Fields,
		MFAToken: f.Next.Ticket, Methods: f.Next.Methods, MaxAge: wholeSeconds(f.Next.MaxAge), ACR: f.Next.Level, Permission: f.Next.Permission}
	_ = json.MarshalEncode(jsontext.NewEncoder(w), p) // and a newline; the caller may be gone; there is nobody left to tell
}

// inLanguage words f in the language that r asks for. Programs go by the code.
func (e *Edge) inLanguage(h http.Header, r *http.Request, f *fault.Error) *fault.Error {
	if e.cfg.UI == nil {
		return f
	}
	lang := e.cfg.UI.Language(r)
	h.Set("Content-Language", lang)
	said := *f
	said.Detail, said.Fields = e.cfg.UI.Detail(lang, f.Code, f.Detail), slices.Clone(f.Fields)
	for i, field := range said.Fields {
		said.Fields[i].Detail = e.cfg.UI.Detail(lang, field.Code, field.Detail)
	}
	return &said
}

// challenge follows RFC 6750 section 3.1: no error code where no token was sent.
func challenge(f *fault.Error) string {
	switch {
	case f.Code == "token_invalid":
		return `Bearer error="invalid_token"`
	case f.Next.MaxAge > 0 || f.Next.Level != "": // RFC 9470 section 3
		c := `Bearer error="insufficient_user_authentication"`
		if f.Next.Level != "" {
			c += `, acr_values="` + f.Next.Level + `"`
		}
		if f.Next.MaxAge > 0 {
			c += `, max_age="` + strconv.Itoa(wholeSeconds(f.Next.MaxAge)) + `"`
		}
		return c
	}
	return "Bearer"
}

// wholeSeconds rounds up, so that whoever waits as told is not refused again.
func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
