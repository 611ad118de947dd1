package enrol

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
)

type passkeyJSON struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Model     string     `json:"model" doc:"What kind of authenticator made it; empty where it did not say"`
	Synced    bool       `json:"synced" doc:"Whether it may be copied to other devices of its owner"`
	CreatedAt time.Time  `json:"created_at"`
	LastUsed  *time.Time `json:"last_used_at" doc:"null before the first time"`
}

func newPasskeyJSON(p *passkey.Passkey) passkeyJSON {
	return passkeyJSON{p.ID.String(), p.Name, p.Model, p.Synced, p.CreatedAt, optional(p.LastUsedAt)}
}

// passkeysJSON is never null in JSON.
func passkeysJSON(all []passkey.Passkey) []passkeyJSON {
	out := make([]passkeyJSON, len(all))
	for i := range all {
		out[i] = newPasskeyJSON(&all[i])
	}
	return out
}

type passkeysResponse struct {
	Body struct {
		Passkeys []passkeyJSON `json:"passkeys"`
	}
}

func (s *Service) handlePasskeys(ctx context.Context, _ *struct{}) (*passkeysResponse, error) {
	all, err := s.Passkeys.List(ctx, session.FromContext(ctx).AccountID)
	if err != nil {
		return nil, err
	}
	var out passkeysResponse
	out.Body.Passkeys = passkeysJSON(all)
	return &out, nil
}

type beginResponse struct{ Body passkey.ChallengeJSON }

func (s *Service) handleBegin(ctx context.Context, _ *struct{}) (*beginResponse, error) {
	c, err := s.StartPasskey(ctx, session.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	body, err := c.JSON()
	return &beginResponse{body}, err
}

type finishRequest struct {
	Body struct {
		Ticket     string         `json:"ticket" maxLength:"255"`
		Credential map[string]any `json:"credential" doc:"What PublicKeyCredential.toJSON() returns"`
		Name       string         `json:"name,omitempty" maxLength:"64" doc:"What to call the passkey"`
	}
}

type finishResponse struct {
	Body struct {
		Passkey passkeyJSON `json:"passkey"`
		Codes   []string    `json:"backup_codes,omitempty" doc:"Shown now and never again; with the first second factor only"`
	}
}

func (s *Service) handleFinish(ctx context.Context, in *finishRequest) (*finishResponse, error) {
	response, err := json.Marshal(in.Body.Credential)
	if err != nil {
		return nil, fmt.Errorf("enrol: passkey answer: %w", err)
	}
	added, codes, err := s.FinishPasskey(ctx, session.FromContext(ctx), in.Body.Ticket, response, in.Body.Name)
	if err != nil {
		return nil, err
	}
	var out finishResponse
	out.Body.Passkey, out.Body.Codes = newPasskeyJSON(added), codes
	return &out, nil
}

func (s *Service) handleRenamePasskey(ctx context.Context, in *nameRequest) (*emptyResponse, error) {
	return nil, s.RenamePasskey(ctx, session.FromContext(ctx), idOf(in.ID), in.Body.Name)
}

func (s *Service) handleRemovePasskey(ctx context.Context, in *idRequest) (*emptyResponse, error) {
	return nil, s.RemovePasskey(ctx, session.FromContext(ctx), idOf(in.ID))
}
