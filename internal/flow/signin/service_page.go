package signin

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/authn"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// PageCookie is what a browser is to keep.
type PageCookie struct {
	Value string
	// Life is how long to keep it; zero: until the browser is closed.
	Life time.Duration

	browser Browser
}

func newPageCookie() *PageCookie { return &PageCookie{Value: secret.NewToken()} }

// SignInPage checks a password like Login and starts a session for pages.
func (s *Service) SignInPage(ctx context.Context, in Attempt, remember bool) (cookie *PageCookie, err error) {
	err = s.attempt(ctx, in, func(found *candidate) (err error) {
		cookie, err = s.signInPage(ctx, found.proven(authn.Password), goal{Transport: session.Page, Remember: remember}, in.Browser)
		return err
	})
	return cookie, err
}

// Visitor returns who a page cookie belongs to, or session.ErrSignedOut, and notes the visit. look is
// the cookie of a member of staff who looks at another's pages with it, or empty; once that is
// over, they see their own again.
func (s *Service) Visitor(ctx context.Context, cookie, look string) (*session.Visit, error) {
	if !secret.IsToken(cookie) {
		return nil, session.ErrSignedOut
	}
	own, err := session.FindVisit(ctx, s.DB, session.Page, s.cookies.Candidates(cookie))
	if err != nil {
		return nil, err
	}
	if err := session.Touch(ctx, s.DB, own); err != nil {
		return nil, err
	}
	if !secret.IsToken(look) || !own.Account.Superuser {
		return own, nil
	}
	v, err := session.FindVisit(ctx, s.DB, session.Look, s.cookies.Candidates(look))
	if errors.Is(err, session.ErrSignedOut) || (err == nil && (v.Staff == nil || v.Staff.SessionID != own.SessionID)) {
		return own, nil
	}
	if err != nil {
		return nil, err
	}
	v.Staff.Email = own.Account.Email
	return v, nil
}

// SignOutPage ends a page session, and what it looks at with it.
func (s *Service) SignOutPage(ctx context.Context, v *session.Visit) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := session.EndLooks(ctx, tx, v.SessionID); err != nil {
			return err
		}
		_, ended, err := session.End(ctx, tx, v.SessionID, session.SignedOut)
		if err != nil || !ended {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "session.ended", AccountID: v.Account.ID, SessionID: v.SessionID, Reason: session.SignedOut})
	})
}

// renew gives a page session a new cookie after a change that others should not have seen.
func (s *Service) renew(ctx context.Context, v *session.Visit, kind string) (*PageCookie, error) {
	cookie := newPageCookie()
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := session.NewCookie(ctx, tx, v.SessionID, s.cookies.Sum(cookie.Value)); err != nil {
			return err
		}
		if v.Remembered {
			cookie.Life = v.ExpiresAt.Sub(tx.Now)
		}
		return audit.Record(ctx, tx, audit.Event{Kind: kind, AccountID: v.Account.ID, SessionID: v.SessionID})
	})
	if err != nil {
		return nil, err
	}
	return cookie, nil
}

// Look lets a member of staff look at another's account pages for a while, without changing anything.
// The account's owner is told by mail who did and why. It returns ErrReason, ErrLook and
// account.ErrNotFound.
func (s *Service) Look(ctx context.Context, staff *session.Visit, subject, reason string) (*PageCookie, error) {
	reason, err := audit.Reason(reason)
	if err != nil {
		return nil, ErrReason
	}
	var owner *account.Account
	err = s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		owner, err = account.FindBySubject(ctx, tx, subject)
		return err
	})
	if err != nil {
		return nil, err
	}
	if owner.Staff || owner.Superuser || !owner.Active || !staff.Account.Superuser {
		return nil, ErrLook
	}
	cookie := newPageCookie()
	e := authn.Evidence{AccountID: owner.ID, Epoch: owner.Epoch, Methods: []string{authn.Staff}, Level: authn.AAL1}
	_, err = s.start(ctx, e, birth{
		client: session.Client{ID: session.FirstParty, Transport: session.Look}, audience: s.cfg.Audiences[0], idle: s.cfg.Pages.Look, absolute: s.cfg.Pages.Look,
		with: func(ctx context.Context, tx *db.Tx, row *session.Session) error {
			onlooker := &session.Onlooker{ID: staff.Account.ID, SessionID: staff.SessionID, Reason: reason}
			if err := session.EndLooks(ctx, tx, staff.SessionID); err != nil {
				return err
			}
			if err := session.SetCookie(ctx, tx, row.ID, session.PageCookie{Hash: s.cookies.Sum(cookie.Value), Staff: onlooker}); err != nil {
				return err
			}
			if err := audit.Record(ctx, tx, audit.Event{Kind: "account.looked_at", AccountID: owner.ID, SessionID: row.ID, Reason: reason}); err != nil {
				return err
			}
			return s.Letters.TellImpersonated(ctx, tx, owner.ID, reason)
		},
	})
	if errors.Is(err, session.ErrRefused) {
		return nil, ErrLook
	}
	if err != nil {
		return nil, err
	}
	return cookie, nil
}

// StopLooking ends what a member of staff looks at.
func (s *Service) StopLooking(ctx context.Context, staff *session.Onlooker, at uuid.UUID) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		if err := session.EndLooks(ctx, tx, staff.SessionID); err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "session.ended", SessionID: at, Reason: session.SignedOut})
	})
}
