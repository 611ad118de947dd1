package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

const (
	issuer   = "https://id.example.com/api/auth"
	audience = "https://notes.example.com"
)

// start is when most tests take place.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// clock is a clock that a test drives.
type clock struct{ unixMilli atomic.Int64 }

func newClock(at time.Time) *clock {
	c := &clock{}
	c.set(at)
	return c
}

func (c *clock) Now() time.Time   { return time.UnixMilli(c.unixMilli.Load()).UTC() }
func (c *clock) set(at time.Time) { c.unixMilli.Store(at.UnixMilli()) }

// signer makes tokens by hand, so that it can make wrong ones.
type signer struct {
	kid, alg string
	private  crypto.Signer
}

func (s signer) key() verifier.Key {
	return verifier.Key{ID: s.kid, Algorithm: s.alg, Public: s.private.Public()}
}

func (s signer) header() string {
	return fmt.Sprintf(`{"alg":%q,"typ":"at+jwt","kid":%q}`, s.alg, s.kid)
}

// sign signs text, whatever it is, and returns r‖s for ES256.
func (s signer) sign(text string) []byte {
	digest := sha256.Sum256([]byte(text))
	switch private := s.private.(type) {
	case *ecdsa.PrivateKey:
		r, sig, err := ecdsa.Sign(rand.Reader, private, digest[:])
		must(err)
		return append(r.FillBytes(make([]byte, 32)), sig.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(private, []byte(text))
	case *rsa.PrivateKey:
		sig, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
		must(err)
		return sig
	}
	panic("no such key")
}

// raw signs two parts that are encoded already.
func (s signer) raw(header, payload string) string {
	text := header + "." + payload
	return text + "." + b64(string(s.sign(text)))
}

// token signs a header and a payload given as JSON.
func (s signer) token(header, payload string) string { return s.raw(b64(header), b64(payload)) }

// good signs claims under the usual header.
func (s signer) good(c claims) string { return s.token(s.header(), c.json()) }

// jwk is the public key as it is published.
func (s signer) jwk() map[string]any {
	m := map[string]any{"kid": s.kid, "alg": s.alg, "use": "sig"}
	switch public := s.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		must(err)
		m["kty"], m["crv"] = "EC", "P-256"
		m["x"], m["y"] = b64(string(point[1:33])), b64(string(point[33:]))
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(string(public))
	case *rsa.PublicKey:
		m["kty"], m["n"] = "RSA", b64(string(public.N.Bytes()))
		m["e"] = b64(string(big.NewInt(int64(public.E)).Bytes()))
	}
	return m
}

// jwks publishes keys.
func jwks(keys ...map[string]any) string {
	text, err := json.Marshal(map[string]any{"keys": keys})
	must(err)
	return string(text)
}

// The usual keys. Two are fixed, so that the processes of a fuzzing run agree on them.
var (
	es = sync.OnceValue(func() signer {
		seed := sha256.Sum256([]byte("ES256"))
		private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
		must(err)
		return signer{"es-1", "ES256", private}
	})
	ed = sync.OnceValue(func() signer {
		seed := sha256.Sum256([]byte("EdDSA"))
		return signer{"ed-1", "EdDSA", ed25519.NewKeyFromSeed(seed[:])}
	})
	rs      = sync.OnceValue(func() signer { return newRS("rs-1", 2048) })
	rs3072  = sync.OnceValue(func() signer { return newRS("rs-3072", 3072) })
	signers = sync.OnceValue(func() []signer { return []signer{es(), ed(), rs()} })
)

func newES(kid string) signer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return signer{kid, "ES256", private}
}

func newRS(kid string, bits int) signer {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	must(err)
	return signer{kid, "RS256", private}
}

// claims are those of a token, and may be anything.
type claims map[string]any

// claimsAt are the claims of a good token issued at a time.
func claimsAt(at time.Time) claims {
	return claims{
		"iss": issuer, "sub": "0197a0b2-subject", "aud": audience, "client_id": "first-party",
		"iat": at.Unix(), "exp": at.Add(10 * time.Minute).Unix(), "auth_time": at.Unix(),
		"jti": "0197a0b2-token", "sid": "0197a0b2-session", "user_id": "0197a0b2-subject",
		"tenant_id": "tenant-a", "tenant": "acme", "role": "editor", "permissions": []string{"notes.read", "notes.write"},
		"amr": []string{"pwd", "otp"}, "acr": "aal2", "scope": "notes profile",
	}
}

func (c claims) with(name string, value any) claims {
	c = maps.Clone(c)
	c[name] = value
	return c
}

func (c claims) without(name string) claims {
	c = maps.Clone(c)
	delete(c, name)
	return c
}

func (c claims) json() string {
	text, err := json.Marshal(c)
	must(err)
	return string(text)
}

// newVerifier knows the usual signers' keys and stands at start.
func newVerifier(t testing.TB, opts ...verifier.Option) *verifier.Verifier {
	t.Helper()
	set := keySet(t, signers()...)
	fixed := []verifier.Option{
		verifier.WithKeySet(func() *verifier.KeySet { return set }),
		verifier.WithClock(newClock(start).Now),
		verifier.WithLogger(slog.New(slog.DiscardHandler)),
	}
	v, err := verifier.New(issuer, audience, append(fixed, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func keySet(t testing.TB, signers ...signer) *verifier.KeySet {
	t.Helper()
	var keys []verifier.Key
	for _, s := range signers {
		keys = append(keys, s.key())
	}
	set, err := verifier.NewKeySet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// replaceOnce changes the one occurrence of old, or the test is wrong.
func replaceOnce(text, old, with string) string {
	if strings.Count(text, old) != 1 {
		panic("not exactly one " + old)
	}
	return strings.Replace(text, old, with, 1)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// codeOf returns the code of a problem.
func codeOf(body []byte) string {
	var problem struct{ Code string }
	must(json.Unmarshal(body, &problem))
	return problem.Code
}
