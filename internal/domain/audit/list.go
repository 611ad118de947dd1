package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Entry is an event as it was written down.
type Entry struct {
	ID        uuid.UUID
	At        time.Time
	Kind      string
	AccountID uuid.UUID // uuid.Nil: it concerns nobody
	SessionID uuid.UUID
	TenantID  uuid.UUID // uuid.Nil: in none
	Subject   string    // of the account; empty when it is gone
	Email     string    // the same
	Source    Source
	Reason    string
	Detail    map[string]string
}

// Filter picks events out. Empty members pick none out.
type Filter struct {
	Account uuid.UUID
	Tenant  uuid.UUID // the events of one tenant, as its members may read them
	Kind    string    // the kind or how it begins, such as session.
	Actor   string
	Address string
	Since   time.Time // at this time or later
	Until   time.Time // before this time
	After   *Place    // nil: from the newest
	Limit   int
}

// Place is where a page ended.
type Place struct {
	At time.Time
	ID uuid.UUID
}

// compare sorts the newest first.
func (p Place) compare(q Place) int {
	return cmp.Or(q.At.Compare(p.At), slices.Compare(q.ID[:], p.ID[:]))
}

// looked is how many events a page looks at where no index knows the filter, so that a
// search for what is rare takes many short pages and not one that never ends.
const looked = 20_000

// leastLooked is how many of them each kind has, however many kinds are asked for.
const leastLooked = 1000

// List returns at most f.Limit events, the newest first, and where to go on, nil at the end. A
// page may be short, even empty, and not be the last.
func List(ctx context.Context, d *db.DB, f Filter) (page []Entry, next *Place, err error) {
	kinds := []string{""}
	if f.Kind != "" {
		if kinds, err = Kinds(ctx, d); err != nil {
			return nil, nil, err
		}
		kinds = slices.DeleteFunc(kinds, func(k string) bool { return !strings.HasPrefix(k, f.Kind) })
	}
	for _, kind := range kinds {
		some, stopped, err := list(ctx, d.In(f.scope()), f, kind, max(looked/len(kinds), leastLooked))
		if err != nil {
			return nil, nil, fmt.Errorf("audit: list: %w", err)
		}
		page = append(page, some...)
		if stopped != nil && (next == nil || stopped.compare(*next) < 0) {
			next = stopped
		}
	}
	slices.SortFunc(page, func(a, b Entry) int { return a.place().compare(b.place()) })
	// What lies behind the place where one kind stopped is not known of all kinds yet.
	if next != nil {
		page = slices.DeleteFunc(page, func(e Entry) bool { return e.place().compare(*next) > 0 })
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		last := page[f.Limit-1].place()
		next = &last
	}
	return page, next, nil
}

// scope is whose events these are: a tenant's own, or all of the service.
func (f Filter) scope() db.Scope {
	if f.Tenant != uuid.Nil {
		return db.Tenant(f.Tenant)
	}
	return db.All()
}

func (e Entry) place() Place { return Place{e.At, e.ID} }

// list returns events of one kind, or of all, and where it stopped before the end.
func list(ctx context.Context, d db.Scoped, f Filter, kind string, looked int) (page []Entry, stopped *Place, err error) {
	where, args := f.indexed(kind)
	if rest, more := f.rest(kind, len(args)); rest != "" {
		if stopped, err = horizon(ctx, d, where, args, looked); err != nil {
			return nil, nil, err
		}
		if stopped != nil {
			where += fmt.Sprintf(" AND (e.at, e.id) >= ($%d, $%d)", len(args)+len(more)+1, len(args)+len(more)+2)
			more = append(more, stopped.At, stopped.ID)
		}
		where, args = where+rest, append(args, more...)
	}
	query := `SELECT e.id, e.at, e.kind, e.account_id, e.session_id, COALESCE(a.subject, ''), COALESCE(a.email, ''), e.actor, e.address, e.device, e.request_id, e.reason, e.detail, e.tenant_id
		FROM audit_event e LEFT JOIN account a ON a.id = e.account_id WHERE ` + where +
		fmt.Sprintf(` ORDER BY e.at DESC, e.id DESC LIMIT $%d`, len(args)+1)
	err = d.Each(ctx, query, append(args, f.Limit+1), func(scan func(...any) error) error {
		e, err := scanEntry(scan)
		page = append(page, e)
		return err
	})
	if len(page) > f.Limit {
		last := page[f.Limit-1].place()
		page, stopped = page[:f.Limit], &last
	}
	return page, stopped, err
}

