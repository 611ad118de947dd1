package passkey

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-webauthn/webauthn/protocol"
)

// answer is what we read of a PublicKeyCredential in JSON (WebAuthn sections 5.1 and 5.5). Members that
// are not named here are let by, extension outputs among them: none was asked for. The library sees
// nothing but what is written anew from this.
type answer[R any] struct {
	ID       binary `json:"id"`
	RawID    binary `json:"rawId"`
	Type     string `json:"type"`
	Response R      `json:"response"`
}

// attestation is the answer to a registration.
type attestation struct {
	ClientData binary                            `json:"clientDataJSON"`
	Object     binary                            `json:"attestationObject"`
	Transports []protocol.AuthenticatorTransport `json:"transports"`
}

// assertion is the answer to a sign-in or proof.
type assertion struct {
	ClientData binary `json:"clientDataJSON"`
	AuthData   binary `json:"authenticatorData"`
	Signature  binary `json:"signature"`
	UserHandle binary `json:"userHandle"`
}

// binary is a Base64URLString: base64url without padding, in its one spelling.
type binary []byte

// UnmarshalText reads the text form.
func (b *binary) UnmarshalText(text []byte) error {
	raw, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
	if err != nil || bytes.ContainsAny(text, "\r\n") { // the decoder skips line ends
		return errors.New("not base64url without padding")
	}
	*b = raw
	return nil
}

// MarshalText writes the text form.
func (b binary) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// read takes an answer: one JSON value, each name once and in its own letters, in UTF-8.
func read[R any](raw []byte) (*answer[R], error) {
	if len(raw) > maxAnswer {
		return nil, fmt.Errorf("the answer has %d bytes, more than %d", len(raw), maxAnswer)
	}
	if err := checkDepth(raw); err != nil {
		return nil, err
	}
	var a answer[R]
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("the answer is not what it should be: %w", err)
	}
	if a.Type != string(protocol.PublicKeyCredentialType) {
		return nil, errors.New("the answer is no public-key")
	}
	if !bytes.Equal(a.ID, a.RawID) {
		return nil, errors.New("id and rawId differ")
	}
	if len(a.ID) == 0 || len(a.ID) > maxCredential {
		return nil, fmt.Errorf("the credential id has %d bytes", len(a.ID))
	}
	return &a, nil
}

func checkDepth(raw []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		switch _, err := d.ReadToken(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the answer is not JSON: %w", err)
		case d.StackDepth() > maxDepth:
			return errors.New("the answer is nested too deeply")
		}
	}
}

// clientData is what the browser says of where and for what it was asked (WebAuthn section 5.8.1).
type clientData struct {
	Type        protocol.CeremonyType `json:"type"`
	Challenge   string                `json:"challenge"`
	Origin      string                `json:"origin"`
	CrossOrigin bool                  `json:"crossOrigin"`
	TopOrigin   *string               `json:"topOrigin"`
}

// checkClientData refuses what the library would let by: it takes names in any letters and the last of
// several, and compares origins as addresses, so that https://id.example.com/path and
// https://somebody@ID.EXAMPLE.COM would do for https://id.example.com. An origin is a text that is equal or
// not (WebAuthn section 13.4.9). A page inside of another's never asks for us, so there is no topOrigin.
func (s *Service) checkClientData(raw []byte, ceremony protocol.CeremonyType, challenge string) error {
	var c clientData
	switch err := json.Unmarshal(raw, &c); {
	case err != nil:
		return fmt.Errorf("the client data is not what it should be: %w", err)
	case c.Type != ceremony:
		return errors.New("the answer is to another kind of ceremony")
	case c.Challenge != challenge:
		return errors.New("the answer is to another challenge")
	case !slices.Contains(s.origins, c.Origin):
		return errors.New("the answer is from another origin")
	case c.CrossOrigin || c.TopOrigin != nil:
		return errors.New("the answer is from a page inside of another's")
	}
	return nil
}
