package verifier_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/verifier"
	"github.com/go-jose/go-jose/v4"
)

func TestNewKeySetRefusesUnsoundKeys(t *testing.T) {
	p256, p384 := es().private.Public().(*ecdsa.PublicKey), mustP384()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	sound := rs().private.Public().(*rsa.PublicKey)
	for name, key := range map[string]verifier.Key{
		"no id":                {"", "ES256", p256},
		"no algorithm":         {"a", "", p256},
		"HS256":                {"a", "HS256", []byte("secret")},
		"none":                 {"a", "none", nil},
		"nil":                  {"a", "ES256", nil},
		"nil pointer":          {"a", "ES256", (*ecdsa.PublicKey)(nil)},
		"nil RSA pointer":      {"a", "RS256", (*rsa.PublicKey)(nil)},
		"empty struct":         {"a", "ES256", &ecdsa.PublicKey{}},
		"empty RSA struct":     {"a", "RS256", &rsa.PublicKey{}},
		"private":              {"a", "ES256", es().private},
		"no point":             {"a", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256()}},
		"no curve":             {"a", "ES256", &ecdsa.PublicKey{X: big.NewInt(1), Y: big.NewInt(1)}}, //nolint:staticcheck // a key made wrong on purpose
		"another curve":        {"a", "ES256", p384},
		"off the curve":        {"a", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}},  //nolint:staticcheck // a key made wrong on purpose
		"negative coordinate":  {"a", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(-1), Y: big.NewInt(1)}}, //nolint:staticcheck // a key made wrong on purpose
		"ES256 as EdDSA":       {"a", "EdDSA", p256},
		"ES256 as RS256":       {"a", "RS256", p256},
		"RS256 as ES256":       {"a", "ES256", sound},
		"short Ed25519":        {"a", "EdDSA", ed25519.PublicKey(make([]byte, 31))},
		"empty Ed25519":        {"a", "EdDSA", ed25519.PublicKey(nil)},
		"RSA of 1024 bits":     {"a", "RS256", small.Public()},
		"RSA of 2047 bits":     {"a", "RS256", &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 2046, 1), E: 65537}},
		"RSA of 8193 bits":     {"a", "RS256", &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 8192, 1), E: 65537}},
		"RSA, even modulus":    {"a", "RS256", &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int), 2047, 1), E: 65537}},
		"RSA, exponent 1":      {"a", "RS256", &rsa.PublicKey{N: sound.N, E: 1}},
		"RSA, exponent 3":      {"a", "RS256", &rsa.PublicKey{N: sound.N, E: 3}},
		"RSA, even exponent":   {"a", "RS256", &rsa.PublicKey{N: sound.N, E: 65538}},
		"RSA, negative number": {"a", "RS256", &rsa.PublicKey{N: new(big.Int).Neg(sound.N), E: 65537}},
	} {
		if _, err := verifier.NewKeySet(key); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := verifier.NewKeySet(); err == nil {
		t.Error("a set without keys was accepted")
	}
	if _, err := verifier.NewKeySet(verifier.Key{"a", "ES256", p256}, verifier.Key{"a", "RS256", sound}); err == nil {
		t.Error("two keys of one id were accepted")
	}
}

func mustP384() *ecdsa.PublicKey {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	return &private.PublicKey
}

func TestNewKeySetCopiesItsKeys(t *testing.T) {
	public := bytes.Clone(ed().private.Public().(ed25519.PublicKey))
	set, err := verifier.NewKeySet(verifier.Key{ed().kid, "EdDSA", ed25519.PublicKey(public)})
	if err != nil {
		t.Fatal(err)
	}
	clear(public)
	accepted(t, newVerifier(t, verifier.WithKeySet(func() *verifier.KeySet { return set })), ed().good(claimsAt(start)))
}

