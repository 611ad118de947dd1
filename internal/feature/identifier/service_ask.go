package identifier

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
	"github.com/gatehouse-auth/gatehouse/internal/kit/secret"
)

const job = "identifier.link"

// wish is the payload of the mail to a new address. The token is nowhere else but in the mail.
type wish struct {
	ID     uuid.UUID `json:"id"` // of the link's row
	Token  string    `json:"token"`
	Device string    `json:"device"`
}

// AskEmail writes down that whoever is signed in wants another address, tells the present one, and
// queues a mail to the new one. Whether that is taken is found out by the job, so the answer is the
// same for every address. It returns account.ErrEmail, session.ErrEnded, session.ErrStale and
// ratelimit.ErrLimited.
func (s *Service) AskEmail(ctx context.Context, by session.Bearer, email string, from netip.Addr) error {
	to, err := account.ParseEmail(email)
	if err != nil {
		return err
	}
	taken, err := s.Limiter.Take(ctx,
		ratelimit.Bucket{Limit: s.cfg.PerMailbox, Key: to.Key},
		ratelimit.Bucket{Limit: s.cfg.PerNetwork, Key: ratelimit.AddressKey(from)},
		ratelimit.Bucket{Limit: s.cfg.EmailsPerAccount, Key: by.AccountID.String()})
	if err != nil {
		return err
	}
	err = s.DB.InTx(ctx, func(tx *db.Tx) error { return s.ask(ctx, tx, by, to) })
	if err != nil {
		taken.Refund() // nothing will be mailed
	}
	return err
}

func (s *Service) ask(ctx context.Context, tx *db.Tx, by session.Bearer, to account.Email) error {
	o, err := enter(ctx, tx, by)
	if err != nil {
		return err
	}
	token := secret.NewToken()
	id, err := insertChange(ctx, tx, o, to, s.tokens[Change].Sum(token))
	if err != nil {
		return err
	}
	w := wish{ID: id, Token: token, Device: audit.FromContext(ctx).Device}
	if err := s.Queue.Enqueue(ctx, tx, jobs.Job{Kind: job, Recipient: to.Typed, Payload: w}); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, audit.Event{Kind: "email.change_asked", AccountID: by.AccountID, SessionID: by.SessionID}); err != nil {
		return err
	}
	// To the address that it is now: the new one may be quicker than this letter.
	return s.Letters.WriteTo(ctx, tx, letter.EmailAsked, o.account.ID, o.account.Email, o.account.Profile.Locale, letter.Content{})
}

// enter returns whose session this is. Where the account has a second factor the session must have
// proven one: a fresh proof alone does not say so much.
func enter(ctx context.Context, tx *db.Tx, by session.Bearer) (*owner, error) {
	o, err := findOwner(ctx, tx, by)
	if err == nil {
		err = o.held.Enough(by.Level)
	}
	return o, err
}

// sendLink mails the link, good from now, to the new address, or there that it is taken. Whoever asked
// could look at the row: it is the same either way.
func (s *Service) sendLink(ctx context.Context, info jobs.Info, w wish) error {
	var taken bool
	var to account.Email
	var asker *account.Account
	var expires time.Time
	err := s.DB.InTx(ctx, func(tx *db.Tx) error {
		expires = tx.Now.Add(ChangeLifetime)
		l, err := extend(ctx, tx, w.ID, expires)
		if err != nil {
			return err
		}
		if to, err = account.ParseEmail(l.Email); err != nil {
			return err
		}
		if asker, err = account.Find(ctx, tx, l.account); err != nil {
			return err
		}
		taken, err = account.EmailTaken(ctx, tx, to, l.account)
		return err
	})
	if errors.Is(err, letter.ErrLink) {
		return nil // overtaken by a change of the account
	}
	if err != nil {
		return err
	}
	kind, data := letter.EmailConfirm, mail.Data{Link: letter.With(s.cfg.ChangeLink, w.Token), At: info.EnqueuedAt, Device: w.Device, Expires: expires}
	if taken {
		kind, data = letter.EmailTaken, mail.Data{Link: s.Letters.Links().Recover, At: info.EnqueuedAt, Device: w.Device}
	}
	return s.Letters.Send(ctx, info.ID, to.Typed, asker.Profile.Locale, kind, data)
}

// Waiting returns the changes of an account's address that wait to be confirmed, the newest first.
func (s *Service) Waiting(ctx context.Context, id account.ID) ([]Link, error) {
	return waiting(ctx, s.DB, id, s.DB.Now())
}
