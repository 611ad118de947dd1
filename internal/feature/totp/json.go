package totp

import (
	"encoding/base64"

	"github.com/google/uuid"
)

// JSON is a set-up as the API tells it, to its owner alone.
type JSON struct {
	ID     uuid.UUID `json:"id" format:"uuid"`
	PNG    string    `json:"qr_b64" doc:"The QR code as PNG, in base64"`
	SVG    string    `json:"qr_svg" doc:"The same as SVG"`
	Secret string    `json:"secret" doc:"To type in where nothing can be scanned, base32"`
	URI    string    `json:"otpauth_uri" doc:"What the QR code says"`
}

// JSON returns s as the API tells it.
func (s *Setup) JSON() (JSON, error) {
	png, err := s.PNG()
	if err != nil {
		return JSON{}, err
	}
	svg, err := s.SVG()
	return JSON{ID: s.ID, PNG: base64.StdEncoding.EncodeToString(png), SVG: svg, Secret: s.Secret.Reveal(), URI: s.URI.Reveal()}, err
}
