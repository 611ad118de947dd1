package verifier

import (
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier/internal/strictjson"
)

const (
	// maxLifetime is how far ahead, in seconds, a token may expire: 24 hours, far more than
	// any access token lives. It bounds how long anything about a token can matter.
	maxLifetime = 24 * 60 * 60
	// absent marks a time that the token does not say. No token can: times are natural numbers.
	absent = -1
)

// times are when a token is good, in Unix seconds.
type times struct{ notBefore, expires int64 }

// check allows no leeway: these are our own tokens, and their issuer keeps its clock (RFC
// 7519 sections 4.1.4 and 4.1.5).
func (t times) check(now time.Time) error {
	switch unix := now.Unix(); {
	case unix >= t.expires:
		return errExpired
	case unix < t.notBefore:
		return errNotYet
	}
	return nil
}

var (
	errExpired = invalid("exp: expired")
	errNotYet  = invalid("nbf: not yet")
)

// identify reads the claims of a payload whose signature was right into id, and checks them. All
// that RFC 9068 section 2.2 requires must be there, and sid, each of its kind and not
// empty. Optional claims may be left out, but not be null. Times are whole seconds.
func (v *Verifier) identify(id *Identity, payload string, now time.Time) error {
	r := claimReader{id: id, exp: absent, iat: absent, nbf: absent, authTime: absent}
	if err := strictjson.Object(payload, r.read); err != nil {
		return ErrTokenInvalid.Wrap(err)
	}
	switch {
	case id.Issuer != v.issuer:
		return invalid("iss: another")
	case !slices.ContainsFunc(id.Audience, v.accepts):
		return invalid("aud: not for this service")
	case id.Subject == "" || id.ClientID == "" || id.TokenID == "" || id.SessionID == "":
		return invalid("sub, client_id, jti or sid: missing")
	case r.exp == absent || r.iat == absent:
		return invalid("exp or iat: missing")
	case r.exp > now.Unix()+maxLifetime:
		return invalid("exp: too far ahead")
	}
	id.claims = payload
	id.times = times{notBefore: r.nbf, expires: r.exp}
	if err := id.times.check(now); err != nil {
		return err
	}
	id.ExpiresAt, id.IssuedAt = time.Unix(r.exp, 0).UTC(), time.Unix(r.iat, 0).UTC()
	if r.authTime != absent {
		id.AuthTime = time.Unix(r.authTime, 0).UTC()
	}
	id.AAL = slices.Index(levels[:], id.ACR) + 1
	if id.PermissionsElsewhere {
		id.Permissions, id.lookUp = nil, newLookUp() // one place says what is allowed, never two
	}
	return nil
}

// levels are the values of acr, by their authentication assurance level less one.
var levels = [...]string{"aal1", "aal2", "aal3"}

func (v *Verifier) accepts(audience string) bool { return slices.Contains(v.audiences, audience) }

type claimReader struct {
	id                      *Identity
	exp, iat, nbf, authTime int64
}

// read takes one claim. Unknown ones are left to [Identity.Claim].
func (r *claimReader) read(name, value string) error {
	ok := true
	switch id := r.id; name {
	case "iss":
		id.Issuer, ok = strictjson.String(value)
	case "sub":
		id.Subject, ok = strictjson.String(value)
	case "aud":
		id.Audience, ok = readAudience(value)
	case "sid":
		id.SessionID, ok = strictjson.String(value)
	case "jti":
		id.TokenID, ok = strictjson.String(value)
	case "client_id":
		id.ClientID, ok = strictjson.String(value)
	case "tenant_id":
		id.TenantID, ok = strictjson.String(value)
	case "tenant":
		id.Tenant, ok = strictjson.String(value)
	case "role":
		id.Role, ok = strictjson.String(value)
	case "permissions":
		id.Permissions, ok = strictjson.Strings(value)
	case "permissions_elsewhere":
		id.PermissionsElsewhere, ok = strictjson.Bool(value)
	case "amr":
		id.AMR, ok = strictjson.Strings(value)
	case "acr":
		id.ACR, ok = strictjson.String(value)
	case "scope":
		id.Scope, ok = strictjson.String(value)
	case "exp":
		r.exp, ok = readTime(value)
	case "iat":
		r.iat, ok = readTime(value)
	case "nbf":
		r.nbf, ok = readTime(value)
	case "auth_time":
		r.authTime, ok = readTime(value)
	case "cnf":
		// RFC 7800, RFC 9449 section 7: the token is good only with a proof of a key, which a
		// bearer does not give. To ignore it would turn a stolen token into a good one.
		return reason("cnf: a bearer may not use a token that is bound to a key")
	}
	if !ok {
		return reason(name + ": not of its kind")
	}
	return nil
}

// readTime takes a NumericDate (RFC 7519 section 2) in whole seconds, up to the year 9999,
// the last that RFC 3339 can write.
func readTime(value string) (int64, bool) {
	const last = 253402300799
	seconds, ok := strictjson.Natural(value)
	return seconds, ok && seconds <= last
}

// readAudience takes one string or an array of them (RFC 7519 section 4.1.3).
func readAudience(value string) ([]string, bool) {
	if one, ok := strictjson.String(value); ok {
		return []string{one}, true
	}
	return strictjson.Strings(value)
}
