package verifier

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier/internal/strictjson"
)

// vector is a signed token as it was published, with its key.
type vector struct {
	source    string
	algorithm string
	numbers   []string // of the public key: n and e, x and y, or x
	token     string
	refusal   string // what its claims are refused for
}

var vectors = []vector{
	{"RFC 7515 appendix A.2", rs256, []string{
		"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
		"AQAB",
	}, "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw", "iss: another"},
	{"RFC 7515 appendix A.3", es256, []string{
		"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
		"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
	}, "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", "iss: another"},
	{"RFC 8037 appendix A.4", edDSA, []string{"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", "not JSON"},
}

// number decodes what a vector is written in.
func number(t *testing.T, text string) []byte {
	t.Helper()
	n, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// public returns the key, and whether the standard library takes a signature of it.
func (v vector) public(t *testing.T) (crypto.PublicKey, func(signed, signature []byte) bool) {
	t.Helper()
	first := number(t, v.numbers[0])
	switch v.algorithm {
	case rs256:
		k := &rsa.PublicKey{N: new(big.Int).SetBytes(first), E: int(new(big.Int).SetBytes(number(t, v.numbers[1])).Int64())}
		return k, func(signed, signature []byte) bool {
			digest := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
		}
	case es256:
		k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, first...), number(t, v.numbers[1])...))
		if err != nil {
			t.Fatal(err)
		}
		return k, func(signed, signature []byte) bool {
			digest := sha256.Sum256(signed)
			return ecdsa.Verify(k, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
		}
	}
	return ed25519.PublicKey(first), func(signed, signature []byte) bool { return ed25519.Verify(first, signed, signature) }
}

// key returns the key as a key set holds it.
func (v vector) key(t *testing.T) *key {
	t.Helper()
	public, _ := v.public(t)
	k, err := newKey(Key{ID: v.source, Algorithm: v.algorithm, Public: public})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestPublishedSignaturesAreTaken(t *testing.T) {
	for _, v := range vectors {
		p, err := split(v.token)
		if err != nil {
			t.Fatal(v.source, err)
		}
		signed := []byte(v.token[:p.signed])
		if _, takes := v.public(t); !takes(signed, number(t, p.signature)) {
			t.Fatalf("%s is not copied well: the standard library refuses it", v.source)
		}
		if !v.key(t).verify(signed, p.signature) {
			t.Errorf("%s: refused", v.source)
		}
		for _, other := range vectors {
			if other.source != v.source && other.key(t).verify(signed, p.signature) {
				t.Errorf("%s: taken with the key of %s", v.source, other.source)
			}
		}
	}
}

// neighbours has what differs in one bit side by side: the characters of base64url (RFC 4648 section 5), and
// the dot with one that no token has.
const neighbours = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"

// Every byte counts: of the header and the payload as they are written, and of the signature as it is
// written and as it is meant.
func TestPublishedSignaturesAreRefusedWithAnyByteChanged(t *testing.T) {
	for _, v := range vectors {
		p, err := split(v.token)
		if err != nil {
			t.Fatal(v.source, err)
		}
		k := v.key(t)
		for i := range v.token {
			if i == p.signed {
				continue // the dot between them is nobody's
			}
			changed := []byte(v.token)
			changed[i] = neighbours[strings.IndexByte(neighbours, changed[i])^1]
			if k.verify(changed[:p.signed], string(changed[p.signed+1:])) {
				t.Errorf("%s: taken with byte %d changed", v.source, i)
			}
		}
		signature := number(t, p.signature)
		for i := range signature {
			signature[i] ^= 0x80
			if k.verify([]byte(v.token[:p.signed]), base64.RawURLEncoding.EncodeToString(signature)) {
				t.Errorf("%s: taken with byte %d of the signature changed", v.source, i)
			}
			signature[i] ^= 0x80
		}
	}
}

// Right signatures and trusted keys make no access token of them: they do not say that they are one.
// Nor would they pass if they did: what they claim is another issuer's, or nothing, and long over.
func TestPublishedTokensAreNoAccessTokens(t *testing.T) {
	var keys []Key
	for _, v := range vectors {
		public, _ := v.public(t)
		keys = append(keys, Key{ID: v.source, Algorithm: v.algorithm, Public: public})
	}
	set, err := NewKeySet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Date(2011, 3, 22, 18, 43, 0, 0, time.UTC) // 1300819380 (RFC 7519 section 3.1)
	before := expires.Add(-time.Second)
	v, err := New("https://id.example.com", "https://notes.example.com", WithKeySet(func() *KeySet { return set }), WithClock(func() time.Time { return before }))
	if err != nil {
		t.Fatal(err)
	}
	for _, published := range vectors {
		if _, err := v.Verify(t.Context(), published.token); !refusedFor(err, "typ: not an access token") {
			t.Errorf("%s: %v", published.source, err)
		}
		payload := string(number(t, strings.Split(published.token, ".")[1]))
		if err := v.identify(&Identity{}, payload, before); !refusedFor(err, published.refusal) {
			t.Errorf("%s, its claims: %v", published.source, err)
		}
		if published.algorithm == edDSA {
			continue // it signs a sentence
		}
		r := claimReader{id: &Identity{}, nbf: absent}
		if err := strictjson.Object(payload, r.read); err != nil {
			t.Fatal(err)
		}
		until := times{notBefore: r.nbf, expires: r.exp}
		if err := until.check(before); err != nil {
			t.Errorf("%s, a second before it expires: %v", published.source, err)
		}
		if err := until.check(expires); !refusedFor(err, "exp: expired") {
			t.Errorf("%s, when it expires: %v", published.source, err)
		}
	}
}

func refusedFor(err error, why string) bool {
	return errors.Is(err, ErrTokenInvalid) && strings.HasSuffix(err.Error(), why)
}
