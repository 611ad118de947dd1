package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Refresh answers a refresh token, which came in by transport, with its successor. A token that
// was just spent gets the very same successor again: its answer may have been lost. It
// returns ErrNotMember for a token pinned to a tenant that its account left, and
// session.ErrRefused for everything else; an old token or another client's ends the
// session.
func (s *Service) Refresh(ctx context.Context, token, transport string) (*Tokens, error) {
	c, err := s.tokens.Parse(token)
	if err != nil {
		s.refreshes.refused.Add(1)
		return nil, session.ErrRefused
	}
	now := s.DB.Now()
	by := session.Client{ID: session.FirstParty, Transport: transport}
	r, grant, err := s.rotate(ctx, c, by, now)
	if errors.Is(err, session.ErrRefused) {
		s.refreshes.refused.Add(1)
	}
	if err != nil {
		return nil, err
	}
	s.refreshes.count(r.Outcome)
	if r.Outcome == session.NotMember {
		return nil, s.notMember(ctx, r.Session.AccountID, r.Session.ID, c.TenantID)
	}
	if r.Outcome != session.Rotated && r.Outcome != session.Repeated {
		return nil, s.reused(ctx, r)
	}
	if err := s.noteRefresh(ctx, r); err != nil {
		return nil, err
	}
	c.Counter++
	return s.issue(ctx, &r.Session, r.Subject, grant, c, now)
}

// rotate presents a token, which may be pinned to a tenant.
func (s *Service) rotate(ctx context.Context, c session.RefreshClaims, by session.Client, now time.Time) (*session.Refreshed, role.Grant, error) {
	if c.TenantID != uuid.Nil {
		return session.RefreshPinned(ctx, s.DB, s.Roles, c.SessionID, c.Counter, c.TenantID, by, now, s.cfg.Session.Window)
	}
	r, err := session.Refresh(ctx, s.DB, c.SessionID, c.Counter, by, now, s.cfg.Session.Window)
	return r, role.Grant{}, err
}

// noteRefresh leaves the trace of a good refresh: a log event, and an audit row where asked for.
func (s *Service) noteRefresh(ctx context.Context, r *session.Refreshed) error {
	kind := "session.refreshed"
	if r.Outcome == session.Repeated {
		kind = "refresh.repeated"
	}
	src := audit.FromContext(ctx)
	s.Logger.LogAttrs(ctx, slog.LevelInfo, kind, slog.String("account_id", r.Session.AccountID.String()), slog.String("session_id", r.Session.ID.String()),
		slog.String("address", src.Address), slog.String("request_id", src.RequestID))
	if !s.cfg.AuditRefresh && r.Outcome == session.Rotated {
		return nil
	}
	return audit.RecordAlone(ctx, s.DB, audit.Event{Kind: kind, AccountID: r.Session.AccountID, SessionID: r.Session.ID})
}

// reused ends a session whose token came back too late or from elsewhere. If this process dies
// before it is done, the attempt was refused all the same.
func (s *Service) reused(ctx context.Context, r *session.Refreshed) error {
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		_, ended, err := session.End(ctx, tx, r.Session.ID, session.Reused)
		if err != nil || !ended {
			return err
		}
		e := audit.Event{Kind: "session.reuse_detected", AccountID: r.Session.AccountID, SessionID: r.Session.ID, Reason: string(r.Outcome)}
		if err := audit.Record(ctx, tx, e); err != nil {
			return err
		}
		return s.Letters.Tell(ctx, tx, letter.SessionReuse, r.Session.AccountID)
	})
	if err != nil {
		return fmt.Errorf("signin: end reused session: %w", err)
	}
	return session.ErrRefused
}
