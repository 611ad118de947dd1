package verifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Require lets a request through to next when it carries a good access token and all of
// conds hold, in the order they are written. The handler finds the identity with
// [FromContext]; what is refused is answered by [WriteError]. A browser's preflight
// requests carry no token: answer them before this.
//
// It panics, where the service is put together, when next or a condition is nil.
func (v *Verifier) Require(next http.Handler, conds ...Condition) http.Handler {
	if next == nil {
		panic("verifier: Require: the handler is nil")
	}
	for i, c := range conds {
		if c == nil {
			panic(fmt.Sprintf("verifier: Require: condition %d is nil", i+1))
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed, err := v.Check(r, conds...)
		if err != nil {
			v.log(r.Context(), err)
			WriteError(w, v.issuer, err)
			return
		}
		next.ServeHTTP(w, allowed)
	})
}

// Check is Require for one request. It returns the request with the identity in its
// context, or an [*Error], which is to be answered with [WriteError].
//
// The token comes from the one Authorization header, scheme Bearer (RFC 6750 section 2.1):
// never from query, form or cookie, and a second token anywhere in header or query is a
// refusal, not a choice.
func (v *Verifier) Check(r *http.Request, conds ...Condition) (*http.Request, error) {
	token, err := bearer(r)
	if err != nil {
		return nil, err
	}
	id, err := v.Verify(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return decide(r, caller{id: id, token: token, by: v}, conds)
}

// Decide is what [Verifier.Check] does after the token, for a caller who is known by something else, such as
// the cookie of a page. It returns the request with id in its context, or an [*Error].
//
// id is this request's own and names no tenant. The condition [Tenant] calls enter with the tenant that the
// request is about, and enter fills in TenantID, Tenant, Role and Permissions of id, or returns
// the refusal. Conditions that ask for a role or a permission before that are errors.
func (v *Verifier) Decide(r *http.Request, id *Identity, enter func(ctx context.Context, tenant string) error, conds ...Condition) (*http.Request, error) {
	if id == nil || enter == nil {
		return nil, ErrUnavailable.Wrap(reason("Decide: needs an identity and a way to enter a tenant"))
	}
	return decide(r, caller{id: id, by: v, enter: enter}, conds)
}

func decide(r *http.Request, c caller, conds []Condition) (*http.Request, error) {
	allowed := r.WithContext(context.WithValue(r.Context(), contextKey{}, c))
	for _, holds := range conds {
		if holds == nil {
			return nil, ErrUnavailable.Wrap(reason("a nil condition"))
		}
		if err := holds(allowed, c.id); err != nil {
			return nil, refusal(err)
		}
	}
	return allowed, nil
}

func bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return "", ErrTokenMissing
	}
	if len(headers) > 1 {
		return "", invalid("two Authorization headers")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") { // no letter of it has a twin outside ASCII
		return "", ErrTokenMissing
	}
	if token = strings.TrimLeft(token, " "); token == "" {
		return "", invalid("Authorization: Bearer without a token")
	}
	if r.URL != nil && strings.Contains(r.URL.RawQuery, "access_token") && r.URL.Query().Has("access_token") {
		return "", invalid("a second token in the query")
	}
	return token, nil
}

// WriteError answers a request that [Verifier.Check] or [Verifier.Verify] refused with a
// problem (RFC 9457) whose type is {issuer}/docs/errors#{code}. An err that is not an
// [*Error] is answered as [ErrUnavailable] and nothing of it is told.
func WriteError(w http.ResponseWriter, issuer string, err error) {
	e := refusal(err)
	body, _ := json.Marshal(problem{ // strings and a number: it can't fail
		Type:   issuer + "/docs/errors#" + e.Code,
		Title:  http.StatusText(e.Status),
		Status: e.Status,
		Detail: e.Detail,
		Code:   e.Code,

		Permission: e.Permission,
	})
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.Challenge != "" {
		h.Set("WWW-Authenticate", e.Challenge)
	}
	if e.Retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.Retry+time.Second-1)/time.Second), 10))
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // a client that has gone misses nothing
}

type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`

	Permission string `json:"permission,omitempty"`
}

// refusal returns the Error in err's chain. What is none, or could be taken for success,
// becomes ErrUnavailable.
func refusal(err error) *Error {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return ErrUnavailable.Wrap(err)
	case e == nil:
		return ErrUnavailable.Wrap(reason("a nil *Error"))
	case e.Status < http.StatusBadRequest || e.Status > 599:
		return ErrUnavailable.Wrap(err)
	}
	return e
}

// log says why a request was refused: loudly where the fault is not the client's.
func (v *Verifier) log(ctx context.Context, err error) {
	level := slog.LevelDebug
	if refusal(err).Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	v.logger.LogAttrs(ctx, level, "verifier: request refused", slog.Any("error", err))
}
