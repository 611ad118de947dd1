package gatehouse

import (
	_ "embed"
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
	"github.com/gatehouse-auth/gatehouse/verifier"
)

// ErrorCode returns the stable code of an error from this package or from package verifier, as
// problem documents carry it. It is "internal" for any other error and empty for nil.
// docs/errors.md lists all codes.
func ErrorCode(err error) string {
	if err == nil {
		return ""
	}
	if f, ok := fault.From(err); ok {
		return f.Code
	}
	var v *verifier.Error
	if errors.As(err, &v) {
		return v.Code
	}
	return web.ErrInternal.Code
}

// asFault gives a verifier's refusal the form of our own.
func asFault(err error) error {
	var v *verifier.Error
	if !errors.As(err, &v) {
		return err
	}
	switch {
	case errors.Is(err, verifier.ErrTokenMissing):
		return web.ErrToken
	case v.Status == http.StatusUnauthorized:
		return session.ErrEnded.Wrap(err)
	case v.Status == http.StatusForbidden:
		return web.ErrDenied.Wrap(err)
	default:
		return fault.New(fault.Unavailable, v.Code, v.Detail).WithRetry(v.Retry).Wrap(err)
	}
}
