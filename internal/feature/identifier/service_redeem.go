package identifier

import (
	"context"
	"errors"
	"net/netip"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/device"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

// Find returns what the link of a mailed token would do, without doing it, or letter.ErrLink.
func (s *Service) Find(ctx context.Context, p Purpose, token string) (*Link, error) {
	return find(ctx, s.DB, s.tokens[p], p, token, s.DB.Now())
}

// Used reports whether the link of a mailed token was redeemed, as long as that is remembered.
func (s *Service) Used(ctx context.Context, p Purpose, token string) (bool, error) {
	return used(ctx, s.DB, s.tokens[p], p, token)
}

// Redeem does what a mailed token is good for, and returns the address that the account then has. It
// returns letter.ErrLink and ratelimit.ErrLimited.
//
// A change is confirmed: what else was mailed to the former address dies, its sessions stay. Or one is
// undone: the account gets its former address back whatever its password is by now, and all its
// sessions end.
func (s *Service) Redeem(ctx context.Context, p Purpose, token string, from netip.Addr) (email string, err error) {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAddress, Key: ratelimit.AddressKey(from)})
	if err != nil {
		return "", err
	}
	l, err := s.Find(ctx, p, token)
	if err == nil {
		fn := s.change
		if p == Undo {
			fn = s.undo
		}
		err = s.DB.InTx(ctx, func(tx *db.Tx) error { return fn(ctx, tx, l) })
	}
	if errors.Is(err, account.ErrTaken) || errors.Is(err, account.ErrNotFound) {
		err = letter.ErrLink // the address has found another account meanwhile, or the account is gone
	}
	if !errors.Is(err, letter.ErrLink) {
		taken.Refund()
	}
	if err != nil {
		return "", err
	}
	return l.Email, nil
}

// change locks the account before its link, as everything does that ends sessions and links. Of two
// links that are redeemed at once, the second then finds that the address is not its own any more.
func (s *Service) change(ctx context.Context, tx *db.Tx, l *Link) error {
	to, err := account.ParseEmail(l.Email)
	if err != nil {
		return err
	}
	if err := account.Lock(ctx, tx, l.account, l.account); err != nil {
		return err
	}
	if err := use(ctx, tx, l); err != nil {
		return err
	}
	former, err := account.Find(ctx, tx, l.account)
	if err != nil {
		return err
	}
	if err := account.SetEmail(ctx, tx, l.account, to); err != nil {
		return err
	}
	if err := forgetMailed(ctx, tx, l.account); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "email.changed", AccountID: l.account}); err != nil {
		return err
	}
	return s.offerUndo(ctx, tx, former, account.Email{Typed: former.Email, Key: l.key}, to)
}

// offerUndo keeps the former address for the account and mails there how to get it back.
func (s *Service) offerUndo(ctx context.Context, tx *db.Tx, a *account.Account, former, now account.Email) error {
	until := tx.Now.Add(UndoLifetime)
	if former.Key != now.Key {
		if err := account.KeepEmail(ctx, tx, a.ID, former, until); err != nil {
			return err
		}
	}
	token := secret.NewToken()
	if err := insertUndo(ctx, tx, a, former, s.tokens[Undo].Sum(token), until); err != nil {
		return err
	}
	return s.Letters.WriteTo(ctx, tx, letter.EmailChanged, a.ID, former.Typed, a.Profile.Locale, letter.Content{Link: letter.With(s.cfg.UndoLink, token), Expires: until})
}

// undo asks neither for the epoch nor for the address of the account: a thief who has changed it may
// have chosen a password and another address since. With the change, the thief's own ways back to a
// later address go.
func (s *Service) undo(ctx context.Context, tx *db.Tx, l *Link) error {
	if _, err := account.EndSessions(ctx, tx, l.account); err != nil {
		return err
	}
	if err := use(ctx, tx, l); err != nil {
		return err
	}
	if err := account.SetEmail(ctx, tx, l.account, account.Email{Typed: l.Email, Key: l.key}); err != nil {
		return err
	}
	if err := forgetMailed(ctx, tx, l.account); err != nil {
		return err
	}
	if err := forgetUndoAfter(ctx, tx, l); err != nil {
		return err
	}
	if err := s.evict(ctx, tx, l); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.Event{Kind: "email.change_undone", AccountID: l.account})
}

// evict takes away what was added since the change, and the browsers that are known: whoever changed the
// address may have added a passkey of theirs, which no new password ends, and of which the mails went
// to the new address.
func (s *Service) evict(ctx context.Context, tx *db.Tx, l *Link) error {
	if err := device.Forget(ctx, tx, l.account); err != nil {
		return err
	}
	had, err := factor.RemoveSince(ctx, tx, l.account, l.At)
	if err != nil || !had {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "factor.removed", AccountID: l.account, Reason: "email_change_undone"}); err != nil {
		return err
	}
	return s.Letters.Tell(ctx, tx, letter.FactorsReset, l.account)
}
