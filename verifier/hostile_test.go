package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// hostile is a token that must not pass, and what the reason must name, so that no row
// is refused for another one's sake.
type hostile struct{ name, token, why string }

func TestVerifyRefusesHostileTokens(t *testing.T) {
	v := newVerifier(t)
	accepted(t, v, es().good(claimsAt(start)))
	for _, group := range [][]hostile{
		algorithms(), headers(), encodings(), requiredClaims(), claimKinds(), times(), signatures(), otherFormats(),
	} {
		for _, h := range group {
			refused(t, v, h.name, h.token, h.why)
		}
	}
}

// algorithms: SECURITY.md J1 to J3.
func algorithms() []hostile {
	s, usual := es(), claimsAt(start).json()
	header := func(alg, kid string) string { return `{"alg":` + alg + `,"typ":"at+jwt","kid":"` + kid + `"}` }
	var list []hostile
	for _, none := range []string{"none", "None", "NONE", "nOnE", "", "none ", "n\u200done"} {
		unsigned := b64(header(`"`+none+`"`, s.kid)) + "." + b64(usual)
		list = append(list,
			hostile{"alg " + none + " without signature", unsigned + ".", "compact"},
			hostile{"alg " + none + " with some signature", unsigned + ".AAAA", "alg"},
			hostile{"alg " + none + " with a good signature", s.token(header(`"`+none+`"`, s.kid), usual), "alg"})
	}
	for _, alg := range []string{"es256", "ES384", "ES256K", "ES512", "EdDSA", "Ed25519", "RS256", "PS256", "HS256", "HS512", "ES256 "} {
		list = append(list, hostile{"ES256 key as " + alg, s.token(header(`"`+alg+`"`, s.kid), usual), "alg"})
	}
	for _, alg := range []string{`null`, `1`, `["ES256"]`, `{}`} {
		list = append(list, hostile{"alg of another kind " + alg, s.token(header(alg, s.kid), usual), "alg"})
	}
	list = append(list,
		hostile{"no alg", s.token(`{"typ":"at+jwt","kid":"es-1"}`, usual), "alg"},
		hostile{"ES256 signature under the EdDSA key's id", s.token(header(`"ES256"`, ed().kid), usual), "alg"},
		hostile{"EdDSA signature under the ES256 key's id", ed().token(header(`"EdDSA"`, s.kid), usual), "alg"},
		hostile{"PS256 by the RS256 key", signPSS(header(`"PS256"`, rs().kid), usual), "alg"},
		hostile{"PS256 called RS256", signPSS(header(`"RS256"`, rs().kid), usual), "signature"},
		hostile{"a token as the payload", s.token(s.header(), s.good(claimsAt(start))), "JSON"},
	)
	for name, secret := range publicAsSecret() {
		text := b64(header(`"HS256"`, rs().kid)) + "." + b64(usual)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		list = append(list, hostile{"HS256 with " + name, text + "." + b64(string(mac.Sum(nil))), "alg"})
	}
	return list
}

func publicAsSecret() map[string][]byte {
	der, err := x509.MarshalPKIXPublicKey(rs().private.Public())
	must(err)
	jwk, err := json.Marshal(rs().jwk())
	must(err)
	return map[string][]byte{
		"nothing": nil, "the key in DER": der, "the key as JWK": jwk,
		"the key in PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
	}
}

