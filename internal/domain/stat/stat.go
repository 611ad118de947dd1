// Package stat keeps hourly counts for charts, so that no page counts rows.
//
// [Collect] is periodic work of any number of instances at once: it counts the audit events of each
// hour until the hour is over for good, and once an hour how many accounts and sessions there
// are. Counts only grow, so whoever comes late changes nothing. What the numbers look like is
// left to pages.
package stat

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-auth/gatehouse/internal/kit/db"
)

// Retention is how long counts are kept before Sweep removes them.
const Retention = 400 * 24 * time.Hour

// Names of what is measured once an hour, soon after it began. Counts of events are named by [Event].
const (
	Accounts = "accounts"
	// Active is how many accounts were signed in to, or had a session refreshed, in the 24 hours
	// before.
	Active   = "accounts.active"
	Sessions = "sessions.live"
)

// Event names the count of a kind of audit events.
func Event(kind string) string { return events + kind }

const (
	events = "event."
	// final marks an hour whose events are all counted.
	final = "final"
	// grace is how long after its end an event of an hour may still be committed: longer than any
	// transaction lives.
	grace = 5 * time.Minute
	// back is how far the first run goes back.
	back = 30 * 24 * time.Hour
	// step is how many sessions are looked at in one statement.
	step = 10_000
	// little is how many accounts and sessions are counted while somebody waits.
	little = 1000
)

// Point is one hour's number.
type Point struct {
	Hour time.Time // its beginning
	N    int64
}

// Collect counts what has happened since the last run, an hour in each transaction. It may be
// called by several instances at once, as often as charts shall be fresh.
func Collect(ctx context.Context, d *db.DB) error {
	now := d.Now()
	current := now.Truncate(time.Hour)
	hour, err := firstOpen(ctx, d, current)
	if err != nil {
		return err
	}
	for ; !hour.After(current); hour = hour.Add(time.Hour) {
		if err := count(ctx, d, hour, !now.Before(hour.Add(time.Hour+grace))); err != nil {
			return err
		}
	}
	return measure(ctx, d, current)
}

// Levels is how much there is.
type Levels struct{ Accounts, Active, Sessions int64 }

// Now measures what Collect measures once an hour, where that is little work: whoever tries a new
// server wants to see it move. ok is false where there is more.
func Now(ctx context.Context, d *db.DB) (now Levels, ok bool, err error) {
	if ok, err = fewRows(ctx, d); err != nil || !ok {
		return now, false, err
	}
	if now.Accounts, err = countAccounts(ctx, d); err != nil {
		return now, false, err
	}
	now.Active, now.Sessions, err = countSessions(ctx, d, uuid.Nil, uuid.Max)
	return now, err == nil, err
}

// measure writes down how much there is, unless somebody has done so in this hour.
func measure(ctx context.Context, d *db.DB, hour time.Time) error {
	done, err := measured(ctx, d, hour)
	if done || err != nil {
		return err
	}
	accounts, err := countAccounts(ctx, d)
	if err != nil {
		return err
	}
	var active, live int64
	for from, more := uuid.Nil, true; more; {
		var to uuid.UUID
		if to, more, err = stepEnd(ctx, d, from); err != nil {
			return err
		}
		a, l, err := countSessions(ctx, d, from, to)
		if err != nil {
			return err
		}
		active, live, from = active+a, live+l, to
	}
	return write(ctx, d, hour, map[string]int64{Accounts: accounts, Active: active, Sessions: live})
}
