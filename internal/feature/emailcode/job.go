package emailcode

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

const job = "emailcode.signin"

// wish is the payload of the mail.
type wish struct {
	Token   string `json:"token"`
	Code    string `json:"code"`
	Device  string `json:"device"`
	Address string `json:"address"`
}

// mailSignIn binds the ticket to the account that has the address and mails the code there, or does
// nothing. An attempt after a failed one mails the same code.
func (s *Service) mailSignIn(ctx context.Context, info jobs.Info, w wish) error {
	t, err := s.Tickets.Find(ctx, s.DB, PurposeSignIn, w.Token)
	if errors.Is(err, ticket.ErrRejected) {
		return nil // expired, or tried too often
	}
	if err != nil {
		return err
	}
	owner, err := s.bind(ctx, t)
	if err != nil || owner == nil {
		return err
	}
	return s.Letters.Send(ctx, info.ID, owner.Email, owner.Profile.Locale, letter.SignInCode,
		mail.Data{Link: letter.With(s.cfg.Link, w.Code), Code: w.Code, At: info.EnqueuedAt, Device: w.Device, Address: w.Address, Expires: t.ExpiresAt})
}

// bind says whose t is, and returns them; nil where nobody may have it. Should the address have gone to
// another account since an earlier attempt, the ticket stays the former's, and nobody gets its code.
func (s *Service) bind(ctx context.Context, t *ticket.Ticket) (owner *account.Account, err error) {
	err = s.DB.InTx(ctx, func(tx *db.Tx) error {
		owner = nil
		a, err := account.FindByEmail(ctx, tx, account.Email{Key: t.EmailKey})
		if err != nil {
			return err
		}
		// Whoever changes the address ends the tickets that were bound by then, under this lock.
		if err := account.Lock(ctx, tx, a.ID, a.ID); err != nil {
			return err
		}
		locked := a.ID
		if a, err = account.FindByEmail(ctx, tx, account.Email{Key: t.EmailKey}); err != nil {
			return err
		}
		if a.ID != locked || !a.Active || !a.EmailVerified || t.AccountID != uuid.Nil && t.AccountID != a.ID {
			return nil
		}
		owner = a
		return s.Tickets.Bind(ctx, tx, t.ID, a.ID, a.Epoch)
	})
	if errors.Is(err, account.ErrNotFound) {
		return nil, nil
	}
	return owner, err
}
