package signin

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/feature/passkey"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/fault"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

const (
	purposeReauth = "reauth"
	reauthLife    = 10 * time.Minute
)

// Again returns by what any one of which whoever is signed in can prove once more that it is they,
// the best first.
func (s *Service) Again(ctx context.Context, by session.Bearer) ([]string, error) {
	held, err := factor.Of(ctx, s.DB, by.AccountID)
	if err != nil {
		return nil, gone(err)
	}
	return held.Again(), nil
}

// gone says of an account that was erased what is said of its session.
func gone(err error) error {
	if errors.Is(err, account.ErrNotFound) {
		return session.ErrEnded
	}
	return err
}

// Reprove checks a proof of whoever is signed in. Their session then has a fresh proof, and the level
// of all that was ever proven in it. It returns ErrMethod, password.ErrRejected, factor.ErrCode,
// passkey.ErrRejected, ticket.ErrRejected, ratelimit.ErrLimited, password.ErrBusy and session.ErrEnded.
func (s *Service) Reprove(ctx context.Context, by session.Bearer, in Proof) (*session.Session, error) {
	return s.reprove(ctx, by, in, func(context.Context, *db.Tx) error { return nil })
}

func (s *Service) reprove(ctx context.Context, by session.Bearer, in Proof, with func(context.Context, *db.Tx) error) (row *session.Session, err error) {
	found, err := find(ctx, s.DB, identifier{"id", by.AccountID.String()})
	if err != nil {
		return nil, err
	}
	if found.missing() {
		return nil, session.ErrEnded
	}
	if offered := found.held.Again(); !slices.Contains(offered, in.Method) {
		return nil, ErrMethod.WithNext(fault.Next{Methods: offered})
	}
	p := found.proven()
	taken, err := s.checkAgain(ctx, by, found, p, in)
	if err == nil {
		err = s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
			if err := p.use(ctx, tx); err != nil {
				return err
			}
			if row, err = session.Get(ctx, tx, by.SessionID); err != nil {
				return err
			}
			row.Methods, row.Level = authn.Together(append(row.Methods, p.methods...)...)
			row.AuthTime = tx.Now
			if err := session.Prove(ctx, tx, row.ID, row.Methods, row.Level); err != nil {
				return err
			}
			if err := with(ctx, tx); err != nil {
				return err
			}
			return audit.Record(ctx, tx, audit.Event{Kind: "session.confirmed", AccountID: by.AccountID, SessionID: by.SessionID, Detail: map[string]string{"method": in.Method}})
		})
	}
	if err != nil {
		return nil, s.refuseAgain(ctx, by, in.Method, err)
	}
	if taken != nil {
		taken.Refund()
	}
	return row, nil
}

// checkAgain looks at one proof and adds what it is worth to p. It counts the try first; what it returns
// is nil where that is settled already.
func (s *Service) checkAgain(ctx context.Context, by session.Bearer, found *candidate, p *proven, in Proof) (*ratelimit.Taken, error) {
	if in.Method == factor.Password {
		p.methods = append(p.methods, authn.Password)
		return nil, s.Password.Prove(ctx, by, in.Password, s.cfg.PerConfirm) // counts by itself
	}
	if in.Method == factor.EmailCode {
		t, err := s.Tickets.Try(ctx, s.DB, purposeReauth, in.Ticket)
		if err != nil {
			return nil, err
		}
		if t.SessionID != by.SessionID || t.AccountID != by.AccountID {
			return nil, ticket.ErrRejected
		}
		p.spend = append(p.spend, func(ctx context.Context, tx *db.Tx) error { return s.Tickets.Use(ctx, tx, t) })
		taken, err := s.check(ctx, found, p, in, t, nil)
		if errors.Is(err, ErrStep) {
			err = factor.ErrCode
		}
		return taken, err
	}
	return s.check(ctx, found, p, in, &ticket.Ticket{ID: by.SessionID}, nil)
}

// refuseAgain leaves the trace of a proof that was no good.
func (s *Service) refuseAgain(ctx context.Context, by session.Bearer, method string, err error) error {
	var why string
	switch {
	case errors.Is(err, factor.ErrCode), errors.Is(err, passkey.ErrRejected):
		why = "wrong_" + method
	case errors.Is(err, ratelimit.ErrLimited) && method != factor.Password:
		why = "rate_limited"
	default:
		return err // a wrong password has left its own
	}
	return cmp.Or(audit.RecordAlone(ctx, s.DB, audit.Event{Kind: "session.confirm_refused", AccountID: by.AccountID, SessionID: by.SessionID, Reason: why}), err)
}

// ConfirmPage is Reprove for a session of pages, whose cookie is then a new one.
func (s *Service) ConfirmPage(ctx context.Context, v *session.Visit, in Proof) (*PageCookie, error) {
	cookie := newPageCookie()
	row, err := s.reprove(ctx, v.Bearer(), in, func(ctx context.Context, tx *db.Tx) error {
		return session.NewCookie(ctx, tx, v.SessionID, s.cookies.Sum(cookie.Value))
	})
	if err != nil {
		return nil, err
	}
	if v.Remembered {
		cookie.Life = row.ExpiresAt.Sub(row.AuthTime)
	}
	return cookie, nil
}

// MailReproof mails a code with which whoever is signed in proves once more that it is they, where there
// is nothing better. It returns the ticket that the code is good with, ErrMethod and ratelimit.ErrLimited.
func (s *Service) MailReproof(ctx context.Context, by session.Bearer) (token string, err error) {
	found, err := s.offers(ctx, by, factor.EmailCode)
	if err != nil {
		return "", err
	}
	t := &ticket.Ticket{Purpose: purposeReauth, AccountID: by.AccountID, Epoch: found.account.Epoch, SessionID: by.SessionID}
	err = s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		token, err = s.Tickets.Issue(ctx, tx, t, reauthLife)
		return err
	})
	if err != nil {
		return "", err
	}
	return token, s.EmailCodes.Send(ctx, t)
}

// ChallengeReproof begins a proof by passkey of whoever is signed in. It returns ErrMethod.
func (s *Service) ChallengeReproof(ctx context.Context, by session.Bearer) (*passkey.Challenge, error) {
	if _, err := s.offers(ctx, by, factor.Passkey); err != nil {
		return nil, err
	}
	return s.Passkeys.BeginProof(ctx, by.AccountID, by.SessionID)
}

// offers returns whoever is signed in if they can prove themselves by this method, or ErrMethod.
func (s *Service) offers(ctx context.Context, by session.Bearer, method string) (*candidate, error) {
	found, err := find(ctx, s.DB, identifier{"id", by.AccountID.String()})
	switch {
	case err != nil:
		return nil, err
	case found.missing():
		return nil, session.ErrEnded
	case !slices.Contains(found.held.Again(), method):
		return nil, ErrMethod.WithNext(fault.Next{Methods: found.held.Again()})
	}
	return found, nil
}