func scanEntry(scan func(...any) error) (e Entry, err error) {
	var accountID, sessionID, tenantID uuid.NullUUID
	var detail string
	err = scan(&e.ID, db.Time(&e.At), &e.Kind, &accountID, &sessionID, &e.Subject, &e.Email, &e.Source.Actor, &e.Source.Address, &e.Source.Device, &e.Source.RequestID, &e.Reason, &detail, &tenantID)
	if err != nil {
		return e, err
	}
	e.AccountID, e.SessionID, e.TenantID = accountID.UUID, sessionID.UUID, tenantID.UUID
	return e, json.Unmarshal([]byte(detail), &e.Detail)
}

// indexed is what one index answers: an account's events, a kind's or all, in a span of time.
func (f Filter) indexed(kind string) (where string, args []any) {
	after := Place{At: f.Until, ID: uuid.Nil}
	if f.Until.IsZero() {
		after = Place{At: time.UnixMilli(1 << 53), ID: uuid.Max}
	}
	if f.After != nil && f.After.compare(after) > 0 {
		after = *f.After
	}
	since := f.Since
	if since.IsZero() {
		since = time.UnixMilli(0)
	}
	where, args = "(e.at, e.id) < ($1, $2) AND e.at >= $3", []any{after.At, after.ID, since}
	switch {
	case f.Tenant != uuid.Nil:
		return where + " AND e.tenant_id = $4", append(args, f.Tenant)
	case f.Account != uuid.Nil:
		return where + " AND e.account_id = $4", append(args, f.Account)
	case kind != "":
		return where + " AND e.kind = $4", append(args, kind)
	}
	return where, args
}

// rest is what remains to be asked of each event.
func (f Filter) rest(kind string, n int) (where string, args []any) {
	and := func(column string, value any) {
		args = append(args, value)
		where += fmt.Sprintf(" AND e.%s = $%d", column, n+len(args))
	}
	if (f.Account != uuid.Nil || f.Tenant != uuid.Nil) && kind != "" {
		and("kind", kind)
	}
	if f.Account != uuid.Nil && f.Tenant != uuid.Nil {
		and("account_id", f.Account)
	}
	if f.Actor != "" {
		and("actor", f.Actor)
	}
	if f.Address != "" {
		and("address", f.Address)
	}
	return where, args
}

// horizon is the last event that this page looks at, nil when that is all.
func horizon(ctx context.Context, d db.Scoped, where string, args []any, looked int) (*Place, error) {
	var p *Place
	err := d.Each(ctx, `SELECT e.at, e.id FROM audit_event e WHERE `+where+fmt.Sprintf(` ORDER BY e.at DESC, e.id DESC LIMIT 1 OFFSET $%d`, len(args)+1),
		append(slices.Clone(args), looked), func(scan func(...any) error) error {
			p = &Place{}
			return scan(db.Time(&p.At), &p.ID)
		})
	return p, err
}

// Kinds returns the kinds of events there are, sorted. It takes a step in an index for each.
func Kinds(ctx context.Context, d *db.DB) ([]string, error) {
	var kinds []string
	err := d.In(db.All()).Each(ctx, `WITH RECURSIVE known (kind) AS (
			SELECT (SELECT min(kind) FROM audit_event)
			UNION ALL
			SELECT (SELECT min(e.kind) FROM audit_event e WHERE e.kind > known.kind) FROM known WHERE known.kind IS NOT NULL)
		SELECT kind FROM known WHERE kind IS NOT NULL`, nil, func(scan func(...any) error) error {
		var k string
		err := scan(&k)
		kinds = append(kinds, k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("audit: kinds: %w", err)
	}
	slices.Sort(kinds)
	return kinds, nil
}
