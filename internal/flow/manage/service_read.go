package manage

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/account"
	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/session"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Query looks accounts up. Empty members take their defaults.
type Query struct {
	By     string // email (default), username, name or id
	Prefix string // how it begins; an id is given whole
	Status string // all (default), active, disabled, unverified or staff
	After  string
	Limit  int // 1 to MaxPage; 0 means DefaultPage
}

// Search returns accounts: the newest first without a prefix, else in the order of what is looked
// at. It returns account.ErrSearch and ErrQuery.
func (s *Service) Search(ctx context.Context, q Query) (page Page[*account.Account], err error) {
	asked := account.Query{By: account.By(q.By), Prefix: q.Prefix, Status: account.Status(q.Status), Limit: limited(q.Limit)}
	if asked.By == "" {
		asked.By = account.ByEmail
	}
	if asked.Status == "" {
		asked.Status = account.All
	}
	digest := question("accounts", string(asked.By), string(asked.Status), q.Prefix)
	after, err := placeOf(digest, q.After)
	if err != nil {
		return page, err
	}
	if after != nil {
		asked.After = account.Place{Key: after.key, Joined: after.at, ID: after.id}
	}
	found, next, err := account.Search(ctx, s.DB, asked)
	if err != nil {
		return page, err
	}
	page.Items = found
	if next != nil {
		page.Next = place{id: next.ID, at: next.Joined, key: next.Key}.cursor(digest)
	}
	return page, nil
}

func limited(n int) int {
	if n <= 0 {
		return DefaultPage
	}
	return min(n, MaxPage)
}

// recent is how much of each list a person's page shows.
const recent = 50

// Detail is everything about a person.
type Detail struct {
	Account  *account.Account
	Factors  Factors
	Sessions []session.Row // the newest, those that are over among them
	Events   []Event       // the newest
	Mails    []Mail        // the newest of the last days
}

// Detail returns what is known of the account with this subject. It returns account.ErrNotFound.
func (s *Service) Detail(ctx context.Context, subject string) (*Detail, error) {
	var d Detail
	err := s.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		d.Account, err = findSubject(ctx, tx, subject)
		return err
	})
	if err != nil {
		return nil, err
	}
	id := d.Account.ID
	if d.Factors, err = s.factors(ctx, id); err != nil {
		return nil, err
	}
	if d.Sessions, _, err = session.All(ctx, s.DB, session.Filter{Account: id, Limit: recent}); err != nil {
		return nil, err
	}
	events, _, err := audit.List(ctx, s.DB, audit.Filter{Account: id, Limit: recent})
	if err != nil {
		return nil, err
	}
	if d.Events, err = s.named(ctx, events); err != nil {
		return nil, err
	}
	// A mail is queued for an id, or for an address as somebody typed it.
	typed := d.Account.Email
	folded, _ := account.ParseEmail(typed)
	mails, err := s.Queue.Concerning(ctx, recent, id.String(), typed, folded.Key, strings.ToLower(typed))
	if err != nil {
		return nil, err
	}
	d.Mails, err = s.addressed(ctx, mails)
	return &d, err
}

// SessionQuery asks for sessions.
type SessionQuery struct {
	Account string // subject; empty: all accounts'
	After   string
	Limit   int
}

// Sessions returns sessions of all accounts, or of one, the newest first. Those that are over are
// among them until they are swept. It returns account.ErrNotFound and ErrQuery.
func (s *Service) Sessions(ctx context.Context, q SessionQuery) (page Page[session.Row], err error) {
	f := session.Filter{Limit: limited(q.Limit)}
	if q.Account != "" {
		a, err := s.change(ctx, q.Account, func(*db.Tx, *account.Account) error { return nil })
		if err != nil {
			return page, err
		}
		f.Account = a.ID
	}
	digest := question("sessions", q.Account)
	after, err := placeOf(digest, q.After)
	if err != nil {
		return page, err
	}
	if after != nil {
		f.After = &session.Place{Created: after.at, ID: after.id}
	}
	rows, next, err := session.All(ctx, s.DB, f)
	page.Items = rows
	if next != nil {
		page.Next = place{id: next.ID, at: next.Created}.cursor(digest)
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
