package recovery

import (
	"context"
	"errors"
	"net/netip"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/feature/password"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

const job = "recovery.link"

// wish is the payload of the mail. The token is nowhere else but in the mail.
type wish struct {
	EmailKey string `json:"email_key"`
	Token    string `json:"token"`
	Device   string `json:"device"`
}

// Request queues a mail with a link. Whether there is an account is found out by the job, so
// the request is the same for every address. It returns account.ErrEmail and
// ratelimit.ErrLimited.
func (s *Service) Request(ctx context.Context, email string, from netip.Addr) error {
	to, err := account.ParseEmail(email)
	if err != nil {
		return err
	}
	_, err = s.Limiter.Take(ctx,
		ratelimit.Bucket{Limit: s.cfg.PerMailbox, Key: to.Key},
		ratelimit.Bucket{Limit: s.cfg.PerNetwork, Key: ratelimit.AddressKey(from)})
	if err != nil {
		return err
	}
	w := wish{EmailKey: to.Key, Token: secret.NewToken(), Device: audit.FromContext(ctx).Device}
	return s.Queue.Submit(ctx, jobs.Job{Kind: job, Recipient: to.Typed, Payload: w})
}

// sendLink writes the token down and mails it to the address on record, or does nothing. An
// attempt after a failed one goes on with the same row; it is then good from now, unless it
// was used or overtaken.
func (s *Service) sendLink(ctx context.Context, info jobs.Info, w wish) error {
	var t *link
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		err := issue(ctx, tx, &link{id: info.ID, tokenHash: s.tokens.Sum(w.Token), createdAt: info.EnqueuedAt, expiresAt: tx.Now.Add(s.cfg.Lifetime)},
			w.EmailKey, s.cfg.WithoutPassword)
		if err != nil {
			return err
		}
		t, err = findByToken(ctx, tx, s.tokens, w.Token, tx.Now)
		return err
	})
	if errors.Is(err, letter.ErrLink) {
		return nil // nobody may choose a new password for this address, or not any more
	}
	if err != nil {
		return err
	}
	return s.Letters.Send(ctx, info.ID, t.account.Email, t.account.Profile.Locale, letter.Reset,
		mail.Data{Link: letter.With(s.Letters.Links().Reset, w.Token), At: info.EnqueuedAt, Device: w.Device, Expires: t.expiresAt})
}

// Confirmation is a new password for whoever holds a mailed token.
type Confirmation struct {
	Token    string
	Password string
	Address  netip.Addr
}

// Confirm sets the password of the account that the token was mailed to and ends all its
// sessions. It returns letter.ErrLink, password.ErrRefused (the token stays good then),
// password.ErrBusy and ratelimit.ErrLimited. Nothing is hashed for a token that is not good.
func (s *Service) Confirm(ctx context.Context, in Confirmation) error {
	taken, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerAddress, Key: ratelimit.AddressKey(in.Address)})
	if err != nil {
		return err
	}
	err = s.confirm(ctx, in)
	if !errors.Is(err, letter.ErrLink) {
		taken.Refund()
	}
	return err
}

func (s *Service) confirm(ctx context.Context, in Confirmation) error {
	t, err := findByToken(ctx, s.DB, s.tokens, in.Token, s.DB.Now())
	if err != nil {
		return err
	}
	if err := s.Policy.Check(ctx, in.Password, password.PersonOf(&t.account)); err != nil {
		return password.InMember(err, "new_password")
	}
	hash, err := s.Hasher.Hash(ctx, in.Password)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *db.Tx) error { return s.redeem(ctx, tx, t, hash) })
}

// redeem locks the account first, as everything does that ends its sessions: what would
// overtake the token has either happened by then, or waits and finds the token's work done.
func (s *Service) redeem(ctx context.Context, tx *db.Tx, t *link, hash string) error {
	if _, err := account.EndSessions(ctx, tx, t.account.ID); err != nil {
		return err
	}
	if err := use(ctx, tx, t); err != nil {
		return err
	}
	// Whoever holds the token reads the mailbox; what others set up there before ends with the
	// sessions and the password.
	if err := account.SetVerified(ctx, tx, t.account.ID); err != nil {
		return err
	}
	if err := password.Set(ctx, tx, t.account.ID, hash); err != nil {
		return err
	}
	// What somebody else guessed wrong must not keep the owner out.
	for _, limit := range []ratelimit.Limit{s.cfg.PerAccount, s.cfg.PerStep} {
		if err := s.Limiter.Reset(ctx, tx, ratelimit.Bucket{Limit: limit, Key: t.account.ID.String()}); err != nil {
			return err
		}
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "password.reset", AccountID: t.account.ID}); err != nil {
		return err
	}
	return s.Letters.Tell(ctx, tx, letter.PasswordChanged, t.account.ID)
}

// Mail queues a mail with a link for an account, in the caller's transaction: a member of staff
// asked. The limits of those who ask for themselves do not hold.
func (s *Service) Mail(ctx context.Context, tx *db.Tx, to *account.Account) error {
	email, err := account.ParseEmail(to.Email)
	if err != nil {
		return err
	}
	w := wish{EmailKey: email.Key, Token: secret.NewToken()} // whose device it was is not the owner's to know
	return s.Queue.Enqueue(ctx, tx, jobs.Job{Kind: job, Recipient: email.Typed, Payload: w})
}
