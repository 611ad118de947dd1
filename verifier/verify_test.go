package verifier_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
	"github.com/go-jose/go-jose/v4"
)

func TestVerifyReturnsWhatTheTokenSays(t *testing.T) {
	for _, s := range signers() {
		token := s.good(claimsAt(start).with("plan", map[string]any{"name": "gold"}).with("role", "é\"\\\n"))
		id, err := newVerifier(t).Verify(t.Context(), token)
		if err != nil {
			t.Fatalf("%s: %v", s.alg, err)
		}
		want := verifier.Identity{
			Issuer: issuer, Subject: "0197a0b2-subject", Audience: []string{audience}, SessionID: "0197a0b2-session",
			ClientID: "first-party", TenantID: "tenant-a", Tenant: "acme", Role: "é\"\\\n",
			Permissions: []string{"notes.read", "notes.write"}, AMR: []string{"pwd", "otp"}, ACR: "aal2", AAL: 2,
			AuthTime: start, IssuedAt: start, ExpiresAt: start.Add(10 * time.Minute),
			TokenID: "0197a0b2-token", Scope: "notes profile",
		}
		got, wanted := reflect.ValueOf(*id), reflect.ValueOf(want)
		for i := range got.NumField() {
			if f := got.Type().Field(i); f.IsExported() && !reflect.DeepEqual(got.Field(i).Interface(), wanted.Field(i).Interface()) {
				t.Errorf("%s: %s is %v, want %v", s.alg, f.Name, got.Field(i), wanted.Field(i))
			}
		}
		if plan, ok := id.Claim("plan"); !ok || string(plan) != `{"name":"gold"}` {
			t.Errorf("%s: claim plan is %s, %v", s.alg, plan, ok)
		}
		if user, ok := id.Claim("user_id"); !ok || string(user) != `"0197a0b2-subject"` {
			t.Errorf("%s: claim user_id is %s, %v", s.alg, user, ok)
		}
		if !id.HasScope("profile") || id.HasScope("") || id.HasScope("prof") || id.HasScope("notes profile") {
			t.Error("HasScope does not compare whole scopes")
		}
		if _, ok := id.Claim("PLAN"); ok {
			t.Error("Claim folds case")
		}
	}
	var empty verifier.Identity
	if _, ok := empty.Claim("iss"); ok || empty.HasScope("") || empty.HasPermission("") {
		t.Error("an identity made by hand has what nobody gave it")
	}
}

func TestVerifyAcceptsEveryLegitimateSpelling(t *testing.T) {
	s := es()
	usual := claimsAt(start)
	required := usual.without("auth_time").without("user_id").without("tenant_id").without("tenant").without("role").
		without("permissions").without("amr").without("acr").without("scope")
	for name, token := range map[string]string{
		"only what is required": s.good(required),
		"typ in capitals":       s.token(replaceOnce(s.header(), "at+jwt", "AT+JWT"), usual.json()),
		"typ in full":           s.token(replaceOnce(s.header(), "at+jwt", "Application/at+JWT"), usual.json()),
		"unknown header":        s.token(replaceOnce(s.header(), "{", `{"x":{"y":[1]},"x5t":"AA",`), usual.json()),
		"white space":           s.token(" \n"+s.header()+"\t", " "+usual.json()+" "),
		"escaped claim name":    s.token(s.header(), replaceOnce(usual.json(), `"exp"`, `"\u0065xp"`)),
		"aud as array":          s.good(usual.with("aud", []string{"https://other.example.com", audience})),
		"oddly-cased neighbour": s.good(usual.with("EXP", 1)),
		"permissions here":      s.good(usual.with("permissions_elsewhere", false)),
		"permissions elsewhere": s.good(usual.without("permissions").with("permissions_elsewhere", true)),
		"nbf now":               s.good(usual.with("nbf", start.Unix())),
		"iat ahead":             s.good(usual.with("iat", start.Add(time.Hour).Unix())),
		"exp a second ahead":    s.good(usual.with("exp", start.Unix()+1)),
		"exp 24 hours ahead":    s.good(usual.with("exp", start.Unix()+24*60*60)),
		"nearly 8 KiB":          ofLength(s, 8<<10),
	} {
		if _, err := newVerifier(t).Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// ofLength makes a token as long as can be up to n bytes; base64 leaves out some lengths.
func ofLength(s signer, n int) string {
	fill := n/4*3 - len(s.good(claimsAt(start)))
	for {
		token := s.good(claimsAt(start).with("fill", strings.Repeat("x", fill)))
		if len(token) > n {
			return s.good(claimsAt(start).with("fill", strings.Repeat("x", fill-1)))
		}
		fill++
	}
}

func TestVerifyAcceptsWhatAnotherLibrarySigns(t *testing.T) {
	for _, s := range signers() {
		key := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.alg), Key: jose.JSONWebKey{Key: s.private, KeyID: s.kid}}
		other, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("at+jwt"))
		if err != nil {
			t.Fatal(err)
		}
		for range 50 { // signatures with every pattern of leading zeros that comes along
			signed, err := other.Sign([]byte(claimsAt(start).json()))
			if err != nil {
				t.Fatal(err)
			}
			token, err := signed.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := newVerifier(t).Verify(t.Context(), token); err != nil {
				t.Fatalf("%s: %v", s.alg, err)
			}
		}
	}
}

