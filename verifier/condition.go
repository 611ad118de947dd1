package verifier

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Condition is one more thing that must hold before a request is let through; nil means
// that it does. An [*Error] is answered as it says. Any other error means that the
// condition could not be decided, which is a refusal too: [ErrUnavailable].
//
// The constructors of this package panic, where the service is put together, when they are
// asked for something that would hold for nobody or for everybody by mistake.
type Condition func(r *http.Request, id *Identity) error

// Role wants the token's role to be one of roles. A name says only what its tenant means by it: a tenant may
// have made a role of that name for itself, which holds what it pleases there, but for owner, admin and member.
// Prefer [Permission].
func Role(roles ...string) Condition {
	wantNames("Role", roles)
	return func(r *http.Request, id *Identity) error {
		if err := entered(r, id, "Role"); err != nil {
			return err
		}
		return refuseUnless(slices.Contains(roles, id.Role), ErrRoleRequired)
	}
}

// Permission wants whoever calls to have all of permissions, each noun.verb. Where the token
// says that they are too many for it, they are looked up ([WithPermissionLookup]). The refusal names the
// first that is missing.
func Permission(permissions ...string) Condition {
	return wantPermissions("Permission", permissions, Permissions.HasAll)
}

// AnyPermission is [Permission] for at least one of permissions. The refusal names the first.
func AnyPermission(permissions ...string) Condition {
	return wantPermissions("AnyPermission", permissions, Permissions.HasAny)
}

func wantPermissions(condition string, permissions []string, enough func(Permissions, ...string) bool) Condition {
	wantNames(condition, permissions)
	for _, p := range permissions {
		if _, ok := nounEnd(p); !ok {
			panic(fmt.Sprintf("verifier: %s: %q is not noun.verb, so nobody could have it", condition, p))
		}
	}
	return func(r *http.Request, id *Identity) error {
		if err := entered(r, id, condition); err != nil {
			return err
		}
		held, err := permissionsOf(r.Context(), id)
		if refused := (*Error)(nil); errors.As(err, &refused) && refused != nil && refused.Code == ErrPermissionRequired.Code {
			return refused.naming(permissions[0])
		}
		if err != nil {
			return err
		}
		if enough(held, permissions...) {
			return nil
		}
		missing := slices.IndexFunc(permissions, func(p string) bool { return !held.Has(p) })
		return ErrPermissionRequired.naming(permissions[missing])
	}
}

// entered returns an error where a caller without a token has not come into a tenant: what is asked of them
// there would be refused to everybody, and nobody would learn why.
func entered(r *http.Request, id *Identity, condition string) error {
	if c, _ := r.Context().Value(contextKey{}).(caller); c.enter != nil && id.TenantID == "" {
		return fmt.Errorf("%s without the condition Tenant before it: a caller without a token has no tenant of their own", condition)
	}
	return nil
}

// Scope wants the client to have been granted all of scopes (RFC 6750 section 3.1).
func Scope(scopes ...string) Condition {
	wantNames("Scope", scopes)
	for _, s := range scopes {
		if strings.ContainsFunc(s, notScope) {
			panic(fmt.Sprintf("verifier: Scope: %q is not a scope (RFC 6749 section 3.3)", s))
		}
	}
	refusal := ErrScopeRequired.challenge(fmt.Sprintf(`scope="%s"`, strings.Join(scopes, " ")))
	return func(_ *http.Request, id *Identity) error {
		for _, s := range scopes {
			if !id.HasScope(s) {
				return refusal
			}
		}
		return nil
	}
}

func notScope(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

// Audience wants the token to be for audience: where [WithAudiences] lets several in, this
// is for one of them only.
func Audience(audience string) Condition {
	wantNames("Audience", []string{audience})
	return func(_ *http.Request, id *Identity) error {
		return refuseUnless(slices.Contains(id.Audience, audience), ErrAudienceRequired)
	}
}

// AAL wants an authentication assurance level of at least level, 1 to 3 (NIST SP 800-63B).
// The refusal tells the client which to ask for (RFC 9470).
func AAL(level int) Condition {
	if level < 1 || level > len(levels) {
		panic(fmt.Sprintf("verifier: AAL: there is no level %d, only 1 to %d", level, len(levels)))
	}
	refusal := ErrAALRequired.challenge(fmt.Sprintf(`acr_values="%s"`, levels[level-1]))
	return func(_ *http.Request, id *Identity) error {
		return refuseUnless(id.AAL >= level, refusal)
	}
}

// FreshWithin wants the person to have proven who they are at most d ago, in whole seconds.
// The refusal tells the client so (RFC 9470). The time is the verifier's, so this condition
// can be decided only inside [Verifier.Require] or [Verifier.Check].
func FreshWithin(d time.Duration) Condition {
	if d < time.Second || d%time.Second != 0 {
		panic(fmt.Sprintf("verifier: FreshWithin: %v is not a whole number of seconds", d))
	}
	refusal := ErrFreshProofRequired.challenge(fmt.Sprintf(`max_age="%d"`, d/time.Second))
	return func(r *http.Request, id *Identity) error {
		c, _ := r.Context().Value(contextKey{}).(caller)
		if c.by == nil {
			return errors.New("FreshWithin outside Require and Check: there is no clock")
		}
		return refuseUnless(c.by.now().Sub(id.AuthTime) <= d, refusal) // not said: ages ago
	}
}

func wantNames(condition string, names []string) {
	if len(names) == 0 || slices.Contains(names, "") {
		panic(fmt.Sprintf("verifier: %s: needs a name, and none may be empty", condition))
	}
}

// refuseUnless keeps a nil *Error from becoming an error that is not nil.
func refuseUnless(holds bool, refusal *Error) error {
	if holds {
		return nil
	}
	return refusal
}
