package manage

import (
	"context"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/kit/cursor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/jobs"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// RetryMail gives a dead letter all its attempts again. It returns jobs.ErrNotFound.
func (s *Service) RetryMail(ctx context.Context, by Actor, id uuid.UUID) error {
	return s.onMail(ctx, by, id, s.Queue.Retry, "mail.retried")
}

// DiscardMail deletes a dead letter. It returns jobs.ErrNotFound.
func (s *Service) DiscardMail(ctx context.Context, by Actor, id uuid.UUID) error {
	return s.onMail(ctx, by, id, s.Queue.Discard, "mail.discarded")
}

// onMail does something to a dead letter. The event names the account where the letter does, never
// an address.
func (s *Service) onMail(ctx context.Context, by Actor, id uuid.UUID, fn func(context.Context, *db.Tx, uuid.UUID) (jobs.DeadLetter, error), event string) error {
	return s.DB.InTx(ctx, func(tx *db.Tx) error {
		by, err := s.permitted(ctx, tx, by, role.StaffManageMails)
		if err != nil {
			return err
		}
		l, err := fn(ctx, tx, id)
		if err != nil {
			return err
		}
		about, _ := uuid.Parse(l.Recipient) // an address is no id
		return audit.Record(by.signed(ctx), tx, audit.Event{Kind: event, AccountID: about, Detail: map[string]string{"mail": id.String(), "kind": l.Kind}})
	})
}

// MailQuery asks for mails.
type MailQuery struct {
	State string // waiting, running, dead or done; empty: all
	After string
	Limit int
}

// Mail is a mail in the queue.
type Mail struct {
	jobs.Entry
	// Email is where it goes: that of the account it is for, or the recipient itself.
	Email string
}

// Mails returns what is in the mail queue, without what the mails say: what waits or runs in the
// order of its turn, all else the newest first. It returns role.ErrDenied, jobs.ErrState and web.ErrQuery.
func (s *Service) Mails(ctx context.Context, by Actor, q MailQuery) (page Page[Mail], err error) {
	if err := by.need(role.StaffReadMails); err != nil {
		return page, err
	}
	question := cursor.Of("mails", q.State)
	after, err := question.Read(q.After)
	if err != nil {
		return page, err
	}
	f := jobs.Filter{State: jobs.State(q.State), Limit: web.PageSize(q.Limit)}
	if after != nil {
		f.After = &jobs.Place{At: after.At, ID: after.ID}
	}
	entries, next, err := s.Queue.List(ctx, f)
	if err != nil {
		return page, err
	}
	if next != nil {
		page.Next = question.Write(cursor.Place{ID: next.ID, At: next.At})
	}
	page.Items, err = s.addressed(ctx, entries)
	return page, err
}

func (s *Service) addressed(ctx context.Context, entries []jobs.Entry) ([]Mail, error) {
	recipients := make([]string, len(entries))
	for i, e := range entries {
		recipients[i] = e.Recipient
	}
	emails, err := s.emails(ctx, recipients)
	if err != nil {
		return nil, err
	}
	mails := make([]Mail, len(entries))
	for i, e := range entries {
		mails[i] = Mail{Entry: e, Email: e.Recipient}
		if email, ok := emails[e.Recipient]; ok {
			mails[i].Email = email
		}
	}
	return mails, nil
}

// MailCounts counts the mails in each state, at most jobs.MaxCount each.
func (s *Service) MailCounts(ctx context.Context) (jobs.Counts, error) { return s.Queue.Counts(ctx) }
