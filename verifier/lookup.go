package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/gatehouse-auth/gatehouse/verifier/internal/strictjson"
)

// PermissionLookup finds what the holder of token, who is id, may do in the tenant id.TenantID, where
// that was too much for the token to carry. No permissions and no error is an answer too: nothing. An
// [*Error] is answered as it says; any other error means that it could not be found out: [ErrUnavailable].
// It is called by many goroutines at once, and once for each token: an answer stands until the token
// expires, as the claims of the token do.
type PermissionLookup func(ctx context.Context, token string, id *Identity) (Permissions, error)

// lookUp is what one token's permissions turned out to be. It lives in the token's identity, so no more
// of them are held than tokens ([WithCacheSize]), and none longer than its token is good.
type lookUp struct {
	turn  chan struct{} // full while somebody asks
	found atomic.Pointer[Permissions]
}

func newLookUp() *lookUp { return &lookUp{turn: make(chan struct{}, 1)} }

// PermissionsFromContext returns what the caller may do in their tenant: what the token carries, or
// where it carries none because they are too many, what was looked up. It is what the conditions
// [Permission] and [AnyPermission] ask, for handlers that have to decide by what they find. Its errors
// are refusals, to be answered with [WriteError].
func PermissionsFromContext(ctx context.Context) (Permissions, error) {
	id, ok := FromContext(ctx)
	if !ok {
		return nil, ErrTokenMissing
	}
	return permissionsOf(ctx, id)
}

func permissionsOf(ctx context.Context, id *Identity) (Permissions, error) {
	if !id.PermissionsElsewhere {
		return id.Permissions, nil
	}
	c, _ := ctx.Value(contextKey{}).(caller)
	if c.id != id || c.by == nil || c.by.lookUp == nil || id.TenantID == "" {
		return nil, ErrPermissionRequired.Wrap(reason("the token's permissions are to be looked up, and nothing does (WithPermissionLookup)"))
	}
	return id.lookUp.ask(ctx, func() (Permissions, error) { return c.by.lookUp(ctx, c.token, id) })
}

// ask returns what was found, or finds it: one caller at a time asks, and others wait for the answer.
// What failed is asked again by the next.
func (l *lookUp) ask(ctx context.Context, find func() (Permissions, error)) (Permissions, error) {
	if found := l.found.Load(); found != nil {
		return *found, nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ErrUnavailable.Wrap(fmt.Errorf("permissions: waiting for them: %w", ctx.Err()))
	}
	if found := l.found.Load(); found != nil {
		return *found, nil
	}
	found, err := find()
	if err != nil {
		return nil, err
	}
	l.found.Store(&found)
	return found, nil
}

// maxPermissions is how many bytes of an answer are read: it also lists all permissions that there are.
const maxPermissions = 256 << 10

// permissionsFrom asks the Gatehouse at base, with the token itself: what its holder may do there is all
// that the answer tells.
func permissionsFrom(base string, client *http.Client) PermissionLookup {
	return func(ctx context.Context, token string, id *Identity) (Permissions, error) {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		body, err := getJSON(ctx, client, base+"/tenants/"+url.PathEscape(id.TenantID)+"/permissions/", token, maxPermissions)
		var status statusError
		switch errors.As(err, &status); {
		case status == http.StatusUnauthorized:
			return nil, ErrTokenInvalid.Wrap(reason("permissions: the issuer no longer takes the token"))
		case status == http.StatusForbidden:
			return nil, ErrPermissionRequired.Wrap(reason("permissions: the issuer knows no such member"))
		case err != nil:
			return nil, fmt.Errorf("permissions: %w", err)
		}
		return readPermissions(string(body))
	}
}

func readPermissions(body string) (found Permissions, err error) {
	said := false
	err = strictjson.Object(body, func(name, value string) error {
		if name == "permissions" {
			found, said = strictjson.Strings(value)
		}
		return nil
	})
	if err != nil || !said {
		return nil, errors.Join(errors.New("permissions: the answer does not say them"), err)
	}
	return found, nil
}
