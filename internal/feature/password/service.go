package password

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Config is how passwords are changed.
type Config struct {
	// PerAccount bounds wrong present passwords. Give it another limit than failed sign-ins
	// have, so that nobody outside can use up the owner's tries. Required.
	PerAccount ratelimit.Limit
}

// Deps is what a Service works with. Every member is required.
type Deps struct {
	DB      *db.DB
	Hasher  *Hasher
	Policy  Policy
	Limiter *ratelimit.Limiter
	Letters *letter.Post
}

// Service changes passwords. It is safe for concurrent use.
type Service struct {
	Deps
	cfg Config
}

// New checks cfg and returns a Service.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.PerAccount.Validate(); err != nil {
		return nil, fmt.Errorf("password: limit per account: %w", err)
	}
	return &Service{Deps: deps, cfg: cfg}, nil
}

// Change replaces the password of whoever is signed in and ends every session of the account
// but the one that asks; links to choose a new password die with them. It returns
// session.ErrStale where a second factor is held and this session has proven none, ErrRejected when old
// is wrong, ErrNone, ErrRefused for what the policy forbids,
// session.ErrEnded, ratelimit.ErrLimited and ErrBusy.
func (s *Service) Change(ctx context.Context, by session.Bearer, old, fresh string) error {
	o, err := findOwner(ctx, s.DB, by)
	if err != nil {
		return err
	}
	if err := o.held.Enough(by.Level); err != nil {
		return err
	}
	if err := s.prove(ctx, by, o, old, s.cfg.PerAccount); err != nil {
		return err
	}
	if err := s.Policy.Check(ctx, fresh, PersonOf(&o.account)); err != nil {
		return InMember(err, "new_password")
	}
	hash, err := s.Hasher.Hash(ctx, fresh)
	if err != nil {
		return err
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error { return s.replace(ctx, tx, by, o, hash) })
	if errors.Is(err, ErrRejected) {
		return cmp.Or(s.refused(ctx, by, "password_changed_meanwhile"), err)
	}
	return err
}

// Prove checks the present password of whoever is signed in. Wrong ones are counted by perAccount. It
// returns ErrRejected, ErrNone, session.ErrEnded, ratelimit.ErrLimited and ErrBusy.
func (s *Service) Prove(ctx context.Context, by session.Bearer, present string, perAccount ratelimit.Limit) error {
	o, err := findOwner(ctx, s.DB, by)
	if err != nil {
		return err
	}
	return s.prove(ctx, by, o, present, perAccount)
}

// prove checks the present password. A refusal leaves its trace: the limiter has counted it
// and the audit says why.
func (s *Service) prove(ctx context.Context, by session.Bearer, o *owner, old string, perAccount ratelimit.Limit) error {
	if o.hash == "" {
		return ErrNone
	}
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: perAccount, Key: o.account.ID.String()})
	if errors.Is(err, ratelimit.ErrLimited) {
		return cmp.Or(s.refused(ctx, by, "rate_limited"), err)
	}
	if err != nil {
		return err
	}
	result, err := s.Hasher.Verify(ctx, o.hash, old)
	if err != nil {
		taken.Refund() // nothing was learnt about the password
		return err
	}
	if !result.OK {
		return cmp.Or(s.refused(ctx, by, "wrong_password"), error(ErrRejected))
	}
	taken.Refund()
	return nil
}

// replace locks the account first, as everything does that ends its sessions.
func (s *Service) replace(ctx context.Context, tx *db.Tx, by session.Bearer, o *owner, hash string) error {
	epoch, err := account.EndSessions(ctx, tx, o.account.ID)
	if err != nil {
		return err
	}
	if err := session.Keep(ctx, tx, by.SessionID, epoch); err != nil {
		return err
	}
	if err := swap(ctx, tx, o.account.ID, o.hash, hash); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "password.changed", AccountID: o.account.ID, SessionID: by.SessionID}); err != nil {
		return err
	}
	return s.Letters.Tell(ctx, tx, letter.PasswordChanged, o.account.ID)
}

func (s *Service) refused(ctx context.Context, by session.Bearer, why string) error {
	return audit.RecordAlone(ctx, s.DB, audit.Event{Kind: "password.change_refused", AccountID: by.AccountID, SessionID: by.SessionID, Reason: why})
}
