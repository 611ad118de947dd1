package verifier

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier/internal/strictjson"
)

// Identity is what a verified access token says (RFC 9068 section 2.2). It is shared by
// all requests that carry the token: read it, never change it.
type Identity struct {
	Issuer      string      // iss: always the issuer given to New
	Subject     string      // sub: the account, or the client where no person is involved
	Audience    []string    // aud: the services the token is meant for
	SessionID   string      // sid: the session it came from; names it, proves nothing
	ClientID    string      // client_id: the client it was given to
	TenantID    string      // tenant_id: the one tenant it is good for, "" for none
	Tenant      string      // tenant: that tenant's slug when the token was made, "" for none
	Role        string      // role in that tenant, "" for none
	Permissions Permissions // what the token allows in that tenant
	// PermissionsElsewhere (permissions_elsewhere): they are too many for a token and have to be
	// looked up. Permissions is empty then; [PermissionsFromContext] finds them.
	PermissionsElsewhere bool

	AMR       []string  // amr: how the person proved who they are (RFC 8176)
	ACR       string    // acr: aal1, aal2 or aal3
	AAL       int       // the authentication assurance level that acr names, 0 when it names none
	AuthTime  time.Time // auth_time: when the person last proved it; zero when not said
	IssuedAt  time.Time // iat
	ExpiresAt time.Time // exp
	TokenID   string    // jti
	Scope     string    // scope: what the client was granted, separated by spaces

	times  times
	claims string  // all of them, as JSON
	lookUp *lookUp // what was looked up; nil unless PermissionsElsewhere
}

// Claim returns the JSON value of a claim, standard or custom, exactly as it is in the
// token; ok is false when the token has none of that name. An Identity that no Verifier
// made has no claims.
func (id *Identity) Claim(name string) (value []byte, ok bool) {
	_ = strictjson.Object(id.claims, func(n, v string) error { // read without error before
		if n == name {
			value, ok = []byte(v), true
		}
		return nil
	})
	return value, ok
}

// HasPermission reports whether the token carries permission. It asks nobody: where
// PermissionsElsewhere, use [PermissionsFromContext].
func (id *Identity) HasPermission(permission string) bool {
	return id.Permissions.Has(permission)
}

// HasScope reports whether the client was granted scope.
func (id *Identity) HasScope(scope string) bool {
	for granted := range strings.SplitSeq(id.Scope, " ") {
		if granted == scope && scope != "" {
			return true
		}
	}
	return false
}

// contextKey holds a *caller.
type contextKey struct{}

// caller is who makes the request, by which token if by one, and the verifier that found out.
type caller struct {
	id    *Identity
	token string
	by    *Verifier
	enter func(ctx context.Context, tenant string) error // see Decide; nil for a token
}

// NewContext returns a context that says id is calling. [Verifier.Require] does this for
// its handler; do it yourself in a handler's tests only.
func NewContext(ctx context.Context, id *Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, caller{id: id})
}

// FromContext returns who is calling; ok is false where no [Verifier] let the request in.
func FromContext(ctx context.Context) (id *Identity, ok bool) {
	c, _ := ctx.Value(contextKey{}).(caller)
	return c.id, c.id != nil
}
