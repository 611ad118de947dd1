package emailcode

import (
	"context"
	"net/netip"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/factor"
	"github.com/gatehouse-auth/gatehouse/internal/domain/letter"
	"github.com/gatehouse-auth/gatehouse/internal/domain/ticket"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ratelimit"
)

// Ask issues a ticket for whoever wants to sign in by mail, and queues the mail with its code. Whether
// there is an account is found out by the job, so that this is the same for every address. data comes
// back with the ticket. It returns account.ErrEmail and ratelimit.ErrLimited.
func (s *Service) Ask(ctx context.Context, email string, from netip.Addr, data string) (token string, err error) {
	to, err := account.ParseEmail(email)
	if err != nil {
		return "", err
	}
	_, err = s.Limiter.Take(ctx,
		ratelimit.Bucket{Limit: s.cfg.PerMailbox, Key: to.Key},
		ratelimit.Bucket{Limit: s.cfg.PerNetwork, Key: ratelimit.AddressKey(from)})
	if err != nil {
		return "", err
	}
	src := audit.FromContext(ctx)
	err = s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		t := &ticket.Ticket{Purpose: PurposeSignIn, EmailKey: to.Key, Data: data}
		code := s.Tickets.Code(t)
		if token, err = s.Tickets.Issue(ctx, tx, t, Lifetime); err != nil {
			return err
		}
		return s.Queue.Enqueue(ctx, tx, jobs.Job{Kind: job, Recipient: to.Typed,
			Payload: wish{Token: token, Code: code, Device: src.Device, Address: src.Address}})
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// Redeem counts a try of a ticket and returns it when the code is the one that was mailed. It returns
// factor.ErrCode for another code, which is also all that is said where there is no account, and
// ticket.ErrRejected when the ticket is not good any more. It is one statement. The caller uses the ticket
// in the transaction of what it opens.
func (s *Service) Redeem(ctx context.Context, token, code string) (*ticket.Ticket, error) {
	t, err := s.Tickets.Try(ctx, s.DB, PurposeSignIn, token)
	if err != nil {
		return nil, err
	}
	if right := s.Tickets.IsCode(t, code); !right || t.AccountID == uuid.Nil {
		return nil, factor.ErrCode
	}
	return t, nil
}

// Send mails a new code for a ticket that has an account, in place of one mailed before: for a step
// besides another, and for whoever is signed in and proves it once more. It returns
// ticket.ErrRejected when the ticket does not stand any more, and ratelimit.ErrLimited.
func (s *Service) Send(ctx context.Context, t *ticket.Ticket) error {
	if t.AccountID == uuid.Nil {
		return ticket.ErrRejected
	}
	// Not the bucket of the address: strangers can fill that, and would keep the owner out.
	_, err := s.Limiter.Take(ctx, ratelimit.Bucket{Limit: s.cfg.PerMailbox, Key: t.AccountID.String()})
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		code, err := s.Tickets.Mail(ctx, tx, t)
		if err != nil {
			return err
		}
		return s.Letters.Write(ctx, tx, letter.SecondCode, t.AccountID, letter.Content{Code: code, Expires: t.ExpiresAt})
	})
}

// Enable makes mailed codes a second step of an account. Doing it twice is no mistake.
func (s *Service) Enable(ctx context.Context, tx *db.Tx, accountID uuid.UUID) error {
	return enable(ctx, tx, accountID)
}

// Disable ends that and reports whether it was so.
func (s *Service) Disable(ctx context.Context, tx *db.Tx, accountID uuid.UUID) (was bool, err error) {
	return disable(ctx, tx, accountID)
}