func TestParseKeySetReadsWhatIsForUsAndSkipsTheRest(t *testing.T) {
	with := func(s signer, member string, value any) map[string]any {
		m := maps.Clone(s.jwk())
		m[member] = value
		return m
	}
	without := func(s signer, member string) map[string]any {
		m := maps.Clone(s.jwk())
		delete(m, member)
		return m
	}
	other := newES("other")
	skipped := []map[string]any{
		with(other, "use", "enc"), with(other, "alg", "ECDH-ES"), with(other, "alg", "ES384"), with(other, "crv", "P-384"), with(other, "kty", "OKP"),
		with(other, "kty", "future"), with(other, "key_ops", []string{"deriveKey"}), without(other, "alg"), without(other, "kid"), without(other, "kty"),
		with(newRS("other", 1024), "alg", "RSA-OAEP"), {}, {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AA"},
	}
	all := append(skipped, es().jwk(), without(ed(), "use"), with(rs(), "key_ops", []string{"verify"}), with(rs3072(), "x5t", "AA"))
	for name, text := range map[string]string{
		"as published": jwks(all...), "with more members": replaceOnce(jwks(all...), `{"keys"`, `{"version":1,"keys"`),
	} {
		set, err := verifier.ParseKeySet([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v := newVerifier(t, verifier.WithKeySet(func() *verifier.KeySet { return set }))
		for _, s := range append(signers(), rs3072()) {
			accepted(t, v, s.good(claimsAt(start)))
		}
		refused(t, v, "a skipped key", other.good(claimsAt(start)), "kid")
	}
}

func TestParseKeySetReadsWhatAnotherLibraryWrites(t *testing.T) {
	var other jose.JSONWebKeySet
	for _, s := range signers() {
		other.Keys = append(other.Keys, jose.JSONWebKey{Key: s.private.Public(), KeyID: s.kid, Algorithm: s.alg, Use: "sig"})
	}
	text, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	set, err := verifier.ParseKeySet(text)
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, verifier.WithKeySet(func() *verifier.KeySet { return set }))
	for _, s := range signers() {
		accepted(t, v, s.good(claimsAt(start)))
	}
}

func TestParseKeySetRefusesUnsoundSets(t *testing.T) {
	text, key := jwks(es().jwk()), es().jwk()
	x := key["x"].(string)
	point, err := es().private.Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	set := func(s signer, member string, value any) string {
		m := maps.Clone(s.jwk())
		m[member] = value
		return jwks(m)
	}
	for name, bad := range map[string]string{
		"nothing": "", "null": "null", "array": "[]", "no keys": "{}", "empty keys": `{"keys":[]}`, "keys not an array": `{"keys":{}}`, "null keys": `{"keys":null}`,
		"key not an object": `{"keys":[1]}`, "keys twice": replaceOnce(text, "{\"keys\"", `{"keys":[],"keys"`), "oddly-cased keys": replaceOnce(text, "keys", "KEYS"),
		"text after it": text + "x", "cut short": text[:len(text)-1], "a member twice": replaceOnce(text, `"kty"`, `"kty":"EC","kty"`),
		"only skipped keys": set(es(), "use", "enc"), "one key twice": jwks(es().jwk(), es().jwk()), "two keys of one id": jwks(es().jwk(), newES("es-1").jwk()),
		"private EC key": set(es(), "d", x), "private RSA key": set(rs(), "p", x), "symmetric key": jwks(es().jwk(), map[string]any{"kty": "oct", "k": x}),
		"private part that is null": set(es(), "d", nil), "kid of another kind": set(es(), "kid", 1), "ops of another kind": set(es(), "key_ops", "verify"),
		"x missing": set(es(), "x", ""), "x short": set(es(), "x", x[:40]), "x long": set(es(), "x", "AA"+x), "x padded": set(es(), "x", x+"="),
		"x with a line end": set(es(), "x", x[:40]+"\n"+x[40:]), "x with spare bits": set(es(), "x", spare(x)), "x of another alphabet": set(es(), "x", "+"+x[1:]),
		"x and y swapped":         replaceOnce(replaceOnce(replaceOnce(text, `"x"`, `"t"`), `"y"`, `"x"`), `"t"`, `"y"`),
		"border of x and y moved": strings.NewReplacer(x, b64(string(point[1:32])), key["y"].(string), b64(string(point[32:]))).Replace(text),
		"point at zero":           strings.NewReplacer(x, b64(strings.Repeat("\x00", 32)), key["y"].(string), b64(strings.Repeat("\x00", 32))).Replace(text),
		"Ed25519 short":           set(ed(), "x", "AAAA"), "RSA of 1024 bits": jwks(newRS("a", 1024).jwk()), "RSA without n": set(rs(), "n", ""), "RSA without e": set(rs(), "e", ""),
		"RSA, e of one": set(rs(), "e", "AQ"), "RSA, e of five bytes": set(rs(), "e", b64("\x01\x00\x00\x00\x01")), "RSA, e that wraps around": set(rs(), "e", b64("\x01\x00\x00\x00\x00\x00\x01\x00\x01")), "RSA, zero before e": set(rs(), "e", b64("\x00\x01\x00\x01")),
		"RSA, zero before n": set(rs(), "n", b64("\x00"+string(rs().private.Public().(*rsa.PublicKey).N.Bytes()))),
		"RSA beyond measure": set(rs(), "n", strings.Repeat("A", 60_000)),
	} {
		if _, err := verifier.ParseKeySet([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// FuzzParseKeySet wants any set that is accepted to hold a key that another library sees too.
func FuzzParseKeySet(f *testing.F) {
	f.Add(jwks(es().jwk()))
	f.Add(jwks(ed().jwk(), es().jwk()))
	f.Add(jwks(rs().jwk()))
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","kid":"a","x":"AA","y":"AA"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := verifier.ParseKeySet([]byte(text)); err != nil {
			return
		}
		var other jose.JSONWebKeySet
		if json.Unmarshal([]byte(text), &other) != nil {
			return // it also reads members that are of no use here, as x5c
		}
		for _, key := range other.Keys {
			if key.KeyID != "" && key.Valid() && key.IsPublic() {
				return
			}
		}
		t.Fatalf("another library finds no key in %q", text)
	})
}
