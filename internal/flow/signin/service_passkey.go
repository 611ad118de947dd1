package signin

import (
	"cmp"
	"context"
	"errors"
	"net/netip"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Wish is what a sign-in is to come to that is begun before it is known whose it is.
type Wish struct {
	Audience  string // empty: the first configured
	Transport string
	Tenant    string // slug or id; empty: none
}

// BeginPasskey begins a sign-in with a passkey, for whoever it turns out to be. It returns
// ErrAudience and ratelimit.ErrLimited.
func (s *Service) BeginPasskey(ctx context.Context, w Wish, from netip.Addr) (*passkey.Challenge, error) {
	audience, err := s.audience(w.Audience)
	if err != nil {
		return nil, err
	}
	if _, err := s.Limiter.Take(ctx, s.network(s.cfg.PerChallenge, from)); err != nil {
		return nil, err
	}
	return s.Passkeys.BeginSignIn(ctx, goal{Transport: w.Transport, Audience: audience, Tenant: w.Tenant}.String())
}

// FinishPasskey checks a passkey's answer and starts a session. The passkey asked for a PIN, a finger or
// a face, so that it is two factors, and no other step follows. It returns ErrStep and
// ticket.ErrRejected.
func (s *Service) FinishPasskey(ctx context.Context, token string, credential []byte, b Browser) (*SignedIn, error) {
	p, g, err := s.assert(ctx, token, credential)
	if err != nil {
		return nil, err
	}
	return s.signIn(ctx, p, g, b)
}

// PasskeyPage is FinishPasskey for a session of pages.
func (s *Service) PasskeyPage(ctx context.Context, token string, credential []byte, b Browser, remember bool) (*PageCookie, error) {
	p, g, err := s.assert(ctx, token, credential)
	if err != nil {
		return nil, err
	}
	g.Transport, g.Remember = session.Page, remember
	return s.signInPage(ctx, p, g, b)
}

func (s *Service) assert(ctx context.Context, token string, credential []byte) (*proven, goal, error) {
	a, err := s.Passkeys.FinishSignIn(ctx, token, credential)
	if err != nil {
		var why *passkey.Refusal
		named := &ticket.Ticket{}
		if errors.As(err, &why) {
			named.AccountID = why.AccountID
		}
		return nil, goal{}, s.refuseStep(ctx, named, factor.Passkey, err)
	}
	g, err := goalOf(&ticket.Ticket{Data: a.Data})
	if err != nil {
		return nil, goal{}, err
	}
	// What else the account has needs not be asked: a verified passkey is complete.
	p := &proven{account: a.Account, methods: a.Methods}
	p.spend = append(p.spend, func(ctx context.Context, tx *db.Tx) error { return s.Passkeys.Spend(ctx, tx, a) })
	switch {
	case !a.Account.Active:
		return nil, goal{}, s.closed(ctx, p, "account_disabled", ErrDisabled)
	case !a.Account.EmailVerified:
		return nil, goal{}, s.closed(ctx, p, "email_not_verified", ErrNotVerified)
	}
	return p, g, nil
}

func (s *Service) closed(ctx context.Context, p *proven, why string, said error) error {
	return cmp.Or(s.refused(ctx, p.account.ID, why), said)
}

// checkPasskey checks a passkey's answer to a challenge that parent asked for.
func (s *Service) checkPasskey(ctx context.Context, p *proven, parent uuid.UUID, in Proof) error {
	a, err := s.Passkeys.FinishProof(ctx, p.account.ID, parent, in.Ticket, in.Credential)
	if err != nil {
		return err
	}
	p.methods = append(p.methods, a.Methods...)
	p.spend = append(p.spend, func(ctx context.Context, tx *db.Tx) error { return s.Passkeys.Spend(ctx, tx, a) })
	return nil
}
