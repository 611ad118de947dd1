package signin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// owner tells which session a token of either kind belongs to. Any refresh token we made will
// do, spent or not: holding it is enough to give the session up.
func (s *Service) owner(token string) (uuid.UUID, bool) {
	if c, err := s.tokens.Parse(token); err == nil {
		return c.SessionID, true
	}
	if b, err := s.Verify(token); err == nil {
		return b.SessionID, true
	}
	return uuid.Nil, false
}

// Logout ends the session that token belongs to. A token that belongs to none is no error:
// whoever sends it is signed out already. Only a storage failure is one.
func (s *Service) Logout(ctx context.Context, token string) error {
	id, ok := s.owner(token)
	if !ok {
		return nil
	}
	err := s.end(ctx, id, session.SignedOut, func(account.ID) bool { return true })
	if errors.Is(err, session.ErrNotFound) {
		return nil
	}
	return err
}

// end ends a session that stands, if its account is one that may; else it returns ErrNotFound.
func (s *Service) end(ctx context.Context, id uuid.UUID, reason string, may func(account.ID) bool) error {
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		accountID, ended, err := session.End(ctx, tx, id, reason)
		if err != nil {
			return err
		}
		if !ended || !may(accountID) {
			return session.ErrNotFound
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "session.ended", AccountID: accountID, SessionID: id, Reason: reason})
	})
	if err != nil {
		return fmt.Errorf("signin: end session: %w", err)
	}
	return nil
}

// LogoutAll ends every session of the account that token belongs to, if its own still stands. A
// refresh token must be the newest or its predecessor, whose answer may have been lost: one
// that was spent long ago may have leaked long ago.
func (s *Service) LogoutAll(ctx context.Context, token string) error {
	id, ok := s.owner(token)
	if !ok {
		return nil
	}
	counter := uint64(math.MaxInt64)
	if c, err := s.tokens.Parse(token); err == nil {
		counter = c.Counter + 1
	}
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		accountID, err := endAllOf(ctx, tx, id, counter)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, audit.Event{Kind: "session.all_ended", AccountID: accountID, SessionID: id, Reason: session.SignedOut})
	})
	if err != nil {
		return fmt.Errorf("signin: end all sessions: %w", err)
	}
	return nil
}

// Check tells whether a token of either kind is good right now: its session stands, and a refresh
// token is the newest. It returns session.ErrEnded when not, and uses nothing up.
func (s *Service) Check(ctx context.Context, token string) error {
	if strings.HasPrefix(token, "grt_") {
		c, err := s.tokens.Parse(token)
		if err != nil {
			return session.ErrEnded
		}
		return session.Current(ctx, s.DB, c.SessionID, c.Counter, s.DB.Now())
	}
	b, err := s.Verify(token)
	if err != nil {
		return session.ErrEnded
	}
	_, err = session.Check(ctx, s.DB, b.SessionID, b.Subject, s.DB.Now())
	return err
}
