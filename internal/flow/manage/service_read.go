package manage

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/cursor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Query looks accounts up. Empty members take their defaults.
type Query struct {
	By     string // email (default), username, name or id
	Prefix string // how it begins; an id is given whole
	Status string // all (default), active, disabled, unverified or staff
	After  string
	Limit  int // see web.PageSize
}

// Search returns accounts: the newest first without a prefix, else in the order of what is looked
// at. It returns role.ErrDenied, account.ErrSearch and web.ErrQuery.
func (s *Service) Search(ctx context.Context, by Actor, q Query) (page Page[*account.Account], err error) {
	if err := by.need(role.StaffReadAccounts); err != nil {
		return page, err
	}
	asked := account.Query{By: account.By(q.By), Prefix: q.Prefix, Status: account.Status(q.Status), Limit: web.PageSize(q.Limit)}
	if asked.By == "" {
		asked.By = account.ByEmail
	}
	if asked.Status == "" {
		asked.Status = account.All
	}
	question := cursor.Of("accounts", string(asked.By), string(asked.Status), q.Prefix)
	after, err := question.Read(q.After)
	if err != nil {
		return page, err
	}
	if after != nil {
		asked.After = account.Place{Key: after.Key, Joined: after.At, ID: after.ID}
	}
	found, next, err := account.Search(ctx, s.DB, asked)
	if err != nil {
		return page, err
	}
	page.Items = found
	if next != nil {
		page.Next = question.Write(cursor.Place{ID: next.ID, At: next.Joined, Key: next.Key})
	}
	return page, nil
}

// recent is how much of each list a person's page shows.
const recent = 50

// Detail is everything about a person. A list is nil to whoever may not read such things.
type Detail struct {
	Account  *account.Account
	Factors  Factors
	Sessions []session.Row // the newest, those that are over among them
	Events   []Event       // the newest
	Mails    []Mail        // the newest of the last days
}

// Detail returns what by may know of the account with this subject. It returns role.ErrDenied and
// account.ErrNotFound.
func (s *Service) Detail(ctx context.Context, by Actor, subject string) (*Detail, error) {
	if err := by.need(role.StaffReadAccounts); err != nil {
		return nil, err
	}
	var d Detail
	err := s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		d.Account, err = findSubject(ctx, tx, subject)
		return err
	})
	if err != nil {
		return nil, err
	}
	if d.Factors, err = s.factors(ctx, d.Account.ID); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		permission string
		read       func(context.Context, *Detail) error
	}{{role.StaffReadSessions, s.readSessions}, {role.StaffReadAudit, s.readEvents}, {role.StaffReadMails, s.readMails}} {
		if !by.May(part.permission) {
			continue
		}
		if err := part.read(ctx, &d); err != nil {
			return nil, err
		}
	}
	return &d, nil
}

func (s *Service) readSessions(ctx context.Context, d *Detail) error {
	rows, _, err := session.All(ctx, s.DB, session.Filter{Account: d.Account.ID, Limit: recent})
	d.Sessions = append([]session.Row{}, rows...)
	return err
}

func (s *Service) readEvents(ctx context.Context, d *Detail) error {
	events, _, err := audit.List(ctx, s.DB, audit.Filter{Account: d.Account.ID, Limit: recent})
	if err != nil {
		return err
	}
	d.Events, err = s.named(ctx, events)
	return err
}

// readMails reads what was queued for the account: for its id, or for its address as somebody typed it.
func (s *Service) readMails(ctx context.Context, d *Detail) error {
	typed := d.Account.Email
	folded, _ := account.ParseEmail(typed)
	mails, err := s.Queue.Concerning(ctx, recent, d.Account.ID.String(), typed, folded.Key, strings.ToLower(typed))
	if err != nil {
		return err
	}
	d.Mails, err = s.addressed(ctx, mails)
	return err
}

// SessionQuery asks for sessions.
type SessionQuery struct {
	Account string // subject; empty: all accounts'
	After   string
	Limit   int
}

// Sessions returns sessions of all accounts, or of one, the newest first. Those that are over are
// among them until they are swept. It returns role.ErrDenied, account.ErrNotFound and web.ErrQuery.
func (s *Service) Sessions(ctx context.Context, by Actor, q SessionQuery) (page Page[session.Row], err error) {
	if err := by.need(role.StaffReadSessions); err != nil {
		return page, err
	}
	f := session.Filter{Limit: web.PageSize(q.Limit)}
	if q.Account != "" {
		a, err := s.change(ctx, q.Account, func(*db.Tx, *account.Account) error { return nil })
		if err != nil {
			return page, err
		}
		f.Account = a.ID
	}
	question := cursor.Of("sessions", q.Account)
	after, err := question.Read(q.After)
	if err != nil {
		return page, err
	}
	if after != nil {
		f.After = &session.Place{Created: after.At, ID: after.ID}
	}
	rows, next, err := session.All(ctx, s.DB, f)
	page.Items = rows
	if next != nil {
		page.Next = question.Write(cursor.Place{ID: next.ID, At: next.Created})
	}
	return page, err
}

// emails returns the addresses of those texts that are accounts' ids.
func (s *Service) emails(ctx context.Context, texts []string) (map[string]string, error) {
	ids := map[account.ID]string{}
	for _, text := range texts {
		if id, err := uuid.Parse(text); err == nil {
			ids[id] = text
		}
	}
	known, err := account.Emails(ctx, s.DB, slices.Collect(maps.Keys(ids)))
	if err != nil {
		return nil, err
	}
	emails := map[string]string{}
	for id, email := range known {
		emails[ids[id]] = email
	}
	return emails, nil
}
