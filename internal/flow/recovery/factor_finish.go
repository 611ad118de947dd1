package recovery

import (
	"cmp"
	"context"
	"errors"
	"net/netip"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// tellBatch is how many accounts TellReady reads at once.
const tellBatch = 100

// TellReady mails everybody whose wait is over a link to be rid of their second factors. It is to be
// called every few minutes, by any instance.
func (s *Service) TellReady(ctx context.Context) error {
	for {
		due, err := untold(ctx, s.DB, tellBatch)
		if err != nil {
			return err
		}
		for _, w := range due {
			if err := s.DB.InTx(ctx, func(tx *db.Tx) error { return s.tell(ctx, tx, w) }); err != nil {
				return err
			}
		}
		if len(due) < tellBatch {
			return nil
		}
	}
}

// tell mails one link. What was overtaken is ended instead, so that nobody looks at it again.
func (s *Service) tell(ctx context.Context, tx *db.Tx, found factor.Recovery) error {
	if err := account.Lock(ctx, tx, found.AccountID, found.AccountID); err != nil {
		return err
	}
	w, err := findUndisturbed(ctx, tx, found.AccountID, tx.Now)
	if errors.Is(err, factor.ErrNoRecovery) || err == nil && w.ID != found.ID {
		err = cancel(ctx, tx, &found, audit.Event{Kind: "recovery.factor_cancelled", Reason: "overtaken"})
		if errors.Is(err, factor.ErrNoRecovery) {
			return nil // somebody has ended it just now
		}
		return err
	}
	if err != nil {
		return err
	}
	token := secret.NewToken()
	told, err := issueFinish(ctx, tx, w, s.finishes.Sum(token))
	if err != nil || !told {
		return err
	}
	return s.Letters.Write(ctx, tx, letter.RecoveryReady, w.AccountID, letter.Content{Link: letter.With(s.finishPage, token), Expires: w.ExpiresAt})
}

// Removal is the wish to be rid of second factors now, of whoever holds the mailed token and knows the
// password.
type Removal struct {
	Token    string
	Password string
	Address  netip.Addr
}

// Finish removes every second factor of the account that the token was mailed to, ends its sessions
// and forgets its devices. It signs nobody in. It returns letter.ErrLink, ErrPasswordless,
// password.ErrRejected, password.ErrBusy and ratelimit.ErrLimited.
func (s *Service) Finish(ctx context.Context, in Removal) error {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAddress, Key: ratelimit.AddressKey(in.Address)})
	if err != nil {
		return err
	}
	err = s.finish(ctx, in)
	if !errors.Is(err, letter.ErrLink) && !errors.Is(err, password.ErrRejected) {
		taken.Refund()
	}
	return err
}

func (s *Service) finish(ctx context.Context, in Removal) error {
	l, err := findFinish(ctx, s.DB, s.finishes, in.Token, s.DB.Now())
	if err != nil {
		return err
	}
	if err := s.prove(ctx, l, in.Password); err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *db.Tx) error { return s.removeFactors(ctx, tx, l.account.ID, in.Token) })
}

// prove checks the password. Guesses are counted with those of sign-in, before they are looked at.
func (s *Service) prove(ctx context.Context, l *finishLink, given string) error {
	if l.hash == "" {
		return ErrPasswordless
	}
	refused := func(why string, err error) error {
		return cmp.Or(audit.RecordAlone(ctx, s.DB, audit.Event{Kind: "recovery.factor_refused", AccountID: l.account.ID, Reason: why}), err)
	}
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAccount, Key: l.account.ID.String()})
	if errors.Is(err, ratelimit.ErrLimited) {
		return refused("rate_limited", err)
	}
	if err != nil {
		return err
	}
	result, err := s.Hasher.Verify(ctx, l.hash, given)
	if err == nil && !result.OK {
		return refused("wrong_password", password.ErrRejected)
	}
	taken.Refund() // right, or nothing was learnt about it
	return err
}

// removeFactors asks once more with the account locked: what would overtake the token, such as a new
// password, has either happened by then, or waits and finds the token's work done.
func (s *Service) removeFactors(ctx context.Context, tx *db.Tx, id account.ID, token string) error {
	if err := account.Lock(ctx, tx, id, id); err != nil {
		return err
	}
	l, err := findFinish(ctx, tx, s.finishes, token, tx.Now)
	if err != nil {
		return err
	}
	if err := useFinish(ctx, tx, l); err != nil {
		return err
	}
	if _, err := factor.RemoveAll(ctx, tx, id); err != nil {
		return err
	}
	if err := device.Forget(ctx, tx, id); err != nil {
		return err
	}
	if _, err := account.EndSessions(ctx, tx, id); err != nil {
		return err
	}
	if err := session.EndLooksOf(ctx, tx, id); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "recovery.factor_done", AccountID: id}); err != nil {
		return err
	}
	return s.Letters.Tell(ctx, tx, letter.FactorsReset, id)
}
