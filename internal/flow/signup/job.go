package signup

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

// Kinds of jobs.
const (
	linkJob   = "signup.link"
	resendJob = "signup.resend"
)

// link is the payload of the mail that a registration causes. The token is nowhere else but
// in the mail.
type link struct {
	Registration uuid.UUID `json:"registration"`
	Token        string    `json:"token"`
}

// sendLink answers a registration by mail: with the link where the address is free, with a notice
// where it has an account, to the address on record, or is kept for one that has another now.
func (s *Service) sendLink(ctx context.Context, info jobs.Info, job link) error {
	var p *pending
	var taken bool
	var to, locale string
	err := s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		if p, err = find(ctx, tx, job.Registration, tx.Now); err != nil {
			return err
		}
		to, locale = p.email.Typed, p.profile.Locale
		owner, err := account.FindByEmail(ctx, tx, p.email)
		switch {
		case errors.Is(err, account.ErrNotFound):
			taken, err = account.EmailTaken(ctx, tx, p.email, uuid.Nil)
		case err == nil:
			taken, to, locale = true, owner.Email, owner.Profile.Locale
		}
		return err
	})
	switch {
	case errors.Is(err, letter.ErrLink):
		return nil // expired, or redeemed by the mail of an earlier attempt
	case err != nil:
		return err
	case !taken:
		return s.mailLink(ctx, info.ID, p, job.Token)
	}
	return s.Letters.Send(ctx, info.ID, to, locale, letter.AlreadyRegistered,
		mail.Data{Link: s.Letters.Links().Recover, At: p.createdAt, Device: p.device})
}

func (s *Service) mailLink(ctx context.Context, id uuid.UUID, p *pending, token string) error {
	return s.Letters.Send(ctx, id, p.email.Typed, p.profile.Locale, letter.Verify,
		mail.Data{Link: letter.With(s.Letters.Links().Verify, token), At: p.createdAt, Device: p.device, Expires: p.expiresAt})
}

// again is the payload of a mail asked for once more.
type again struct {
	EmailKey string `json:"email_key"`
	Token    string `json:"token"`
}

// sendAgain copies the newest registration of an address under a new token and mails that.
// Links mailed before stay good: whoever asks may be a stranger, who must not be able to kill
// them. Where the address is taken or nothing waits, nothing is sent: the notice of
// sendLink speaks of a registration, and there was none.
func (s *Service) sendAgain(ctx context.Context, info jobs.Info, job again) error {
	var p *pending
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		taken, err := account.EmailTaken(ctx, tx, account.Email{Key: job.EmailKey}, uuid.Nil)
		if err != nil {
			return err
		}
		if taken {
			return letter.ErrLink
		}
		if err := copyNewest(ctx, tx, job.EmailKey, info.ID, s.tokens.Sum(job.Token), tx.Now.Add(s.cfg.Lifetime)); err != nil {
			return err
		}
		p, err = find(ctx, tx, info.ID, tx.Now)
		return err
	})
	if errors.Is(err, letter.ErrLink) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.mailLink(ctx, info.ID, p, job.Token)
}
