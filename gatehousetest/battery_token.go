package gatehousetest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/verifier"
)

// accessClaims are those of an access token (RFC 9068 section 2.2).
type accessClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	ClientID  string   `json:"client_id"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
	ID        string   `json:"jti"`
	SessionID string   `json:"sid"`
	UserID    string   `json:"user_id"`
	Methods   []string `json:"amr"`
	ACR       string   `json:"acr"`
	AuthTime  int64    `json:"auth_time"`
}

func (b *battery) keys(t testing.TB) []jwk {
	t.Helper()
	a := b.call(t, http.MethodGet, "/.well-known/jwks.json")
	a.want(t, http.StatusOK)
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if a.decode(t, &set); len(set.Keys) == 0 {
		t.Fatal("no key is published")
	}
	return set.Keys
}

// read checks a token with the published keys and returns its claims.
func (b *battery) read(t testing.TB, access string) (c accessClaims) {
	t.Helper()
	head, claims := readToken(t, access, b.keys(t))
	if head.Type != "at+jwt" {
		t.Errorf("typ is %q, not at+jwt", head.Type)
	}
	if err := json.Unmarshal(claims, &c); err != nil {
		t.Fatalf("the claims are not what was expected: %s", shape(err))
	}
	return c
}

func (b *battery) issues(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	c := b.read(t, s.Access)
	id, _ := s.User["id"].(string)
	if c.Issuer != b.api || c.Audience != b.target.Audience || c.Subject != id || c.UserID != id || c.ClientID != "first-party" {
		t.Errorf("iss %q, aud %q, sub %q, user_id %q, client_id %q are not those of this account and service", c.Issuer, c.Audience, c.Subject, c.UserID, c.ClientID)
	}
	if c.ID == "" || c.SessionID == "" || !slices.Equal(c.Methods, []string{"pwd"}) || c.ACR != "aal1" {
		t.Errorf("jti %q, sid %q, amr %q, acr %q", c.ID, c.SessionID, c.Methods, c.ACR)
	}
	if life := c.ExpiresAt - c.IssuedAt; life != s.ExpiresIn {
		t.Errorf("exp - iat is %d s and expires_in is %d", life, s.ExpiresIn)
	}
	if off := b.now().Sub(time.Unix(c.IssuedAt, 0)).Abs(); off > time.Minute || c.AuthTime > c.IssuedAt {
		t.Errorf("iat is %v away from now, auth_time %d after it", off, c.AuthTime-c.IssuedAt)
	}
	next := b.read(t, b.refresh(t, s.Refresh).tokens(t).Access)
	if next.ID == c.ID || next.SessionID != c.SessionID || next.AuthTime != c.AuthTime {
		t.Error("the access token of a refresh has the same jti, or another sid or auth_time")
	}
}

func (b *battery) publishes(t *testing.T) {
	var raw struct {
		Keys []map[string]any `json:"keys"`
	}
	b.call(t, http.MethodGet, "/.well-known/jwks.json").decode(t, &raw)
	for _, k := range raw.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, ok := k[private]; ok {
				t.Errorf("a key is published with its private member %q", private)
			}
		}
	}
	var about struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	a := b.call(t, http.MethodGet, "/.well-known/openid-configuration")
	a.want(t, http.StatusOK)
	if a.decode(t, &about); about.Issuer != b.api || about.JWKS != b.api+"/.well-known/jwks.json" {
		t.Errorf("the metadata names issuer %q and keys at %q: is APIURL what the public calls it?", about.Issuer, about.JWKS)
	}
}

// verifier returns one of the kind that services use.
func (b *battery) verifier(t testing.TB, audience string) *verifier.Verifier {
	t.Helper()
	v, err := verifier.New(b.api, audience, verifier.WithHTTPClient(b.client), verifier.WithClock(b.now))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (b *battery) issuesForOne(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	id, err := b.verifier(t, b.target.Audience).Verify(context.Background(), s.Access)
	if err != nil {
		t.Fatalf("package verifier: %v", err)
	}
	if id.Subject != s.User["id"] || id.SessionID == "" || id.AAL != 1 {
		t.Errorf("package verifier reads subject %q, session %q, AAL %d", id.Subject, id.SessionID, id.AAL)
	}
	for _, token := range []string{s.Refresh, forged()} {
		if _, err := b.verifier(t, b.target.Audience).Verify(context.Background(), token); !errors.Is(err, verifier.ErrTokenInvalid) {
			t.Error("package verifier accepts what is no access token")
		}
	}
	if _, err := b.verifier(t, "https://other.example.com").Verify(context.Background(), s.Access); !errors.Is(err, verifier.ErrTokenInvalid) {
		t.Error("a service accepts a token for another audience")
	}
}

// refusesTampered presents tokens that a thief could make of a good one.
func (b *battery) refusesTampered(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	head, rest, _ := strings.Cut(s.Access, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	other := strings.Split(b.signIn(t, b.account(t)).Access, ".")
	public := b.keys(t)[0] // whoever lets the token choose its algorithm takes this for a shared secret
	for name, token := range map[string]string{
		"no signature":                     head + "." + claims + ".",
		"alg none":                         encoded(t, members{"alg": "none", "typ": "at+jwt"}) + "." + claims + ".",
		"another's claims":                 head + "." + other[1] + "." + signature,
		"another's signature":              head + "." + claims + "." + other[2],
		"claims that say more":             head + "." + encoded(t, members{"iss": b.api, "sub": s.User["id"], "role": "admin"}) + "." + signature,
		"a public key as shared secret":    hs256(t, public.ID, []byte(public.X+public.N), claims),
		"a token of another kind":          s.Refresh,
		"a token that is not in its place": s.Access + "." + signature,
	} {
		a := b.call(t, http.MethodGet, "/me/", bearerToken(token))
		if a.status != http.StatusUnauthorized {
			t.Errorf("with %s: %s", name, a)
			continue
		}
		a.refused(t, http.StatusUnauthorized, "token_invalid")
	}
	b.call(t, http.MethodGet, "/me/", bearerToken(s.Access)).want(t, http.StatusOK)
}

func (b *battery) ask(t testing.TB, token string) answer {
	t.Helper()
	return b.post(t, "/token/verify/", members{"token": token})
}

func (b *battery) verifiesTokens(t *testing.T) {
	s := b.signIn(t, b.visitor(t))
	for _, token := range []string{s.Access, s.Refresh, s.Access} {
		a := b.ask(t, token)
		a.want(t, http.StatusOK)
		hasExactly(t, "the answer", a.object(t))
	}
	next := b.refresh(t, s.Refresh).tokens(t)
	b.ask(t, next.Refresh).want(t, http.StatusOK)
	for _, token := range []string{s.Refresh, forged(), next.Access + "A"} {
		b.ask(t, token).refused(t, http.StatusUnauthorized, "token_invalid")
	}
	b.post(t, "/logout/", members{"refresh": next.Refresh}).want(t, http.StatusOK)
	for _, token := range []string{next.Access, next.Refresh} {
		b.ask(t, token).refused(t, http.StatusUnauthorized, "token_invalid")
	}
}

func (b *battery) revokes(t *testing.T) {
	acc := b.visitor(t)
	s, other := b.signIn(t, acc), b.signIn(t, acc)
	form := func(token string) option {
		return rawBody("application/x-www-form-urlencoded", url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}.Encode())
	}
	for _, token := range []string{forged(), s.Refresh, s.Refresh} {
		b.call(t, http.MethodPost, "/token/revoke/", form(token)).want(t, http.StatusOK)
	}
	b.mustBeOver(t, s)
	b.post(t, "/token/revoke/", members{"token": b.mustStand(t, other).Access}).want(t, http.StatusOK)
	b.call(t, http.MethodGet, "/me/", bearerToken(other.Access)).refused(t, http.StatusUnauthorized, "token_invalid")
}
