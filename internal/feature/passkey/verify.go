package passkey

import (
	"bytes"
	"encoding/json" // the library's types are made for this one
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
)

// algorithms are what we offer and take, the best first.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// Bytes of an RSA key's modulus. Less is weak, and more is work for us with every sign-in.
const (
	minModulus = 2048 / 8
	maxModulus = 8192 / 8
)

// owner is an account as the library asks for it. Its user handle is the 16 bytes of the account's id,
// which never changes and tells no more than when the account was made (WebAuthn section 14.6.1).
type owner struct {
	id                uuid.UUID
	name, displayName string
	credentials       []webauthn.Credential
}

func (o *owner) WebAuthnID() []byte                         { return o.id[:] }
func (o *owner) WebAuthnName() string                       { return o.name }
func (o *owner) WebAuthnDisplayName() string                { return o.displayName }
func (o *owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// verifyNew verifies the answer to a registration (WebAuthn section 7.1) and returns the new credential.
// That nobody has it yet is for Save to find out.
func (s *Service) verifyNew(o *owner, challenge string, uv protocol.UserVerificationRequirement, raw []byte) (*webauthn.Credential, error) {
	a, err := read[attestation](raw)
	if err != nil {
		return nil, err
	}
	if err := s.checkClientData(a.Response.ClientData, protocol.CreateCeremony, challenge); err != nil {
		return nil, err
	}
	a.Response.Transports = known(a.Response.Transports)
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(text)
	if err != nil {
		return nil, explain(err)
	}
	if err := checkFormat(&parsed.Response.AttestationObject); err != nil {
		return nil, err
	}
	c, err := s.rp.CreateCredential(o, webauthn.SessionData{Challenge: challenge, UserID: o.id[:], UserVerification: uv, CredParams: algorithms}, parsed)
	if err != nil {
		return nil, explain(err)
	}
	if err := checkKey(c.PublicKey); err != nil {
		return nil, err
	}
	// None of it can be verified again: without attestation nobody has signed it.
	c.Attestation = webauthn.CredentialAttestation{}
	return c, nil
}

// verifyUse verifies the answer to a sign-in or proof (WebAuthn section 7.2). It returns the credential as
// it is to be kept from now on, and whether the authenticator verified its user this time. With
// errCounter everything is right but the counter.
func (s *Service) verifyUse(o *owner, challenge string, uv protocol.UserVerificationRequirement, a *answer[assertion]) (c *webauthn.Credential, verified bool, err error) {
	if err := s.checkClientData(a.Response.ClientData, protocol.AssertCeremony, challenge); err != nil {
		return nil, false, err
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, false, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(text)
	if err != nil {
		return nil, false, explain(err)
	}
	c, err = s.rp.ValidateLogin(o, webauthn.SessionData{Challenge: challenge, UserID: o.id[:], UserVerification: uv}, parsed)
	switch {
	case err != nil:
		return nil, false, explain(err)
	case c == nil:
		return nil, false, errors.New("no credential was verified")
	case c.Authenticator.CloneWarning: // the library says this beside a good result
		return nil, false, errCounter
	}
	return c, parsed.Response.AuthenticatorData.Flags.HasUserVerified(), nil
}

var errCounter = errors.New("the counter went back")

// checkFormat takes no attestation, which is what was asked for, or one that the key made of itself, which
// browsers leave as it is (WebAuthn section 5.1.3). Nothing else is asked for, so the code that reads
// certificates is out of everybody's reach.
func checkFormat(o *protocol.AttestationObject) error {
	_, certificates := o.AttStatement["x5c"]
	if o.Format == string(protocol.AttestationFormatNone) || o.Format == string(protocol.AttestationFormatPacked) && !certificates {
		return nil
	}
	return errors.New("an attestation came that was not asked for")
}

// checkKey refuses a key that no signature could be verified with later. Without attestation a
// registration is not signed with it.
func checkKey(key []byte) error {
	parsed, err := webauthncose.ParsePublicKey(key)
	if err != nil {
		return fmt.Errorf("the key is not usable: %w", explain(err))
	}
	k, isRSA := parsed.(webauthncose.RSAPublicKeyData)
	if !isRSA {
		return nil
	}
	if n := len(bytes.TrimLeft(k.Modulus, "\x00")); k.Algorithm != int64(webauthncose.AlgRS256) || n < minModulus || n > maxModulus {
		return errors.New("the RSA key is not usable")
	}
	return nil
}

// known returns the transports that WebAuthn section 5.8.4 names. They are kept and sent back to browsers.
func known(all []protocol.AuthenticatorTransport) []protocol.AuthenticatorTransport {
	var out []protocol.AuthenticatorTransport
	for _, t := range []protocol.AuthenticatorTransport{protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal} {
		for _, have := range all {
			if have == t {
				out = append(out, t)
				break
			}
		}
	}
	return out
}

// explain adds what the library keeps apart from its errors' text.
func explain(err error) error {
	var e *protocol.Error
	if errors.As(err, &e) && e.DevInfo != "" {
		return fmt.Errorf("%w: %s", err, e.DevInfo)
	}
	return err
}
