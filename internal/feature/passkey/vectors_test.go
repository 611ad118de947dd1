package passkey

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
)

// vector is one of WebAuthn Level 3, section 16: a passkey's registration and its use.
type vector struct {
	Section      string
	Registration struct {
		Challenge      hexText
		ClientDataJSON hexText
		Object         hexText `json:"attestationObject"`
	}
	Authentication struct {
		Challenge      hexText
		ClientDataJSON hexText
		AuthData       hexText `json:"authenticatorData"`
		Signature      hexText
	}
}

type hexText []byte

func (h *hexText) UnmarshalText(t []byte) (err error) {
	*h, err = hex.DecodeString(string(t))
	return err
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// key reads the passkey out of the attestation object, whatever we make of the attestation.
func (v vector) key(t testing.TB) webauthn.Credential {
	t.Helper()
	raw := protocol.AuthenticatorAttestationResponse{AuthenticatorResponse: protocol.AuthenticatorResponse{ClientDataJSON: protocol.URLEncodedBase64(v.Registration.ClientDataJSON)}, AttestationObject: protocol.URLEncodedBase64(v.Registration.Object)}
	parsed, err := raw.Parse()
	if err != nil {
		t.Fatal(err)
	}
	data := parsed.AttestationObject.AuthData
	return webauthn.Credential{ID: data.AttData.CredentialID, PublicKey: data.AttData.CredentialPublicKey, Flags: webauthn.NewCredentialFlags(data.Flags)}
}

func (v vector) registered(id []byte) []byte {
	out, _ := json.Marshal(map[string]any{"id": b64(id), "rawId": b64(id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(v.Registration.ClientDataJSON), "attestationObject": b64(v.Registration.Object)}})
	return out
}

func (v vector) used(id []byte) []byte {
	a := v.Authentication
	out, _ := json.Marshal(map[string]any{"id": b64(id), "rawId": b64(id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(a.ClientDataJSON), "authenticatorData": b64(a.AuthData), "signature": b64(a.Signature)}})
	return out
}

const foreign = "attestation came that was not asked for"

// What we make of each vector; "" is accepted. The specification calls all of them right, for somebody who
// asks for attestation, offers every algorithm, and lets pages of others use passkeys. The user is
// asked for, not demanded: in most vectors the authenticator did not verify anybody.
var outcomes = map[string]struct{ registration, authentication string }{
	"none-es256":                    {"", ""},
	"packed-self-es256":             {"", ""},
	"none-es256-crossOrigin":        {"inside of another's", "inside of another's"},
	"none-es256-topOrigin":          {"inside of another's", "inside of another's"},
	"none-es256-long-credential-id": {"", ""},
	"packed-es256":                  {foreign, ""},
	"packed-es384":                  {foreign, ""},
	"packed-es512":                  {foreign, ""},
	"packed-rs256":                  {foreign, ""},
	"packed-eddsa":                  {foreign, ""},
	"packed-ed448":                  {foreign, "unsupported algorithm"},
	"tpm-es256":                     {foreign, ""},
	"android-key-es256":             {foreign, ""},
	"apple-es256":                   {foreign, ""},
	"fido-u2f-es256":                {foreign, ""},
}

func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors
}

func TestVectorsOfTheSpecification(t *testing.T) {
	s, err := New(Config{RPID: "example.org", Name: "Example", Origins: []string{"https://example.org"}}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	all := vectors(t)
	if len(all) != len(outcomes) {
		t.Errorf("%d vectors, %d expectations", len(all), len(outcomes))
	}
	for _, v := range all {
		t.Run(v.Section, func(t *testing.T) {
			want, known := outcomes[strings.TrimPrefix(v.Section, "sctn-test-vectors-")]
			if !known {
				t.Fatal("nothing is expected of this one")
			}
			o := &owner{id: uuid.New()}
			key := v.key(t)

			made, err := s.verifyNew(o, b64(v.Registration.Challenge), protocol.VerificationPreferred, v.registered(key.ID))
			if !says(err, want.registration) {
				t.Errorf("registration: %v", err)
			}
			if err == nil {
				key = *made
			}
			o.credentials = []webauthn.Credential{key}
			a, err := read[assertion](v.used(key.ID))
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err = s.verifyUse(o, b64(v.Authentication.Challenge), protocol.VerificationPreferred, a); !says(err, want.authentication) {
				t.Errorf("authentication: %v", err)
			}
		})
	}
}

// says reports whether err speaks of something; of nothing: whether there is none.
func says(err error, of string) bool {
	if of == "" || err == nil {
		return of == "" && err == nil
	}
	return strings.Contains(err.Error(), of)
}

// Whatever comes, nothing panics, and nothing but what the key has signed is taken.
func FuzzAnswers(f *testing.F) {
	s, err := New(Config{RPID: "example.org", Name: "Example", Origins: []string{"https://example.org"}}, Deps{})
	if err != nil {
		f.Fatal(err)
	}
	v := vectors(f)[0]
	o := &owner{id: uuid.New()}
	key := v.key(f)
	o.credentials = []webauthn.Credential{key}
	f.Add(v.registered(key.ID))
	f.Add(v.used(key.ID))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := s.verifyNew(o, b64(v.Registration.Challenge), protocol.VerificationPreferred, raw); err == nil && checkKey(c.PublicKey) != nil {
			t.Error("a key was taken that is of no use")
		}
		a, err := read[assertion](raw)
		if err != nil {
			return
		}
		if _, _, err := s.verifyUse(o, b64(v.Authentication.Challenge), protocol.VerificationPreferred, a); err == nil &&
			(!bytes.Equal(a.Response.AuthData, v.Authentication.AuthData) || !bytes.Equal(a.Response.ClientData, v.Authentication.ClientDataJSON)) {
			t.Error("an answer was taken that nobody has signed")
		}
	})
}
