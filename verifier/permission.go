package verifier

import "strings"

// Permissions are what somebody may do in a tenant: each is noun.verb, as "notes.write", or
// noun.* for every verb of a noun, or * alone for everything, which only owners have. The zero
// value allows nothing. This is the one evaluator: middleware, API and console all ask it.
type Permissions []string

// Has reports whether permission, one noun.verb, is among what p allows. A wildcard is no
// permission that could be asked for.
func (p Permissions) Has(permission string) bool {
	_, ok := p.Grants(permission)
	return ok
}

// HasAll reports whether p allows every one of permissions, and that there is one.
func (p Permissions) HasAll(permissions ...string) bool {
	for _, one := range permissions {
		if !p.Has(one) {
			return false
		}
	}
	return len(permissions) > 0
}

// HasAny reports whether p allows at least one of permissions.
func (p Permissions) HasAny(permissions ...string) bool {
	for _, one := range permissions {
		if p.Has(one) {
			return true
		}
	}
	return false
}

// Grants returns the entry of p that allows permission, for who has to explain a decision.
func (p Permissions) Grants(permission string) (entry string, ok bool) {
	dot, ok := nounEnd(permission)
	if !ok {
		return "", false
	}
	noun := permission[:dot+1]
	for _, e := range p {
		if e == permission || e == "*" || len(e) == dot+2 && e[dot+1] == '*' && e[:dot+1] == noun {
			return e, true
		}
	}
	return "", false
}

// nounEnd returns where the dot of a permission is; ok is false for what is not noun.verb, wildcards
// included.
func nounEnd(permission string) (dot int, ok bool) {
	dot = strings.IndexByte(permission, '.')
	return dot, dot > 0 && dot < len(permission)-1 && strings.IndexByte(permission, '*') < 0
}

// Covers reports whether p allows everything that entry does, wildcards included: what nobody may give
// away is what they do not have themselves.
func (p Permissions) Covers(entry string) bool {
	for _, e := range p {
		if e == entry || e == "*" {
			return true
		}
	}
	return p.Has(entry)
}
