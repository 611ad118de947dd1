package verifier

import (
	"net/http"
	"time"
)

// Error is a refusal with a stable code, and how HTTP answers it. Values are immutable.
//
// The sentinels of this package are Errors, and so is what a [Condition] of one's own
// returns to refuse. Compare with [errors.Is]: two Errors are the same when their codes are.
type Error struct {
	Code      string        // stable, snake_case
	Detail    string        // one sentence for the client; says nothing of the token
	Status    int           // of the HTTP answer, 400 to 599
	Challenge string        // value of WWW-Authenticate (RFC 6750 section 3), "" for none
	Retry     time.Duration // value of Retry-After, whole seconds; 0 for none
	// Permission is the one that is needed and not held, as the answer's member permission says it;
	// "" for none.
	Permission string

	cause error
}

// The refusals. Those with status 403 are all [ErrDenied] to [errors.Is].
var (
	ErrTokenMissing = &Error{Code: "token_missing", Status: http.StatusUnauthorized,
		Detail: "A bearer token is needed.", Challenge: `Bearer`}
	ErrTokenInvalid = &Error{Code: "token_invalid", Status: http.StatusUnauthorized,
		Detail: "The access token is not valid here, or no longer.", Challenge: `Bearer error="invalid_token"`}
	ErrFreshProofRequired = &Error{Code: "fresh_proof_required", Status: http.StatusUnauthorized,
		Detail: "Prove again who you are, then repeat this.", Challenge: `Bearer ` + insufficientAuthentication}
	ErrAALRequired = &Error{Code: "aal_required", Status: http.StatusUnauthorized,
		Detail: "Sign in with a stronger proof, then repeat this.", Challenge: `Bearer ` + insufficientAuthentication}
	ErrDenied = &Error{Code: "access_denied", Status: http.StatusForbidden,
		Detail: "This is not allowed."}
	ErrAudienceRequired = &Error{Code: "audience_required", Status: http.StatusForbidden,
		Detail: "This needs an access token for another audience."}
	ErrTenantRequired = &Error{Code: "tenant_required", Status: http.StatusForbidden,
		Detail: "This is for members of the organisation that it is about. Programs need an access token for it."}
	ErrRoleRequired = &Error{Code: "role_required", Status: http.StatusForbidden,
		Detail: "This needs another role."}
	ErrPermissionRequired = &Error{Code: "permission_required", Status: http.StatusForbidden,
		Detail: "This needs a permission that you do not have here."}
	ErrScopeRequired = &Error{Code: "scope_required", Status: http.StatusForbidden,
		Detail: "This needs a scope that was not granted.", Challenge: `Bearer error="insufficient_scope"`}

	// ErrUnavailable: what decides could not be asked, keys or a condition's own source. It is
	// also how any error that is not an Error is answered.
	ErrUnavailable = &Error{Code: "unavailable", Status: http.StatusServiceUnavailable,
		Detail: "This can't be checked just now. Try again shortly.", Retry: retryInterval}
)

// insufficientAuthentication is the challenge of RFC 9470 section 3.
const insufficientAuthentication = `error="insufficient_user_authentication"`

// Error returns the code and the reason. It is for logs, and holds no part of a token.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Detail
}

// Is reports whether target is an Error of the same code, or [ErrDenied] and e any
// refusal of a good token.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t != nil && (t.Code == e.Code || t.Code == ErrDenied.Code && e.Status == http.StatusForbidden)
}

// Unwrap returns what was given to Wrap.
func (e *Error) Unwrap() error { return e.cause }

// Wrap returns a copy that carries the cause for the log. The client is never shown it.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// challenge returns a copy with parameters added to its challenge.
func (e *Error) challenge(parameters string) *Error {
	c := *e
	c.Challenge += ", " + parameters
	return &c
}

// naming returns a copy that says which permission is needed.
func (e *Error) naming(permission string) *Error {
	c := *e
	c.Permission = permission
	return &c
}

// reason is a cause that is only a sentence.
type reason string

func (r reason) Error() string { return string(r) }

func invalid(why reason) error { return ErrTokenInvalid.Wrap(why) }
