package signin

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
)

// claims are an access token's (RFC 9068 section 2.2).
type claims struct {
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
	// TokenType is what SimpleJWT looks for; other verifiers pass over it.
	TokenType string `json:"token_type"`
}

// issue makes the tokens of a session at a counter.
func (s *Service) issue(row *session.Session, subject string, c session.RefreshClaims, now time.Time) (*Tokens, error) {
	refresh, err := s.tokens.Mint(c)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	access, life, err := s.access(row, subject, now)
	if err != nil {
		return nil, err
	}
	return &Tokens{
		Access: access, AccessExpires: life, Refresh: refresh,
		RefreshExpires: row.RefreshBefore(now).Sub(now), Transport: row.Client.Transport,
	}, nil
}

// access makes an access token of a session. It never outlives the session.
func (s *Service) access(row *session.Session, subject string, now time.Time) (token string, life time.Duration, err error) {
	life = min(s.cfg.AccessLife, row.ExpiresAt.Sub(now))
	var id [16]byte
	rand.Read(id[:])
	body, err := json.Marshal(claims{
		Issuer: s.cfg.Issuer, Subject: subject, Audience: row.Audience, ClientID: row.Client.ID,
		IssuedAt: now.Unix(), ExpiresAt: now.Add(life).Unix(), ID: base64.RawURLEncoding.EncodeToString(id[:]),
		SessionID: row.ID.String(), UserID: subject, Methods: row.Methods, ACR: row.Level.ACR(), AuthTime: row.AuthTime.Unix(), TokenType: "access",
	})
	if err != nil {
		return "", 0, fmt.Errorf("signin: claims: %w", err)
	}
	if token, err = s.Keys.Signer().Sign(body); err != nil {
		return "", 0, fmt.Errorf("signin: %w", err)
	}
	return token, life, nil
}