// TestVerifyTakesShortIntegers finds signatures whose r or s begins with zeros: the DER that
// is written by hand must drop them.
func TestVerifyTakesShortIntegers(t *testing.T) {
	s, v := es(), newVerifier(t)
	found := map[string]bool{}
	for i := 0; len(found) < 4 && i < 100_000; i++ {
		text := b64(s.header()) + "." + b64(claimsAt(start).with("n", i).json())
		sig := s.sign(text)
		for half, name := range []string{"r", "s"} {
			switch first := sig[32*half]; {
			case first == 0 && sig[32*half+1] < 0x80 && !found[name+" short"]:
				found[name+" short"] = true
			case first >= 0x80 && !found[name+" high"]:
				found[name+" high"] = true
			default:
				continue
			}
			if _, err := v.Verify(t.Context(), text+"."+b64(string(sig))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if len(found) < 4 {
		t.Errorf("found only %v", found)
	}
}

func TestVerifyChecksExpiryToTheMillisecond(t *testing.T) {
	for _, c := range []struct {
		claim string
		at    time.Duration // after start, which is the claim's value
		want  bool
	}{
		{"exp", -time.Millisecond, true}, {"exp", 0, false}, {"exp", time.Millisecond, false},
		{"nbf", -time.Millisecond, false}, {"nbf", 0, true}, {"nbf", time.Millisecond, true},
	} {
		token := es().good(claimsAt(start.Add(-time.Minute)).with(c.claim, start.Unix()))
		v := newVerifier(t, verifier.WithClock(newClock(start.Add(c.at)).Now))
		if _, err := v.Verify(t.Context(), token); (err == nil) != c.want {
			t.Errorf("%s at %v: %v", c.claim, c.at, err)
		}
	}
}

func TestVerifyRefusesNearMissesOfIssuerAndAudience(t *testing.T) {
	near := func(text string) []string {
		return []string{
			"", text + "/", text + " ", " " + text, text + "\n", strings.ToUpper(text), text[:len(text)-1], text + "x", text + "#", text + "?",
			strings.Replace(text, "https", "http", 1), strings.Replace(text, ".com", ".com:443", 1),
			strings.Replace(text, "example", "ex%61mple", 1), strings.Replace(text, "example", "еxample", 1),
		}
	}
	v := newVerifier(t)
	for _, iss := range near(issuer) {
		refused(t, v, "iss "+iss, es().good(claimsAt(start).with("iss", iss)), "iss:")
	}
	for _, aud := range near(audience) {
		refused(t, v, "aud "+aud, es().good(claimsAt(start).with("aud", aud)), "aud:")
		refused(t, v, "aud in array "+aud, es().good(claimsAt(start).with("aud", []string{aud})), "aud:")
	}
}

func TestWithAudiencesAcceptsAnyOfThem(t *testing.T) {
	v := newVerifier(t, verifier.WithAudiences("b", "c"))
	for aud, want := range map[string]bool{audience: true, "b": true, "c": true, "d": false} {
		if _, err := v.Verify(t.Context(), es().good(claimsAt(start).with("aud", aud))); (err == nil) != want {
			t.Errorf("%s: %v", aud, err)
		}
	}
}

// TestVerifyRefusesEveryChangedByte has the good token in the cache while it tries.
func TestVerifyRefusesEveryChangedByte(t *testing.T) {
	for _, s := range signers() {
		v, token := newVerifier(t), s.good(claimsAt(start))
		accepted(t, v, token)
		for i := range len(token) {
			for _, b := range []byte{token[i] ^ 1, token[i] ^ 0x20, token[i] ^ 0x80, 'A', '_', '.', '=', '\n', 0} {
				if b != token[i] {
					refused(t, v, "changed byte", token[:i]+string([]byte{b})+token[i+1:], "")
				}
			}
		}
		accepted(t, v, token)
	}
}

func TestVerifyRefusesEveryPrefixAndExtension(t *testing.T) {
	for _, s := range signers() {
		v, token := newVerifier(t), s.good(claimsAt(start))
		accepted(t, v, token)
		for i := 1; i < len(token); i++ {
			refused(t, v, "prefix", token[:i], "")
			refused(t, v, "suffix", token[i:], "")
		}
		for b := range 256 {
			refused(t, v, "extension", token+string([]byte{byte(b)}), "")
			refused(t, v, "extension in front", string([]byte{byte(b)})+token, "")
		}
		refused(t, v, "twice", token+token, "")
		refused(t, v, "twice with a dot", token+"."+token, "")
	}
}

func TestVerifyRefusesRecombinedTokens(t *testing.T) {
	v := newVerifier(t)
	mine := strings.Split(es().good(claimsAt(start)), ".")
	theirs := strings.Split(es().good(claimsAt(start).with("sub", "somebody-else")), ".")
	refused(t, v, "another's payload", mine[0]+"."+theirs[1]+"."+mine[2], "signature")
	refused(t, v, "another's signature", mine[0]+"."+mine[1]+"."+theirs[2], "signature")
}

func TestVerifyDoesNotReadThePayloadOfAForgery(t *testing.T) {
	stranger := newES(es().kid)
	refused(t, newVerifier(t), "nonsense under a wrong signature", stranger.token(es().header(), "{"), "signature")
}

func TestVerifyStaysSmallWhateverIsThrownAtIt(t *testing.T) {
	v := newVerifier(t)
	for name, token := range map[string]string{
		"100,000 dots":   strings.Repeat(".", 100_000),
		"8,000 dots":     strings.Repeat(".", 8_000),
		"dots and text":  strings.Repeat("e30.", 2_000),
		"a megabyte":     strings.Repeat("A", 1<<20),
		"deep header":    b64(strings.Repeat("[", 4_000)) + ".e30.AA",
		"deep in header": b64(`{"alg":`+strings.Repeat("[", 4_000)) + ".e30.AA",
	} {
		if n := testing.AllocsPerRun(10, func() { refused(t, v, name, token, "") }); n > 10 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestVerifyOfNothingIsAMissingToken(t *testing.T) {
	if _, err := newVerifier(t).Verify(t.Context(), ""); !errors.Is(err, verifier.ErrTokenMissing) {
		t.Errorf("got %v", err)
	}
}

func TestVerifyWithoutKeysIsUnavailable(t *testing.T) {
	v := newVerifier(t, verifier.WithKeySet(func() *verifier.KeySet { return nil }))
	if _, err := v.Verify(t.Context(), es().good(claimsAt(start))); !errors.Is(err, verifier.ErrUnavailable) {
		t.Errorf("a good token: %v", err)
	}
	refused(t, v, "no token at all", "e30.e30.AA", "typ")
}

func TestVerifyForgetsTokensOfARetiredKey(t *testing.T) {
	set := keySet(t, es(), ed())
	v := newVerifier(t, verifier.WithKeySet(func() *verifier.KeySet { return set }))
	token := es().good(claimsAt(start))
	accepted(t, v, token)
	set = keySet(t, ed())
	refused(t, v, "token of a retired key", token, "kid")
	impostor := newES(es().kid)
	set = keySet(t, impostor)
	refused(t, v, "token of a replaced key", token, "signature")
	set = keySet(t, es())
	accepted(t, v, token)
}

func TestVerifyNeverTakesACachedTokenPastItsTime(t *testing.T) {
	now := newClock(start)
	v := newVerifier(t, verifier.WithClock(now.Now))
	token := es().good(claimsAt(start).with("nbf", start.Unix()))
	id := accepted(t, v, token)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{id.ExpiresAt.Add(-time.Millisecond), ""}, {id.ExpiresAt, "exp: expired"}, {id.ExpiresAt.Add(time.Hour), "exp: expired"},
		{start.Add(-time.Millisecond), "nbf: not yet"}, {start, ""},
	} {
		now.set(c.at)
		if c.want != "" {
			refused(t, v, c.at.String(), token, c.want)
		} else if again := accepted(t, v, token); again != id {
			t.Errorf("at %v: not from the cache", c.at)
		}
	}
}

func TestVerifyAgainAllocatesNothing(t *testing.T) {
	v, token, ctx := newVerifier(t), es().good(claimsAt(start)), context.Background()
	accepted(t, v, token)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := v.Verify(ctx, token); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVerifyIsSafeForManyAtOnce(t *testing.T) {
	sets := []*verifier.KeySet{keySet(t, signers()...), keySet(t, es(), ed())}
	var turn sync.Mutex
	current := 0
	v := newVerifier(t, verifier.WithCacheSize(8), verifier.WithKeySet(func() *verifier.KeySet {
		turn.Lock()
		defer turn.Unlock()
		current++
		return sets[current/50%2]
	}))
	var tokens []string
	for i := range 24 {
		tokens = append(tokens, signers()[i%2].good(claimsAt(start).with("sub", string(rune('a'+i)))))
	}
	forged := newES(es().kid).good(claimsAt(start))
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				n := (i + g) % len(tokens)
				if id, err := v.Verify(t.Context(), tokens[n]); err != nil || id.Subject != string(rune('a'+n)) {
					t.Errorf("token %d: %v, %v", n, id, err)
				}
				if _, err := v.Verify(t.Context(), forged); err == nil {
					t.Error("a forgery passed")
				}
			}
		})
	}
	all.Wait()
}

func TestNewNamesEveryWrongArgument(t *testing.T) {
	for _, bad := range []string{
		"", "id.example.com", "/api/auth", "http://id.example.com", "ftp://id.example.com", "https://", "https://:443",
		issuer + "/", issuer + "?", issuer + "?a=b", issuer + "#", issuer + "#a", "https://user@id.example.com", "https:id.example.com",
		"http://127.0.0.1.example.com", "http://localhost.example.com", "http://10.0.0.1", " " + issuer, "javascript:alert(1)",
	} {
		if _, err := verifier.New(bad, audience); err == nil {
			t.Errorf("issuer %q was accepted", bad)
		}
	}
	for _, good := range []string{
		issuer, "https://id.example.com", "https://id.example.com:8443/a", "http://localhost:8000/api/auth", "http://127.0.0.1:8000", "http://[::1]:8000",
	} {
		if _, err := verifier.New(good, audience); err != nil {
			t.Errorf("issuer %q: %v", good, err)
		}
	}
	someKeys := verifier.WithKeySet(func() *verifier.KeySet { return nil })
	noPermissions := verifier.WithPermissionLookup(func(context.Context, string, *verifier.Identity) (verifier.Permissions, error) { return nil, nil })
	for name, opts := range map[string][]verifier.Option{
		"empty audience": {verifier.WithAudiences("")}, "nil client": {verifier.WithHTTPClient(nil)}, "nil clock": {verifier.WithClock(nil)},
		"nil key set": {verifier.WithKeySet(nil)}, "nil logger": {verifier.WithLogger(nil)}, "nil option": {nil},
		"nil look-up": {verifier.WithPermissionLookup(nil)}, "plain http for permissions": {verifier.WithPermissionsFrom("http://id.example.com")},
		"no URL for permissions": {verifier.WithPermissionsFrom("")}, "query for permissions": {verifier.WithPermissionsFrom("https://id.example.com/?a=b")},
		"two look-ups":       {noPermissions, verifier.WithPermissionsFrom(issuer)},
		"client for nothing": {someKeys, verifier.WithHTTPClient(&http.Client{})},
		"no cache":           {verifier.WithCacheSize(0)}, "boundless cache": {verifier.WithCacheSize(1 << 30)},
		"plain http for keys": {verifier.WithJWKSURL("http://id.example.com/jwks")}, "no URL for keys": {verifier.WithJWKSURL("")},
		"two sources of keys": {someKeys, verifier.WithJWKSURL("https://id.example.com/jwks")},
	} {
		if _, err := verifier.New(issuer, audience, opts...); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := verifier.New(issuer, audience, someKeys, verifier.WithHTTPClient(&http.Client{}), verifier.WithPermissionsFrom(issuer)); err != nil {
		t.Errorf("a client for permissions alone: %v", err)
	}
	_, err := verifier.New("", "", verifier.WithClock(nil))
	for _, part := range []string{"issuer", "audience", "WithClock"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
}

// accepted wants token to pass.
func accepted(t testing.TB, v *verifier.Verifier, token string) *verifier.Identity {
	t.Helper()
	id, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// refused wants token to be refused for a reason, and the error to hold nothing of it.
func refused(t testing.TB, v *verifier.Verifier, name, token, why string) {
	t.Helper()
	id, err := v.Verify(t.Context(), token)
	switch {
	case id != nil || !errors.Is(err, verifier.ErrTokenInvalid):
		t.Errorf("%s: got %v, %v", name, id, err)
	case !strings.Contains(err.Error(), why):
		t.Errorf("%s: refused for another reason: %v", name, err)
	case strings.Contains(err.Error(), "canary"):
		t.Errorf("%s: the error tells of the token: %v", name, err)
	}
}
