package signin

import (
	"context"
	"net/netip"

	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// AskLink mails a code and a link to sign in with to an address, if it has an account. The ticket that
// it returns, the same for everyone, is what they are good with: whoever has only the mail has
// nothing. It returns ErrNoMail, ErrAudience, account.ErrEmail and ratelimit.ErrLimited.
func (s *Service) AskLink(ctx context.Context, email string, w Wish, from netip.Addr) (token string, err error) {
	if s.cfg.NoEmailSignIn {
		return "", ErrNoMail
	}
	audience, err := s.audience(w.Audience)
	if err != nil {
		return "", err
	}
	return s.EmailCodes.Ask(ctx, email, from, goal{Transport: w.Transport, Audience: audience, Tenant: w.Tenant}.String())
}

// Link starts a session for whoever has a ticket and the code that was mailed for it, if the account
// has no second step. It returns ErrStep, ErrMFA, ErrDisabled and ticket.ErrRejected.
func (s *Service) Link(ctx context.Context, token, code string, b Browser) (*SignedIn, error) {
	p, g, err := s.redeem(ctx, token, code)
	if err != nil {
		return nil, err
	}
	if g.Transport == session.Page {
		return nil, ticket.ErrRejected
	}
	return s.signIn(ctx, p, g, b)
}

// LinkPage is Link for a session of pages.
func (s *Service) LinkPage(ctx context.Context, token, code string, b Browser, remember bool) (*PageCookie, error) {
	p, g, err := s.redeem(ctx, token, code)
	if err != nil {
		return nil, err
	}
	if g.Transport != session.Page {
		return nil, ticket.ErrRejected
	}
	g.Remember = remember
	return s.signInPage(ctx, p, g, b)
}

func (s *Service) redeem(ctx context.Context, token, code string) (*proven, goal, error) {
	if s.cfg.NoEmailSignIn {
		return nil, goal{}, ErrNoMail
	}
	t, err := s.EmailCodes.Redeem(ctx, token, code)
	if err != nil {
		return nil, goal{}, s.refuseStep(ctx, &ticket.Ticket{}, factor.EmailCode, err)
	}
	g, err := goalOf(t)
	if err != nil {
		return nil, goal{}, err
	}
	found, err := find(ctx, s.DB, identifier{"id", t.AccountID.String()})
	if err != nil {
		return nil, goal{}, err
	}
	if found.missing() {
		return nil, goal{}, ticket.ErrRejected
	}
	p := found.proven(authn.Email)
	p.spend = append(p.spend, func(ctx context.Context, tx *db.Tx) error { return s.Tickets.Use(ctx, tx, t) })
	switch {
	case !found.account.Active:
		return nil, goal{}, s.closed(ctx, p, "account_disabled", ErrDisabled)
	case !found.account.EmailVerified:
		return nil, goal{}, s.closed(ctx, p, "email_not_verified", ErrNotVerified)
	}
	return p, g, nil
}
