package verifier

import (
	"fmt"
	"net/http"
	"strings"
)

// TenantSource finds out which tenant a request is about: its id or its slug, spelled as the
// claims tenant_id and tenant do. "" is a request that names none, or one that there is not, and
// is refused like any foreign tenant. An error means that it could not be found out.
//
// A source only names a tenant. It never lets anybody in: that takes a token for the same one, and
// whoever writes a path, a header or a host name chooses between that tenant and a refusal.
type TenantSource func(r *http.Request) (tenant string, err error)

// Tenant wants the token to be for the tenant that the request is about, named by its id or its
// slug. The answer to a tenant that is not there is the same as to a foreign one.
//
// To take either is safe because neither can be mistaken: a slug never looks like a UUID, so none
// is another tenant's id, and a slug that a tenant once had is never given to another, so the one
// in a token can't have changed hands since. After a tenant got a new slug, tokens made before name
// it by the former one for the minutes they have left; the id is always right. In the handler use
// [Identity].TenantID, whatever the request said.
//
// Write it first, then [Role], then [Permission]: what somebody may do in their own tenant is
// nothing in another, and no permissions are looked up for a foreign one.
func Tenant(source TenantSource) Condition {
	if source == nil {
		panic("verifier: Tenant: needs a source, as FromPath, FromHeader or FromHost")
	}
	return func(r *http.Request, id *Identity) error {
		named, err := source(r)
		if err != nil {
			return err
		}
		if c, _ := r.Context().Value(contextKey{}).(caller); c.enter != nil && named != "" && id.TenantID == "" {
			if err := c.enter(r.Context(), named); err != nil {
				return err
			}
		}
		own := named != "" && id.TenantID != "" && (named == id.TenantID || named == id.Tenant)
		return refuseUnless(own, ErrTenantRequired)
	}
}

// FromPath takes the tenant from a wildcard of the pattern that the handler is registered
// with, as {tenant} in "/tenants/{tenant}/notes". A pattern without it is an error, [ErrUnavailable] with a
// line in the log: everybody would be refused there.
func FromPath(wildcard string) TenantSource {
	wantNames("FromPath", []string{wildcard})
	return func(r *http.Request) (string, error) {
		named := r.PathValue(wildcard)
		if named == "" && !strings.Contains(r.Pattern, "{"+wildcard+"...}") {
			return "", fmt.Errorf("FromPath: the pattern %q has no wildcard {%s}", r.Pattern, wildcard)
		}
		return named, nil
	}
}

// FromHeader takes the tenant from a header field that appears once. The client writes it,
// so it chooses between nothing but refusal and the one tenant of its token.
func FromHeader(name string) TenantSource {
	wantNames("FromHeader", []string{name})
	return func(r *http.Request) (string, error) {
		if values := r.Header.Values(name); len(values) == 1 {
			return values[0], nil
		}
		return "", nil
	}
}

// FromHost takes the tenant from the one label of the request's host below domain: acme of
// acme.example.com, where domain is example.com. Case, a port and a trailing dot do not matter; a
// host further below, domain itself and any other host name no tenant.
//
// The host is that of the request, never what X-Forwarded-Host or Forwarded say: anybody can
// write those. A proxy in front has to pass the host on as it came.
func FromHost(domain string) TenantSource {
	suffix, ok := hostName("x." + domain)
	if !ok || strings.Contains(domain, ":") || domain == "" {
		panic(fmt.Sprintf("verifier: FromHost: %q is no domain", domain))
	}
	suffix = suffix[1:]
	return func(r *http.Request) (string, error) {
		host, ok := hostName(r.Host)
		label, below := strings.CutSuffix(host, suffix)
		if !ok || !below || strings.Contains(label, ".") {
			return "", nil
		}
		return label, nil
	}
}

// hostName returns the name of a Host header in lower case, without port and trailing dot; ok is false
// for addresses and for what no host is called (RFC 1123 section 2.1). Only ASCII is lowered: some letters
// elsewhere would turn into others.
func hostName(host string) (name string, ok bool) {
	name, port, _ := strings.Cut(host, ":")
	if strings.Trim(port, "0123456789") != "" {
		return "", false
	}
	name = strings.TrimSuffix(name, ".")
	lower := make([]byte, len(name))
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
		case c == '.' && i > 0 && name[i-1] != '.':
		default:
			return "", false
		}
		lower[i] = c
	}
	return string(lower), name != ""
}
