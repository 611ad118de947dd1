package passkeytest

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"maps"

	"github.com/fxamacker/cbor/v2"
)

// Answer is an answer to a challenge that is not signed yet. Each member may be changed: what is signed is
// what it holds then.
type Answer struct {
	// What the browser says (WebAuthn section 5.8.1).
	Type        string
	Challenge   string
	Origin      string
	CrossOrigin bool
	TopOrigin   string
	// ClientData is sent in place of all those, when it is set.
	ClientData []byte

	// What the authenticator says (WebAuthn section 6.1).
	RPID       string // its hash is sent
	Flags      byte
	Counter    uint32
	UserHandle []byte         // of Get
	Extensions map[string]any // extension outputs; nil: none

	// Of Create: the passkey (WebAuthn section 6.5).
	AAGUID       [16]byte
	CredentialID []byte
	Algorithm    int    // what the key says that it is for
	PublicKey    []byte // COSE_Key, sent in place of the key's own when it is set
	Format       string // of the attestation
	// Statement is the attestation's. Without one the format packed is signed by the key itself, and any
	// other has an empty one.
	Statement map[string]any

	// Transports are how the browser says that the authenticator is reached.
	Transports []string

	// Unsigned: the signature is over something else.
	Unsigned bool

	// What is around it.
	ID, RawID string         // base64url
	Extra     map[string]any // further members of the credential, or others in place of its own

	key *Key
}

// attestation words the answer to a registration.
func (x *Answer) attestation() []byte {
	public := x.PublicKey
	if public == nil {
		public = x.key.cose(x.Algorithm)
	}
	data := x.authData(attested)
	data = append(data, x.AAGUID[:]...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(x.CredentialID)))
	data = append(data, x.CredentialID...)
	data = append(data, public...)
	data = append(data, x.extensions()...)
	client := x.clientData()
	statement := x.Statement
	switch {
	case statement == nil && x.Format == "packed":
		statement = map[string]any{"alg": x.Algorithm, "sig": x.sign(data, client)}
	case statement == nil:
		statement = map[string]any{}
	}
	object := encode(map[string]any{"fmt": x.Format, "attStmt": statement, "authData": data})
	return x.credential(map[string]any{
		"clientDataJSON": text(client), "attestationObject": text(object), "transports": x.Transports,
		"authenticatorData": text(data), "publicKeyAlgorithm": x.Algorithm,
	})
}

// assertion words the answer to a sign-in or proof.
func (x *Answer) assertion() []byte {
	data := append(x.authData(0), x.extensions()...)
	client := x.clientData()
	response := map[string]any{"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(x.sign(data, client))}
	if x.UserHandle != nil {
		response["userHandle"] = text(x.UserHandle)
	}
	return x.credential(response)
}

func (x *Answer) credential(response map[string]any) []byte {
	c := map[string]any{
		"id": x.ID, "rawId": x.RawID, "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{}, "response": response,
	}
	maps.Copy(c, x.Extra)
	out, err := json.Marshal(c)
	must(err)
	return out
}

func (x *Answer) clientData() []byte {
	if x.ClientData != nil {
		return x.ClientData
	}
	c := map[string]any{"type": x.Type, "challenge": x.Challenge, "origin": x.Origin, "crossOrigin": x.CrossOrigin, "other_keys_can_be_added_here": "yes"}
	if x.TopOrigin != "" {
		c["topOrigin"] = x.TopOrigin
	}
	out, err := json.Marshal(c)
	must(err)
	return out
}

func (x *Answer) authData(flags byte) []byte {
	if x.Extensions != nil {
		flags |= extended
	}
	hash := sha256.Sum256([]byte(x.RPID))
	data := append(hash[:], x.Flags|flags)
	return binary.BigEndian.AppendUint32(data, x.Counter)
}

func (x *Answer) extensions() []byte {
	if x.Extensions == nil {
		return nil
	}
	return encode(x.Extensions)
}

// sign signs authenticator data and the hash of client data (WebAuthn section 6.3.3).
func (x *Answer) sign(data, client []byte) []byte {
	hash := sha256.Sum256(client)
	signed := append(append([]byte{}, data...), hash[:]...)
	if x.Unsigned {
		signed = append(signed, 0)
	}
	var options crypto.SignerOpts = crypto.Hash(0)
	if x.key.algorithm == ES256 {
		digest := sha256.Sum256(signed)
		signed, options = digest[:], crypto.SHA256
	}
	signature, err := x.key.private.Sign(rand.Reader, signed, options)
	must(err)
	return signature
}

func encode(v any) []byte {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	must(err)
	out, err := mode.Marshal(v)
	must(err)
	return out
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// encoded reads a Base64URLString.
type encoded []byte

func (e *encoded) UnmarshalText(t []byte) (err error) {
	*e, err = base64.RawURLEncoding.DecodeString(string(t))
	return err
}