func signPSS(header, payload string) string {
	text := b64(header) + "." + b64(payload)
	digest := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPSS(rand.Reader, rs().private.(*rsa.PrivateKey), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
	must(err)
	return text + "." + b64(string(sig))
}

// headers: J5, J6, J8, J9, J11, J12. Every token is signed by the true key.
func headers() []hostile {
	s, usual := es(), claimsAt(start).json()
	attacker := newES("es-1")
	jwk, err := json.Marshal(attacker.jwk())
	must(err)
	var list []hostile
	add := func(name, header, why string) {
		list = append(list, hostile{name, s.token(header, usual), why})
	}
	with := func(member string) string { return replaceOnce(s.header(), "{", "{"+member+",") }
	for _, member := range []string{
		`"crit":[]`, `"crit":["exp"]`, `"crit":["alg"]`, `"crit":"exp"`, `"crit":null`, `"crit":["b64"],"b64":false`, `"b64":false`, `"b64":true`,
		`"jku":"https://attacker.example/jwks"`, `"x5u":"https://attacker.example/cert"`, `"jwk":` + string(jwk), `"x5c":["AA"]`,
		`"zip":"DEF"`, `"enc":"A256GCM"`, `"cty":"JWT"`,
	} {
		name := strings.Split(member, `"`)[1]
		add(member, with(member), name+" is refused")
	}
	list = append(list, hostile{"key of the attacker in the token", attacker.token(with(`"jwk":`+string(jwk)), usual), "jwk is refused"})
	for _, kid := range []string{
		`""`, `null`, `1`, `["es-1"]`, `"es-2"`, `"ES-1"`, `"es-1 "`, `"../../../dev/null"`, `"' OR 1=1 --"`, `"https://attacker.example/"`, `"es-1\u0000"`,
	} {
		why := map[string]string{`""`: "no kid", `null`: "kid", `1`: "kid", `["es-1"]`: "kid", `"es-1\u0000"`: "NUL"}[kid]
		if why == "" {
			why = "kid: unknown"
		}
		add("kid "+kid, replaceOnce(s.header(), `"es-1"`, kid), why)
	}
	for _, typ := range []string{
		"JWT", "jwt", "", "at+jwt ", " at+jwt", "at jwt", "at+jwt;v=1", "application/jwt", "text/at+jwt", "application//at+jwt", "at+jwt\\u0000",
		"logout+jwt", "dpop+jwt", "secevent+jwt", "id_token+jwt", "refresh+jwt", "reset+jwt", "application/at+jwtapplication/at+jwt", "\u00e1t+jwt", "applicat\u0131on/at+jwt",
	} {
		why := "typ"
		if strings.Contains(typ, "u0000") {
			why = "NUL"
		}
		add("typ "+typ, replaceOnce(s.header(), "at+jwt", typ), why)
	}
	add("no typ", `{"alg":"ES256","kid":"es-1"}`, "typ")
	add("typ of another kind", `{"alg":"ES256","typ":["at+jwt"],"kid":"es-1"}`, "typ")
	add("two algs", with(`"alg":"none"`), "duplicate")
	add("two kids", with(`"kid":"ed-1"`), "duplicate")
	add("two algs, one spelled otherwise", with(`"\u0061lg":"none"`), "duplicate")
	add("two of an unknown name", with(`"x":{"a":1,"a":2}`), "duplicate")
	add("invalid UTF-8", with("\"x\":\"\xff\""), "UTF-8")
	add("oddly-cased names only", `{"ALG":"ES256","TYP":"at+jwt","KID":"es-1"}`, "typ")
	add("header that is an array", `["ES256"]`, "kind")
	add("header cut short", s.header()[:20], "JSON")
	add("two headers", s.header()+s.header(), "JSON")
	add("header with a comment", s.header()+"//", "JSON")
	add("deep header", with(`"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)), "deep")
	return list
}

// encodings: J13. Where the whole text is signed, so that only the encoding is at fault.
func encodings() []hostile {
	s := es()
	header, payload := b64(s.header()), b64(claimsAt(start).json())
	for len(header)%4 == 0 { // spare bits to play with
		header = b64(" " + s.header())
	}
	good := s.raw(header, payload)
	signed, signature := good[:strings.LastIndexByte(good, '.')], good[strings.LastIndexByte(good, '.')+1:]
	odd := claimsAt(start).json()
	for len(b64(odd))%4 == 0 {
		odd += " "
	}
	slashes := b64(claimsAt(start).with("x", "???>>>~~~").json())
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(slashes)
	if standard == slashes {
		panic("nothing to translate")
	}
	list := []hostile{
		{"padded header", s.raw(header+strings.Repeat("=", 4-len(header)%4), payload), "header: not base64url"},
		{"padded payload", s.raw(header, base64.URLEncoding.EncodeToString([]byte(odd))), "payload: not base64url"},
		{"padded signature", good + "==", "signature"},
		{"standard alphabet", s.raw(header, standard), "payload: not base64url"},
		{"spare bits in the header", s.raw(spare(header), payload), "header: not base64url"},
		{"spare bits in the payload", s.raw(header, spare(b64(odd))), "payload: not base64url"},
		{"spare bits in the signature", signed + "." + spare(signature), "signature"},
		{"text after the signature", good + ".", "compact"},
		{"empty header", s.raw("", payload), "compact"},
		{"empty payload", s.raw(header, ""), "compact"},
		{"empty signature", signed + ".", "compact"},
		{"no signature", signed, "compact"},
		{"dots only", "..", "compact"},
		{"percent-encoded dots", strings.ReplaceAll(good, ".", "%2E"), "compact"},
		{"over 8 KiB", s.good(claimsAt(start).with("fill", strings.Repeat("x", 8<<10))), "8 KiB"},
		{"100,000 dots", strings.Repeat(".", 100_000), "8 KiB"},
		{"quoted", `"` + good + `"`, ""},
	}
	for name, space := range map[string]string{"LF": "\n", "CR": "\r", "CRLF": "\r\n", "blank": " ", "tab": "\t", "NUL": "\x00", "no-break space": "\u00a0"} {
		list = append(list,
			hostile{name + " before", space + good, "header: not base64url"},
			hostile{name + " in the header", s.raw(header[:4]+space+header[4:], payload), "header: not base64url"},
			hostile{name + " in the payload", s.raw(header, payload[:4]+space+payload[4:]), "payload: not base64url"},
			hostile{name + " in the signature", signed + "." + signature[:4] + space + signature[4:], "signature"},
			hostile{name + " for a character of the signature", signed + "." + signature[:len(signature)-len(space)] + space, "signature"},
			hostile{name + " after", good + space, "signature"})
	}
	return list
}

// spare sets a bit that decoding would drop.
func spare(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(part) - 1
	return part[:last] + string(alphabet[strings.IndexByte(alphabet, part[last])|1])
}

// requiredClaims: J7, J10, RFC 9068 section 2.2.
func requiredClaims() []hostile {
	s, usual := es(), claimsAt(start)
	var list []hostile
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid"} {
		list = append(list,
			hostile{"without " + name, s.good(usual.without(name)), name},
			hostile{"null " + name, s.good(usual.with(name, nil)), name},
			hostile{"empty " + name, s.good(usual.with(name, "")), name},
			hostile{"only oddly-cased " + name, s.good(usual.without(name).with(strings.ToUpper(name), usual[name])), name},
			hostile{"object for " + name, s.good(usual.with(name, map[string]any{"a": usual[name]})), name})
	}
	for name, aud := range map[string]any{
		"empty array": []string{}, "number in array": []any{audience, 1}, "null in array": []any{nil, audience}, "nested array": []any{[]string{audience}},
		"object": map[string]any{audience: true}, "another": "https://other.example.com", "number": 1, "list in a string": audience + " " + audience,
	} {
		list = append(list, hostile{"aud: " + name, s.good(usual.with("aud", aud)), "aud"})
	}
	return list
}

// claimKinds: J6, and claims of another kind than theirs.
func claimKinds() []hostile {
	s, usual := es(), claimsAt(start)
	var list []hostile
	for name, values := range map[string][]any{
		"tenant_id": {nil, 1, []string{"tenant-a"}}, "role": {nil, 1, []string{"admin"}}, "acr": {nil, 2}, "scope": {nil, []string{"notes"}},
		"tenant": {nil, 1, []string{"acme"}}, "permissions_elsewhere": {nil, 1, "true", []bool{true}},
		"permissions": {nil, "notes.write", []any{"notes.write", 1}, map[string]any{"notes.write": true}},
		"amr":         {nil, "pwd", []any{nil}}, "auth_time": {nil, "0", -1, 1.5, true},
		"cnf": {map[string]any{"jkt": "canary"}, nil, "x"},
	} {
		for _, value := range values {
			list = append(list, hostile{name + " of another kind", s.good(usual.with(name, value)), name + ":"})
		}
	}
	add := func(name, payload, why string) { list = append(list, hostile{name, s.token(s.header(), payload), why}) }
	twice := func(member string) string { return replaceOnce(usual.json(), "{", "{"+member+",") }
	add("two exps", twice(`"exp":99999999999`), "duplicate")
	add("two subs", twice(`"sub":"admin"`), "duplicate")
	add("two subs, one spelled otherwise", twice(`"s\u0075b":"admin"`), "duplicate")
	add("two of a custom claim's member", twice(`"x":{"a":1,"a":2}`), "duplicate")
	add("invalid UTF-8", twice("\"x\":\"canary\xff\""), "UTF-8")
	add("NUL in sub", replaceOnce(usual.json(), `"sub":"`, `"sub":"\u0000`), "NUL")
	add("half a surrogate pair", twice(`"x":"\ud800"`), "JSON")
	add("too many names", twice(strings.TrimSuffix(strings.Repeat(`"x":1,`, 40), ",")), "duplicate")
	add("deep claim", twice(`"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)), "deep")
	add("claims in an array", "["+usual.json()+"]", "kind")
	add("claims twice", usual.json()+usual.json(), "JSON")
	add("byte order mark", "\ufeff"+usual.json(), "JSON")
	add("claims cut short", usual.json()[:40], "JSON")
	add("no claims", "{}", "iss")
	add("null", "null", "JSON")
	return list
}

// times: J14.
func times() []hostile {
	s, usual := es(), claimsAt(start)
	raw := func(name, value string) string {
		return s.token(s.header(), replaceOnce(usual.without(name).json(), "{", `{"`+name+`":`+value+","))
	}
	list := []hostile{
		{"exp now", s.good(usual.with("exp", start.Unix())), "exp: expired"},
		{"exp past", s.good(usual.with("exp", start.Add(-time.Hour).Unix())), "exp: expired"},
		{"exp zero", s.good(usual.with("exp", 0)), "exp: expired"},
		{"exp over 24 hours ahead", s.good(usual.with("exp", start.Unix()+24*60*60+1)), "exp: too far"},
		{"exp in milliseconds", s.good(usual.with("exp", start.Add(time.Minute).UnixMilli())), "exp"},
		{"nbf ahead", s.good(usual.with("nbf", start.Unix()+1)), "nbf: not yet"},
	}
	for _, name := range []string{"exp", "iat", "nbf", "auth_time"} {
		for _, value := range []string{
			`"1800000000"`, `1800000000.5`, `1.8e9`, `18e8`, `1e400`, `-1`, `-0`, `9223372036854775807`, `9223372036854775808`, `18446744073709551616`,
			`999999999999999`, `99999999999999999999999999999999`, `null`, `true`, `[1800000000]`, `{"a":1}`,
		} {
			list = append(list, hostile{name + " " + value, raw(name, value), name + ": not of its kind"})
		}
	}
	return list
}

// signatures: ES256 in every form but the one.
func signatures() []hostile {
	s := es()
	text := b64(s.header()) + "." + b64(claimsAt(start).json())
	private := s.private.(*ecdsa.PrivateKey)
	digest := sha256.Sum256([]byte(text))
	der, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	must(err)
	good := s.sign(text)
	zero, n := make([]byte, 32), elliptic.P256().Params().N.FillBytes(make([]byte, 32))
	r, half := good[:32], good[32:]
	huge, err := asn1.Marshal([]*big.Int{new(big.Int).SetBytes(r), new(big.Int).SetBytes(half)})
	must(err)
	var list []hostile
	for name, sig := range map[string][]byte{
		"DER": der, "DER of the same": huge, "zeros": append(zero, zero...), "r zero": append(zero[:32:32], half...), "s zero": append(r[:32:32], zero...),
		"r the order": append(n[:32:32], half...), "s the order": append(r[:32:32], n...), "swapped": append(half[:32:32], r...),
		"zero in front": append([]byte{0}, good...), "zero behind": append(good[:64:64], 0), "a byte short": good[:63], "only r": r, "one byte": {1},
		"of another text": s.sign(text + "x"), "of the other key": newES("es-1").sign(text), "EdDSA": ed().sign(text), "RS256": rs().sign(text),
	} {
		list = append(list, hostile{"signature: " + name, text + "." + b64(string(sig)), "signature"})
	}
	rsa := b64(rs().header()) + "." + b64(claimsAt(start).json())
	short := rs().sign(rsa)
	return append(list,
		hostile{"RS256 with a byte more", rsa + "." + b64("\x00"+string(short)), "signature"},
		hostile{"RS256 with a byte less", rsa + "." + b64(string(short[:255])), "signature"})
}

// otherFormats: J5, J13, and tokens that are no JWS.
func otherFormats() []hostile {
	s := es()
	parts := strings.Split(s.good(claimsAt(start)), ".")
	return []hostile{
		{"JWE", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA", "compact"},
		{"JWE of five parts", strings.Join(append(parts, "AAAA", "AAAA"), "."), "compact"},
		{"flattened JSON", `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`, "compact"},
		{"JSON with two dots", `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `","x":".a."}`, "base64url"},
		{"general JSON", `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`, "compact"},
		{"detached payload", parts[0] + ".." + parts[2], "compact"},
		{"refresh token", "grt_" + b64(strings.Repeat("x", 61)), "compact"},
		{"API key", "gak_0123456789abcdef", "compact"},
		{"one character", "x", "compact"},
	}
}
