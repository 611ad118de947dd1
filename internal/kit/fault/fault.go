// Package fault gives errors a kind and a stable code.
//
// A fault says what went wrong in terms a caller can act on. It knows nothing of
// HTTP: package web turns kinds into status codes. Features declare one sentinel
// per failure at the top of their main file; services return or wrap them.
package fault

import (
	"errors"
	"slices"
	"time"
)

// Kind groups codes by what the caller can do about them. The zero value is Internal.
type Kind uint8

// The kinds of failure.
const (
	Internal        Kind = iota // our own fault; details go to the log, never to the caller
	Invalid                     // the request is wrong and will stay wrong
	Unauthenticated             // who is calling is not proven
	Forbidden                   // who is calling is known and may not
	NotFound                    // there is no such thing, or the caller may not know of it
	Conflict                    // the request clashes with the present state
	Gone                        // it was there once and is used up or expired
	RateLimited                 // too many tries; RetryAfter says when to come back
	Unavailable                 // a dependency is down or busy; trying later may help
)

// Field names one member of a request that was refused. It never holds the value.
type Field struct {
	Field  string `json:"field" doc:"Path of the member in the request"`
	Code   string `json:"code" doc:"Stable code of the rule that refused it"`
	Detail string `json:"detail" doc:"What to change, for people"`
}

// Error is a failure with a stable code. Values are immutable: the With methods return copies.
type Error struct {
	Kind   Kind
	Code   string        // stable, snake_case, prefixed with the feature
	Detail string        // one sentence for people; no values from the request
	Fields []Field       // which members are wrong, for Invalid
	Retry  time.Duration // when trying again may help, for RateLimited and Unavailable; 0 is unsaid
	Next   Next          // how the caller can go on from here, where there is a way

	cause error
}

// Next is how a caller can go on after a refusal.
type Next struct {
	Ticket  string        // carries what is proven so far to the next step; a secret, never logged
	Methods []string      // any one of them is enough
	MaxAge  time.Duration // how old the last proof may be; 0 is unsaid
	Level   string        // the level that is asked for, as the claim acr spells it; empty is unsaid
	// Permission is what is needed and not held; empty is unsaid.
	Permission string
}

// New declares a fault. Call it for package-level sentinels with literal arguments:
// docs/errors.md is generated from those calls.
func New(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Error returns code and detail, and the cause where one was given. It is for logs.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Detail
}

// Is reports whether target is a fault with the same code, for [errors.Is].
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Unwrap returns the cause given to Wrap.
func (e *Error) Unwrap() error { return e.cause }

// WithField returns a copy that also names a refused member of the request.
func (e *Error) WithField(field, code, detail string) *Error {
	c := *e
	c.Fields = append(slices.Clip(e.Fields), Field{Field: field, Code: code, Detail: detail})
	return &c
}

// WithRetry returns a copy that says when to try again.
func (e *Error) WithRetry(after time.Duration) *Error {
	c := *e
	c.Retry = after
	return &c
}

// WithNext returns a copy that says how to go on.
func (e *Error) WithNext(n Next) *Error {
	c := *e
	c.Next = n
	return &c
}

// WithDetail returns a copy with another sentence for people.
func (e *Error) WithDetail(detail string) *Error {
	c := *e
	c.Detail = detail
	return &c
}

// Wrap returns a copy that carries cause for the log. The cause is never shown to the caller.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// From returns the first fault in err's chain.
func From(err error) (*Error, bool) {
	var f *Error
	ok := errors.As(err, &f)
	return f, ok
}
