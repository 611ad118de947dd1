package signin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
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

	TenantID    string   `json:"tenant_id,omitzero"`
	Tenant      string   `json:"tenant,omitzero"` // its slug
	Role        string   `json:"role,omitzero"`
	Permissions []string `json:"permissions,omitzero"`
	// Elsewhere: there are more permissions than a token can carry, to be looked up.
	Elsewhere bool `json:"permissions_elsewhere,omitzero"`

	// Own are what the embedding program adds.
	Own map[string]any `json:",embed"`
}

// reserved are the claims that nobody else gives a value: the ones above, and those that mean something
// to whoever reads tokens (RFC 7519 section 4.1, RFC 9068, RFC 7800, RFC 8693, OpenID Connect Core).
var reserved = []string{"iss", "sub", "aud", "client_id", "iat", "exp", "nbf", "jti", "sid", "user_id", "amr", "acr", "auth_time", "token_type", "typ", "alg", "kid", "azp",
	"tenant_id", "tenant", "role", "roles", "groups", "entitlements", "permissions", "permissions_elsewhere", "scope", "scp", "cnf", "act", "may_act", "nonce", "at_hash", "c_hash", "events",
	"email", "email_verified", "is_staff", "is_superuser"}

// maxOwn is how many bytes of claims the embedding program may add.
const maxOwn = 2048

// issue makes the tokens of a session at a counter.
func (s *Service) issue(ctx context.Context, row *session.Session, subject string, in role.Grant, c session.RefreshClaims, now time.Time) (*Tokens, error) {
	refresh, err := s.tokens.Mint(c)
	if err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	access, life, err := s.access(ctx, row, subject, in, now)
	if err != nil {
		return nil, err
	}
	return &Tokens{
		Access: access, AccessExpires: life, Refresh: refresh,
		RefreshExpires: row.RefreshBefore(now).Sub(now), Transport: row.Client.Transport,
	}, nil
}

// access makes an access token of a session, for a tenant where in is of one. It never outlives the
// session.
func (s *Service) access(ctx context.Context, row *session.Session, subject string, in role.Grant, now time.Time) (token string, life time.Duration, err error) {
	life = min(s.cfg.AccessLife, row.ExpiresAt.Sub(now))
	var id [16]byte
	rand.Read(id[:])
	c := claims{
		Issuer: s.cfg.Issuer, Subject: subject, Audience: row.Audience, ClientID: row.Client.ID,
		IssuedAt: now.Unix(), ExpiresAt: now.Add(life).Unix(), ID: base64.RawURLEncoding.EncodeToString(id[:]),
		SessionID: row.ID.String(), UserID: subject, Methods: row.Methods, ACR: row.Level.ACR(), AuthTime: row.AuthTime.Unix(), TokenType: "access",
	}
	c.enter(in)
	if s.cfg.Claims != nil {
		if c.Own, err = s.ownClaims(ctx, About{Subject: subject, Audience: row.Audience, TenantID: c.TenantID, Role: c.Role}); err != nil {
			return "", 0, err
		}
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", 0, fmt.Errorf("signin: claims: %w", err)
	}
	if token, err = s.Keys.Signer().Sign(body); err != nil {
		return "", 0, fmt.Errorf("signin: %w", err)
	}
	return token, life, nil
}

// enter adds what a token of a tenant says.
func (c *claims) enter(in role.Grant) {
	if in.TenantID == uuid.Nil {
		return
	}
	c.TenantID, c.Tenant, c.Role = in.TenantID.String(), in.Slug, in.Role
	size := 0
	c.Permissions = in.Permissions()
	for _, p := range c.Permissions {
		size += len(p) + len(`"",`)
	}
	if size > role.MaxClaim {
		c.Permissions, c.Elsewhere = nil, true
	}
}

// ownClaims asks the embedding program what it adds. It can't say what others have said: then there is
// no token.
func (s *Service) ownClaims(ctx context.Context, about About) (map[string]any, error) {
	own, err := s.cfg.Claims(ctx, about)
	if err != nil {
		return nil, fmt.Errorf("signin: claims of one's own: %w", err)
	}
	for name := range own {
		if name == "" || slices.Contains(reserved, name) {
			return nil, fmt.Errorf("signin: claims of one's own: %q has a meaning already", name)
		}
	}
	if body, err := json.Marshal(own); err != nil || len(body) > maxOwn {
		return nil, errors.Join(fmt.Errorf("signin: claims of one's own: they take more than %d bytes of JSON, or are none", maxOwn), err)
	}
	return own, nil
}
