package manage

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/role"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/cursor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Event is an audit event with the address of the member of staff who acted, where one did.
type Event struct {
	audit.Entry
	ActorEmail string
}

// AuditQuery asks for audit events. Empty members pick none out.
type AuditQuery struct {
	Account string // subject, or the id of an account that is gone
	Tenant  string // slug, or the id, of a tenant that is gone too
	Kind    string // the kind or how it begins, such as session.
	Actor   string // self, cli, system, or an account by address, id or user name
	Address string // network address, whole
	Since   time.Time
	Until   time.Time // not included
	After   string
	Limit   int
}

// Audit returns events, the newest first. A page may be short, even empty, and still have a
// Next: it goes through a bounded number of events. It returns role.ErrDenied, account.ErrNotFound,
// tenant.ErrNotFound and web.ErrQuery.
func (s *Service) Audit(ctx context.Context, by Actor, q AuditQuery) (page Page[Event], err error) {
	if err := by.need(role.StaffReadAudit); err != nil {
		return page, err
	}
	f, err := s.filter(ctx, q)
	if err != nil {
		return page, err
	}
	question := cursor.Of("audit", f.Tenant.String(), q.Account, q.Kind, q.Actor, q.Address, strconv.FormatInt(q.Since.UnixMilli(), 10), strconv.FormatInt(q.Until.UnixMilli(), 10))
	after, err := question.Read(q.After)
	if err != nil {
		return page, err
	}
	if after != nil {
		f.After = &audit.Place{At: after.At, ID: after.ID}
	}
	f.Limit = web.PageSize(q.Limit)
	entries, next, err := audit.List(ctx, s.DB, f)
	if err != nil {
		return page, err
	}
	if next != nil {
		page.Next = question.Write(cursor.Place{ID: next.ID, At: next.At})
	}
	page.Items, err = s.named(ctx, entries)
	return page, err
}

// filter turns names into ids.
func (s *Service) filter(ctx context.Context, q AuditQuery) (f audit.Filter, err error) {
	for field, value := range map[string]string{"account": q.Account, "tenant": q.Tenant, "kind": q.Kind, "actor": q.Actor, "address": q.Address} {
		if len(value) > maxSubject || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return f, web.ErrQuery.WithField(field, "invalid", "At most 255 bytes of text.")
		}
	}
	f = audit.Filter{Kind: q.Kind, Actor: q.Actor, Address: q.Address, Since: q.Since, Until: q.Until}
	if q.Account != "" {
		err := s.DB.InTx(ctx, func(tx *db.Tx) error {
			a, err := findSubject(ctx, tx, q.Account)
			if err == nil {
				f.Account = a.ID
			}
			return err
		})
		if id, bad := uuid.Parse(q.Account); err != nil && bad == nil && id != uuid.Nil {
			f.Account, err = id, nil
		}
		if err != nil {
			return f, err
		}
	}
	if q.Tenant != "" {
		if f.Tenant, err = s.tenantOf(ctx, q.Tenant); err != nil {
			return f, err
		}
	}
	switch q.Actor {
	case "", "self", "cli", "system":
	default:
		if a, err := s.Find(ctx, q.Actor); err == nil {
			f.Actor = a.ID.String()
		}
	}
	return f, nil
}

// tenantOf returns the id that a slug or an id means. A tenant that is gone has no slug any more.
func (s *Service) tenantOf(ctx context.Context, name string) (tenant.ID, error) {
	if id, err := uuid.Parse(name); err == nil && id != uuid.Nil {
		return id, nil
	}
	t, err := tenant.FindByName(ctx, s.DB, name)
	if err != nil {
		return uuid.Nil, err
	}
	return t.ID, nil
}

// named adds who acted.
func (s *Service) named(ctx context.Context, entries []audit.Entry) ([]Event, error) {
	actors := make([]string, len(entries))
	for i, e := range entries {
		actors[i] = e.Source.Actor
	}
	emails, err := s.emails(ctx, actors)
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(entries))
	for i, e := range entries {
		events[i] = Event{Entry: e, ActorEmail: emails[e.Source.Actor]}
	}
	return events, nil
}
