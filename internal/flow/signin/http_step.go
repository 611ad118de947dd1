package signin

import (
	"cmp"
	"context"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/feature/totp"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

type stepRequest struct {
	Body struct {
		Token      string         `json:"mfa_token" maxLength:"255" doc:"From the refusal mfa_required"`
		Method     string         `json:"method" enum:"totp,backup_code,email_code,passkey,password"`
		Code       string         `json:"code,omitempty" maxLength:"255" doc:"For totp, backup_code and email_code"`
		Password   string         `json:"password,omitempty" maxLength:"65536"`
		Ticket     string         `json:"ticket,omitempty" maxLength:"255" doc:"For passkey: from login/mfa/passkey/"`
		Credential map[string]any `json:"credential,omitempty" doc:"For passkey: what PublicKeyCredential.toJSON() returns"`
		Remember   bool           `json:"remember_device,omitempty" doc:"Ask this browser for no second step for a while, where policy allows that"`
	}
}

func (s *Service) handleStep(ctx context.Context, in *stepRequest) (*loginResponse, error) {
	q, b := web.FromContext(ctx), in.Body
	browser, err := s.client(q)
	if err != nil {
		return nil, err
	}
	return answer(q)(s.Second(ctx, b.Token, Proof{Method: b.Method, Code: b.Code, Password: b.Password, Ticket: b.Ticket, Credential: written(b.Credential)}, browser, b.Remember))
}

// written is a passkey's answer as it was sent; package passkey reads it.
func written(credential map[string]any) []byte {
	text, _ := json.Marshal(credential) // it was read from JSON, so it can be written: never fails
	return text
}

type stepTokenRequest struct {
	Body struct {
		Token string `json:"mfa_token" maxLength:"255"`
	}
}

func (s *Service) handleMailStep(ctx context.Context, in *stepTokenRequest) (*detailResponse, error) {
	if err := s.MailStep(ctx, in.Body.Token); err != nil {
		return nil, err
	}
	return detail("A code is on its way to the address of the account."), nil
}

type challengeResponse struct{ Body passkey.ChallengeJSON }

func challenge(c *passkey.Challenge, err error) (*challengeResponse, error) {
	if err != nil {
		return nil, err
	}
	body, err := c.JSON()
	return &challengeResponse{body}, err
}

func (s *Service) handleChallengeStep(ctx context.Context, in *stepTokenRequest) (*challengeResponse, error) {
	return challenge(s.ChallengeStep(ctx, in.Body.Token))
}

type setupResponse struct{ Body totp.JSON }

func (s *Service) handleSetupStep(ctx context.Context, in *stepTokenRequest) (*setupResponse, error) {
	step, err := s.Step(ctx, in.Body.Token)
	if err != nil {
		return nil, err
	}
	if step.Setup == nil {
		return nil, ticket.ErrRejected
	}
	body, err := step.Setup.JSON()
	return &setupResponse{body}, err
}

type beginPasskeyRequest struct {
	Body struct {
		Audience  string `json:"audience,omitempty" maxLength:"255"`
		Tenant    string `json:"tenant,omitempty" maxLength:"255" doc:"As for login"`
		Transport string `json:"transport,omitempty" enum:"body,cookie"`
	}
}

func (s *Service) handleBeginPasskey(ctx context.Context, in *beginPasskeyRequest) (*challengeResponse, error) {
	return challenge(s.BeginPasskey(ctx, Wish{in.Body.Audience, cmp.Or(in.Body.Transport, session.Body), in.Body.Tenant}, web.FromContext(ctx).Address))
}

type finishPasskeyRequest struct {
	Body struct {
		Ticket     string         `json:"ticket" maxLength:"255"`
		Credential map[string]any `json:"credential" doc:"What PublicKeyCredential.toJSON() returns"`
	}
}

func (s *Service) handleFinishPasskey(ctx context.Context, in *finishPasskeyRequest) (*loginResponse, error) {
	q := web.FromContext(ctx)
	browser, err := s.client(q)
	if err != nil {
		return nil, err
	}
	return answer(q)(s.FinishPasskey(ctx, in.Body.Ticket, written(in.Body.Credential), browser))
}

type askLinkRequest struct {
	Body struct {
		Email     string `json:"email" maxLength:"1024"`
		Audience  string `json:"audience,omitempty" maxLength:"255"`
		Tenant    string `json:"tenant,omitempty" maxLength:"255" doc:"As for login"`
		Transport string `json:"transport,omitempty" enum:"body,cookie"`
	}
}

type ticketResponse struct {
	Body struct {
		Ticket string `json:"ticket" doc:"To be sent with the code that was mailed"`
		Detail string `json:"detail"`
	}
}

func (s *Service) handleAskLink(ctx context.Context, in *askLinkRequest) (*ticketResponse, error) {
	b := in.Body
	token, err := s.AskLink(ctx, b.Email, Wish{b.Audience, cmp.Or(b.Transport, session.Body), b.Tenant}, web.FromContext(ctx).Address)
	if err != nil {
		return nil, err
	}
	var out ticketResponse
	out.Body.Ticket, out.Body.Detail = token, "If the address has an account, a code is on its way to it."
	return &out, nil
}

type linkRequest struct {
	Body struct {
		Ticket string `json:"ticket" maxLength:"255"`
		Code   string `json:"code" maxLength:"255"`
	}
}

func (s *Service) handleLink(ctx context.Context, in *linkRequest) (*loginResponse, error) {
	q := web.FromContext(ctx)
	browser, err := s.client(q)
	if err != nil {
		return nil, err
	}
	return answer(q)(s.Link(ctx, in.Body.Ticket, in.Body.Code, browser))
}

type reauthRequest struct {
	Body struct {
		Method     string         `json:"method" enum:"totp,backup_code,email_code,passkey,password"`
		Code       string         `json:"code,omitempty" maxLength:"255"`
		Password   string         `json:"password,omitempty" maxLength:"65536"`
		Ticket     string         `json:"ticket,omitempty" maxLength:"255" doc:"For email_code and passkey: from reauth/email/ or reauth/passkey/"`
		Credential map[string]any `json:"credential,omitempty"`
	}
}

type accessResponse struct {
	Body struct {
		Access    string    `json:"access" doc:"An access token of no tenant that knows of the proof; the refresh token stays"`
		TokenType string    `json:"token_type"`
		ExpiresIn int64     `json:"expires_in" doc:"Seconds"`
		AuthTime  time.Time `json:"auth_time"`
		ACR       string    `json:"acr"`
	}
}

func (s *Service) handleReauth(ctx context.Context, in *reauthRequest) (*accessResponse, error) {
	b, by := in.Body, session.FromContext(ctx)
	row, err := s.Reprove(ctx, by, Proof{Method: b.Method, Code: b.Code, Password: b.Password, Ticket: b.Ticket, Credential: written(b.Credential)})
	if err != nil {
		return nil, err
	}
	access, life, err := s.access(ctx, row, by.Subject, role.Grant{}, row.AuthTime)
	if err != nil {
		return nil, err
	}
	var out accessResponse
	out.Body.Access, out.Body.TokenType, out.Body.ExpiresIn = access, "Bearer", seconds(life)
	out.Body.AuthTime, out.Body.ACR = row.AuthTime, row.Level.ACR()
	return &out, nil
}

func (s *Service) handleMailReauth(ctx context.Context, _ *struct{}) (*ticketResponse, error) {
	token, err := s.MailReproof(ctx, session.FromContext(ctx))
	if err != nil {
		return nil, err
	}
	var out ticketResponse
	out.Body.Ticket, out.Body.Detail = token, "A code is on its way to the address of the account."
	return &out, nil
}

func (s *Service) handleChallengeReauth(ctx context.Context, _ *struct{}) (*challengeResponse, error) {
	return challenge(s.ChallengeReproof(ctx, session.FromContext(ctx)))
}
