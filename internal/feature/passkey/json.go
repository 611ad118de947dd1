package passkey

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// ChallengeJSON is a challenge as the API tells it.
type ChallengeJSON struct {
	Ticket  string         `json:"ticket" doc:"To send along with the answer, within five minutes"`
	Options map[string]any `json:"publicKey" doc:"For PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON (WebAuthn Level 3 sections 5.1.8 and 5.1.9)"`
}

// JSON returns c as the API tells it.
func (c *Challenge) JSON() (ChallengeJSON, error) {
	out := ChallengeJSON{Ticket: c.Ticket}
	if err := json.Unmarshal(c.Options, &out.Options); err != nil {
		return ChallengeJSON{}, fmt.Errorf("passkey: options: %w", err)
	}
	return out, nil
}
