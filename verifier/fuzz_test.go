package verifier_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

// FuzzVerify wants whatever passes to be a token that another library, asked for exactly the
// key's algorithm, finds rightly signed.
func FuzzVerify(f *testing.F) {
	f.Add(es().good(claimsAt(start)))
	f.Add(ed().good(claimsAt(start)))
	f.Add(rs().good(claimsAt(start)))
	f.Add(strings.Repeat(".", 10_000))
	f.Add("eyJhbGciOiJub25lIn0.e30.AA")
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := v.Verify(t.Context(), token); err != nil {
			return
		}
		for _, s := range signers() {
			signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.alg)})
			if err != nil || signed.Signatures[0].Header.KeyID != s.kid {
				continue
			}
			if _, err := signed.Verify(s.private.Public()); err == nil {
				return
			}
		}
		t.Errorf("another library does not accept %q", token)
	})
}

// FuzzClaims signs any payload, and wants the claims that pass to be those that another
// strict reader finds.
func FuzzClaims(f *testing.F) {
	f.Add(claimsAt(start).json())
	f.Add(claimsAt(start).with("aud", []string{"a", audience}).with("nbf", 1).json())
	f.Add(claimsAt(start).with("permissions_elsewhere", true).json())
	f.Add(replaceOnce(claimsAt(start).json(), `"exp"`, `"\u0065xp"`))
	f.Add(replaceOnce(claimsAt(start).json(), `"exp"`, `"EXP":1,"exp"`))
	f.Add(replaceOnce(claimsAt(start).json(), `"role":"`, `"role":"\ud83d\ude00`))
	s, v := ed(), newVerifier(f)
	f.Fuzz(func(t *testing.T, payload string) {
		id, err := v.Verify(t.Context(), s.token(s.header(), payload))
		if err != nil {
			return
		}
		var other struct {
			Issuer      string   `json:"iss"`
			Subject     string   `json:"sub"`
			Audience    any      `json:"aud"`
			Expires     int64    `json:"exp"`
			IssuedAt    int64    `json:"iat"`
			NotBefore   int64    `json:"nbf"`
			AuthTime    int64    `json:"auth_time"`
			TokenID     string   `json:"jti"`
			SessionID   string   `json:"sid"`
			ClientID    string   `json:"client_id"`
			TenantID    string   `json:"tenant_id"`
			Tenant      string   `json:"tenant"`
			Elsewhere   bool     `json:"permissions_elsewhere"`
			Role        string   `json:"role"`
			Permissions []string `json:"permissions"`
			AMR         []string `json:"amr"`
			ACR         string   `json:"acr"`
			Scope       string   `json:"scope"`
		}
		if err := json.Unmarshal([]byte(payload), &other); err != nil {
			t.Fatalf("another reader refuses %q: %v", payload, err)
		}
		if other.Elsewhere {
			other.Permissions = nil
		}
		if id.PermissionsElsewhere != other.Elsewhere {
			t.Errorf("%q: permissions elsewhere: %v", payload, id.PermissionsElsewhere)
		}
		texts := [][2]string{
			{id.Issuer, issuer}, {other.Issuer, issuer}, {id.Subject, other.Subject}, {id.TokenID, other.TokenID}, {id.SessionID, other.SessionID},
			{id.ClientID, other.ClientID}, {id.TenantID, other.TenantID}, {id.Tenant, other.Tenant}, {id.Role, other.Role}, {id.ACR, other.ACR}, {id.Scope, other.Scope},
			{strings.Join(id.Permissions, "\x00"), strings.Join(other.Permissions, "\x00")}, {strings.Join(id.AMR, "\x00"), strings.Join(other.AMR, "\x00")},
			{id.ExpiresAt.Format(time.RFC3339), time.Unix(other.Expires, 0).UTC().Format(time.RFC3339)},
			{id.IssuedAt.Format(time.RFC3339), time.Unix(other.IssuedAt, 0).UTC().Format(time.RFC3339)},
		}
		for _, pair := range texts {
			if pair[0] != pair[1] {
				t.Errorf("%q: %q, to the other reader %q", payload, pair[0], pair[1])
			}
		}
		if !id.AuthTime.IsZero() && id.AuthTime.Unix() != other.AuthTime {
			t.Errorf("%q: auth_time %v, to the other reader %d", payload, id.AuthTime, other.AuthTime)
		}
		for _, required := range []string{id.Subject, id.TokenID, id.SessionID, id.ClientID} {
			if required == "" {
				t.Errorf("%q passed with something missing", payload)
			}
		}
		now := start.Unix()
		if !slices.Contains(id.Audience, audience) || now >= other.Expires || now < other.NotBefore || other.Expires > now+24*60*60 {
			t.Errorf("%q passed", payload)
		}
	})
}

// FuzzOneByte changes one byte of a token, wherever and to whatever, and wants it refused: nobody moves
// to another tenant by writing another one into their token.
func FuzzOneByte(f *testing.F) {
	tokens := make([]string, len(signers()))
	for i, s := range signers() {
		tokens[i] = s.good(claimsAt(start))
		for _, claim := range []string{`"tenant_id"`, `"tenant"`, `"role"`, `"permissions"`, `"sub"`} {
			at := strings.Index(claimsAt(start).json(), claim) + len(claim) + 2 // in its value
			f.Add(byte(i), uint16(strings.IndexByte(tokens[i], '.')+1+at*4/3), byte('A'))
		}
	}
	v := newVerifier(f)
	f.Fuzz(func(t *testing.T, which byte, at uint16, to byte) {
		good := tokens[int(which)%len(tokens)]
		i := int(at) % len(good)
		if good[i] == to {
			return
		}
		refused(t, v, "changed byte", good[:i]+string([]byte{to})+good[i+1:], "")
	})
}
