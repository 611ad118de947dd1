package verifier

import (
	"encoding/base64"
	"strings"

	"github.com/gatehouse-auth/gatehouse/verifier/internal/strictjson"
)

// maxToken is the longest token that is looked at, in bytes.
const maxToken = 8 << 10

// parts are the pieces of a compact JWS (RFC 7515 section 7.1), still encoded.
type parts struct {
	header, payload, signature string
	signed                     int // how many bytes of the token were signed: header and payload
}

// split finds the two dots of a compact JWS, and that there is no third. A JWE has four and stops here, before
// anything of it is parsed, as does a token of nothing but dots.
func split(token string) (parts, error) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if header == "" || payload == "" || signature == "" || strings.IndexByte(signature, '.') >= 0 {
		return parts{}, invalid("not a compact JWS")
	}
	return parts{header, payload, signature, len(header) + 1 + len(payload)}, nil
}

var base64url = base64.RawURLEncoding.Strict()

// decode reads base64url without padding, in its one spelling: a part of a token, or a
// number in a key.
func decode(part string) (string, bool) {
	var common [1 << 10]byte
	buf := common[:]
	if size := base64url.DecodedLen(len(part)); size > len(buf) {
		buf = make([]byte, size)
	}
	n, ok := decodeInto(buf, part)
	return string(buf[:n]), ok
}

// decodeInto decodes part into dst, which must have room for it. Strict refuses padding
// and spare bits; the library would still skip line ends.
func decodeInto(dst []byte, part string) (int, bool) {
	if strings.IndexByte(part, '\n') >= 0 || strings.IndexByte(part, '\r') >= 0 {
		return 0, false
	}
	n, err := base64url.Decode(dst, []byte(part))
	return n, err == nil
}

// header is what the protected header says: which key, and what for.
type header struct{ alg, kid string }

// parseHeader reads the protected header (RFC 7515 section 4.1). Unknown parameters are
// ignored, as the RFC demands; those that would change how the token is to be read are not.
func parseHeader(part string) (header, error) {
	text, ok := decode(part)
	if !ok {
		return header{}, invalid("header: not base64url")
	}
	var h header
	var typ string
	err := strictjson.Object(text, func(name, value string) error {
		ok := true
		switch name {
		case "alg":
			h.alg, ok = strictjson.String(value)
		case "kid":
			h.kid, ok = strictjson.String(value)
		case "typ":
			typ, ok = strictjson.String(value)
		case "crit", "b64", // RFC 7515 section 4.1.11, RFC 7797: we understand no extension
			"jku", "jwk", "x5u", "x5c", // RFC 8725 section 3.10: keys never come from a token
			"enc", "zip", "cty": // RFC 8725 section 3.3: encrypted, compressed, nested
			return reason("header: " + name + " is refused")
		}
		if !ok {
			return reason("header: " + name + " is not a string")
		}
		return nil
	})
	switch {
	case err != nil:
		return header{}, ErrTokenInvalid.Wrap(err)
	case !isAccessToken(typ):
		return header{}, invalid("typ: not an access token")
	case h.alg == "" || h.kid == "":
		return header{}, invalid("header: no alg or no kid")
	}
	return h, nil
}

// isAccessToken compares a media type with at+jwt, in any case and with or without its
// application/ (RFC 9068 section 4). It folds ASCII only: to [strings.EqualFold] some
// letters of other alphabets are ASCII ones.
func isAccessToken(typ string) bool {
	const long = "application/at+jwt"
	if len(typ) > len(long) {
		return false
	}
	var buf [len(long)]byte
	for i := range len(typ) {
		c := typ[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	lower := string(buf[:len(typ)])
	return lower == "at+jwt" || lower == long
}
