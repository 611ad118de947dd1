package tenancy

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/domain/audit"
	"github.com/gatehouse-auth/gatehouse/internal/domain/tenant"
	"github.com/gatehouse-auth/gatehouse/internal/kit/cursor"
	"github.com/gatehouse-auth/gatehouse/internal/kit/web"
)

// Event is what a tenant's members are shown of something that happened there.
type Event struct {
	ID      uuid.UUID
	At      time.Time
	Kind    string
	Subject string // whom it concerns; empty: nobody, or they are gone
	Email   string // theirs, while they are a member
	// By is who did it: a subject, or Staff or System. Of staff nothing else is told: not who, from where
	// or why.
	By      string
	ByEmail string // while they are a member
	Address string
	Device  string
	Reason  string
	Detail  map[string]string
}

// Who did something, where it was no member.
const (
	Staff  = "staff"
	System = "system"
)

// Events returns at most limit events of a tenant, the newest first, and what asks for those that follow,
// empty at the end. A page may be short and not be the last. limit is 1 to web.MaxPage. It returns
// web.ErrQuery.
func (s *Service) Events(ctx context.Context, id tenant.ID, after string, limit int) (page []Event, next string, err error) {
	question := cursor.Of("events", id.String())
	from, err := question.Read(after)
	if err != nil {
		return nil, "", err
	}
	f := audit.Filter{Tenant: id, Limit: min(max(limit, 1), web.MaxPage)}
	if from != nil {
		f.After = &audit.Place{At: from.At, ID: from.ID}
	}
	entries, end, err := audit.List(ctx, s.DB, f)
	if err != nil {
		return nil, "", err
	}
	named := map[uuid.UUID]bool{}
	for _, e := range entries {
		named[e.AccountID], named[actor(e)] = true, true
	}
	delete(named, uuid.Nil)
	known, err := people(ctx, s.DB, id, slices.Collect(maps.Keys(named)))
	if err != nil {
		return nil, "", err
	}
	page = make([]Event, len(entries))
	for i, e := range entries {
		page[i] = shown(e, known)
	}
	if end != nil {
		next = question.Write(cursor.Place{ID: end.ID, At: end.At})
	}
	return page, next, nil
}

// actor is the account of the member who acted, uuid.Nil where it was none.
func actor(e audit.Entry) uuid.UUID {
	if e.Source.Actor == "self" {
		return e.AccountID
	}
	if id, err := uuid.Parse(e.Source.Actor); err == nil && e.Detail["by"] == tenant.ByMember {
		return id
	}
	return uuid.Nil
}

func shown(e audit.Entry, known map[uuid.UUID]person) Event {
	out := Event{ID: e.ID, At: e.At, Kind: e.Kind, Subject: known[e.AccountID].subject, Email: known[e.AccountID].email, Detail: e.Detail}
	by := actor(e)
	switch {
	case by != uuid.Nil:
		out.By, out.ByEmail = known[by].subject, known[by].email
		delete(out.Detail, "by")
	case e.Source.Actor == "system":
		out.By = System
	case e.Source.Actor != "self":
		out.By = Staff
		return out
	}
	out.Address, out.Device, out.Reason = e.Source.Address, e.Source.Device, e.Reason
	return out
}
